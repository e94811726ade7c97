/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "lib/base/buffer.h"
#include "lib/json/message_json.h"
#include "rpmd/v1/models.pb-c.h"

#include <stdio.h>

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
    if (!session_print_json(session, &response->base))
        printf("%s is erased: %lu items, %lu features, %lu factors, %lu reasoning paths, %lu versions are "
               "gone.\n",
               arguments->user, (unsigned long)response->items, (unsigned long)response->features,
               (unsigned long)response->factors, (unsigned long)response->reasoning_paths,
               (unsigned long)response->versions);
    rpmd__v1__erase_user_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}
