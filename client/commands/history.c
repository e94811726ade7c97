/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "client/commands/tables.h"
#include "lib/base/text.h"
#include "lib/history/time.h"
#include "rpmd/v1/history.pb-c.h"

#include <stdio.h>

static const char *outcome_name(Rpmd__V1__ItemOutcome outcome)
{
    switch (outcome) {
    case RPMD__V1__ITEM_OUTCOME__ITEM_OUTCOME_ACCEPTED:
        return "accepted";
    case RPMD__V1__ITEM_OUTCOME__ITEM_OUTCOME_UNCHANGED:
        return "unchanged: the same item was there";
    case RPMD__V1__ITEM_OUTCOME__ITEM_OUTCOME_REPLACED:
        return "replaced";
    case RPMD__V1__ITEM_OUTCOME__ITEM_OUTCOME_REJECTED:
        return "rejected";
    default:
        return "?";
    }
}

int command_history_append(Session *session, const Arguments *arguments)
{
    Rpmd__V1__HistoryItem item = RPMD__V1__HISTORY_ITEM__INIT;
    Rpmd__V1__AppendRequest request = RPMD__V1__APPEND_REQUEST__INIT;
    Rpmd__V1__AppendResponse *response = NULL;
    if (arguments->time)
        history_time_parse(text_of(arguments->time), &item.time_us);
    if (arguments->id)
        item.id = (char *)arguments->id;
    item.query = (char *)arguments->query;
    item.response = (char *)arguments->response;
    item.options = arguments->options;
    item.n_options = arguments->option_count;
    request.task = (char *)arguments->task;
    request.user = (char *)arguments->user;
    request.item = &item;
    if (session_call(session, "/rpmd.v1.History/Append", &request.base,
                     &rpmd__v1__append_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base)) {
        printf("%s %s", response->id, outcome_name(response->outcome));
        if (response->model_version)
            printf("; the model is at version %lu", (unsigned long)response->model_version);
        printf("\n");
    }
    rpmd__v1__append_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

static void on_listed(Session *session, const ProtobufCMessage *message, void *userdata)
{
    const Rpmd__V1__ListResponse *entry = (const Rpmd__V1__ListResponse *)message;
    const Terminal *terminal = &session->terminal;
    (void)userdata;
    if (session_print_json(session, message))
        return;
    if (!entry->item) {
        printf("%-32s %8lu items\n", entry->user, (unsigned long)entry->items);
        return;
    }
    char when[TABLE_TIME_SIZE];
    table_format_time(entry->item->time_us, when);
    printf("%s%s%s  %s%s%s\n    ", terminal_bold(terminal), entry->item->id, terminal_reset(terminal),
           terminal_dim(terminal), when, terminal_reset(terminal));
    terminal_print_wrapped(terminal, entry->item->query, 4, 4);
    printf("    -> ");
    terminal_print_wrapped(terminal, entry->item->response, 7, 7);
    if (entry->error[0])
        printf("    takes no part in the model: %s\n", entry->error);
}

int command_history_list(Session *session, const Arguments *arguments)
{
    Rpmd__V1__ListRequest request = RPMD__V1__LIST_REQUEST__INIT;
    request.task = (char *)arguments->task;
    if (arguments->user)
        request.user = (char *)arguments->user;
    request.limit = arguments->limit;
    if (session_stream(session, "/rpmd.v1.History/List", &request.base, &rpmd__v1__list_response__descriptor,
                       on_listed, NULL))
        return EXIT_REFUSED;
    return EXIT_DONE;
}

int command_history_delete(Session *session, const Arguments *arguments)
{
    Rpmd__V1__DeleteRequest request = RPMD__V1__DELETE_REQUEST__INIT;
    Rpmd__V1__DeleteResponse *response = NULL;
    request.task = (char *)arguments->task;
    request.user = (char *)arguments->user;
    request.id = (char *)arguments->id;
    if (session_call(session, "/rpmd.v1.History/Delete", &request.base,
                     &rpmd__v1__delete_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base)) {
        printf("%s is deleted", request.id);
        if (response->model_version)
            printf("; the model is at version %lu", (unsigned long)response->model_version);
        printf("\n");
    }
    rpmd__v1__delete_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}
