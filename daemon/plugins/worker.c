/* SPDX-License-Identifier: MIT */
#include "daemon/plugins/worker.h"

#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/worker/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXIT_WAIT_MS                                                                                         \
    1000 /* between the end of its socket and of its process; longer means that it lives on */

/* ---- the end ------------------------------------------------------------------------------------------ */

static void report_end(Worker *worker)
{
    _cleanup_buffer_ Buffer sentence = BUFFER_INIT;
    bool had_begun =
        worker->request_number > 0 && atomic_load(&worker->board->begun) == worker->request_number;
    if (worker->complaint)
        buffer_append_string(&sentence, worker->complaint);
    else if (!worker->was_ended)
        worker_describe_end(&sentence, worker->board, worker->wait_status, worker->memory_limit);
    worker->handlers->on_end(worker, buffer_string(&sentence), had_begun);
    worker_board_free(worker->board);
    buffer_finish(&worker->input);
    buffer_finish(&worker->output);
    free(worker);
}

static void on_closed(uv_handle_t *handle)
{
    Worker *worker = handle->data;
    if (--worker->open_handles == 0)
        report_end(worker);
}

static void on_process_end(uv_process_t *process, int64_t exit_status, int signal)
{
    Worker *worker = process->data;
    worker->state = WORKER_ENDING;
    worker->has_exited = true;
    worker->wait_status = signal ? signal : (int)(exit_status & 0xFF) << 8;
    uv_close((uv_handle_t *)&worker->process, on_closed);
    uv_close((uv_handle_t *)&worker->socket, on_closed);
    uv_close((uv_handle_t *)&worker->timer, on_closed);
}

void worker_end(Worker *worker, const char *complaint)
{
    if (worker->has_exited || worker->was_ended)
        return;
    worker->state = WORKER_ENDING;
    worker->was_ended = true;
    worker->complaint = complaint;
    uv_read_stop((uv_stream_t *)&worker->socket);
    uv_timer_stop(&worker->timer);
    uv_process_kill(&worker->process, SIGKILL);
}

/* The end of its socket comes shortly before that of its process, which says more. */
static void on_lives_on(uv_timer_t *timer)
{
    worker_end(timer->data, WORKER_LOST);
}

static void lose(Worker *worker)
{
    if (worker->state == WORKER_ENDING)
        return;
    worker->state = WORKER_ENDING;
    uv_read_stop((uv_stream_t *)&worker->socket);
    uv_timer_start(&worker->timer, on_lives_on, EXIT_WAIT_MS, 0);
}

/* ---- replies ------------------------------------------------------------------------------------------ */

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    Worker *worker = handle->data;
    *buffer = uv_buf_init(buffer_reserve(&worker->input, suggested), (unsigned)suggested);
}

static void take_reply(Worker *worker, uint32_t length)
{
    WorkerReply reply;
    bool is_reply = worker_reply_read(&reply, worker->handlers->reply_arena(worker),
                                      worker->input.data + WORKER_FRAME_HEAD, length);
    buffer_drop(&worker->input, WORKER_FRAME_HEAD + length);
    if (!is_reply || reply.number != worker->request_number || worker->input.length > 0) {
        worker_end(worker, "sent something that is no reply");
        return;
    }
    worker->state = WORKER_WAITING;
    worker->memory_bytes = reply.memory_bytes;
    worker->handlers->on_reply(worker, &reply);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    (void)buffer;
    Worker *worker = stream->data;
    if (length < 0) {
        lose(worker);
        return;
    }
    worker->input.length += (size_t)length;
    uint32_t size = 0;
    int whole = frame_peek(&worker->input, WORKER_REPLY_LIMIT, &size);
    if (whole < 0 || (worker->input.length > 0 && worker->state != WORKER_ASKED))
        worker_end(worker, whole < 0 ? "sent a reply that is too long" : "spoke without being asked");
    else if (whole > 0)
        take_reply(worker, size);
}

/* ---- requests ----------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *write, int result)
{
    Worker *worker = write->data;
    buffer_clear(&worker->output);
    if (result < 0 && result != UV_ECANCELED)
        lose(worker);
}

void worker_send(Worker *worker, WorkerRequest *request)
{
    request->number = ++worker->request_number;
    worker->state = WORKER_ASKED;
    atomic_store(&worker->board->cancelled, false);
    worker_request_append(&worker->output, request);
    uv_buf_t rest = uv_buf_init(worker->output.data, (unsigned)worker->output.length);
    int written = uv_try_write((uv_stream_t *)&worker->socket, &rest, 1);
    if (written == (int)worker->output.length) {
        buffer_clear(&worker->output);
        return;
    }
    if (written < 0 && written != UV_EAGAIN) {
        buffer_clear(&worker->output);
        lose(worker);
        return;
    }
    rest.base += MAX(written, 0);
    rest.len -= (size_t)MAX(written, 0);
    worker->write.data = worker;
    uv_write(&worker->write, (uv_stream_t *)&worker->socket, &rest, 1, on_written);
}

void worker_cancel(Worker *worker)
{
    atomic_store(&worker->board->cancelled, true);
}

/* ---- the timer ---------------------------------------------------------------------------------------- */

