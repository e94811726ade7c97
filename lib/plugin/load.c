/* SPDX-License-Identifier: MIT */
#include "lib/plugin/load.h"

#include "lib/base/memory.h"

#include <dlfcn.h>

typedef const rpmd_plugin *(*PluginEntry)(void);

int plugin_image_open(PluginImage **image, const char *path, const char *shown, Status *status)
{
    *image = NULL;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        /* The operator knows nothing of the copy's name. */
        const char *reason = dlerror();
        size_t skipped = strlen(path);
        if (strncmp(reason, path, skipped) == 0 && strncmp(reason + skipped, ": ", 2) == 0)
            reason += skipped + 2;
        return status_refuse(status, STATUS_FAILED_PRECONDITION, "%s: load: %s", shown, reason);
    }
    PluginEntry entry;
    *(void **)&entry = dlsym(handle, RPMD_PLUGIN_ENTRY);
    if (!entry)
        return status_refuse(
            status, STATUS_FAILED_PRECONDITION,
            "%s: load: it has no function %s; write RPMD_PLUGIN_EXPORT(descriptor) once in the plugin", shown,
            RPMD_PLUGIN_ENTRY);
    PluginImage *opened = NEW(PluginImage);
    int result = descriptor_read(&opened->descriptor, shown, entry(), status);
    if (result != 0)
        plugin_image_free(opened);
    else
        *image = opened;
    return result;
}

int plugin_image_describe(PluginImage **image, const rpmd_plugin *plugin, Arena *texts, const char *shown,
                          Status *status)
{
    *image = NULL;
    PluginImage *opened = NEW(PluginImage);
    opened->texts = *texts;
    *texts = ARENA_INIT;
    int result = descriptor_read_texts(&opened->descriptor, shown, plugin, status);
    if (result != 0)
        plugin_image_free(opened);
    else
        *image = opened;
    return result;
}

void plugin_image_free(PluginImage *image)
{
    if (!image)
        return;
    descriptor_finish(&image->descriptor);
    arena_finish(&image->texts);
    free(image);
}
