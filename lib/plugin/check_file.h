/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/status.h"
#include "lib/plugin/load.h"

/*
 * What `rpmctl plugin check FILE` does, without a daemon: vet, copy to a private temporary directory, load,
 * self-test. One line a step goes to the report: "vet        ok: ABI 1.0, 21640 bytes, sha256 1f0c…". The
 * plugin's code runs in this process. STATUS_REFUSED with the step that failed. *image, when it is not NULL,
 * takes the loaded plugin (plugin_image_free).
 */
int plugin_check_file(const char *file, Buffer *report, PluginImage **image, Status *status);
