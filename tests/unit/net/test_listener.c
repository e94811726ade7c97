/* SPDX-License-Identifier: MIT */
#include "tests/unit/net/server_thread.h"

static int bind_raw(const char *path, bool listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (listening)
        ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

/* A server that cannot listen on this path, and says this sentence ("%s": the path). */
static void assert_refused(ServerThread *server, const char *path, StatusCode code, const char *sentence)
{
    Status status = STATUS_INIT;
    char expected[STATUS_MESSAGE_SIZE];
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"")
        snprintf(expected, sizeof(expected), sentence, path);
    _Pragma("GCC diagnostic pop")
        ck_assert_int_eq(net_server_listen_path(server->net, path, 0600, &status), STATUS_REFUSED);
    ck_assert_str_eq(status.message, expected);
    ck_assert_int_eq(status.code, code);
}

static void end_without_clients(ServerThread *server)
{
    server_thread_run(server);
    server_thread_stop(server, false);
    server_thread_join(server);
}

START_TEST(the_socket_file_has_its_mode_and_goes_away)
{
    static const mode_t modes[] = {0600, 0660, 0666};
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        ServerThread server;
        Status status = STATUS_INIT;
        struct stat info;
        mode_t mask = umask(0077);
        server_thread_init(&server, NULL);
        ck_assert_int_eq(net_server_listen_path(server.net, server.path, modes[i], &status), 0);
        umask(mask);
        ck_assert_int_eq(lstat(server.path, &info), 0);
        ck_assert(S_ISSOCK(info.st_mode));
        ck_assert_uint_eq(info.st_mode & 0777, modes[i]);
        end_without_clients(&server);
        ck_assert_int_eq(lstat(server.path, &info), -1);
    }
}
END_TEST

START_TEST(a_dead_daemons_socket_is_replaced)
{
    ServerThread server;
    Status status = STATUS_INIT;
    server_thread_init(&server, NULL);
    close(bind_raw(server.path, true));
    ck_assert_int_eq(net_server_listen_path(server.net, server.path, 0600, &status), 0);
    server_thread_run(&server);
    Channel *channel = server_thread_connect(&server);
    assert_called(channel, "Check");
    channel_free(channel);
    server_thread_stop(&server, false);
    server_thread_join(&server);
}
END_TEST

