/* SPDX-License-Identifier: MIT */
#include "lib/plugin/descriptor.h"

#include "lib/base/memory.h"
#include "lib/plugin/limits.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static int extract(rpmd_call *call, const rpmd_query *query)
{
    (void)call;
    (void)query;
    return RPMD_DONE;
}

static int parse(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    (void)call;
    (void)query;
    (void)reply;
    return RPMD_NO_MATCH;
}

static const char *const two_labels[] = {"a", "b", NULL};
static const char *const one_label[] = {"a", NULL};
static const char *const same_labels[] = {"a", "b", "a", NULL};
static const char *const empty_label[] = {"a", "", NULL};

/* What each case changes; starts as a good plugin. */
static rpmd_prompt_texts texts;
static rpmd_lamp lamp;
static rpmd_self_test test;
static rpmd_plugin plugin;

static void reset(void)
{
    texts = (rpmd_prompt_texts){sizeof(texts), "Do it.", "query", "response", "a or b"};
    lamp = (rpmd_lamp){.struct_size = sizeof(lamp), .query_field = "q", .response_field = "r"};
    test = (rpmd_self_test){.struct_size = sizeof(test), .query = "q"};
    plugin = (rpmd_plugin){
        RPMD_PLUGIN_GUARD,
        .name = "task",
        .version = "1",
        .description = "A task.",
        .answer_kind = RPMD_ANSWER_LABELS,
        .labels = two_labels,
        .extract = extract,
        .parse_answer = parse,
        .prompt_texts = &texts,
        .lamp = &lamp,
        .self_tests = &test,
        .self_test_count = 1,
    };
}

static void expect(const char *message)
{
    PluginDescriptor descriptor;
    Status status = STATUS_INIT;
    int result = descriptor_read(&descriptor, "f.so", &plugin, &status);
    ck_assert_str_eq(status.message, message);
    ck_assert_int_eq(result, message[0] ? STATUS_REFUSED : 0);
    if (result == 0) {
        ck_assert_ptr_eq(descriptor.plugin.prompt_texts, &descriptor.prompt_texts);
        ck_assert_ptr_eq(descriptor.plugin.self_tests, descriptor.self_tests);
        ck_assert_str_eq(descriptor.plugin.self_tests[0].query, test.query);
    }
    descriptor_finish(&descriptor);
    reset();
}

#define EXPECT(change, message)                                                                              \
    do {                                                                                                     \
        change;                                                                                              \
        expect(message);                                                                                     \
    } while (0)

