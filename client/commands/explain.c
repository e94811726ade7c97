/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "client/commands/query.h"
#include "client/commands/tables.h"
#include "lib/base/memory.h"

#include <stdio.h>

#define FEATURE_COLUMNS 28
#define FACTOR_COLUMNS 28

static void print_title(const Terminal *terminal, const char *title)
{
    printf("\n%s%s%s\n", terminal_bold(terminal), title, terminal_reset(terminal));
}

static void print_features(Session *session, const Rpmd__V1__ExplainResponse *response)
{
    const Terminal *terminal = &session->terminal;
    print_title(terminal, "Features of the query");
    if (response->n_features == 0)
        printf("  none was found\n");
    for (size_t i = 0; i < response->n_features; i++) {
        const Rpmd__V1__Feature *feature = response->features[i];
        printf("  ");
        terminal_print_cell(feature->name, FEATURE_COLUMNS);
        printf(" %s ", feature->polarity > 0 ? "+" : feature->polarity < 0 ? "-" : " ");
        terminal_print_cell(feature->factor[0] ? feature->factor : "(unassigned)", FACTOR_COLUMNS);
        printf(" %s\"%s\"%s\n", terminal_dim(terminal), feature->evidence_text, terminal_reset(terminal));
    }
}

static void print_retrieved(Session *session, const Rpmd__V1__RetrievedItem *item)
{
    const Terminal *terminal = &session->terminal;
    printf("  %s%.2f%s  %s -> %s%s%s\n", terminal_accent(terminal), item->similarity,
           terminal_reset(terminal), item->id, terminal_bold(terminal), item->response,
           terminal_reset(terminal));
    printf("        ");
    terminal_print_wrapped(terminal, item->query, 8, 8);
    if (item->n_shared > 0) {
        printf("        because of ");
        for (size_t i = 0; i < item->n_shared; i++)
            printf("%s%s", i ? ", " : "", item->shared[i]);
        printf("\n");
    }
}

static void print_explanation(Session *session, const Rpmd__V1__ExplainResponse *response)
{
    print_features(session, response);
    table_print_factors(session, response->factors, response->n_factors);
    table_print_answers(session, "The user's answers over all items", response->answers, response->n_answers,
                        response->items);
    table_print_traits(session, response->traits, response->n_traits);
    print_title(&session->terminal, "Retrieved examples");
    if (response->n_retrieved == 0)
        printf("  none is older than the query\n");
    for (size_t i = 0; i < response->n_retrieved; i++)
        print_retrieved(session, response->retrieved[i]);
    if (response->n_distribution > 0)
        print_title(&session->terminal, "Native prediction");
    for (size_t i = 0; i < response->n_distribution; i++) {
        _cleanup_buffer_ Buffer bar = BUFFER_INIT;
        terminal_append_bar(&bar, response->distribution[i]->probability, 24);
        printf("  ");
        terminal_print_cell(response->distribution[i]->answer, FEATURE_COLUMNS);
        printf(" %s%s%s %4.1f%%\n", terminal_accent(&session->terminal), buffer_string(&bar),
               terminal_reset(&session->terminal), response->distribution[i]->probability * 100);
    }
}

int command_explain(Session *session, const Arguments *arguments)
{
    Rpmd__V1__Query query = RPMD__V1__QUERY__INIT;
    Rpmd__V1__ExplainRequest request = RPMD__V1__EXPLAIN_REQUEST__INIT;
    Rpmd__V1__ExplainResponse *response = NULL;
    _cleanup_free_ char *text = NULL;
    if (query_read(session, arguments, &query, &text))
        return EXIT_REFUSED;
    request.query = &query;
    request.examples = (uint32_t)MIN(arguments->examples, (uint64_t)UINT32_MAX);
    if (session_call(session, "/rpmd.v1.Personalizer/Explain", &request.base,
                     &rpmd__v1__explain_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base))
        print_explanation(session, response);
    rpmd__v1__explain_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}
