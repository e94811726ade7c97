/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "client/commands/tables.h"
#include "rpmd/v1/admin.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- llm check ---------------------------------------------------------------------------------------- */

static int check_backend(Session *session, const char *name)
{
    Rpmd__V1__CheckBackendRequest request = RPMD__V1__CHECK_BACKEND_REQUEST__INIT;
    Rpmd__V1__CheckBackendResponse *response = NULL;
    bool all_work = true;
    request.backend = (char *)name;
    if (session_call(session, "/rpmd.v1.Admin/CheckBackend", &request.base,
                     &rpmd__v1__check_backend_response__descriptor, &response))
        return EXIT_REFUSED;
    bool is_json = session_print_json(session, &response->base);
    for (size_t i = 0; i < response->n_checks; i++) {
        const Rpmd__V1__BackendCheck *check = response->checks[i];
        all_work &= check->works || !check->is_needed;
        if (!is_json)
            printf("%-16s %-10s %-6s %6lu ms  %s\n", name, check->name,
                   check->works       ? "works"
                   : check->is_needed ? "FAILED"
                                      : "no",
                   (unsigned long)check->milliseconds, check->detail);
    }
    rpmd__v1__check_backend_response__free_unpacked(response, NULL);
    return all_work ? EXIT_DONE : EXIT_REFUSED;
}

static int check_all(Session *session)
{
    Rpmd__V1__GetStatusRequest request = RPMD__V1__GET_STATUS_REQUEST__INIT;
    Rpmd__V1__GetStatusResponse *response = NULL;
    int result = EXIT_DONE;
    if (session_call(session, "/rpmd.v1.Admin/GetStatus", &request.base,
                     &rpmd__v1__get_status_response__descriptor, &response))
        return EXIT_REFUSED;
    if (response->n_backends == 0 && !session->json)
        printf("No backend is configured: every stage is native. Add [backend NAME] to rpmd.conf.\n");
    for (size_t i = 0; i < response->n_backends; i++)
        if (check_backend(session, response->backends[i]->name) != EXIT_DONE)
            result = EXIT_REFUSED;
    rpmd__v1__get_status_response__free_unpacked(response, NULL);
    return result;
}

int command_llm_check(Session *session, const Arguments *arguments)
{
    return arguments->word_count ? check_backend(session, arguments->words[0]) : check_all(session);
}

/* ---- usage -------------------------------------------------------------------------------------------- */

static void print_rows(const Rpmd__V1__GetUsageResponse *response)
{
    Rpmd__V1__UsageRow sum = RPMD__V1__USAGE_ROW__INIT;
    printf("%-10s  %-18s %-8s %-12s %7s %7s %6s %10s %10s %10s %10s\n", "day", "task", "stage", "backend",
           "calls", "kept", "failed", "prompt", "cached", "completion", "cost");
    for (size_t i = 0; i < response->n_rows; i++) {
        const Rpmd__V1__UsageRow *row = response->rows[i];
        char when[TABLE_TIME_SIZE];
        table_format_time(row->day * 86400000000ll, when);
        printf("%-10.10s  %-18s %-8s %-12s %7lu %7lu %6lu %10lu %10lu %10lu %10.4f\n", when, row->task,
               row->stage, row->backend, (unsigned long)row->calls, (unsigned long)row->cached_replies,
               (unsigned long)row->failures, (unsigned long)row->prompt_tokens,
               (unsigned long)row->cached_tokens, (unsigned long)row->completion_tokens,
               (double)row->cost_micros / 1e6);
        sum.calls += row->calls;
        sum.cached_replies += row->cached_replies;
        sum.failures += row->failures;
        sum.prompt_tokens += row->prompt_tokens;
        sum.cached_tokens += row->cached_tokens;
        sum.completion_tokens += row->completion_tokens;
        sum.cost_micros += row->cost_micros;
    }
    printf("%-10s  %-18s %-8s %-12s %7lu %7lu %6lu %10lu %10lu %10lu %10.4f\n", "all", "", "", "",
           (unsigned long)sum.calls, (unsigned long)sum.cached_replies, (unsigned long)sum.failures,
           (unsigned long)sum.prompt_tokens, (unsigned long)sum.cached_tokens,
           (unsigned long)sum.completion_tokens, (double)sum.cost_micros / 1e6);
}

int command_usage(Session *session, const Arguments *arguments)
{
    Rpmd__V1__GetUsageRequest request = RPMD__V1__GET_USAGE_REQUEST__INIT;
    Rpmd__V1__GetUsageResponse *response = NULL;
    if (arguments->task)
        request.task = (char *)arguments->task;
    if (arguments->user)
        request.user = (char *)arguments->user;
    request.days = (uint32_t)MIN(arguments->days, (uint64_t)UINT32_MAX);
    if (session_call(session, "/rpmd.v1.Admin/GetUsage", &request.base,
                     &rpmd__v1__get_usage_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base))
        print_rows(response);
    rpmd__v1__get_usage_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}
