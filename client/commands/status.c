/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "client/commands/tables.h"
#include "rpmd/v1/admin.pb-c.h"

#include <stdio.h>

static void print_status(Session *session, const Rpmd__V1__GetStatusResponse *status)
{
    const Terminal *terminal = &session->terminal;
    char started[TABLE_TIME_SIZE];
    table_format_time(status->started_us, started);
    printf("%srpmd %s%s, process %u, since %s UTC\n", terminal_bold(terminal), status->version,
           terminal_reset(terminal), status->pid, started);
    printf("  socket %s, state %s\n", status->socket, status->state_dir);
    printf("  %.1f MB resident, %u connections, %u calls in flight, %lu calls in all\n",
           (double)status->resident_bytes / 1e6, status->connections, status->calls_in_flight,
           (unsigned long)status->calls_total);
    for (size_t i = 0; i < status->n_problems; i++)
        printf("  problem: %s\n", status->problems[i]);
    printf("\n%sTasks%s\n", terminal_bold(terminal), terminal_reset(terminal));
    for (size_t i = 0; i < status->n_tasks; i++) {
        const Rpmd__V1__TaskStatus *task = status->tasks[i];
        printf("  %-24s %8lu users %10lu items %8lu models%s\n", task->task, (unsigned long)task->users,
               (unsigned long)task->items, (unsigned long)task->models,
               task->served ? "" : "  (no plugin serves it)");
    }
    if (status->n_backends > 0)
        printf("\n%sBackends%s\n", terminal_bold(terminal), terminal_reset(terminal));
    for (size_t i = 0; i < status->n_backends; i++) {
        const Rpmd__V1__BackendStatus *backend = status->backends[i];
        printf("  %-16s %s, %s: %lu calls, %lu failed, %u at work, %u waiting%s\n", backend->name,
               backend->model, backend->base_url, (unsigned long)backend->calls,
               (unsigned long)backend->failures, backend->active, backend->waiting,
               backend->resting_ms ? "; left alone for now" : "");
    }
    printf("\n%sLimits%s\n", terminal_bold(terminal), terminal_reset(terminal));
    for (size_t i = 0; i < status->n_limits; i++) {
        const Rpmd__V1__Limit *limit = status->limits[i];
        printf("  %-28s %12lu %-12s %s%s%s\n", limit->name, (unsigned long)limit->value, limit->unit,
               terminal_dim(terminal), limit->reason, terminal_reset(terminal));
    }
}

int command_status(Session *session, const Arguments *arguments)
{
    (void)arguments;
    Rpmd__V1__GetStatusRequest request = RPMD__V1__GET_STATUS_REQUEST__INIT;
    Rpmd__V1__GetStatusResponse *response = NULL;
    if (session_call(session, "/rpmd.v1.Admin/GetStatus", &request.base,
                     &rpmd__v1__get_status_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base))
        print_status(session, response);
    rpmd__v1__get_status_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

int command_not_there_yet(Session *session, const Arguments *arguments)
{
    (void)arguments;
    Status status = STATUS_INIT;
    status_refuse(&status, STATUS_UNIMPLEMENTED, "this version of rpmctl cannot do that; a later one will");
    session_report(session, &status);
    return EXIT_REFUSED;
}
