/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base/status.h"

#include <stddef.h>
#include <stdint.h>

/* The ABI that a plugin file says it was built for. */
typedef struct PluginNote {
    uint32_t abi_major;
    uint32_t abi_minor;
} PluginNote;

/*
 * Finds the note of rpmd/plugin.h in the bytes of an ELF file, without running any of its code: a shared
 * object for this machine's class, byte order and processor. Any bytes may be given. STATUS_REFUSED
 * (FAILED_PRECONDITION) with the field, what was expected and what was found; `file` is what it names.
 */
int plugin_note_read(PluginNote *note, const char *file, const void *bytes, size_t size, Status *status);

/* Whether this rpmd takes a plugin of that ABI; refused like plugin_note_read. */
int plugin_note_check(const PluginNote *note, const char *file, Status *status);
