/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What `rpmctl plugin check FILE` does, without a daemon: vet, copy to a private temporary directory, load in
 * a worker process, self-test there, and try the plugin on a text.
 */

#include "lib/base/arena.h"
#include "lib/base/buffer.h"
#include "lib/base/status.h"
#include "lib/plugin/analysis.h"

typedef struct PluginCheck {
    const char *file;
    const char *worker_program;   /* NULL: the one that belongs to rpmctl */
    const AnalysisRequest *tried; /* NULL: nothing is tried */

    Buffer report; /* a line for each step: "vet        ok: ABI 1.0, 21640 bytes, sha256 1f0c…" */
    Arena arena;   /* what the two below live in */
    const rpmd_plugin *plugin; /* its texts; NULL before it is loaded */
    Analysis *analysis;        /* of what was tried; NULL before */
} PluginCheck;

/* The caller fills the first three fields. STATUS_REFUSED with the step that failed. */
int plugin_check_run(PluginCheck *check, Status *status);
void plugin_check_finish(PluginCheck *check);
