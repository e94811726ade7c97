/* SPDX-License-Identifier: MIT */
#include "daemon/net/internal.h"
#include "lib/base/memory.h"

#include <sys/socket.h>

struct Connection {
    uv_pipe_t pipe;
    uv_write_t write;
    NetServer *server;
    GrpcServerSession *session; /* owned; NULL while closing */
    GrpcPeer peer;
    Connection *previous;
    Connection *next;
    Connection *next_dirty;
    Buffer output; /* being written */
    bool is_dirty;
    bool is_writing;
};

static void flush(Connection *connection);

/* ---- close ---- */

static void on_closed(uv_handle_t *handle)
{
    Connection *connection = handle->data;
    NetServer *server = connection->server;
    buffer_finish(&connection->output);
    free(connection);
    net_handle_closed(server);
}

static void unlink_dirty(Connection *connection)
{
    Connection **link = &connection->server->dirty;
    while (*link && *link != connection)
        link = &(*link)->next_dirty;
    if (*link)
        *link = connection->next_dirty;
}

void connection_close(Connection *connection)
{
    NetServer *server = connection->server;
    if (uv_is_closing((uv_handle_t *)&connection->pipe))
        return;
    if (connection->is_dirty)
        unlink_dirty(connection);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    server->connection_count--;
    uv_close((uv_handle_t *)&connection->pipe, on_closed);
    /* Handlers hear of it now, and may do what they like. */
    GrpcServerSession *session = connection->session;
    connection->session = NULL;
    connection->is_dirty = true; /* not to be queued again */
    grpc_server_session_free(session);
}

/* "a client (process 17, user 1000)" */
static const char *describe_peer(const Connection *connection, char text[static 64])
{
    if (connection->peer.known)
        snprintf(text, 64, "a client (process %d, user %u)", (int)connection->peer.pid, connection->peer.uid);
    else
        snprintf(text, 64, "a client");
    return text;
}

/* ---- output ---- */

static void on_wake(GrpcServerSession *session, void *context)
{
    Connection *connection = context;
    NetServer *server = connection->server;
    if (connection->is_dirty)
        return;
    connection->is_dirty = true;
    connection->next_dirty = server->dirty;
    server->dirty = connection;
}

static void on_written(uv_write_t *request, int error)
{
    Connection *connection = request->data;
    connection->is_writing = false;
    if (error < 0)
        connection_close(connection);
    else
        flush(connection);
}

/* Hands the output to the socket. False: it is full, or broken and closed. */
static bool write_output(Connection *connection)
{
    uv_stream_t *stream = (uv_stream_t *)&connection->pipe;
    uv_buf_t bytes = uv_buf_init(connection->output.data, (unsigned)connection->output.length);
    int written = uv_try_write(stream, &bytes, 1);
    if (written >= 0 && (size_t)written == connection->output.length)
        return true;
    if (written < 0 && written != UV_EAGAIN) {
        connection_close(connection);
        return false;
    }
    bytes.base += MAX(written, 0);
    bytes.len -= (size_t)MAX(written, 0);
    connection->write.data = connection;
    if (uv_write(&connection->write, stream, &bytes, 1, on_written) < 0)
        connection_close(connection);
    else
        connection->is_writing = true;
    return false;
}

/* Writes what the session has, one batch after the other, until the socket is full. */
static void flush(Connection *connection)
{
    size_t batch = grpc_server_limits(connection->server->grpc)->write_batch_bytes;
    if (!connection->session || connection->is_writing)
        return;
    for (;;) {
        buffer_clear(&connection->output);
        grpc_server_session_output(connection->session, &connection->output, batch);
        if (connection->output.length == 0)
            break;
        if (!write_output(connection))
            return;
    }
    if (grpc_server_session_is_done(connection->session))
        connection_close(connection);
}

void connection_flush_dirty(NetServer *server)
{
    while (server->dirty) {
        Connection *connection = server->dirty;
        server->dirty = connection->next_dirty;
        connection->is_dirty = false;
        flush(connection);
    }
}

/* ---- input ---- */

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *bytes)
{
    Connection *connection = handle->data;
    *bytes = uv_buf_init(connection->server->input, sizeof(connection->server->input));
}

static void on_spin(uv_idle_t *handle)
{
    NetServer *server = handle->data;
    if (uv_hrtime() - server->last_read > server->options.spin_ns)
        uv_idle_stop(handle);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *bytes)
{
    Connection *connection = stream->data;
    NetServer *server = connection->server;
    if (length < 0) {
        connection_close(connection);
        return;
    }
    uint64_t now = uv_hrtime();
    server->last_read = now;
    if (server->options.spin_ns > 0 && !uv_is_active((uv_handle_t *)&server->spin))
        uv_idle_start(&server->spin, on_spin);
    grpc_server_session_receive(connection->session, bytes->base, (size_t)length, now);
}

static GrpcPeer read_peer(uv_pipe_t *pipe)
{
    struct ucred credentials;
    socklen_t length = sizeof(credentials);
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)pipe, &fd) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
        return (GrpcPeer){0};
    return (GrpcPeer){.known = true, .pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
}

void connection_accept(NetServer *server, uv_stream_t *listener)
{
    uint64_t limit = grpc_server_limits(server->grpc)->max_connections;
    Connection *connection = NEW(Connection);
    connection->server = server;
    uv_pipe_init(server->loop, &connection->pipe, 0);
    connection->pipe.data = connection;
    server->open_handles++;
    int r = uv_accept(listener, (uv_stream_t *)&connection->pipe);
    if (r == 0 && server->connection_count < limit)
        r = uv_read_start((uv_stream_t *)&connection->pipe, on_allocate, on_read);
    else if (r == 0)
        r = UV_EMFILE;
    if (r < 0) {
        if (r == UV_EMFILE)
            net_notice(server, "a connection was refused: %lu are open (limit max_connections)",
                       (unsigned long)limit);
        uv_close((uv_handle_t *)&connection->pipe, on_closed);
        return;
    }
    connection->peer = read_peer(&connection->pipe);
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    server->connection_count++;
    server->total_connections++;
    connection->session =
        grpc_server_session_new(server->grpc, connection->peer, on_wake, connection, uv_hrtime());
}

/* ---- all of them ---- */

void connection_drain_all(NetServer *server)
{
    for (Connection *connection = server->connections; connection; connection = connection->next)
        grpc_server_session_drain(connection->session);
}

void connection_close_all(NetServer *server)
{
    while (server->connections)
        connection_close(server->connections);
}

uint64_t connection_check_all(NetServer *server, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    Connection *connection = server->connections;
    while (connection) {
        Connection *following = connection->next;
        if (grpc_server_session_check(connection->session, now) == GRPC_CHECK_SILENT) {
            char peer[64];
            net_notice(server, "%s was disconnected: it has been silent for too long",
                       describe_peer(connection, peer));
            connection_close(connection);
        } else {
            uint64_t check = grpc_server_session_next_check(connection->session);
            next = check ? MIN(next, check) : next;
        }
        connection = following;
    }
    return next;
}
