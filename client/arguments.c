/* SPDX-License-Identifier: MIT */
#include "client/arguments.h"

#include "lib/base/memory.h"

#include <errno.h>

typedef enum OptionType { TYPE_SWITCH, TYPE_TEXT, TYPE_TEXTS, TYPE_NUMBER } OptionType;

typedef struct Option {
    const char *name;
    const char *synopsis;
    const char *meaning;
    OptionType type;
    size_t offset; /* in Arguments; of the first field for lists */
} Option;

#define FIELD(name) offsetof(Arguments, name)

static const Option option_table[OPTION_COUNT] = {
    [OPTION_SOCKET] = {"--socket", "--socket PATH",
                       "the daemon's socket (else RPMD_SOCKET, /run/rpmd/rpmd.sock, "
                       "$XDG_RUNTIME_DIR/rpmd.sock)",
                       TYPE_TEXT, FIELD(socket)},
    [OPTION_JSON] = {"--json", "--json", "one JSON document on standard output, or one a line for streams",
                     TYPE_SWITCH, FIELD(json)},
    [OPTION_HELP] = {"--help", "--help", "what the command does and takes", TYPE_SWITCH, FIELD(help)},
    [OPTION_TASK] = {"--task", "--task T",
                     "the task's name; `rpmctl plugin list` shows those that are served", TYPE_TEXT,
                     FIELD(task)},
    [OPTION_USER] = {"--user", "--user U", "the user", TYPE_TEXT, FIELD(user)},
    [OPTION_ALL] = {"--all", "--all", "all users of the task", TYPE_SWITCH, FIELD(all)},
    [OPTION_POOL] = {"--pool", "--pool in|out",
                     "whether what the user answers helps the other users of the task", TYPE_TEXT,
                     FIELD(pool)},
    [OPTION_FORMAT] = {"--format", "--format auto|lamp|jsonl", "how the files are written (default auto)",
                       TYPE_TEXT, FIELD(format)},
    [OPTION_ANSWERS] = {"--answers", "--answers labels|ordinal|options|text",
                        "one of a list, a whole number, one of the query's own options, or free text",
                        TYPE_TEXT, FIELD(answers)},
    [OPTION_ID] = {"--id", "--id ID", "the item's id", TYPE_TEXT, FIELD(id)},
    [OPTION_QUERY] = {"--query", "--query TEXT", "the item's query", TYPE_TEXT, FIELD(query)},
    [OPTION_RESPONSE] = {"--response", "--response TEXT", "the item's response", TYPE_TEXT, FIELD(response)},
    [OPTION_TIME] = {"--time", "--time TIME",
                     "when: RFC 3339 or seconds since 1970; only older items are retrieved", TYPE_TEXT,
                     FIELD(time)},
    [OPTION_OPTION] = {"--option", "--option TEXT",
                       "an answer to choose from, where the query brings its own; repeat it", TYPE_TEXTS,
                       FIELD(options)},
    [OPTION_LIMIT] = {"--limit", "--limit N", "at most so many", TYPE_NUMBER, FIELD(limit)},
    [OPTION_EXAMPLES] = {"--examples", "--examples K",
                         "past items to retrieve (default: the daemon's setting)", TYPE_NUMBER,
                         FIELD(examples)},
    [OPTION_BUDGET] = {"--budget", "--budget BYTES",
                       "the prompt's size at most (default: the daemon's setting)", TYPE_NUMBER,
                       FIELD(budget)},
    [OPTION_VERSION_NUMBER] = {"--version", "--version N",
                               "the version to go back to (default: the one before)", TYPE_NUMBER,
                               FIELD(version)},
    [OPTION_TRY] = {"--try", "--try", "show what the plugin finds in the query on standard input",
                    TYPE_SWITCH, FIELD(try)},
    [OPTION_NO_WAIT] = {"--no-wait", "--no-wait", "do not wait until every trace is gone from the files",
                        TYPE_SWITCH, FIELD(no_wait)},
    [OPTION_DRY_RUN] = {"--dry-run", "--dry-run", "only say what it would cost, at most", TYPE_SWITCH,
                        FIELD(dry_run)},
    [OPTION_MAX_COST] = {"--max-cost", "--max-cost MONEY",
                         "what LLMs may cost for it, in the currency of the backends' prices (such as 0.50)",
                         TYPE_TEXT, FIELD(max_cost)},
    [OPTION_DAYS] = {"--days", "--days N", "the last so many days (default 30)", TYPE_NUMBER, FIELD(days)},
};

const char *option_synopsis(OptionId option)
{
    return option_table[option].synopsis;
}

const char *option_meaning(OptionId option)
{
    return option_table[option].meaning;
}

void arguments_finish(Arguments *arguments)
{
    free(arguments->options);
    free(arguments->words);
    *arguments = (Arguments){0};
}

static bool read_number(const char *text, uint64_t *number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *number = value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static void append_word(char ***list, size_t *count, char *word)
{
    *list = memory_resize(*list, *count + 1, sizeof(char *));
    (*list)[(*count)++] = word;
}

static int store_value(Arguments *arguments, const Option *option, char *value, Status *status)
{
    void *field = (char *)arguments + option->offset;
    switch (option->type) {
    case TYPE_SWITCH:
        *(bool *)field = true;
        break;
    case TYPE_TEXT:
        *(const char **)field = value;
        break;
    case TYPE_TEXTS:
        append_word(&arguments->options, &arguments->option_count, value);
        break;
    case TYPE_NUMBER:
        if (!read_number(value, field))
            return status_refuse(status, STATUS_INVALID_ARGUMENT, "%s takes a whole number, not '%s'",
                                 option->name, value);
        break;
    }
    return 0;
}

/* The option that a word names, "--name" or "--name=value"; OPTION_COUNT where there is none. */
static OptionId find_option(const char *word)
{
    size_t length = strcspn(word, "=");
    for (OptionId id = 0; id < OPTION_COUNT; id++)
        if (strlen(option_table[id].name) == length && strncmp(option_table[id].name, word, length) == 0)
            return id;
    return OPTION_COUNT;
}

int arguments_read(Arguments *arguments, int count, char **words, uint32_t taken, Status *status)
{
    bool only_words = false;
    taken |= TAKES(OPTION_SOCKET) | TAKES(OPTION_JSON) | TAKES(OPTION_HELP);
    for (int i = 0; i < count; i++) {
        char *word = words[i];
        if (only_words || word[0] != '-' || word[1] == '\0') {
            append_word(&arguments->words, &arguments->word_count, word);
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        OptionId id = strcmp(word, "-h") == 0 ? OPTION_HELP : find_option(word);
        if (id == OPTION_COUNT || !(taken & TAKES(id)))
            return status_refuse(status, STATUS_INVALID_ARGUMENT, "there is no option %.*s here; see --help",
                                 (int)strcspn(word, "="), word);
        const Option *option = &option_table[id];
        char *value = strchr(word, '=');
        if (option->type == TYPE_SWITCH && value)
            return status_refuse(status, STATUS_INVALID_ARGUMENT, "%s takes no value", option->name);
        if (value)
            value++;
        else if (option->type != TYPE_SWITCH && i + 1 < count)
            value = words[++i];
        else if (option->type != TYPE_SWITCH)
            return status_refuse(status, STATUS_INVALID_ARGUMENT, "%s needs a value: %s", option->name,
                                 option->synopsis);
        int r = store_value(arguments, option, value, status);
        if (r)
            return r;
        arguments->given |= TAKES(id);
    }
    return 0;
}
