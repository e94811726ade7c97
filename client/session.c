/* SPDX-License-Identifier: MIT */
#include "client/session.h"

#include "lib/base/buffer.h"
#include "lib/base/memory.h"
#include "lib/json/message_json.h"

#include <stdio.h>
#include <unistd.h>

#define SYSTEM_SOCKET "/run/rpmd/rpmd.sock"

/* --socket, else RPMD_SOCKET, else the system's daemon, else one of the user's own. */
static char *find_socket(const char *given)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *named = given ? given : getenv("RPMD_SOCKET");
    Buffer path = BUFFER_INIT;
    if (named && *named)
        buffer_append_string(&path, named);
    else if (access(SYSTEM_SOCKET, F_OK) == 0 || !runtime || !*runtime)
        buffer_append_string(&path, SYSTEM_SOCKET);
    else
        buffer_append_format(&path, "%s/rpmd.sock", runtime);
    return buffer_take(&path);
}

void session_init(Session *session, const char *socket, bool json)
{
    *session = (Session){.socket = find_socket(socket), .json = json};
    terminal_init(&session->terminal);
}

void session_finish(Session *session)
{
    channel_free(session->channel);
    free(session->socket);
    *session = (Session){0};
}

int session_report(Session *session, const Status *status)
{
    terminal_end_progress(&session->terminal);
    fflush(stdout);
    fprintf(stderr, "rpmctl: %s: %s\n", status_code_name(status->code), status->message);
    return STATUS_REFUSED;
}

int session_connect(Session *session)
{
    Status status = STATUS_INIT;
    if (channel_open(&session->channel, session->socket, &status))
        return session_report(session, &status);
    return 0;
}

int session_call(Session *session, const char *method, const ProtobufCMessage *request,
                 const ProtobufCMessageDescriptor *type, void *response)
{
    Status status = STATUS_INIT;
    ProtobufCMessage *message = NULL;
    if (channel_call_unary(session->channel, method, request, type, &message, &status))
        return session_report(session, &status);
    *(ProtobufCMessage **)response = message;
    return 0;
}

int session_stream(Session *session, const char *method, const ProtobufCMessage *request,
                   const ProtobufCMessageDescriptor *type, SessionMessage on_message, void *userdata)
{
    Status status = STATUS_INIT;
    ChannelStream *stream = NULL;
    ProtobufCMessage *message = NULL;
    int r = channel_stream_open(session->channel, method, &stream, &status);
    if (r == 0)
        r = channel_stream_send(stream, request, &status);
    if (r == 0)
        r = channel_stream_close_send(stream, &status);
    while (r == 0 && (r = channel_stream_receive(stream, type, &message, &status)) == 0 && message) {
        on_message(session, message, userdata);
        protobuf_c_message_free_unpacked(message, NULL);
        message = NULL;
    }
    channel_stream_free(stream);
    return r ? session_report(session, &status) : 0;
}

bool session_print_json(Session *session, const ProtobufCMessage *message)
{
    _cleanup_buffer_ Buffer line = BUFFER_INIT;
    if (!session->json)
        return false;
    message_append_json(&line, message);
    puts(buffer_string(&line));
    /* Each line of a stream is to be read when it comes. */
    fflush(stdout);
    return true;
}
