/* SPDX-License-Identifier: MIT */
#include "client/plugin_check.h"

#include "client/worker_process.h"
#include "lib/base/memory.h"
#include "lib/plugin/limits.h"
#include "lib/plugin/verify.h"
#include "lib/plugin/vet.h"
#include "lib/worker/launch.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SELF_TEST_SECONDS 10 /* as in the daemon: longer is a hang */

static const char *kind_name(rpmd_answer_kind kind)
{
    static const char *const names[] = {[RPMD_ANSWER_LABELS] = "labels",
                                        [RPMD_ANSWER_ORDINAL] = "ordinal",
                                        [RPMD_ANSWER_OPTIONS] = "options",
                                        [RPMD_ANSWER_TEXT] = "text"};
    return names[kind];
}

static uint64_t deadline_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint64_t)now.tv_sec + SELF_TEST_SECONDS) * 1000000000;
}

/* A directory of our own for the copy. Some machines mount /tmp noexec: TMPDIR names another. */
static int make_directory(Buffer *directory, const char *file, Status *status)
{
    const char *base = getenv("TMPDIR");
    buffer_append_format(directory, "%s/rpmd-plugin-XXXXXX", base && base[0] ? base : "/tmp");
    if (mkdtemp(directory->data))
        return 0;
    return status_refuse(
        status, STATUS_FAILED_PRECONDITION,
        "%s: copy: no temporary directory %s: %s; set TMPDIR to a directory that you can write to", file,
        directory->data, strerror(errno));
}

/* ---- the steps in the worker -------------------------------------------------------------------------- */

static int load(PluginCheck *check, WorkerProcess *process, Status *status)
{
    WorkerReply reply;
    int result = worker_process_ask(process, &(WorkerRequest){.kind = WORKER_LOAD}, "load", &check->arena,
                                    &reply, status);
    if (result != 0)
        return result;
    if (!status_is_ok(&reply.status) || !reply.plugin) {
        *status = reply.status;
        return STATUS_REFUSED;
    }
    PluginDescriptor descriptor;
    if (descriptor_read_texts(&descriptor, check->file, reply.plugin, status))
        return STATUS_REFUSED;
    descriptor_finish(&descriptor);
    check->plugin = reply.plugin;
    buffer_append_format(&check->report, "load       ok: task %s, version %s, answers: %s\n",
                         check->plugin->name, check->plugin->version, kind_name(check->plugin->answer_kind));
    return 0;
}

static int self_test(PluginCheck *check, WorkerProcess *process, Status *status)
{
    WorkerReply reply;
    WorkerRequest request = {.kind = WORKER_SELF_TEST, .deadline_ns = deadline_ns()};
    int result = worker_process_ask(process, &request, "self-test", &check->arena, &reply, status);
    if (result == 0 && !status_is_ok(&reply.status)) {
        *status = reply.status;
        return STATUS_REFUSED;
    }
    if (result == 0)
        buffer_append_format(&check->report, "self-test  ok: %zu passed\n", check->plugin->self_test_count);
    return result;
}

static int try_text(PluginCheck *check, WorkerProcess *process, Status *status)
{
    WorkerReply reply;
    WorkerRequest request = {
        .kind = WORKER_ANALYZE, .deadline_ns = deadline_ns(), .items = check->tried, .item_count = 1};
    int result = worker_process_ask(process, &request, "try", &check->arena, &reply, status);
    if (result != 0)
        return result;
    if (reply.analysis_count != 1)
        return status_refuse(status, STATUS_INTERNAL, "%s: try: the plugin sent no analysis", check->file);
    if (plugin_verify_analysis(check->plugin, check->tried, reply.analyses, status))
        return STATUS_REFUSED;
    check->analysis = reply.analyses;
    if (check->analysis->code != STATUS_OK)
        return status_refuse(status, check->analysis->code, "%s: try: %s", check->file,
                             check->analysis->error.data);
    buffer_append_format(&check->report, "try        ok: %zu features, %u dropped\n",
                         check->analysis->feature_count, check->analysis->features_dropped);
    return 0;
}

static int run_worker(PluginCheck *check, const char *copy, Status *status)
{
    _cleanup_buffer_ Buffer found = BUFFER_INIT;
    _cleanup_(worker_process_end_cleanup) WorkerProcess *process = NULL;
    if (!check->worker_program && worker_find_program(&found, status))
        return STATUS_REFUSED;
    const char *program = check->worker_program ? check->worker_program : found.data;
    int result = worker_process_start(&process, program, copy, check->file, status);
    result = result ? result : load(check, process, status);
    result = result ? result : self_test(check, process, status);
    return result || !check->tried ? result : try_text(check, process, status);
}

int plugin_check_run(PluginCheck *check, Status *status)
{
    VettedPlugin vetted _cleanup_(plugin_vet_finish) = {0};
    _cleanup_buffer_ Buffer directory = BUFFER_INIT;
    _cleanup_free_ char *copy = NULL;
    int result = plugin_vet(&vetted, check->file, status);
    if (result != 0)
        return result;
    buffer_append_format(&check->report, "vet        ok: ABI %u.%u, %zu bytes, sha256 %s\n",
                         vetted.note.abi_major, vetted.note.abi_minor, vetted.bytes.length, vetted.sha256);
    result = make_directory(&directory, check->file, status);
    if (result != 0)
        return result;
    result = plugin_copy(&vetted, check->file, directory.data, &copy, status);
    if (result == 0) {
        buffer_append_string(&check->report, "copy       ok\n");
        result = run_worker(check, copy, status);
        unlink(copy);
    }
    rmdir(directory.data);
    return result;
}

void plugin_check_finish(PluginCheck *check)
{
    buffer_finish(&check->report);
    arena_finish(&check->arena);
}
