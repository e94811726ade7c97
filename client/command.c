/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "lib/base/buffer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/history/time.h"

#include <stdio.h>

#define TASK TAKES(OPTION_TASK)
#define USER TAKES(OPTION_USER)
#define NO_WAIT TAKES(OPTION_NO_WAIT)
#define QUERY_OPTIONS (TAKES(OPTION_OPTION) | TAKES(OPTION_EXAMPLES) | TAKES(OPTION_TIME))
#define QUERY_WORDS "[QUERY | -]"
#define MANY_FILES 4096 /* more than a shell passes by accident */

static const Command commands[] = {
    {"status", "the daemon, its tasks, its limits", 0, 0, NULL, 0, 0, false, command_status},
    {"plugin list", "the task plugins, and the files that were refused", 0, 0, NULL, 0, 0, false,
     command_plugin_list},
    {"plugin load", "load a plugin file into the daemon", 0, 0, "FILE", 1, 1, false, command_plugin_load},
    {"plugin unload", "stop serving a task; its histories and models are kept", 0, 0, "NAME", 1, 1, false,
     command_plugin_unload},
    {"plugin reload", "load a plugin's file again, beside the running one", 0, 0, "NAME", 1, 1, false,
     command_plugin_reload},
    {"plugin watch", "what happens to plugins, as it happens", 0, 0, NULL, 0, 0, false, command_plugin_watch},
    {"plugin check", "vet, load and self-test a plugin file here, without a daemon", 0,
     TAKES(OPTION_TRY) | TAKES(OPTION_OPTION), "FILE", 1, 1, true, command_plugin_check},
    {"plugin new", "write a new plugin into a folder, to start from", TASK | TAKES(OPTION_ANSWERS), 0, "DIR",
     1, 1, true, command_plugin_new, check_plugin_new},
    {"history import", "add or correct many items from files", TASK, TAKES(OPTION_FORMAT), "FILE...", 1,
     MANY_FILES, false, command_history_import, check_history_import},
    {"history append", "add or correct one item; updates the user's model",
     TASK | USER | TAKES(OPTION_QUERY) | TAKES(OPTION_RESPONSE),
     TAKES(OPTION_ID) | TAKES(OPTION_TIME) | TAKES(OPTION_OPTION), NULL, 0, 0, false, command_history_append,
     check_time},
    {"history list", "the items of a user, or the users of a task", TASK, USER | TAKES(OPTION_LIMIT), NULL, 0,
     0, false, command_history_list},
    {"history delete", "delete one item and all that was derived from it", TASK | USER | TAKES(OPTION_ID), 0,
     NULL, 0, 0, false, command_history_delete},
    {"model build", "build the model of a user, or of all users", TASK,
     USER | TAKES(OPTION_ALL) | TAKES(OPTION_POOL) | TAKES(OPTION_DRY_RUN) | TAKES(OPTION_MAX_COST), NULL, 0,
     0, false, command_model_build, check_model_build},
    {"model show", "the factors and statistics of a user", TASK | USER, 0, NULL, 0, 0, false,
     command_model_show},
    {"model versions", "the versions of a user's model", TASK | USER, 0, NULL, 0, 0, false,
     command_model_versions},
    {"model rollback", "make the factors of an earlier version current again", TASK | USER,
     TAKES(OPTION_VERSION_NUMBER), NULL, 0, 0, false, command_model_rollback},
    {"user export", "everything that is held of a user, as JSON lines", USER, TASK, NULL, 0, 0, false,
     command_user_export},
    {"user erase", "remove a user and everything derived", USER, TASK | NO_WAIT, NULL, 0, 0, false,
     command_user_erase},
    {"prompt", "the constructed reasoning prompt for a query", TASK | USER,
     QUERY_OPTIONS | TAKES(OPTION_BUDGET), QUERY_WORDS, 0, 1, false, command_prompt, check_time},
    {"respond", "the answer to a query, with its reasoning", TASK | USER, QUERY_OPTIONS, QUERY_WORDS, 0, 1,
     false, command_respond, check_time},
    {"explain", "factors, statistics and retrieved examples for a query", TASK | USER, QUERY_OPTIONS,
     QUERY_WORDS, 0, 1, false, command_explain, check_time},
    {"llm check", "make a small call of a backend (or of all) and say what works", 0, 0, "[BACKEND]", 0, 1,
     false, command_llm_check},
    {"usage", "what calls of LLMs cost: tokens, money, time", 0, TASK | USER | TAKES(OPTION_DAYS), NULL, 0, 0,
     false, command_usage},
    {"eval", "measure strategies on a data set (not in this version)", 0, UINT32_MAX, "...", 0, MANY_FILES,
     true, command_not_there_yet},
    {"synth", "make users with known preferences (not in this version)", 0, UINT32_MAX, "...", 0, MANY_FILES,
     true, command_not_there_yet},
};

