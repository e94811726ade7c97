/* SPDX-License-Identifier: MIT */
#pragma once

/* What stands on rpmctl's command line. */

#include "lib/base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Every option of every command; a command says which of them it takes. */
typedef enum OptionId {
    OPTION_SOCKET,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_TASK,
    OPTION_USER,
    OPTION_ALL,
    OPTION_POOL,
    OPTION_FORMAT,
    OPTION_ANSWERS,
    OPTION_ID,
    OPTION_QUERY,
    OPTION_RESPONSE,
    OPTION_TIME,
    OPTION_OPTION,
    OPTION_LIMIT,
    OPTION_EXAMPLES,
    OPTION_BUDGET,
    OPTION_VERSION_NUMBER,
    OPTION_TRY,
    OPTION_DRY_RUN,
    OPTION_MAX_COST,
    OPTION_DAYS,
    OPTION_NO_WAIT,
    OPTION_COUNT
} OptionId;

#define TAKES(option) (1u << (option))

/* Borrowed from argv, but for the lists. */
typedef struct Arguments {
    const char *socket; /* NULL: not given */
    bool json;
    bool help;
    const char *task;
    const char *user;
    bool all;
    const char *pool;
    const char *format;
    const char *answers;
    const char *id;
    const char *query;
    const char *response;
    const char *time;
    char **options; /* owned list of borrowed texts */
    size_t option_count;
    uint64_t limit;
    uint64_t examples;
    uint64_t budget;
    uint64_t version;
    bool try;
    bool dry_run;
    const char *max_cost;
    uint64_t days;
    bool no_wait;
    char **words; /* owned list: what is no option, behind the command's name */
    size_t word_count;
    uint32_t given; /* TAKES() of the options that stand there */
} Arguments;

void arguments_finish(Arguments *arguments);

/*
 * Reads the words behind the command's name. `taken` are the options of the command, beside --socket, --json
 * and
 * --help which all take. STATUS_REFUSED with a sentence: an unknown option, one that the command does not
 * take, a missing or malformed value.
 */
int arguments_read(Arguments *arguments, int count, char **words, uint32_t taken, Status *status);

/* "--task T", and what it means. */
const char *option_synopsis(OptionId option);
const char *option_meaning(OptionId option);
