/* SPDX-License-Identifier: MIT */
#include "client/worker_process.h"

#include "lib/base/memory.h"
#include "lib/worker/board.h"
#include "lib/worker/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 10000                  /* as in the daemon: longer is a hang */
#define MEMORY_BYTES (256 * 1024 * 1024) /* the daemon's default */

struct WorkerProcess {
    pid_t pid;
    int socket;
    const char *file;
    WorkerBoard *board;
    uint64_t request_number;
    Buffer input;
};

static void close_descriptor(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
}
#define _cleanup_close_ _cleanup_(close_descriptor)

/* The descriptors are moved out of each other's way before they get their places. */
static int spawn(pid_t *pid, const char *program, char *const *words, int socket, int plugin, int board)
{
    static char *const no_environment[] = {NULL};
    const int places[] = {WORKER_SOCKET, WORKER_PLUGIN, WORKER_BOARD};
    int sources[] = {socket, plugin, board};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        sources[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, 16);
        posix_spawn_file_actions_adddup2(&actions, sources[i], places[i]);
    }
    int error = posix_spawn(pid, program, &actions, NULL, words, no_environment);
    posix_spawn_file_actions_destroy(&actions);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        close_descriptor(&sources[i]);
    return error;
}

int worker_process_start(WorkerProcess **result, const char *program, const char *copy, const char *file,
                         Status *status)
{
    int sockets[2] = {-1, -1};
    WorkerArguments arguments;
    *result = NULL;
    _cleanup_(worker_process_end_cleanup) WorkerProcess *process = NEW(WorkerProcess);
    process->socket = -1;
    process->file = file;
    _cleanup_close_ int plugin = open(copy, O_RDONLY | O_CLOEXEC);
    _cleanup_close_ int board = worker_board_new(&process->board);
    if (plugin < 0 || board < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        return status_refuse(status, STATUS_INTERNAL, "%s: load: no worker can be started: %s", file,
                             strerror(errno));
    _cleanup_close_ int theirs = sockets[1];
    process->socket = sockets[0];
    worker_arguments(&arguments, file, MEMORY_BYTES);
    int error = spawn(&process->pid, program, arguments.words, theirs, plugin, board);
    if (error != 0) {
        process->pid = 0;
        return status_refuse(status, STATUS_INTERNAL, "%s: load: the worker %s cannot be started: %s", file,
                             program, strerror(error));
    }
    *result = TAKE_PTR(process);
    return 0;
}

void worker_process_end(WorkerProcess *process)
{
    if (!process)
        return;
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
    }
    close_descriptor(&process->socket);
    worker_board_free(process->board);
    buffer_finish(&process->input);
    free(process);
}

/* It is gone, or speaks no more: why. */
static int refuse_end(WorkerProcess *process, const char *step, Status *status)
{
    _cleanup_buffer_ Buffer sentence = BUFFER_INIT;
    int wait_status = 0;
    waitpid(process->pid, &wait_status, 0);
    process->pid = 0;
    worker_describe_end(&sentence, process->board, wait_status, MEMORY_BYTES);
    return status_refuse(status, STATUS_FAILED_PRECONDITION, "%s: %s: the plugin %s", process->file, step,
                         buffer_string(&sentence));
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* More bytes of the reply. */
static int receive(WorkerProcess *process, int64_t deadline_ms, const char *step, Status *status)
{
    struct pollfd ready = {.fd = process->socket, .events = POLLIN};
    int64_t left = deadline_ms - now_ms();
    if (left <= 0 || poll(&ready, 1, (int)left) == 0)
        return status_refuse(status, STATUS_DEADLINE_EXCEEDED,
                             "%s: %s: the plugin took longer than %d seconds", process->file, step,
                             ANSWER_MS / 1000);
    char *room = buffer_reserve(&process->input, 64 * 1024);
    ssize_t length = read(process->socket, room, 64 * 1024);
    if (length < 0 && errno == EINTR)
        return 0;
    if (length <= 0)
        return refuse_end(process, step, status);
    process->input.length += (size_t)length;
    return 0;
}

int worker_process_ask(WorkerProcess *process, WorkerRequest *request, const char *step, Arena *arena,
                       WorkerReply *reply, Status *status)
{
    _cleanup_buffer_ Buffer output = BUFFER_INIT;
    int64_t deadline_ms = now_ms() + ANSWER_MS;
    uint32_t length = 0;
    int whole;
    request->number = ++process->request_number;
    worker_request_append(&output, request);
    for (size_t sent = 0; sent < output.length;) {
        ssize_t written = write(process->socket, output.data + sent, output.length - sent);
        if (written < 0 && errno != EINTR)
            return refuse_end(process, step, status);
        sent += written > 0 ? (size_t)written : 0;
    }
    while ((whole = frame_peek(&process->input, WORKER_REPLY_LIMIT, &length)) == 0)
        if (receive(process, deadline_ms, step, status))
            return STATUS_REFUSED;
    if (whole < 0 || !worker_reply_read(reply, arena, process->input.data + WORKER_FRAME_HEAD, length) ||
        reply->number != request->number)
        return status_refuse(status, STATUS_INTERNAL, "%s: %s: the plugin sent something that is no reply",
                             process->file, step);
    buffer_drop(&process->input, WORKER_FRAME_HEAD + length);
    return 0;
}
