/* SPDX-License-Identifier: MIT */

/*
 * The plugin directories: a file that appears is loaded, one that changed is reloaded, one that is gone is
 * unloaded. A file counts only when it looked the same for SETTLE_MS, so that what an editor, cp or install
 * has written by half is left alone.
 */

#include "daemon/log.h"
#include "daemon/plugins/internal.h"
#include "lib/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define RECHECK_MS 2000 /* how soon a directory that is not there is looked for again */
#define SETTLE_MS 200   /* longer than the pauses of a copy, shorter than a person's patience */

/* What a file looks like; all zero: it is not there. */
typedef struct Stamp {
    ino_t inode;
    off_t size;
    struct timespec changed;
} Stamp;

struct WatchedFile {
    WatchedFile *next;
    char *path;
    Stamp seen;    /* at the last look */
    Stamp handled; /* when it was loaded, refused or unloaded */
    bool is_there; /* for one look */
};

struct WatchedDirectory {
    WatchedDirectory *next;
    PluginRegistry *registry;
    char *path;
    uv_fs_event_t event;
    ino_t inode; /* of what is watched; 0: nothing is */
};

static bool is_same(const Stamp *a, const Stamp *b)
{
    return a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool is_absent(const Stamp *stamp)
{
    return is_same(stamp, &(Stamp){0});
}

/* ---- looking ------------------------------------------------------------------------------------------ */

static int is_plugin_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + length - 3, ".so") == 0;
}

/* By bytes: scandir's alphasort depends on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* The file, at the end of the list when it is new: files are loaded in the order in which they were seen. */
static WatchedFile *file_at(PluginRegistry *registry, const char *path)
{
    WatchedFile **place = &registry->files;
    for (; *place; place = &(*place)->next)
        if (strcmp((*place)->path, path) == 0)
            return *place;
    *place = NEW(WatchedFile);
    (*place)->path = memory_copy_text(path, strlen(path));
    return *place;
}

/* Returns whether a file looks otherwise than before. */
static bool look_at_file(PluginRegistry *registry, const char *directory, const char *name)
{
    _cleanup_buffer_ Buffer path = BUFFER_INIT;
    struct stat info;
    buffer_append_format(&path, "%s/%s", directory, name);
    if (lstat(path.data, &info) != 0)
        return false;
    WatchedFile *file = file_at(registry, path.data);
    Stamp stamp = {.inode = info.st_ino, .size = info.st_size, .changed = info.st_ctim};
    bool differs = !is_same(&stamp, &file->seen);
    file->seen = stamp;
    file->is_there = true;
    return differs;
}

/* Looks into all directories. Returns whether a file looks otherwise than at the last look. */
static bool look(PluginRegistry *registry)
{
    bool differs = false;
    for (WatchedFile *file = registry->files; file; file = file->next)
        file->is_there = false;
    for (WatchedDirectory *directory = registry->directories; directory; directory = directory->next) {
        struct dirent **entries = NULL;
        int count = scandir(directory->path, &entries, is_plugin_file, by_name);
        for (int i = 0; i < count; i++) {
            differs |= look_at_file(registry, directory->path, entries[i]->d_name);
            free(entries[i]);
        }
        free(entries);
    }
    for (WatchedFile *file = registry->files; file; file = file->next) {
        if (file->is_there || is_absent(&file->seen))
            continue;
        file->seen = (Stamp){0};
        differs = true;
    }
    return differs;
}

/* ---- acting ------------------------------------------------------------------------------------------- */

static const PluginTask *task_of_file(const PluginRegistry *registry, const char *path)
{
    for (const PluginTask *task = registry->tasks; task; task = task->next)
        if (task->current && strcmp(task->file, path) == 0)
            return task;
    return NULL;
}

static void act_on_file(PluginRegistry *registry, WatchedFile *file)
{
    if (is_same(&file->seen, &file->handled))
        return;
    file->handled = file->seen;
    const PluginTask *task = task_of_file(registry, file->path);
    if (!is_absent(&file->seen))
        changes_add_found(registry, file->path, task ? task->name : NULL);
    else if (task)
        changes_add_vanished(registry, task->name);
    else
        registry_forget_refusal(registry, file->path);
}

/* A file that was refused is tried again: its task may be free now. */
static void reconsider(PluginRegistry *registry)
{
    for (const PluginRefusal *refusal = registry->refusals; refusal; refusal = refusal->next)
        for (WatchedFile *file = registry->files; file; file = file->next)
            if (strcmp(file->path, refusal->file) == 0 && !is_absent(&file->seen))
                file->handled = (Stamp){0};
}

static void forget_absent_files(PluginRegistry *registry)
{
    for (WatchedFile **place = &registry->files; *place;) {
        WatchedFile *file = *place;
        if (!is_absent(&file->seen) || !is_absent(&file->handled)) {
            place = &file->next;
            continue;
        }
        *place = file->next;
        free(file->path);
        free(file);
    }
}

