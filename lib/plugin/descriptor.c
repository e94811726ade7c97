/* SPDX-License-Identifier: MIT */
#include "lib/plugin/descriptor.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/plugin/call.h"
#include "lib/plugin/limits.h"

#include <stdarg.h>
#include <stdio.h>

/* The sizes of version 1.0: the least that a plugin may bring. */
#define END_OF(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))
#define PLUGIN_SIZE_1_0 END_OF(rpmd_plugin, self_test_count)
#define PROMPT_TEXTS_SIZE_1_0 END_OF(rpmd_prompt_texts, answer_format)
#define LAMP_SIZE_1_0 END_OF(rpmd_lamp, input_options)
#define SELF_TEST_SIZE_1_0 END_OF(rpmd_self_test, expected_answer)

/* One check under way. Its functions return whether to go on. */
typedef struct Check {
    const char *file;
    Status *status;
} Check;

static bool _printf_(2, 3) refuse(const Check *check, const char *format, ...)
{
    char reason[STATUS_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    status_refuse(check->status, STATUS_FAILED_PRECONDITION, "%s: descriptor: %s", check->file, reason);
    return false;
}

void descriptor_copy_struct(void *to, size_t to_size, const void *from, size_t from_size)
{
    memset(to, 0, to_size);
    memcpy(to, from, MIN(to_size, from_size));
}

/* struct_size, the first field of a structure, must be between that of version 1.0 and ours. */
static bool check_size(const Check *check, const char *field, size_t found, size_t least, size_t ours)
{
    if (found >= least && found <= ours)
        return true;
    return refuse(
        check,
        "%s.struct_size is %zu, expected %zu: set it to sizeof, and build against this rpmd's plugin.h",
        field, found, ours);
}

static bool check_guard(const Check *check, const rpmd_plugin *given)
{
    if (given->abi_major != RPMD_ABI_MAJOR)
        return refuse(check, "abi_major is %u, expected %d: build the plugin against this rpmd's plugin.h",
                      given->abi_major, RPMD_ABI_MAJOR);
    if (given->abi_minor > RPMD_ABI_MINOR)
        return refuse(check, "abi_minor is %u, expected at most %d: the plugin needs a newer rpmd",
                      given->abi_minor, RPMD_ABI_MINOR);
    if (!check_size(check, "plugin", given->struct_size, PLUGIN_SIZE_1_0, sizeof(rpmd_plugin)))
        return false;
    if (given->reserved != 0)
        return refuse(check, "reserved is %u, expected 0", given->reserved);
    return true;
}

/* A string that is there, not empty, and fit for lists and prompts. */
static bool check_string(const Check *check, const char *field, const char *string, size_t limit)
{
    if (!string)
        return refuse(check, "%s is NULL, expected a text", field);
    rpmd_text text = {string, strnlen(string, limit + 1)};
    if (text.length == 0)
        return refuse(check, "%s is empty, expected a text", field);
    if (text.length > limit)
        return refuse(check, "%s is longer than %zu bytes", field, limit);
    if (!plugin_text_is_clean(text, limit))
        return refuse(check, "%s is not UTF-8 without control characters and line breaks", field);
    return true;
}

static bool check_name(const Check *check, const char *name)
{
    if (!check_string(check, "name", name, PLUGIN_TASK_NAME_LIMIT))
        return false;
    bool good = name[0] >= 'a' && name[0] <= 'z';
    for (const char *byte = name; *byte; byte++)
        good &= (*byte >= 'a' && *byte <= 'z') || (*byte >= '0' && *byte <= '9') || *byte == '_';
    return good ||
           refuse(check, "name is \"%s\", expected lower-case letters, digits and _, a letter first", name);
}

/* A NULL-terminated list of different short texts, at least `least` of them. */
static bool check_list(const Check *check, const char *field, const char *const *list, size_t least)
{
    char item[64];
    size_t count = 0;
    for (; list && list[count]; count++) {
        if (count == PLUGIN_LABEL_LIMIT)
            return refuse(check, "%s has more than %d entries; does it end with NULL?", field,
                          PLUGIN_LABEL_LIMIT);
        snprintf(item, sizeof(item), "%s[%zu]", field, count);
        if (!check_string(check, item, list[count], PLUGIN_NAME_LIMIT))
            return false;
        for (size_t i = 0; i < count; i++)
            if (strcmp(list[i], list[count]) == 0)
                return refuse(check, "%s is \"%s\", which is %s[%zu] too", item, list[count], field, i);
    }
    return count >= least || refuse(check, "%s has %zu entries, expected at least %zu", field, count, least);
}

static bool check_answers(const Check *check, const rpmd_plugin *plugin)
{
    switch (plugin->answer_kind) {
    case RPMD_ANSWER_LABELS:
        if (!check_list(check, "labels", plugin->labels, 2))
            return false;
        break;
    case RPMD_ANSWER_ORDINAL:
        if (plugin->ordinal_min >= plugin->ordinal_max)
            return refuse(check,
                          "ordinal_min is %d and ordinal_max %d, expected a smaller and a greater number",
                          plugin->ordinal_min, plugin->ordinal_max);
        if ((int64_t)plugin->ordinal_max - plugin->ordinal_min >= PLUGIN_ORDINAL_LIMIT)
            return refuse(check, "ordinal_min to ordinal_max has more than %d values", PLUGIN_ORDINAL_LIMIT);
        break;
    case RPMD_ANSWER_OPTIONS:
    case RPMD_ANSWER_TEXT:
        break;
    default:
        return refuse(check, "answer_kind is %d, expected 1 (labels) to 4 (text)", (int)plugin->answer_kind);
    }
    return true;
}

static bool check_functions(const Check *check, const rpmd_plugin *plugin)
{
    if (!plugin->extract)
        return refuse(check, "extract is NULL, expected a function");
    if (plugin->answer_kind == RPMD_ANSWER_OPTIONS && !plugin->option_class)
        return refuse(check,
                      "option_class is NULL, expected a function: the answers are the query's options");
    return plugin->answer_kind == RPMD_ANSWER_TEXT || plugin->parse_answer ||
           refuse(check, "parse_answer is NULL, expected a function: the answers are closed");
}

static bool check_prompt_texts(const Check *check, PluginDescriptor *descriptor)
{
    const rpmd_prompt_texts *given = descriptor->plugin.prompt_texts;
    if (!given)
        return refuse(check, "prompt_texts is NULL, expected the texts that prompts are made of");
    if (!check_size(check, "prompt_texts", given->struct_size, PROMPT_TEXTS_SIZE_1_0, sizeof(*given)))
        return false;
    rpmd_prompt_texts *texts = &descriptor->prompt_texts;
    descriptor_copy_struct(texts, sizeof(*texts), given, given->struct_size);
    descriptor->plugin.prompt_texts = texts;
    return check_string(check, "prompt_texts.task", texts->task, PLUGIN_STRING_LIMIT) &&
           check_string(check, "prompt_texts.query_noun", texts->query_noun, PLUGIN_STRING_LIMIT) &&
           check_string(check, "prompt_texts.response_noun", texts->response_noun, PLUGIN_STRING_LIMIT) &&
           check_string(check, "prompt_texts.answer_format", texts->answer_format, PLUGIN_STRING_LIMIT);
}

static bool check_lamp(const Check *check, PluginDescriptor *descriptor)
{
    const rpmd_lamp *given = descriptor->plugin.lamp;
    if (!given)
        return true;
    if (!check_size(check, "lamp", given->struct_size, LAMP_SIZE_1_0, sizeof(*given)))
        return false;
    rpmd_lamp *lamp = &descriptor->lamp;
    descriptor_copy_struct(lamp, sizeof(*lamp), given, given->struct_size);
    descriptor->plugin.lamp = lamp;
    const struct {
        const char *field;
        const char *string;
        bool required;
    } strings[] = {
        {"lamp.query_field", lamp->query_field, true},
        {"lamp.response_field", lamp->response_field, true},
        {"lamp.options_field", lamp->options_field, false},
        {"lamp.input_begin", lamp->input_begin, false},
        {"lamp.input_end", lamp->input_end, false},
        {"lamp.input_options", lamp->input_options, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
        if ((strings[i].required || strings[i].string) &&
            !check_string(check, strings[i].field, strings[i].string, PLUGIN_STRING_LIMIT))
            return false;
    return true;
}

static bool check_self_tests(const Check *check, PluginDescriptor *descriptor)
{
    rpmd_plugin *plugin = &descriptor->plugin;
    size_t count = plugin->self_test_count;
    if (count == 0 || !plugin->self_tests)
        return refuse(check, "self_test_count is 0 or self_tests is NULL, expected at least one case");
    if (count > PLUGIN_SELF_TEST_LIMIT)
        return refuse(check, "self_test_count is %zu, expected at most %d", count, PLUGIN_SELF_TEST_LIMIT);
    descriptor->self_tests = NEW_ARRAY(rpmd_self_test, count);
    /* An older minor's array has smaller elements. */
    size_t stride = plugin->self_tests[0].struct_size;
    for (size_t i = 0; i < count; i++) {
        char field[32];
        snprintf(field, sizeof(field), "self_tests[%zu]", i);
        const rpmd_self_test *given = (const void *)((const char *)plugin->self_tests + i * stride);
        if (!check_size(check, field, given->struct_size, SELF_TEST_SIZE_1_0, sizeof(*given)))
            return false;
        if (given->struct_size != stride)
            return refuse(check, "%s.struct_size is %zu, but self_tests[0] has %zu", field,
                          given->struct_size, stride);
        rpmd_self_test *test = &descriptor->self_tests[i];
        descriptor_copy_struct(test, sizeof(*test), given, given->struct_size);
        if (!test->query || !test->query[0])
            return refuse(check, "%s.query is NULL or empty, expected a query", field);
        if (plugin->answer_kind == RPMD_ANSWER_OPTIONS && (!test->options || !test->options[0]))
            return refuse(check, "%s.options is NULL or empty, expected the options of its query", field);
    }
    plugin->self_tests = descriptor->self_tests;
    return true;
}

/* What is data. */
static bool check_texts(const Check *check, PluginDescriptor *descriptor)
{
    const rpmd_plugin *plugin = &descriptor->plugin;
    return check_name(check, plugin->name) &&
           check_string(check, "version", plugin->version, PLUGIN_TASK_NAME_LIMIT) &&
           check_string(check, "description", plugin->description, PLUGIN_STRING_LIMIT) &&
           check_answers(check, plugin) && check_list(check, "categories", plugin->categories, 0) &&
           check_prompt_texts(check, descriptor) && check_lamp(check, descriptor);
}

int descriptor_read(PluginDescriptor *descriptor, const char *file, const rpmd_plugin *given, Status *status)
{
    *descriptor = (PluginDescriptor){0};
    Check check = {.file = file, .status = status};
    if (!given) {
        refuse(&check, "%s returned NULL, expected a descriptor", RPMD_PLUGIN_ENTRY);
        return STATUS_REFUSED;
    }
    if (!check_guard(&check, given))
        return STATUS_REFUSED;
    descriptor_copy_struct(&descriptor->plugin, sizeof(descriptor->plugin), given, given->struct_size);
    if (check_texts(&check, descriptor) && check_functions(&check, &descriptor->plugin) &&
        check_self_tests(&check, descriptor))
        return 0;
    descriptor_finish(descriptor);
    return STATUS_REFUSED;
}

int descriptor_read_texts(PluginDescriptor *descriptor, const char *file, const rpmd_plugin *given,
                          Status *status)
{
    Check check = {.file = file, .status = status};
    *descriptor = (PluginDescriptor){.plugin = *given};
    if (check_guard(&check, given) && check_texts(&check, descriptor))
        return 0;
    descriptor_finish(descriptor);
    return STATUS_REFUSED;
}

void descriptor_finish(PluginDescriptor *descriptor)
{
    free(descriptor->self_tests);
    *descriptor = (PluginDescriptor){0};
}
