/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base/status.h"
#include "rpmd/plugin.h"

/*
 * A checked descriptor in the shape of our own header: what a plugin of an older minor does not have is zero.
 * Strings, lists and functions are the plugin's and live as long as its code.
 */
typedef struct PluginDescriptor {
    rpmd_plugin plugin; /* prompt_texts, lamp and self_tests point into this structure */
    rpmd_prompt_texts prompt_texts;
    rpmd_lamp lamp;
    rpmd_self_test *self_tests; /* owned */
} PluginDescriptor;

/*
 * Checks every field and copies. `file` is what refusals name. STATUS_REFUSED (FAILED_PRECONDITION) with the
 * field, what was expected, and what was found; the result is then empty. The guard fields are read before
 * anything else, and nothing behind them when they differ.
 */
int descriptor_read(PluginDescriptor *descriptor, const char *file, const rpmd_plugin *given, Status *status);

/*
 * The same for a descriptor in our own shape that came from elsewhere: checks all that is data, and neither
 * asks for functions and self-tests nor keeps any.
 */
int descriptor_read_texts(PluginDescriptor *descriptor, const char *file, const rpmd_plugin *given,
                          Status *status);

void descriptor_finish(PluginDescriptor *descriptor);

/* Copies a structure of the given size into one of ours and sets what it lacks to zero. */
void descriptor_copy_struct(void *to, size_t to_size, const void *from, size_t from_size);