/* First what is gone: another file may serve its task from now on. */
static void act(PluginRegistry *registry)
{
    for (WatchedFile *file = registry->files; file; file = file->next) {
        if (!is_absent(&file->seen) || is_absent(&file->handled))
            continue;
        if (task_of_file(registry, file->path))
            reconsider(registry);
        act_on_file(registry, file);
    }
    for (WatchedFile *file = registry->files; file; file = file->next)
        act_on_file(registry, file);
    forget_absent_files(registry);
}

/* ---- events ------------------------------------------------------------------------------------------- */

static bool watch_all(PluginRegistry *registry);

static void on_settled(uv_timer_t *timer)
{
    PluginRegistry *registry = timer->data;
    bool news = watch_all(registry);
    if (look(registry) || news)
        uv_timer_start(timer, on_settled, SETTLE_MS, 0);
    else
        act(registry);
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    (void)name;
    (void)events;
    (void)status;
    PluginRegistry *registry = ((WatchedDirectory *)event->data)->registry;
    if (registry->closing)
        return;
    if (!uv_is_active((uv_handle_t *)&registry->settle))
        look(registry);
    uv_timer_start(&registry->settle, on_settled, SETTLE_MS, 0);
}

/* The directory may be gone, or another one with the same name. */
static bool is_watched(const WatchedDirectory *directory)
{
    struct stat info;
    return directory->inode != 0 && stat(directory->path, &info) == 0 && info.st_ino == directory->inode;
}

/* Begins to watch, or says once why that cannot be. */
static void watch(WatchedDirectory *directory)
{
    struct stat info = {0};
    uv_fs_event_stop(&directory->event);
    int result = uv_fs_event_start(&directory->event, on_event, directory->path, 0);
    if (result == 0 && stat(directory->path, &info) == 0) {
        directory->inode = info.st_ino;
        registry_forget_refusal(directory->registry, directory->path);
        return;
    }
    directory->inode = 0;
    Status status;
    status_refuse(&status, result == UV_ENOENT ? STATUS_NOT_FOUND : STATUS_FAILED_PRECONDITION,
                  "%s: the plugin directory cannot be read: %s", directory->path,
                  result == UV_ENOENT ? strerror(ENOENT) : uv_strerror(result));
    if (registry_remember_refusal(directory->registry, directory->path, &status))
        log_warning("%s", status.message);
}

static void on_recheck(uv_timer_t *timer);

/* Watches what is not watched, and comes back while something is not. Returns whether something is new. */
static bool watch_all(PluginRegistry *registry)
{
    bool all = true, news = false;
    for (WatchedDirectory *directory = registry->directories; directory; directory = directory->next) {
        if (is_watched(directory))
            continue;
        watch(directory);
        all &= directory->inode != 0;
        news |= directory->inode != 0;
    }
    if (!all)
        uv_timer_start(&registry->recheck, on_recheck, RECHECK_MS, 0);
    return news;
}

static void on_recheck(uv_timer_t *timer)
{
    PluginRegistry *registry = timer->data;
    if (!registry->closing && watch_all(registry) && look(registry))
        uv_timer_start(&registry->settle, on_settled, SETTLE_MS, 0);
}

void plugin_registry_scan(PluginRegistry *registry, char *const *paths, size_t count,
                          void (*scanned)(void *data), void *data)
{
    WatchedDirectory **place = &registry->directories;
    while (*place)
        place = &(*place)->next;
    for (size_t i = 0; i < count; i++) {
        WatchedDirectory *directory = NEW(WatchedDirectory);
        directory->registry = registry;
        directory->path = memory_copy_text(paths[i], strlen(paths[i]));
        uv_fs_event_init(registry->loop, &directory->event);
        directory->event.data = directory;
        registry->open_handles++;
        *place = directory;
        place = &directory->next;
    }
    watch_all(registry);
    look(registry);
    act(registry);
    changes_add_mark(registry, scanned, data);
}

void plugin_registry_refresh(PluginRegistry *registry)
{
    watch_all(registry);
    look(registry);
    reconsider(registry);
    for (const PluginTask *task = registry->tasks; task; task = task->next)
        if (task->current)
            plugin_registry_reload(registry, task->name, NULL, NULL);
    act(registry);
}

void watching_close(PluginRegistry *registry, uv_close_cb closed)
{
    for (WatchedDirectory *directory = registry->directories; directory; directory = directory->next) {
        directory->event.data = registry;
        uv_close((uv_handle_t *)&directory->event, closed);
    }
}

void watching_free(PluginRegistry *registry)
{
    while (registry->directories) {
        WatchedDirectory *directory = registry->directories;
        registry->directories = directory->next;
        free(directory->path);
        free(directory);
    }
    while (registry->files) {
        WatchedFile *file = registry->files;
        registry->files = file->next;
        free(file->path);
        free(file);
    }
}