START_TEST(a_living_daemons_socket_is_left_alone)
{
    ServerThread server;
    struct stat info;
    server_thread_init(&server, NULL);
    int other = bind_raw(server.path, true);
    /* also when its backlog is full */
    int clients[8];
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        assert_refused(&server, server.path, STATUS_ALREADY_EXISTS,
                       "another daemon listens on %s: stop it, or give another path");
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", server.path);
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(clients[i], (struct sockaddr *)&address, sizeof(address));
    }
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        close(clients[i]);
    ck_assert_int_eq(lstat(server.path, &info), 0);
    close(other);
    unlink(server.path);
    end_without_clients(&server);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
    ServerThread server;
    struct stat info;
    server_thread_init(&server, NULL);
    close(open(server.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_refused(&server, server.path, STATUS_FAILED_PRECONDITION,
                   "%s exists and is no socket: remove it, or give another path");
    ck_assert_int_eq(lstat(server.path, &info), 0);
    unlink(server.path);
    assert_refused(&server, server.folder, STATUS_FAILED_PRECONDITION,
                   "%s exists and is no socket: remove it, or give another path");
    end_without_clients(&server);
}
END_TEST

START_TEST(paths_that_cannot_be_are_refused)
{
    ServerThread server;
    char path[256] = "/tmp/";
    server_thread_init(&server, NULL);
    assert_refused(&server, "", STATUS_INVALID_ARGUMENT, "the socket path is empty");
    memset(path + 5, 'x', 103);
    assert_refused(&server, path, STATUS_INVALID_ARGUMENT,
                   "the socket path %s is too long: at most 107 bytes, a limit of the system");
    snprintf(path, sizeof(path), "%s/none/socket", server.folder);
    assert_refused(&server, path, STATUS_FAILED_PRECONDITION,
                   "the socket %s cannot be made: No such file or directory (its directory must exist)");
    end_without_clients(&server);
}
END_TEST

START_TEST(the_longest_path_is_taken)
{
    ServerThread server;
    Status status = STATUS_INIT;
    server_thread_init(&server, NULL);
    char path[108];
    int length = snprintf(path, sizeof(path), "%s/", server.folder);
    memset(path + length, 'x', sizeof(path) - 1 - (size_t)length);
    path[107] = '\0';
    ck_assert_int_eq(net_server_listen_path(server.net, path, 0600, &status), 0);
    ck_assert_int_eq(access(path, F_OK), 0);
    end_without_clients(&server);
}
END_TEST

START_TEST(an_inherited_socket_keeps_its_file)
{
    ServerThread server;
    Status status = STATUS_INIT;
    server_thread_init(&server, NULL);
    int fd = bind_raw(server.path, true);
    ck_assert_int_eq(net_server_listen_fd(server.net, dup(fd), &status), 0);
    server_thread_run(&server);
    Channel *channel = server_thread_connect(&server);
    assert_called(channel, "Check");
    channel_free(channel);
    server_thread_stop(&server, false);
    ck_assert_int_eq(pthread_join(server.thread, NULL), 0);
    ck_assert_int_eq(server.loop_close, 0);
    ck_assert_int_eq(access(server.path, F_OK), 0);
    grpc_server_free(server.grpc);
    unlink(server.path);
    rmdir(server.folder);
    close(fd);
}
END_TEST

START_TEST(a_file_that_another_daemon_put_there_is_kept)
{
    ServerThread server;
    Status status = STATUS_INIT;
    server_thread_init(&server, NULL);
    ck_assert_int_eq(net_server_listen_path(server.net, server.path, 0600, &status), 0);
    unlink(server.path);
    int other = bind_raw(server.path, true);
    server_thread_run(&server);
    server_thread_stop(&server, false);
    ck_assert_int_eq(pthread_join(server.thread, NULL), 0);
    ck_assert_int_eq(access(server.path, F_OK), 0);
    grpc_server_free(server.grpc);
    close(other);
    unlink(server.path);
    rmdir(server.folder);
}
END_TEST

START_TEST(a_descriptor_that_is_no_socket_is_refused)
{
    ServerThread server;
    Status status = STATUS_INIT;
    server_thread_init(&server, NULL);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(net_server_listen_fd(server.net, fd, &status), STATUS_REFUSED);
    ck_assert_int_eq(strncmp(status.message, "the socket cannot be listened on: ", 34), 0);
    end_without_clients(&server);
}
END_TEST

/* ---- the client's side of it ---- */

START_TEST(a_client_without_a_daemon_is_told_what_to_do)
{
    char path[] = "/tmp/rpmd-none.XXXXXX/socket";
    char expected[STATUS_MESSAGE_SIZE];
    Channel *channel = NULL;
    Status status = STATUS_INIT;
    snprintf(expected, sizeof(expected),
             "no daemon listens on %s: start it (systemctl start rpmd, or rpmd --socket %s), or name another "
             "socket "
             "with --socket or RPMD_SOCKET",
             path, path);
    ck_assert_int_eq(channel_open(&channel, path, &status), STATUS_REFUSED);
    ck_assert_str_eq(status.message, expected);
    ck_assert_int_eq(status.code, STATUS_UNAVAILABLE);
    ck_assert_ptr_null(channel);
}
END_TEST

START_TEST(a_client_with_a_long_path_is_told_so)
{
    char path[200] = {0};
    Channel *channel = NULL;
    Status status = STATUS_INIT;
    memset(path, 'x', sizeof(path) - 1);
    ck_assert_int_eq(channel_open(&channel, path, &status), STATUS_REFUSED);
    ck_assert_int_eq(status.code, STATUS_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(status.message, "is too long: at most 107 bytes"));
}
END_TEST

UNIT_TESTS("listener", the_socket_file_has_its_mode_and_goes_away, a_dead_daemons_socket_is_replaced,
           a_living_daemons_socket_is_left_alone, what_is_no_socket_is_left_alone,
           paths_that_cannot_be_are_refused, the_longest_path_is_taken, an_inherited_socket_keeps_its_file,
           a_file_that_another_daemon_put_there_is_kept, a_descriptor_that_is_no_socket_is_refused,
           a_client_without_a_daemon_is_told_what_to_do, a_client_with_a_long_path_is_told_so)
