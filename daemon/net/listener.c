/* SPDX-License-Identifier: MIT */
#include "daemon/net/internal.h"
#include "lib/base/memory.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 128 /* connections that wait for the loop */

struct Listener {
    uv_pipe_t pipe;
    NetServer *server;
    Listener *next;
    char *path; /* owned; NULL when inherited */
    dev_t device;
    ino_t inode;
};

/* ---- the socket file ---- */

static int fill_address(struct sockaddr_un *address, const char *path, Status *status)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!*path)
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "the socket path is empty");
    if (strlen(path) >= sizeof(address->sun_path))
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the socket path %s is too long: at most %zu bytes, a limit of the system", path,
                             sizeof(address->sun_path) - 1);
    memcpy(address->sun_path, path, strlen(path) + 1);
    return 0;
}

/* 0 when nobody listens there, or the errno that tells otherwise. */
static int probe(const struct sockaddr_un *address)
{
    int error = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        error = EADDRINUSE;
    else if (errno == EAGAIN)
        error = EADDRINUSE; /* alive, with a full backlog */
    else if (errno != ECONNREFUSED && errno != ENOENT)
        error = errno;
    close(fd);
    return error;
}

/* Makes the path free: nothing there, or the socket of a dead daemon. */
static int clear_path(const struct sockaddr_un *address, Status *status)
{
    const char *path = address->sun_path;
    struct stat info;
    if (lstat(path, &info) < 0)
        return 0; /* bind tells what is wrong, if anything */
    if (!S_ISSOCK(info.st_mode))
        return status_refuse(status, STATUS_FAILED_PRECONDITION,
                             "%s exists and is no socket: remove it, or give another path", path);
    int error = probe(address);
    if (error == EADDRINUSE)
        return status_refuse(status, STATUS_ALREADY_EXISTS,
                             "another daemon listens on %s: stop it, or give another path", path);
    if (error == 0 && unlink(path) < 0 && errno != ENOENT)
        error = errno;
    if (error)
        return status_refuse(status, STATUS_FAILED_PRECONDITION,
                             "%s is the socket of a daemon that is gone, and cannot be replaced: %s", path,
                             strerror(error));
    return 0;
}

/* The mode is set before the file appears, so that it is never wider. */
static int bind_socket(int fd, const struct sockaddr_un *address, mode_t mode, struct stat *info,
                       Status *status)
{
    const char *path = address->sun_path;
    if (fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        return status_refuse(status, STATUS_FAILED_PRECONDITION, "the socket %s cannot be made: %s%s", path,
                             strerror(errno), errno == ENOENT ? " (its directory must exist)" : "");
    if (chmod(path, mode) < 0 || lstat(path, info) < 0) {
        unlink(path);
        return status_refuse(status, STATUS_FAILED_PRECONDITION, "the socket %s cannot be set up: %s", path,
                             strerror(errno));
    }
    return 0;
}

static void remove_own_file(const Listener *listener)
{
    struct stat info;
    if (listener->path && lstat(listener->path, &info) == 0 && info.st_dev == listener->device &&
        info.st_ino == listener->inode)
        unlink(listener->path);
}

/* ---- the listener ---- */

static void on_closed(uv_handle_t *handle)
{
    Listener *listener = handle->data;
    NetServer *server = listener->server;
    free(listener->path);
    free(listener);
    net_handle_closed(server);
}

static void on_connection(uv_stream_t *stream, int error)
{
    Listener *listener = stream->data;
    if (error < 0)
        net_notice(listener->server, "a connection could not be taken: %s", uv_strerror(error));
    else
        connection_accept(listener->server, stream);
}

void listener_close_all(NetServer *server)
{
    while (server->listeners) {
        Listener *listener = server->listeners;
        server->listeners = listener->next;
        remove_own_file(listener);
        uv_close((uv_handle_t *)&listener->pipe, on_closed);
    }
}

/* Takes the descriptor and, when it succeeds, the path. */
static int listen_on(NetServer *server, int fd, char *path, const struct stat *info, Status *status)
{
    Listener *listener = NEW(Listener);
    *listener = (Listener){.server = server, .path = path, .device = info->st_dev, .inode = info->st_ino};
    uv_pipe_init(server->loop, &listener->pipe, 0);
    listener->pipe.data = listener;
    server->open_handles++;
    int r = uv_pipe_open(&listener->pipe, fd);
    if (r < 0)
        close(fd);
    else
        r = uv_listen((uv_stream_t *)&listener->pipe, LISTEN_BACKLOG, on_connection);
    if (r < 0) {
        listener->path = NULL;
        uv_close((uv_handle_t *)&listener->pipe, on_closed);
        return status_refuse(status, STATUS_FAILED_PRECONDITION, "the socket cannot be listened on: %s",
                             uv_strerror(r));
    }
    listener->next = server->listeners;
    server->listeners = listener;
    return 0;
}

int net_server_listen_path(NetServer *server, const char *path, mode_t mode, Status *status)
{
    struct sockaddr_un address;
    struct stat info;
    int r = fill_address(&address, path, status);
    if (r == 0)
        r = clear_path(&address, status);
    if (r)
        return r;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return status_refuse(status, STATUS_RESOURCE_EXHAUSTED, "no socket can be made: %s", strerror(errno));
    r = bind_socket(fd, &address, mode, &info, status);
    if (r) {
        close(fd);
        return r;
    }
    _cleanup_free_ char *own_path = memory_copy_text(path, strlen(path));
    r = listen_on(server, fd, own_path, &info, status);
    if (r == 0)
        own_path = NULL;
    else
        unlink(path);
    return r;
}

int net_server_listen_fd(NetServer *server, int fd, Status *status)
{
    return listen_on(server, fd, NULL, &(struct stat){0}, status);
}
