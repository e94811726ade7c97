/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The host side of one callback of a plugin: the functions of rpmd_host, and what the plugin handed over
 * through them. What is wrong with it is dropped here and counted, with a sentence about the first one.
 */

#include "lib/base/arena.h"
#include "lib/plugin/analysis.h"
#include "lib/plugin/limits.h"
#include "lib/text/tokenizer.h"

#include <stdatomic.h>

/* What surrounds a call. Read by the thread that runs the plugin. */
typedef struct PluginEnvironment {
    const atomic_bool *cancelled; /* set from any thread: nobody waits any more; may be NULL */
    uint64_t deadline_ns;         /* on CLOCK_MONOTONIC; 0: none */
    /* Takes the plugin's log lines, on the thread that runs the plugin; may be NULL. */
    void (*log)(void *data, rpmd_log_level level, const char *line);
    void *log_data;
    Tokenizer *tokenizer; /* of plugin_analyze_batch; NULL: one is made for each batch */
    /* Becomes the PluginCallback at work, plus 1, so that a crash can be told by its place; may be NULL. */
    atomic_uint *progress;
} PluginEnvironment;

/* Which host functions a callback may use. */
typedef enum PluginCallback {
    PLUGIN_EXTRACT,
    PLUGIN_OPTION_CLASS,
    PLUGIN_PARSE_ANSWER,
    PLUGIN_JUDGE,
    PLUGIN_DESCRIBE_ANSWER,
} PluginCallback;

/* "extract" */
const char *plugin_callback_name(PluginCallback callback);

typedef struct PluginCall {
    rpmd_call base; /* what the plugin sees; first */
    const rpmd_plugin *plugin;
    const PluginEnvironment *environment;
    Tokenizer *tokenizer;
    Arena *results; /* where copies go */
    rpmd_text query;
    PluginCallback callback;

    Arena scratch; /* what the plugin allocates, until the callback returns */
    size_t log_lines;

    AnalyzedFeature *features;
    size_t feature_count;
    size_t feature_capacity;
    uint32_t features_dropped;
    rpmd_text drop_reason;
    AnalyzedTrait *traits;
    size_t trait_count;
    rpmd_text answer;                        /* the last one handed over; in scratch, empty without one */
    char failure[PLUGIN_SENTENCE_LIMIT + 1]; /* what the plugin said with host->fail */
} PluginCall;

/* Everything is borrowed; plugin_call_finish frees what the call itself holds. */
void plugin_call_init(PluginCall *call, const rpmd_plugin *plugin, const PluginEnvironment *environment,
                      Tokenizer *tokenizer, Arena *results, rpmd_text query);
void plugin_call_finish(PluginCall *call);

/* Before each callback: frees what the one before allocated. */
void plugin_call_begin(PluginCall *call, PluginCallback callback);

/* OK while somebody waits, else CANCELLED or DEADLINE_EXCEEDED. */
StatusCode plugin_environment_state(const PluginEnvironment *environment);

/* Whether a text may stand in a list or a prompt: UTF-8 without control characters, at most limit bytes. */
bool plugin_text_is_clean(rpmd_text text, size_t limit);
