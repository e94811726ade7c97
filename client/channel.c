/* SPDX-License-Identifier: MIT */
#include "client/channel.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/grpc/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS_PER_SECOND 1000000000U
#define NANOSECONDS_PER_MILLISECOND 1000000U
#define LONGEST_POLL_MS 60000
#define READ_SIZE ((size_t)64 * 1024)
#define WRITE_BATCH ((size_t)64 * 1024)
#define SEND_QUEUE ((size_t)256 * 1024)          /* requests that may wait before a sender does */
#define LONGEST_REPLY ((size_t)64 * 1024 * 1024) /* far above any reply of the daemon; a bound for memory */

/* A reply that nobody asked for yet. */
typedef struct QueuedMessage {
    struct QueuedMessage *next;
    size_t length;
    char data[];
} QueuedMessage;

struct Channel {
    char *path; /* owned */
    int fd;
    GrpcClientSession *session; /* owned */
    Buffer output;
    uint64_t timeout_ns;
};

struct ChannelStream {
    Channel *channel;
    GrpcClientCall *call; /* owned */
    uint64_t deadline;    /* monotonic nanoseconds; 0: none */
    QueuedMessage *first; /* owned */
    QueuedMessage **end;
    Status result; /* when the call has ended */
};

static uint64_t monotonic_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* ---- the connection ---- */

static int refuse_connection(const char *path, int error, Status *status)
{
    if (error == ENOENT || error == ECONNREFUSED)
        return status_refuse(
            status, STATUS_UNAVAILABLE,
            "no daemon listens on %s: start it (systemctl start rpmd, or rpmd --socket %s), or name "
            "another socket with --socket or RPMD_SOCKET",
            path, path);
    if (error == EACCES || error == EPERM)
        return status_refuse(
            status, STATUS_PERMISSION_DENIED,
            "you may not use the socket %s: ask for its group, or run the command as another user", path);
    return status_refuse(status, STATUS_UNAVAILABLE, "the socket %s cannot be used: %s", path,
                         strerror(error));
}

int channel_open(Channel **channel, const char *socket_path, Status *status)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(socket_path) >= sizeof(address.sun_path))
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the socket path %s is too long: at most %zu bytes, a limit of the system",
                             socket_path, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return refuse_connection(socket_path, errno, status);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        int error = errno;
        close(fd);
        return refuse_connection(socket_path, error, status);
    }
    *channel = NEW(Channel);
    **channel = (Channel){
        .path = memory_copy_text(socket_path, strlen(socket_path)),
        .fd = fd,
        .session = grpc_client_session_new(LONGEST_REPLY),
    };
    return 0;
}

void channel_free(Channel *channel)
{
    if (!channel)
        return;
    grpc_client_session_free(channel->session);
    buffer_finish(&channel->output);
    close(channel->fd);
    free(channel->path);
    free(channel);
}

void channel_set_timeout(Channel *channel, uint64_t timeout_ns)
{
    channel->timeout_ns = timeout_ns;
}

static void disconnect(Channel *channel, const char *reason)
{
    Status sentence;
    status_refuse(&sentence, STATUS_UNAVAILABLE, "the connection to the daemon at %s was lost: %s",
                  channel->path, reason);
    grpc_client_session_disconnect(channel->session, sentence.message);
}

static void write_output(Channel *channel)
{
    for (;;) {
        if (channel->output.length == 0)
            grpc_client_session_output(channel->session, &channel->output, WRITE_BATCH);
        if (channel->output.length == 0)
            return;
        ssize_t length = send(channel->fd, channel->output.data, channel->output.length, MSG_NOSIGNAL);
        if (length < 0) {
            /* A daemon that said why before it hung up is heard in read_input. */
            if (errno != EAGAIN && errno != EINTR)
                buffer_clear(&channel->output);
            return;
        }
        buffer_drop(&channel->output, (size_t)length);
    }
}

static void read_input(Channel *channel)
{
    char data[READ_SIZE];
    ssize_t length = recv(channel->fd, data, sizeof(data), 0);
    if (length > 0)
        grpc_client_session_receive(channel->session, data, (size_t)length);
    else if (length == 0)
        disconnect(channel, "the daemon closed it");
    else if (errno != EAGAIN && errno != EINTR)
        disconnect(channel, strerror(errno));
}

/* Milliseconds until the deadline, rounded up; negative when it has passed. */
static int poll_time(const ChannelStream *stream)
{
    if (!stream->deadline)
        return LONGEST_POLL_MS;
    uint64_t now = monotonic_now();
    if (now >= stream->deadline)
        return -1;
    uint64_t left = (stream->deadline - now + NANOSECONDS_PER_MILLISECOND - 1) / NANOSECONDS_PER_MILLISECOND;
    return (int)MIN(left, (uint64_t)LONGEST_POLL_MS);
}

/*
 * Waits for something to happen on the connection, or for the stream's deadline, and answers it. All that can
 * be written was written before: whoever changes the session does that.
 */
static void step(ChannelStream *stream)
{
    Channel *channel = stream->channel;
    int time_left = poll_time(stream);
    struct pollfd events = {.fd = channel->fd, .events = POLLIN};
    if (channel->output.length > 0)
        events.events |= POLLOUT;
    if (time_left < 0) {
        Status status;
        status_refuse(&status, STATUS_DEADLINE_EXCEEDED, "the daemon did not answer in time");
        grpc_client_call_cancel(stream->call, &status);
    } else if (poll(&events, 1, time_left) > 0 && (events.revents & ~POLLOUT)) {
        read_input(channel);
    }
    write_output(channel);
}