static void on_owner_timer(uv_timer_t *timer)
{
    Worker *worker = timer->data;
    worker->handlers->on_timer(worker);
}

void worker_start_timer(Worker *worker, uint64_t milliseconds)
{
    if (worker->state == WORKER_ENDING)
        return;
    if (milliseconds == 0)
        uv_timer_stop(&worker->timer);
    else
        uv_timer_start(&worker->timer, on_owner_timer, milliseconds, 0);
}

/* ---- the start ---------------------------------------------------------------------------------------- */

static void close_descriptor(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
}
#define _cleanup_close_ _cleanup_(close_descriptor)

/* A sanitizer's report must be seen. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ERROR_OUTPUT                                                                                         \
    {                                                                                                        \
        .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO                                                     \
    }
#else
#define ERROR_OUTPUT                                                                                         \
    {                                                                                                        \
        .flags = UV_IGNORE                                                                                   \
    }
#endif

static int spawn(Worker *worker, const WorkerStart *start, int socket, int plugin, int board)
{
    WorkerArguments arguments;
    char *no_environment[] = {NULL};
    uv_stdio_container_t descriptors[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        ERROR_OUTPUT,
        [WORKER_SOCKET] = {.flags = UV_INHERIT_FD, .data.fd = socket},
        [WORKER_PLUGIN] = {.flags = UV_INHERIT_FD, .data.fd = plugin},
        [WORKER_BOARD] = {.flags = UV_INHERIT_FD, .data.fd = board},
    };
    worker_arguments(&arguments, start->file, start->memory);
    const uv_process_options_t options = {
        .file = start->program,
        .args = arguments.words,
        .env = no_environment,
        .cwd = "/",
        .exit_cb = on_process_end,
        .stdio = descriptors,
        .stdio_count = ARRAY_SIZE(descriptors),
        .flags = UV_PROCESS_DETACHED, /* the terminal's signals are not for it */
    };
    int result = uv_spawn(start->loop, &worker->process, &options);
    return result < 0 ? error_origin(result) : 0;
}

/* The handles are initialised; closes them when something fails, and frees the worker without on_end. */
static void on_abandoned(uv_handle_t *handle)
{
    Worker *worker = handle->data;
    if (--worker->open_handles > 0)
        return;
    worker_board_free(worker->board);
    free(worker);
}

static void abandon(Worker *worker)
{
    uv_close((uv_handle_t *)&worker->process, on_abandoned);
    uv_close((uv_handle_t *)&worker->socket, on_abandoned);
    uv_close((uv_handle_t *)&worker->timer, on_abandoned);
}

int worker_start(Worker **result, const WorkerStart *start, Status *status)
{
    int sockets[2] = {-1, -1};
    _cleanup_close_ int plugin = open(start->copy, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *result = NULL;
    if (plugin < 0)
        return status_refuse(status, STATUS_UNAVAILABLE,
                             "%s: load: its copy %s cannot be opened: %s; reload it", start->file,
                             start->copy, strerror(errno));
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        return status_refuse(status, STATUS_UNAVAILABLE, "%s: load: no worker can be started: %s",
                             start->file, strerror(errno));
    _cleanup_close_ int theirs = sockets[1];
    Worker *worker = NEW(Worker);
    worker->owner = start->owner;
    worker->handlers = start->handlers;
    worker->memory_limit = start->memory;
    _cleanup_close_ int board = worker_board_new(&worker->board);
    if (board < 0) {
        close(sockets[0]);
        free(worker);
        return status_refuse(status, STATUS_UNAVAILABLE,
                             "%s: load: no memory can be shared with a worker: %s", start->file,
                             strerror(-board));
    }
    uv_pipe_init(start->loop, &worker->socket, 0);
    uv_timer_init(start->loop, &worker->timer);
    worker->socket.data = worker->timer.data = worker->process.data = worker;
    worker->open_handles = 3;
    int opened = uv_pipe_open(&worker->socket, sockets[0]);
    if (opened < 0)
        close(sockets[0]);
    int spawned = spawn(worker, start, theirs, plugin, board);
    if (opened < 0 || spawned < 0) {
        abandon(worker);
        return status_refuse(status, STATUS_UNAVAILABLE, "%s: load: the worker %s cannot be started: %s",
                             start->file, start->program, uv_strerror(opened < 0 ? opened : spawned));
    }
    uv_read_start((uv_stream_t *)&worker->socket, on_allocate, on_read);
    *result = worker;
    return 0;
}
