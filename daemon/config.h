/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What an administrator can set: one INI file, read once at start. Every key stands in one table
 * (config.c), from which parsing, `rpmd --help` and the manual page are made.
 */

#include "lib/base/buffer.h"
#include "lib/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* The settings of a task; [method] sets them for all tasks, [task NAME] for one. */
typedef struct TaskSettings {
    uint64_t examples;      /* K: past items shown in a prompt */
    double smoothing;       /* alpha of the propensity; 0: the paper's formula */
    uint64_t prompt_bytes;  /* size of a prompt at most */
    bool population;        /* whether counts pooled over users help this task */
    uint64_t minimum_users; /* a pooled cell fed by fewer users is not used for anybody else */
    bool rebuild;           /* whether stale models are built again by themselves */
} TaskSettings;

typedef struct NamedTaskSettings {
    char *task; /* owned */
    TaskSettings settings;
} NamedTaskSettings;

typedef struct Config {
    char *socket; /* owned, as all strings here */
    char *state_dir;
    char **plugin_dirs;
    size_t plugin_dir_count;
    uint64_t socket_mode;
    uint64_t cache_bytes;   /* budget of user models kept in memory */
    uint64_t drain_seconds; /* how long calls in flight may go on after SIGTERM */
    uint64_t call_seconds;  /* a call without a deadline of its own gets this one */
    bool verbose;
    bool in_process;        /* isolation = none: plugins run in the daemon */
    uint64_t workers;       /* worker processes of a plugin, kept while nothing is to do */
    uint64_t workers_limit; /* and while calls wait */
    uint64_t worker_memory; /* bytes of one worker */
    TaskSettings method;
    NamedTaskSettings *tasks;
    size_t task_count;
} Config;

/* The defaults. */
void config_init(Config *config);
void config_finish(Config *config);

/*
 * Reads a file over what is set. STATUS_REFUSED with a sentence that names the file, the line, and what to
 * write instead: an unknown section or key, a value of the wrong kind or out of its range.
 */
int config_read(Config *config, const char *path, Status *status);

/* The settings of a task. Borrowed. */
const TaskSettings *config_task(const Config *config, const char *task);

/* Replaces a string setting. */
void config_set_string(char **setting, const char *value);
void config_clear_plugin_dirs(Config *config);
void config_add_plugin_dir(Config *config, const char *directory);

/* Every key with its default and meaning, for `rpmd --help` and the manual page. */
void config_describe(Buffer *text);