/* ---- calls ---- */

static void on_message(GrpcClientCall *call, rpmd_text message, void *context)
{
    ChannelStream *stream = context;
    QueuedMessage *queued = memory_allocate(1, sizeof(*queued) + message.length);
    queued->length = message.length;
    if (message.length > 0)
        memcpy(queued->data, message.data, message.length);
    *stream->end = queued;
    stream->end = &queued->next;
}

static void on_end(GrpcClientCall *call, const Status *status, void *context)
{
    ChannelStream *stream = context;
    stream->result = *status;
}

static const GrpcClientHandler handler = {.on_message = on_message, .on_end = on_end};

/* As channel_stream_open, with nothing written yet. */
static int begin_call(Channel *channel, const char *method, ChannelStream **stream, Status *status)
{
    if (grpc_client_session_is_closing(channel->session))
        return status_refuse(status, STATUS_UNAVAILABLE,
                             "the daemon at %s is stopping: try again when it is back", channel->path);
    ChannelStream *opened = NEW(ChannelStream);
    opened->channel = channel;
    opened->end = &opened->first;
    opened->deadline = channel->timeout_ns ? monotonic_now() + channel->timeout_ns : 0;
    opened->call =
        grpc_client_call_new(channel->session, method, NULL, channel->timeout_ns, &handler, opened);
    *stream = opened;
    return 0;
}

int channel_stream_open(Channel *channel, const char *method, ChannelStream **stream, Status *status)
{
    int r = begin_call(channel, method, stream, status);
    if (r == 0)
        write_output(channel);
    return r;
}

void channel_stream_free(ChannelStream *stream)
{
    if (!stream)
        return;
    grpc_client_call_free(stream->call);
    write_output(stream->channel);
    while (stream->first) {
        QueuedMessage *next = stream->first->next;
        free(stream->first);
        stream->first = next;
    }
    free(stream);
}

/* 0, or the reason why the call ended. */
static int check_result(const ChannelStream *stream, Status *status)
{
    if (!grpc_client_call_has_ended(stream->call) || status_is_ok(&stream->result))
        return 0;
    *status = stream->result;
    return STATUS_REFUSED;
}

int channel_stream_send(ChannelStream *stream, const ProtobufCMessage *message, Status *status)
{
    grpc_client_call_send(stream->call, message);
    write_output(stream->channel);
    while (!grpc_client_call_has_ended(stream->call) &&
           grpc_client_call_pending_bytes(stream->call) > SEND_QUEUE)
        step(stream);
    return check_result(stream, status);
}

int channel_stream_close_send(ChannelStream *stream, Status *status)
{
    grpc_client_call_half_close(stream->call);
    write_output(stream->channel);
    return check_result(stream, status);
}

int channel_stream_receive(ChannelStream *stream, const ProtobufCMessageDescriptor *type,
                           ProtobufCMessage **message, Status *status)
{
    *message = NULL;
    while (!stream->first && !grpc_client_call_has_ended(stream->call))
        step(stream);
    if (!stream->first)
        return check_result(stream, status);
    _cleanup_free_ QueuedMessage *queued = stream->first;
    stream->first = queued->next;
    if (!stream->first)
        stream->end = &stream->first;
    *message = protobuf_c_message_unpack(type, NULL, queued->length, (const uint8_t *)queued->data);
    if (!*message)
        return status_refuse(status, STATUS_INTERNAL, "the daemon's reply is no valid message of type %s",
                             type->name);
    return 0;
}

const GrpcMetadata *channel_stream_trailers(const ChannelStream *stream)
{
    return grpc_client_call_trailers(stream->call);
}

/* The one reply of a call that has everything it needs. */
static int receive_only(ChannelStream *stream, const ProtobufCMessageDescriptor *type,
                        ProtobufCMessage **response, Status *status)
{
    ProtobufCMessage *second = NULL;
    int r = channel_stream_receive(stream, type, response, status);
    if (r)
        return r;
    if (!*response)
        return status_refuse(status, STATUS_INTERNAL, "the daemon ended the call without a reply");
    r = channel_stream_receive(stream, type, &second, status);
    if (r == 0 && second)
        r = status_refuse(status, STATUS_INTERNAL, "the daemon sent more than one reply");
    if (second)
        protobuf_c_message_free_unpacked(second, NULL);
    if (r) {
        protobuf_c_message_free_unpacked(*response, NULL);
        *response = NULL;
    }
    return r;
}

int channel_call_unary(Channel *channel, const char *method, const ProtobufCMessage *request,
                       const ProtobufCMessageDescriptor *type, ProtobufCMessage **response, Status *status)
{
    ChannelStream *stream = NULL;
    *response = NULL;
    int r = begin_call(channel, method, &stream, status);
    if (r)
        return r;
    assert(stream);
    grpc_client_call_send(stream->call, request);
    grpc_client_call_half_close(stream->call);
    write_output(channel);
    r = receive_only(stream, type, response, status);
    channel_stream_free(stream);
    return r;
}
