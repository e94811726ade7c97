/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "client/commands/query.h"
#include "lib/base/memory.h"

#include <stdio.h>

int command_prompt(Session *session, const Arguments *arguments)
{
    Rpmd__V1__Query query = RPMD__V1__QUERY__INIT;
    Rpmd__V1__ConstructPromptRequest request = RPMD__V1__CONSTRUCT_PROMPT_REQUEST__INIT;
    Rpmd__V1__ConstructPromptResponse *response = NULL;
    _cleanup_free_ char *text = NULL;
    if (query_read(session, arguments, &query, &text))
        return EXIT_REFUSED;
    request.query = &query;
    request.examples = (uint32_t)MIN(arguments->examples, (uint64_t)UINT32_MAX);
    request.budget_bytes = (uint32_t)MIN(arguments->budget, (uint64_t)UINT32_MAX);
    if (session_call(session, "/rpmd.v1.Personalizer/ConstructPrompt", &request.base,
                     &rpmd__v1__construct_prompt_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base)) {
        size_t length = strlen(response->prompt);
        printf("%s%s", response->prompt, length > 0 && response->prompt[length - 1] == '\n' ? "" : "\n");
        for (size_t i = 0; i < response->n_dropped; i++)
            fprintf(stderr, "rpmctl: left out: %s\n", response->dropped[i]);
        if (response->notice[0])
            fprintf(stderr, "rpmctl: %s\n", response->notice);
    }
    rpmd__v1__construct_prompt_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

typedef struct Answering {
    bool answering; /* the answer has begun */
    bool finished;
} Answering;

static void print_final(Session *session, const Rpmd__V1__FinalResponse *final)
{
    const Terminal *terminal = &session->terminal;
    for (size_t i = 0; i < final->n_distribution && i < 5; i++)
        fprintf(stderr, "  %5.1f%%  %s\n", final->distribution[i]->probability * 100,
                final->distribution[i]->answer);
    printf("%s%s%s\n", terminal_bold(terminal), final->answer, terminal_reset(terminal));
    fprintf(stderr, "source: %s", final->source == RPMD__V1__SOURCE__SOURCE_LLM ? "llm" : "native");
    if (final->source == RPMD__V1__SOURCE__SOURCE_LLM)
        fprintf(stderr, ", %s",
                final->citations_hold ? "what it cites stands in the statistics"
                                      : "it cites what does not stand in the statistics");
    fprintf(stderr, "\n");
    if (final->notice[0])
        fprintf(stderr, "rpmctl: %s\n", final->notice);
}

static void on_respond(Session *session, const ProtobufCMessage *message, void *userdata)
{
    const Rpmd__V1__RespondResponse *response = (const Rpmd__V1__RespondResponse *)message;
    Answering *answering = userdata;
    if (response->final) {
        answering->finished = true;
        if (session_print_json(session, &response->final->base))
            return;
        printf("\n\n");
        fflush(stdout);
        print_final(session, response->final);
        return;
    }
    if (session_print_json(session, message))
        return;
    fputs(response->reasoning_delta, stdout);
    fflush(stdout);
}

int command_respond(Session *session, const Arguments *arguments)
{
    Rpmd__V1__Query query = RPMD__V1__QUERY__INIT;
    Rpmd__V1__RespondRequest request = RPMD__V1__RESPOND_REQUEST__INIT;
    Answering answering = {0};
    _cleanup_free_ char *text = NULL;
    if (query_read(session, arguments, &query, &text))
        return EXIT_REFUSED;
    request.query = &query;
    request.examples = (uint32_t)MIN(arguments->examples, (uint64_t)UINT32_MAX);
    if (session_stream(session, "/rpmd.v1.Personalizer/Respond", &request.base,
                       &rpmd__v1__respond_response__descriptor, on_respond, &answering))
        return EXIT_REFUSED;
    return answering.finished ? EXIT_DONE : EXIT_REFUSED;
}
