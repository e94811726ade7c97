/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One table of commands (command.c) drives parsing, the usage texts and the dispatch; each command stands in
 * a file of client/commands/.
 */

#include "client/arguments.h"
#include "client/session.h"

/* What a command returns is rpmctl's exit status. */
enum {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1, /* refused or failed: the gRPC status and a sentence are on standard error */
    EXIT_USAGE = 2
};

typedef int (*CommandFunction)(Session *session, const Arguments *arguments);

typedef struct Command {
    const char *name; /* "history import" */
    const char *summary;
    uint32_t required; /* TAKES() of options */
    uint32_t optional;
    const char *words; /* what else stands there: "FILE..."; NULL: nothing */
    size_t minimum_words;
    size_t maximum_words;
    bool local; /* works without a daemon */
    CommandFunction run;
    const char *(*check)(
        const Arguments *arguments); /* why the arguments do not go together, or NULL; may be NULL */
} Command;

/* Finds the command in argv, reads its arguments, runs it. The exit status. */
int command_main(int count, char **words);

int command_llm_check(Session *session, const Arguments *arguments);
int command_usage(Session *session, const Arguments *arguments);
int command_status(Session *session, const Arguments *arguments);
int command_plugin_list(Session *session, const Arguments *arguments);
int command_plugin_load(Session *session, const Arguments *arguments);
int command_plugin_unload(Session *session, const Arguments *arguments);
int command_plugin_reload(Session *session, const Arguments *arguments);
int command_plugin_watch(Session *session, const Arguments *arguments);
int command_plugin_check(Session *session, const Arguments *arguments);
int command_plugin_new(Session *session, const Arguments *arguments);
int command_history_import(Session *session, const Arguments *arguments);
int command_history_append(Session *session, const Arguments *arguments);
int command_history_list(Session *session, const Arguments *arguments);
int command_history_delete(Session *session, const Arguments *arguments);
const char *check_plugin_new(const Arguments *arguments);
const char *check_model_build(const Arguments *arguments);
const char *check_history_import(const Arguments *arguments);
const char *check_time(const Arguments *arguments);

int command_model_build(Session *session, const Arguments *arguments);
int command_model_show(Session *session, const Arguments *arguments);
int command_model_versions(Session *session, const Arguments *arguments);
int command_model_rollback(Session *session, const Arguments *arguments);
int command_user_export(Session *session, const Arguments *arguments);
int command_user_erase(Session *session, const Arguments *arguments);
int command_prompt(Session *session, const Arguments *arguments);
int command_respond(Session *session, const Arguments *arguments);
int command_explain(Session *session, const Arguments *arguments);
int command_not_there_yet(Session *session, const Arguments *arguments);
