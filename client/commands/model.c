/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "client/commands/tables.h"
#include "rpmd/v1/models.pb-c.h"

#include <stdio.h>
#include <string.h>

typedef struct BuildTotals {
    uint64_t users;
    uint64_t failed;
} BuildTotals;

static void on_build(Session *session, const ProtobufCMessage *message, void *userdata)
{
    const Rpmd__V1__BuildResponse *progress = (const Rpmd__V1__BuildResponse *)message;
    BuildTotals *totals = userdata;
    totals->users = progress->users_done;
    if (progress->error[0])
        totals->failed++;
    if (session_print_json(session, message))
        return;
    if (progress->error[0]) {
        terminal_end_progress(&session->terminal);
        fprintf(stderr, "%s: %s\n", progress->user, progress->error);
    } else if (progress->users_total == 1 && progress->user[0]) {
        printf("%s: version %lu, %lu items, %lu factors", progress->user,
               (unsigned long)progress->model_version, (unsigned long)progress->items_done,
               (unsigned long)progress->factors);
        if (progress->items_failed)
            printf(", %lu items failed (`rpmctl history list` says why)",
                   (unsigned long)progress->items_failed);
        printf("\n");
    }
    if (progress->users_total > 1)
        terminal_progress(&session->terminal, "models", progress->users_done, progress->users_total);
}

const char *check_model_build(const Arguments *arguments)
{
    if (arguments->all == (arguments->user != NULL))
        return "model build needs either --user U or --all";
    if (arguments->pool && strcmp(arguments->pool, "in") != 0 && strcmp(arguments->pool, "out") != 0)
        return "--pool takes in or out";
    return NULL;
}

int command_model_build(Session *session, const Arguments *arguments)
{
    Rpmd__V1__BuildRequest request = RPMD__V1__BUILD_REQUEST__INIT;
    BuildTotals totals = {0};
    request.task = (char *)arguments->task;
    if (arguments->user)
        request.user = (char *)arguments->user;
    request.all_users = arguments->all;
    if (arguments->pool)
        request.pool = strcmp(arguments->pool, "in") == 0 ? RPMD__V1__POOL_MEMBERSHIP__POOL_MEMBERSHIP_IN
                                                          : RPMD__V1__POOL_MEMBERSHIP__POOL_MEMBERSHIP_OUT;
    if (session_stream(session, "/rpmd.v1.Models/Build", &request.base, &rpmd__v1__build_response__descriptor,
                       on_build, &totals))
        return EXIT_REFUSED;
    terminal_end_progress(&session->terminal);
    if (!session->json && arguments->all)
        printf("%lu models are built, %lu failed.\n", (unsigned long)(totals.users - totals.failed),
               (unsigned long)totals.failed);
    return totals.failed ? EXIT_REFUSED : EXIT_DONE;
}

static void print_model(Session *session, const Rpmd__V1__GetResponse *model)
{
    const Terminal *terminal = &session->terminal;
    printf("%sVersion %lu%s: %lu items, %zu factors, %lu features in none", terminal_bold(terminal),
           (unsigned long)model->version, terminal_reset(terminal), (unsigned long)model->items,
           model->n_factors, (unsigned long)model->unassigned_features);
    if (model->features_dropped)
        printf(", %lu features dropped (their evidence is not in the query)",
               (unsigned long)model->features_dropped);
    printf("; extractor %s\n", model->extractor_version);
    if (model->items_failed)
        printf("%lu items could not be processed: `rpmctl history list` says why\n",
               (unsigned long)model->items_failed);
    if (model->stale[0])
        printf("stale: %s\n", model->stale);
    table_print_answers(session, "All items", model->answers, model->n_answers, (uint32_t)model->items);
    table_print_traits(session, model->traits, model->n_traits);
    table_print_factors(session, model->factors, model->n_factors);
}

int command_model_show(Session *session, const Arguments *arguments)
{
    Rpmd__V1__GetRequest request = RPMD__V1__GET_REQUEST__INIT;
    Rpmd__V1__GetResponse *response = NULL;
    request.task = (char *)arguments->task;
    request.user = (char *)arguments->user;
    if (session_call(session, "/rpmd.v1.Models/Get", &request.base, &rpmd__v1__get_response__descriptor,
                     &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base))
        print_model(session, response);
    rpmd__v1__get_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

int command_model_versions(Session *session, const Arguments *arguments)
{
    Rpmd__V1__ListVersionsRequest request = RPMD__V1__LIST_VERSIONS_REQUEST__INIT;
    Rpmd__V1__ListVersionsResponse *response = NULL;
    request.task = (char *)arguments->task;
    request.user = (char *)arguments->user;
    if (session_call(session, "/rpmd.v1.Models/ListVersions", &request.base,
                     &rpmd__v1__list_versions_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base)) {
        for (size_t i = 0; i < response->n_versions; i++) {
            const Rpmd__V1__ModelVersion *version = response->versions[i];
            char when[TABLE_TIME_SIZE];
            table_format_time(version->created_us, when);
            printf("%s%4lu  %s  %-20s %6lu items %4lu factors%s\n", version->current ? "*" : " ",
                   (unsigned long)version->version, when, version->reason, (unsigned long)version->items,
                   (unsigned long)version->factors, version->current ? "  (current)" : "");
        }
    }
    rpmd__v1__list_versions_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

int command_model_rollback(Session *session, const Arguments *arguments)
{
    Rpmd__V1__RollbackRequest request = RPMD__V1__ROLLBACK_REQUEST__INIT;
    Rpmd__V1__RollbackResponse *response = NULL;
    request.task = (char *)arguments->task;
    request.user = (char *)arguments->user;
    request.version = arguments->version;
    if (session_call(session, "/rpmd.v1.Models/Rollback", &request.base,
                     &rpmd__v1__rollback_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base))
        printf("Version %lu is current.\n", (unsigned long)response->model_version);
    rpmd__v1__rollback_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}
