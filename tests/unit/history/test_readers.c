/* SPDX-License-Identifier: MIT */
#include "lib/base/buffer.h"
#include "lib/base/text.h"
#include "lib/history/jsonl.h"
#include "lib/history/lamp.h"
#include "lib/history/time.h"
#include "tests/unit/unit.h"

/* A sink that writes down what it gets. */
static int write_record(void *userdata, const char *origin, const HistoryRecord *record)
{
    Buffer *text = userdata;
    buffer_append_format(text, "%s: %.*s/%.*s %.*s -> %.*s @%ld", origin, TEXT_ARGS(record->user),
                         TEXT_ARGS(record->id), TEXT_ARGS(record->query), TEXT_ARGS(record->response),
                         (long)record->time_us);
    for (size_t i = 0; i < record->option_count; i++)
        buffer_append_format(text, " |%.*s", TEXT_ARGS(record->options[i]));
    for (size_t i = 0; i < record->meta_count; i++)
        buffer_append_format(text, " %.*s=%.*s", TEXT_ARGS(record->meta[i].key),
                             TEXT_ARGS(record->meta[i].value));
    buffer_append_string(text, "\n");
    return 0;
}

static int write_reject(void *userdata, const char *origin, rpmd_text user, rpmd_text id, const char *reason)
{
    buffer_append_format(userdata, "%s: %.*s/%.*s rejected: %s\n", origin, TEXT_ARGS(user), TEXT_ARGS(id),
                         reason);
    return 0;
}

static HistorySink writing_sink(Buffer *text)
{
    return (HistorySink){.record = write_record, .reject = write_reject, .userdata = text};
}

static void check_jsonl(const char *lines, const char *expected)
{
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    HistorySink sink = writing_sink(&text);
    ck_assert_int_eq(jsonl_read(text_of(lines), &sink), 0);
    ck_assert_str_eq(buffer_string(&text), expected);
}

START_TEST(test_jsonl_records)
{
    check_jsonl(
        "{\"user\":\"u\",\"query\":\"q\",\"response\":\"r\"}\n"
        "\r\n  \n"
        "{\"user\":7,\"id\":\"i\",\"query\":\"q2\",\"response\":4.5,\"time\":\"1970-01-02T00:00:00Z\","
        "\"options\":[\"a\",2],\"meta\":{\"k\":true}}",
        "line 1: u/ q -> r @0\n"
        "line 4: 7/i q2 -> 4.5 @86400000000 |a |2 k=true\n");
}
END_TEST

START_TEST(test_jsonl_rejects)
{
    check_jsonl(
        "{\"user\":\"u\"}\nnonsense\n[1]\n{\"user\":\"u\",\"query\":\"q\",\"response\":null}\n"
        "{\"user\":\"u\",\"id\":\"x\",\"query\":\"q\",\"response\":\"r\",\"time\":\"yesterday\"}\n"
        "{\"user\":\"u\",\"query\":\"q\",\"response\":\"r\",\"options\":\"a\"}\n",
        "line 1: u/ rejected: \"query\" is missing or not a text\n"
        "line 2: / rejected: not JSON: '[' or '{' expected near 'nonsense' (column 8)\n"
        "line 3: / rejected: the line is not a JSON object; write {\"user\": …, \"query\": …, \"response\": "
        "…}\n"
        "line 4: u/ rejected: \"response\" is missing or not a text\n"
        "line 5: u/x rejected: \"time\" is neither RFC 3339 (2024-05-01T12:00:00Z) nor seconds since 1970\n"
        "line 6: u/ rejected: \"options\" is not a list of at most 256 texts\n");
}
END_TEST

static int stop_at_first(void *userdata, const char *origin, const HistoryRecord *record)
{
    (void)origin, (void)record;
    (*(int *)userdata)++;
    return 5;
}

START_TEST(test_jsonl_sink_stops)
{
    int calls = 0;
    HistorySink sink = {.record = stop_at_first, .reject = write_reject, .userdata = &calls};
    const char *line = "{\"user\":\"u\",\"query\":\"q\",\"response\":\"r\"}\n{\"user\":\"u\",\"query\":\"q\","
                       "\"response\":\"r\"}";
    ck_assert_int_eq(jsonl_read(text_of(line), &sink), 5);
    ck_assert_int_eq(calls, 1);
}
END_TEST

static const LampFields movie_fields = {.query = "description", .response = "tag"};

