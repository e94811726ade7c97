/* SPDX-License-Identifier: MIT */
#include "worker/serve.h"

#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/plugin/analyze.h"
#include "lib/plugin/self_test.h"
#include "lib/worker/launch.h"
#include "lib/worker/message.h"
#include "worker/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

typedef struct Server {
    const char *file;
    WorkerBoard *board;
    const Status *ready;
    int memory_file; /* /proc/self/statm; -1: not there */
    PluginImage *image;
    Tokenizer *tokenizer;
    Buffer input;
    Buffer output;

    /* Of the request at work */
    Arena arena;
    WorkerLogLine log[WORKER_LOG_LIMIT];
    size_t log_count;
} Server;

static void note_line(void *data, rpmd_log_level level, const char *line)
{
    Server *server = data;
    if (server->log_count < WORKER_LOG_LIMIT)
        server->log[server->log_count++] =
            (WorkerLogLine){.level = level, .line = arena_format(&server->arena, "%s", line)};
}

/* Resident bytes; 0 when nobody can tell. */
static uint64_t memory_in_use(const Server *server)
{
    char line[64] = "";
    unsigned long long pages = 0;
    if (server->memory_file < 0 || pread(server->memory_file, line, sizeof(line) - 1, 0) <= 0 ||
        sscanf(line, "%*s %llu", &pages) != 1)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- requests ---- */

static void load(Server *server, WorkerReply *reply)
{
    char path[32];
    reply->status = *server->ready;
    if (server->image || !status_is_ok(&reply->status))
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", WORKER_PLUGIN);
    atomic_store(&server->board->step, WORKER_STEP_LOADING);
    if (plugin_image_open(&server->image, path, server->file, &reply->status) == 0 &&
        sandbox_seal(&reply->status) == 0)
        reply->plugin = &server->image->descriptor.plugin;
}

static void work(Server *server, const WorkerRequest *request, WorkerReply *reply)
{
    if (request->kind == WORKER_LOAD) {
        load(server, reply);
        return;
    }
    const rpmd_plugin *plugin = &server->image->descriptor.plugin;
    const PluginEnvironment environment = {
        .cancelled = &server->board->cancelled,
        .deadline_ns = request->deadline_ns,
        .log = note_line,
        .log_data = server,
        .tokenizer = server->tokenizer,
        .progress = &server->board->callback,
    };
    atomic_store(&server->board->callback, 0);
    if (request->kind == WORKER_SELF_TEST) {
        atomic_store(&server->board->step, WORKER_STEP_SELF_TESTING);
        plugin_self_test(plugin, server->file, &environment, &reply->status);
        return;
    }
    atomic_store(&server->board->step, WORKER_STEP_ANALYZING);
    reply->analyses =
        plugin_analyze_batch(plugin, &environment, request->items, request->item_count, &server->arena);
    reply->analysis_count = request->item_count;
}

static int send_output(Server *server)
{
    for (size_t sent = 0; sent < server->output.length;) {
        ssize_t length = write(WORKER_SOCKET, server->output.data + sent, server->output.length - sent);
        if (length < 0 && errno != EINTR)
            return error_origin(errno);
        sent += length > 0 ? (size_t)length : 0;
    }
    buffer_clear(&server->output);
    return 0;
}

/* One whole request at the begin of the input. */
static int answer(Server *server, uint32_t length)
{
    WorkerRequest request;
    if (!worker_request_read(&request, &server->arena, server->input.data + WORKER_FRAME_HEAD, length))
        return error_origin(EBADMSG);
    if (request.kind != WORKER_LOAD && !server->image)
        return error_origin(EPROTO);
    atomic_store(&server->board->begun, request.number);
    WorkerReply reply = {.number = request.number};
    work(server, &request, &reply);
    atomic_store(&server->board->step, WORKER_STEP_WAITING);
    reply.log = server->log;
    reply.log_count = server->log_count;
    reply.memory_bytes = memory_in_use(server);
    worker_reply_append(&server->output, &reply);
    buffer_drop(&server->input, WORKER_FRAME_HEAD + length);
    server->log_count = 0;
    arena_finish(&server->arena);
    return send_output(server);
}

/* Reads until a whole request is there: 1. 0: the other side is gone. */
static int read_request(Server *server, uint32_t *length)
{
    int whole;
    while ((whole = frame_peek(&server->input, UINT32_MAX, length)) == 0) {
        char *room = buffer_reserve(&server->input, 64 * 1024);
        ssize_t got = read(WORKER_SOCKET, room, 64 * 1024);
        if (got < 0 && errno != EINTR)
            return error_origin(errno);
        if (got == 0)
            return 0;
        server->input.length += got > 0 ? (size_t)got : 0;
    }
    return whole;
}

int serve(const char *file, int memory_file, WorkerBoard *board, const Status *ready)
{
    Server server = {.file = file,
                     .board = board,
                     .ready = ready,
                     .memory_file = memory_file,
                     .tokenizer = tokenizer_new()};
    uint32_t length;
    int result;
    tokenizer_remember_words(server.tokenizer);
    while ((result = read_request(&server, &length)) > 0) {
        result = answer(&server, length);
        if (result < 0)
            break;
    }
    arena_finish(&server.arena);
    tokenizer_free(server.tokenizer);
    buffer_finish(&server.input);
    buffer_finish(&server.output);
    plugin_image_free(server.image);
    return result;
}
