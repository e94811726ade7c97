/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What an administrator can set: one INI file, read once at start. Every key stands in one table
 * (config.c), from which parsing, `rpmd --help` and the manual page are made.
 */

#include "lib/base/buffer.h"
#include "lib/base/status.h"
#include "lib/llm/stages/stage.h"

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_NAME_SIZE 64 /* of a task or a backend, with its NUL */
#define CONFIG_NATIVE "native"

#define CONFIG_SHARED_EXAMPLES_LIMIT 64 /* a prompt is a page of text, not a book */

/* The settings of a task; [method] sets them for all tasks, [task NAME] for one. */
typedef struct TaskSettings {
    uint64_t examples;        /* K: past items shown in a prompt */
    uint64_t shared_examples; /* more of them, the same ones in every prompt for an LLM */
    double smoothing;         /* alpha of the propensity; 0: the paper's formula */
    uint64_t prompt_bytes;    /* size of a prompt at most */
    bool population;          /* whether counts pooled over users help this task */
    uint64_t minimum_users;   /* a pooled cell fed by fewer users is not used for anybody else */
    bool rebuild;             /* whether stale models are built again by themselves */
    char stages[STAGE_COUNT][CONFIG_NAME_SIZE]; /* who does it: CONFIG_NATIVE, or the name of a backend */
} TaskSettings;

typedef struct NamedTaskSettings {
    char *task; /* owned */
    TaskSettings settings;
} NamedTaskSettings;

/* A server that runs an LLM: [backend NAME]. Strings are owned; NULL: not set. */
typedef struct BackendSettings {
    char name[CONFIG_NAME_SIZE];
    char *base_url;       /* "https://host/v1": the path of the shape is put behind it */
    bool is_anthropic;    /* the shape of requests and replies; else OpenAI's */
    char *model;          /* as the server names it */
    char *key_file;       /* the file that holds the key, */
    char *key_variable;   /* or the variable of the environment, */
    char *key_credential; /* or the systemd credential */
    char *headers;        /* more of them, a line each */
    char *unix_socket;    /* connect to this instead of the URL's host */
    char *ca_file;        /* certificates to trust instead of the system's */
    uint64_t max_tokens;
    double temperature;           /* negative: the server's own */
    uint64_t concurrency;         /* calls at a time; others wait */
    uint64_t requests_per_minute; /* 0: no limit */
    uint64_t tokens_per_minute;   /* 0: no limit */
    uint64_t connect_seconds;
    uint64_t first_seconds; /* until the first token */
    uint64_t idle_seconds;  /* between two pieces of the stream */
    uint64_t total_seconds; /* of one attempt */
    uint64_t retry_seconds; /* how long a call that failed is tried again */
    double price_prompt;    /* of a million tokens, in whatever currency */
    double price_cached;
    double price_completion;
} BackendSettings;

typedef struct Config {
    char *socket; /* owned, as all strings here */
    char *state_dir;
    char **plugin_dirs;
    char *prompt_dir;
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
    double day_cost;        /* what LLMs may cost a day, in the currency of the prices; 0: no cap */
    double user_day_cost;   /* for one user of a task */
    double build_cost;      /* of one user's build */
    uint64_t reply_bytes;   /* of replies that are kept; 0: none is */
    uint64_t reply_days;    /* and how long */
    TaskSettings method;
    NamedTaskSettings *tasks;
    size_t task_count;
    BackendSettings *backends;
    size_t backend_count;
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

/* A backend by its name, or NULL. Borrowed. */
const BackendSettings *config_backend(const Config *config, const char *name);

/* Whether a stage of some task runs on a backend. */
bool config_uses(const Config *config, Stage stage, const char *backend);

/* Replaces a string setting. */
void config_set_string(char **setting, const char *value);
void config_clear_plugin_dirs(Config *config);
void config_add_plugin_dir(Config *config, const char *directory);

/* Every key with its default and meaning, for `rpmd --help` and the manual page. */
void config_describe(Buffer *text);