static void append_options(Buffer *text, uint32_t options, const char *open, const char *close)
{
    for (OptionId id = OPTION_TASK; id < OPTION_COUNT; id++)
        if (options != UINT32_MAX && options & TAKES(id))
            buffer_append_format(text, " %s%s%s%s", open, option_synopsis(id), close,
                                 id == OPTION_OPTION ? "..." : "");
}

static void append_synopsis(Buffer *text, const Command *command)
{
    buffer_append_format(text, "rpmctl %s", command->name);
    append_options(text, command->required, "", "");
    append_options(text, command->optional, "[", "]");
    if (command->words)
        buffer_append_format(text, " %s", command->words);
}

static void print_command_help(const Command *command)
{
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    append_synopsis(&text, command);
    printf("%s\n\n  %s.\n\nOptions:\n", buffer_string(&text), command->summary);
    uint32_t takes = command->optional == UINT32_MAX ? 0 : command->required | command->optional;
    takes |= TAKES(OPTION_SOCKET) | TAKES(OPTION_JSON) | TAKES(OPTION_HELP);
    for (OptionId id = 0; id < OPTION_COUNT; id++)
        if (takes & TAKES(id))
            printf("  %-26s %s\n", option_synopsis(id), option_meaning(id));
    if (command->words && strcmp(command->words, QUERY_WORDS) == 0)
        printf("\nA query of `-`, or none, is read from standard input.\n");
}

static void print_help(void)
{
    printf(
        "rpmctl: the client of rpmd, reasoning-level personalization\n\n"
        "  rpmctl [--socket PATH] [--json] COMMAND ...\n\nCommands (`rpmctl COMMAND --help` tells more):\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        printf("  %-16s %s\n", commands[i].name, commands[i].summary);
    printf("\nOptions:\n");
    for (OptionId id = OPTION_SOCKET; id <= OPTION_HELP; id++)
        printf("  %-16s %s\n", option_synopsis(id), option_meaning(id));
    printf("  %-16s %s\n\nExit status: 0 done, 1 refused or failed, 2 usage.\n", "--version",
           "the version of rpmctl");
}

static int usage_error(const char *sentence)
{
    fprintf(stderr, "rpmctl: %s\n", sentence);
    return EXIT_USAGE;
}

/* The command that the words begin with, and how many words its name has. */
static const Command *find_command(int count, char **words, int *used)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const char *space = strchr(commands[i].name, ' ');
        size_t length = space ? (size_t)(space - commands[i].name) : strlen(commands[i].name);
        if (count < 1 || strlen(words[0]) != length || strncmp(words[0], commands[i].name, length) != 0)
            continue;
        if (space && (count < 2 || strcmp(words[1], space + 1) != 0))
            continue;
        *used = space ? 2 : 1;
        return &commands[i];
    }
    return NULL;
}

