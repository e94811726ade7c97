/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base/arena.h"
#include "lib/plugin/descriptor.h"

/* A plugin in this process, or what a worker process said of one that it loaded. */
typedef struct PluginImage {
    PluginDescriptor descriptor;
    Arena texts; /* of the descriptor, where the code is not here */
} PluginImage;

/*
 * Maps the file with all its symbols bound, calls its entry and checks the descriptor. From here on its code
 * runs: the file is a private copy that was vetted (lib/plugin/vet.h). `shown` is what refusals name: the
 * operator's file. STATUS_REFUSED (FAILED_PRECONDITION) with the reason; *image is then NULL.
 *
 * The code is never unmapped: a thread may still hold one of its destructors. The same path again gives the
 * same code, so each version needs a path of its own.
 */
int plugin_image_open(PluginImage **image, const char *path, const char *shown, Status *status);

/*
 * The image of a plugin whose code runs elsewhere: checks the data of its descriptor, as read by
 * worker_reply_read, and takes the arena in which it lives, also when it is refused. Its functions are NULL.
 */
int plugin_image_describe(PluginImage **image, const rpmd_plugin *plugin, Arena *texts, const char *shown,
                          Status *status);

/* Frees what describes the image; the code stays. */
void plugin_image_free(PluginImage *image);
