/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "lib/base/buffer.h"
#include "lib/json/message_json.h"
#include "rpmd/v1/admin.pb-c.h"
#include "rpmd/v1/models.pb-c.h"

#include <stdio.h>
#include <unistd.h>

#define ERASURE_WAIT_MS 60000 /* rows of a large user and a walk over the files take seconds */
#define ERASURE_LOOK_MS 20

/* An export is data for programs: JSON lines with and without --json. */
static void on_exported(Session *session, const ProtobufCMessage *message, void *userdata)
{
    (void)session, (void)userdata;
    _cleanup_buffer_ Buffer line = BUFFER_INIT;
    message_append_json(&line, message);
    puts(buffer_string(&line));
}

int command_user_export(Session *session, const Arguments *arguments)
{
    Rpmd__V1__ExportUserRequest request = RPMD__V1__EXPORT_USER_REQUEST__INIT;
    request.user = (char *)arguments->user;
    if (arguments->task)
        request.task = (char *)arguments->task;
    if (session_stream(session, "/rpmd.v1.Models/ExportUser", &request.base,
                       &rpmd__v1__export_user_response__descriptor, on_exported, NULL))
        return EXIT_REFUSED;
    return EXIT_DONE;
}

/* How far the daemon is with erasures. 0, or STATUS_REFUSED after saying why it cannot be known. */
static int read_finished(Session *session, uint64_t *finished)
{
    Rpmd__V1__GetStatusRequest request = RPMD__V1__GET_STATUS_REQUEST__INIT;
    Rpmd__V1__GetStatusResponse *status = NULL;
    int r = session_call(session, "/rpmd.v1.Admin/GetStatus", &request.base,
                         &rpmd__v1__get_status_response__descriptor, &status);
    if (r == 0) {
        *finished = status->erasures_finished;
        rpmd__v1__get_status_response__free_unpacked(status, NULL);
    }
    return r;
}

/* Until nothing of the user is left in the daemon's files. */
static int wait_for_erasure(Session *session, uint64_t erasure)
{
    uint64_t finished = 0;
    for (unsigned waited_ms = 0; waited_ms < ERASURE_WAIT_MS; waited_ms += ERASURE_LOOK_MS) {
        if (read_finished(session, &finished))
            return STATUS_REFUSED;
        if (finished >= erasure)
            return 0;
        usleep(ERASURE_LOOK_MS * 1000);
    }
    Status status;
    status_refuse(
        &status, STATUS_UNAVAILABLE,
        "the user is erased, but traces may remain in the files of the daemon; `rpmctl status` says why. "
        "The daemon goes on trying");
    return session_report(session, &status);
}

int command_user_erase(Session *session, const Arguments *arguments)
{
    Rpmd__V1__EraseUserRequest request = RPMD__V1__ERASE_USER_REQUEST__INIT;
    Rpmd__V1__EraseUserResponse *response = NULL;
    request.user = (char *)arguments->user;
    if (arguments->task)
        request.task = (char *)arguments->task;
    if (session_call(session, "/rpmd.v1.Models/EraseUser", &request.base,
                     &rpmd__v1__erase_user_response__descriptor, &response))
        return EXIT_REFUSED;
    int exit_code = EXIT_DONE;
    if (!arguments->no_wait && wait_for_erasure(session, response->erasure))
        exit_code = EXIT_REFUSED;
    else if (!session_print_json(session, &response->base))
        printf("%s is erased: %lu items, %lu features, %lu factors, %lu reasoning paths, %lu versions are "
               "gone.\n",
               arguments->user, (unsigned long)response->items, (unsigned long)response->features,
               (unsigned long)response->factors, (unsigned long)response->reasoning_paths,
               (unsigned long)response->versions);
    rpmd__v1__erase_user_response__free_unpacked(response, NULL);
    return exit_code;
}
