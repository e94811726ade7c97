/* SPDX-License-Identifier: MIT */
#include "lib/plugin/check_file.h"

#include "lib/base/memory.h"
#include "lib/plugin/limits.h"
#include "lib/plugin/self_test.h"
#include "lib/plugin/vet.h"

#include <errno.h>
#include <stdio.h>
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

static int load(const VettedPlugin *vetted, const char *file, Buffer *report, PluginImage **image,
                Status *status)
{
    _cleanup_buffer_ Buffer directory = BUFFER_INIT;
    _cleanup_free_ char *path = NULL;
    int result = make_directory(&directory, file, status);
    if (result != 0)
        return result;
    result = plugin_copy(vetted, file, directory.data, &path, status);
    if (result == 0) {
        buffer_append_string(report, "copy       ok\n");
        result = plugin_image_open(image, path, file, status);
        unlink(path);
    }
    rmdir(directory.data);
    return result;
}

static int check(const char *file, Buffer *report, PluginImage **image, Status *status)
{
    VettedPlugin vetted _cleanup_(plugin_vet_finish) = {0};
    int result = plugin_vet(&vetted, file, status);
    if (result != 0)
        return result;
    buffer_append_format(report, "vet        ok: ABI %u.%u, %zu bytes, sha256 %s\n", vetted.note.abi_major,
                         vetted.note.abi_minor, vetted.bytes.length, vetted.sha256);
    result = load(&vetted, file, report, image, status);
    if (result != 0)
        return result;
    const rpmd_plugin *plugin = &(*image)->descriptor.plugin;
    buffer_append_format(report, "load       ok: task %s, version %s, answers: %s\n", plugin->name,
                         plugin->version, kind_name(plugin->answer_kind));
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    PluginEnvironment environment = {.deadline_ns = ((uint64_t)now.tv_sec + SELF_TEST_SECONDS) * 1000000000};
    result = plugin_self_test(plugin, file, &environment, status);
    if (result == 0)
        buffer_append_format(report, "self-test  ok: %zu passed\n", plugin->self_test_count);
    return result;
}

int plugin_check_file(const char *file, Buffer *report, PluginImage **image, Status *status)
{
    PluginImage *loaded = NULL;
    int result = check(file, report, &loaded, status);
    if (result == 0 && image)
        *image = TAKE_PTR(loaded);
    plugin_image_free(loaded);
    return result;
}
