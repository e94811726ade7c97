/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/plugin/descriptor.h"

/* A plugin in this process. */
typedef struct PluginImage {
    PluginDescriptor descriptor;
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

/* Frees what describes the image; the code stays. */
void plugin_image_free(PluginImage *image);