/* "plugin" alone: the commands of that group. */
static int unknown_command(int count, char **words)
{
    _cleanup_buffer_ Buffer group = BUFFER_INIT;
    if (count == 0)
        return usage_error("which command? `rpmctl --help` lists them");
    size_t length = strlen(words[0]);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strncmp(commands[i].name, words[0], length) == 0 && commands[i].name[length] == ' ')
            buffer_append_format(&group, "%s%s", group.length ? ", " : "", commands[i].name + length + 1);
    if (group.length == 0)
        fprintf(stderr, "rpmctl: there is no command '%s'; `rpmctl --help` lists them\n", words[0]);
    else
        fprintf(stderr, "rpmctl: %s what? There are: %s\n", words[0], buffer_string(&group));
    return EXIT_USAGE;
}

const char *check_time(const Arguments *arguments)
{
    int64_t time_us = 0;
    if (!arguments->time || history_time_parse(text_of(arguments->time), &time_us))
        return NULL;
    return "--time takes RFC 3339 (2024-05-01T12:00:00Z) or seconds since 1970";
}

static int check_arguments(const Command *command, const Arguments *arguments)
{
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    uint32_t missing = command->required & ~arguments->given;
    if (missing) {
        buffer_append_format(&text, "%s needs", command->name);
        append_options(&text, missing, "", "");
    } else if (arguments->word_count < command->minimum_words) {
        buffer_append_format(&text, "%s needs %s", command->name, command->words);
    } else if (arguments->word_count > command->maximum_words) {
        buffer_append_format(&text, "'%s' is too much; put a text of several words in quotes",
                             arguments->words[command->maximum_words]);
    } else {
        const char *wrong = command->check ? command->check(arguments) : NULL;
        if (!wrong)
            return EXIT_DONE;
        buffer_append_string(&text, wrong);
    }
    buffer_append_string(&text, ". Usage: ");
    append_synopsis(&text, command);
    return usage_error(buffer_string(&text));
}

static int run_command(const Command *command, const Arguments *arguments)
{
    Session session;
    session_init(&session, arguments->socket, arguments->json);
    int result = EXIT_DONE;
    if (!command->local && session_connect(&session))
        result = EXIT_REFUSED;
    else
        result = command->run(&session, arguments);
    session_finish(&session);
    if (fflush(stdout) != 0 && result == EXIT_DONE) {
        fprintf(stderr, "rpmctl: the output could not be written; is the disk full?\n");
        result = EXIT_REFUSED;
    }
    return result;
}

/* Options may stand before the command: they are read with it. */
static int options_before(int count, char **words)
{
    int i = 0;
    while (i < count && words[i][0] == '-') {
        if (strcmp(words[i], "--socket") == 0)
            i++;
        i++;
    }
    return MIN(i, count);
}

/* For commands that take anything. */
static bool asks_for_help(int count, char **words)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], "--help") == 0)
            return true;
    return false;
}

int command_main(int count, char **words)
{
    Arguments arguments = {0};
    Status status = STATUS_INIT;
    int before = options_before(count, words);
    int used = 0;
    for (int i = 0; i < before; i++)
        if (strcmp(words[i], "--version") == 0)
            return printf("rpmctl %s\n", RPMD_VERSION) < 0;
    const Command *command = find_command(count - before, words + before, &used);
    int result = EXIT_DONE;
    if (arguments_read(&arguments, before, words, 0, &status)) {
        result = usage_error(status.message);
    } else if (!command) {
        if (arguments.help)
            print_help();
        else
            result = unknown_command(count - before, words + before);
    } else if (command->optional == UINT32_MAX &&
               !asks_for_help(count - before - used, words + before + used)) {
        result = run_command(command, &arguments);
    } else if (arguments_read(&arguments, count - before - used, words + before + used,
                              command->required | command->optional, &status)) {
        result = usage_error(status.message);
    } else if (arguments.help) {
        print_command_help(command);
    } else {
        result = check_arguments(command, &arguments);
        if (result == EXIT_DONE)
            result = run_command(command, &arguments);
    }
    arguments_finish(&arguments);
    return result;
}
