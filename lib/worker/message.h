/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The messages of worker.proto to and from plain structs. A message that is appended carries its frame's
 * head. What is read lives in the given arena; texts are copied and NUL-terminated. Reading checks the form;
 * whether the content fits the request, lib/plugin/verify.h and descriptor.h say.
 */

#include "lib/base/arena.h"
#include "lib/base/buffer.h"
#include "lib/plugin/load.h"
#include "lib/worker/frame.h"

typedef enum WorkerRequestKind {
    WORKER_LOAD = 1,
    WORKER_SELF_TEST = 2,
    WORKER_ANALYZE = 3,
} WorkerRequestKind;

typedef struct WorkerRequest {
    uint64_t number;
    WorkerRequestKind kind;
    uint64_t deadline_ns; /* on CLOCK_MONOTONIC; 0: none */
    const AnalysisRequest *items;
    size_t item_count;
} WorkerRequest;

typedef struct WorkerLogLine {
    rpmd_log_level level;
    const char *line;
} WorkerLogLine;

#define WORKER_LOG_LIMIT 256 /* lines in one reply; a plugin's further ones are lost */

typedef struct WorkerReply {
    uint64_t number;
    Status status;             /* of a load or a self-test */
    const rpmd_plugin *plugin; /* of a load that succeeded. Sending: the plugin's; reading: without functions
                                * that do anything, and not checked yet */
    Analysis *analyses;
    size_t analysis_count;
    const WorkerLogLine *log;
    size_t log_count;
    uint64_t memory_bytes;
} WorkerReply;

/* How many of the items fit one request: at least one, unless there is none. */
size_t worker_chunk(const AnalysisRequest *items, size_t count);

void worker_request_append(Buffer *buffer, const WorkerRequest *request);
void worker_reply_append(Buffer *buffer, const WorkerReply *reply);

/* From the bytes of one message. False when they are none. */
bool worker_request_read(WorkerRequest *request, Arena *arena, const void *data, size_t length);
bool worker_reply_read(WorkerReply *reply, Arena *arena, const void *data, size_t length);