START_TEST(each_field_is_named)
{
    static char long_name[PLUGIN_TASK_NAME_LIMIT + 2];
    memset(long_name, 'a', sizeof(long_name) - 1);
    reset();
    expect("");
    EXPECT(plugin.lamp = NULL, "");
    EXPECT(plugin.reserved = 1, "f.so: descriptor: reserved is 1, expected 0");
    EXPECT(plugin.abi_minor = 7,
           "f.so: descriptor: abi_minor is 7, expected at most 0: the plugin needs a newer rpmd");
    EXPECT(plugin.struct_size += 8,
           "f.so: descriptor: plugin.struct_size is 152, expected 144: set it to sizeof, and "
           "build against this rpmd's plugin.h");
    EXPECT(plugin.name = NULL, "f.so: descriptor: name is NULL, expected a text");
    EXPECT(plugin.name = "", "f.so: descriptor: name is empty, expected a text");
    EXPECT(plugin.name = "9lives",
           "f.so: descriptor: name is \"9lives\", expected lower-case letters, digits and _, a letter first");
    EXPECT(plugin.name = long_name, "f.so: descriptor: name is longer than 63 bytes");
    EXPECT(plugin.version = "", "f.so: descriptor: version is empty, expected a text");
    EXPECT(plugin.description = "two\nlines",
           "f.so: descriptor: description is not UTF-8 without control characters and line breaks");
    EXPECT(plugin.description = "\xFF",
           "f.so: descriptor: description is not UTF-8 without control characters and line breaks");
    EXPECT(plugin.labels = NULL, "f.so: descriptor: labels has 0 entries, expected at least 2");
    EXPECT(plugin.labels = one_label, "f.so: descriptor: labels has 1 entries, expected at least 2");
    EXPECT(plugin.labels = same_labels, "f.so: descriptor: labels[2] is \"a\", which is labels[0] too");
    EXPECT(plugin.labels = empty_label, "f.so: descriptor: labels[1] is empty, expected a text");
    EXPECT(plugin.categories = same_labels,
           "f.so: descriptor: categories[2] is \"a\", which is categories[0] too");
    EXPECT(plugin.answer_kind = RPMD_ANSWER_ORDINAL,
           "f.so: descriptor: ordinal_min is 0 and ordinal_max 0, expected a smaller and a greater number");
    EXPECT((plugin.answer_kind = RPMD_ANSWER_ORDINAL, plugin.ordinal_min = INT32_MIN,
            plugin.ordinal_max = INT32_MAX),
           "f.so: descriptor: ordinal_min to ordinal_max has more than 101 values");
    EXPECT((plugin.answer_kind = RPMD_ANSWER_ORDINAL, plugin.ordinal_max = 100), "");
    EXPECT(
        plugin.answer_kind = RPMD_ANSWER_OPTIONS,
        "f.so: descriptor: option_class is NULL, expected a function: the answers are the query's options");
    EXPECT(plugin.parse_answer = NULL,
           "f.so: descriptor: parse_answer is NULL, expected a function: the answers are closed");
    EXPECT((plugin.answer_kind = RPMD_ANSWER_TEXT, plugin.parse_answer = NULL), "");
    EXPECT(plugin.answer_kind = (rpmd_answer_kind)0,
           "f.so: descriptor: answer_kind is 0, expected 1 (labels) to 4 (text)");
    EXPECT(plugin.extract = NULL, "f.so: descriptor: extract is NULL, expected a function");
    EXPECT(plugin.prompt_texts = NULL,
           "f.so: descriptor: prompt_texts is NULL, expected the texts that prompts are made of");
    EXPECT(texts.struct_size = 0,
           "f.so: descriptor: prompt_texts.struct_size is 0, expected 40: set it to sizeof, and "
           "build against this rpmd's plugin.h");
    EXPECT(texts.query_noun = NULL, "f.so: descriptor: prompt_texts.query_noun is NULL, expected a text");
    EXPECT(lamp.response_field = NULL, "f.so: descriptor: lamp.response_field is NULL, expected a text");
    EXPECT(lamp.input_end = "", "f.so: descriptor: lamp.input_end is empty, expected a text");
    EXPECT(plugin.self_test_count = 0,
           "f.so: descriptor: self_test_count is 0 or self_tests is NULL, expected at least one case");
    EXPECT(plugin.self_test_count = 1001, "f.so: descriptor: self_test_count is 1001, expected at most 1000");
    EXPECT(test.struct_size = 1,
           "f.so: descriptor: self_tests[0].struct_size is 1, expected 48: set it to sizeof, and "
           "build against this rpmd's plugin.h");
    EXPECT(test.query = "", "f.so: descriptor: self_tests[0].query is NULL or empty, expected a query");
}
END_TEST

/* A list that was not ended is not followed for ever. */
START_TEST(endless_lists)
{
    static char names[PLUGIN_LABEL_LIMIT + 1][8];
    static const char *labels[PLUGIN_LABEL_LIMIT + 2];
    for (size_t i = 0; i <= PLUGIN_LABEL_LIMIT; i++) {
        snprintf(names[i], sizeof(names[i]), "%zu", i);
        labels[i] = names[i];
    }
    reset();
    EXPECT(plugin.labels = labels,
           "f.so: descriptor: labels has more than 256 entries; does it end with NULL?");
}
END_TEST

START_TEST(shorter_structures_are_zero_beyond)
{
    struct {
        uint64_t size;
        uint64_t a;
        uint64_t b;
    } ours = {9, 9, 9}, theirs = {16, 5, 7};
    descriptor_copy_struct(&ours, sizeof(ours), &theirs, 16);
    ck_assert_uint_eq(ours.a, 5);
    ck_assert_uint_eq(ours.b, 0);
    descriptor_copy_struct(&ours, 16, &theirs, sizeof(theirs));
    ck_assert_uint_eq(ours.a, 5);
    ck_assert_uint_eq(ours.b, 0);
}
END_TEST

UNIT_TESTS("plugin/descriptor", each_field_is_named, endless_lists, shorter_structures_are_zero_beyond)
