/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/status.h"
#include "lib/plugin/note.h"

/* A file that was vetted: its bytes as they were then, so that nothing can be exchanged afterwards. */
typedef struct VettedPlugin {
    Buffer bytes;
    PluginNote note;
    char sha256[65]; /* hexadecimal */
} VettedPlugin;

/*
 * Everything that can be known of a plugin file before any of its code runs, in this order: a regular file
 * (no symbolic link) of root or of the caller's user that neither group nor others can write, in a directory
 * of which the same holds, and no directory above that others can write without the sticky bit; at most
 * PLUGIN_FILE_LIMIT bytes; an ELF shared object for this machine, whole; the ABI note, with a major and minor
 * that this rpmd takes. Blocks: reads the whole file.
 *
 * STATUS_REFUSED names the file, the step ("vet"), the field, what was expected and what was found:
 * NOT_FOUND, PERMISSION_DENIED or FAILED_PRECONDITION. *vetted is then empty.
 */
int plugin_vet(VettedPlugin *vetted, const char *file, Status *status);
void plugin_vet_finish(VettedPlugin *vetted);

/*
 * Writes the vetted bytes to DIRECTORY/SHA256.so, mode 0500, by a temporary name and a rename; a copy that is
 * already there, whole, is used as it is. *path is taken by the caller. STATUS_REFUSED names the file, the
 * step ("copy") and what the system said.
 */
int plugin_copy(const VettedPlugin *vetted, const char *file, const char *directory, char **path,
                Status *status);