START_TEST(test_lamp_profiles_once)
{
    static const char file[] =
        "[{\"id\":\"1\",\"user_id\":\"u\",\"input\":\"x\",\"profile\":[{\"id\":\"a\",\"description\":\"d\","
        "\"tag\":\"t\"},"
        "{\"id\":\"b\",\"description\":\"d\",\"tag\":\"t\",\"date\":\"1970-01-01\"}]},"
        "{\"id\":\"2\",\"user_id\":\"u\",\"profile\":[{\"id\":\"a\",\"description\":\"d\",\"tag\":\"t\"},"
        "{\"id\":\"b\",\"description\":\"d\",\"tag\":\"other\"},{\"id\":\"c\",\"tag\":1}]},"
        "{\"id\":\"3\",\"profile\":[{\"id\":\"a\",\"description\":\"d\",\"tag\":5}]},{\"user_id\":\"v\"},{}]";
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    HistorySink sink = writing_sink(&text);
    Status status = STATUS_INIT;
    ck_assert_int_eq(lamp_read(text_of(file), &movie_fields, &sink, &status), 0);
    ck_assert_str_eq(buffer_string(&text),
                     "question 0, entry 0: u/a d -> t @0\n"
                     "question 0, entry 1: u/b d -> t @0\n"
                     "question 1, entry 1: u/b d -> other @0\n"
                     "question 1, entry 2: u/c rejected: \"description\" is missing or not a text\n"
                     "question 2, entry 0: 3/a d -> 5 @0\n"
                     "question 3: v/ rejected: \"profile\" is missing or not a list\n"
                     "question 4: / rejected: it has neither \"user_id\" nor \"id\"\n");
}
END_TEST

START_TEST(test_lamp_refuses_other_files)
{
    HistorySink sink = {0};
    Status status = STATUS_INIT;
    ck_assert_int_eq(lamp_read(text_of("{}"), &movie_fields, &sink, &status), STATUS_REFUSED);
    ck_assert_str_eq(status.message, "a LaMP file is a list of questions, and this one is not a list; "
                                     "for one JSON object a line give --format jsonl");
    ck_assert_int_eq(lamp_read(text_of("[{]"), &movie_fields, &sink, &status), STATUS_REFUSED);
    ck_assert_ptr_nonnull(strstr(status.message, "the file is not JSON: "));
    ck_assert(lamp_is_likely(text_of(" \n[")));
    ck_assert(!lamp_is_likely(text_of("{\"user\":1}")));
    ck_assert(!lamp_is_likely(text_of("")));
}
END_TEST

START_TEST(test_lamp_unwrap)
{
    static const LampWrapping wrapping = {"What is the score", "review: ", " options: ["};
    static const struct {
        const char *input, *query, *options;
    } cases[] = {
        {"What is the score of it? review: fine.\n", "fine.", ""},
        {"What is the score of it, says review: a review: fine", "a review: fine", ""},
        {"  a plain text, review: not wrapped ", "a plain text, review: not wrapped", ""},
        {"Is it so? options: [Yes, a; No; DK]", "Is it so?", "Yes, a|No|DK|"},
        {"Is it options: [so] or so? options: [Yes]", "Is it options: [so] or so?", "Yes|"},
        {"a text in brackets []", "a text in brackets []", ""},
        {"", "", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        _cleanup_buffer_ Buffer joined = BUFFER_INIT;
        rpmd_text query;
        const rpmd_text *options = NULL;
        size_t count = 0;
        lamp_unwrap(&arena, &wrapping, text_of(cases[i].input), &query, &options, &count);
        for (size_t k = 0; k < count; k++)
            buffer_append_format(&joined, "%.*s|", TEXT_ARGS(options[k]));
        ck_assert_msg(text_equal_string(query, cases[i].query), "%s", cases[i].input);
        ck_assert_str_eq(buffer_string(&joined), cases[i].options);
    }
}
END_TEST

START_TEST(test_time)
{
    static const struct {
        const char *text;
        bool valid;
        int64_t time_us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"1970-01-01", true, 0},
        {"2000-02-29T12:34:56.5Z", true, 951827696500000},
        {"2000-02-29 12:34:56+02:00", true, 951820496000000},
        {"1969-12-31T23:59:59Z", true, -1000000},
        {"1714521600", true, 1714521600000000},
        {"1714521600.25", true, 1714521600250000},
        {"-5", true, -5000000},
        {"2001-02-29", false, 0},
        {"2001-13-01", false, 0},
        {"2001-01-01T25:00:00Z", false, 0},
        {"2001-01-01T00:00:00", false, 0},
        {"2001-01-01T00:00:00Zx", false, 0},
        {"1e999", false, 0},
        {"nan", false, 0},
        {"", false, 0},
        {"2001-01-01T00:00:00.000000000000000000000000000000000Z", false, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t time_us = 0;
        ck_assert_msg(history_time_parse(text_of(cases[i].text), &time_us) == cases[i].valid, "%s",
                      cases[i].text);
        if (cases[i].valid)
            ck_assert_msg(time_us == cases[i].time_us, "%s: %ld", cases[i].text, (long)time_us);
    }
}
END_TEST

UNIT_TESTS("history", test_jsonl_records, test_jsonl_rejects, test_jsonl_sink_stops, test_lamp_profiles_once,
           test_lamp_refuses_other_files, test_lamp_unwrap, test_time)
