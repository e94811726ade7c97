/* SPDX-License-Identifier: MIT */
#include "lib/llm/reply_json.h"

#include "lib/base/buffer.h"
#include "lib/base/memory.h"
#include "tests/unit/unit.h"

static char *found_in(const char *reply, size_t length)
{
    json_t *value = reply_json((rpmd_text){reply, length});
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    return text;
}

START_TEST(test_objects_are_found)
{
    static const struct {
        const char *reply, *expected; /* NULL: none */
    } cases[] = {
        {"{\"a\":1}", "{\"a\":1}"},
        {"Sure!\n```json\n{\"a\":[1,2]}\n```\nAnything else?", "{\"a\":[1,2]}"},
        {"a {brace} and then {\"a\":\"}{\\\"\"} more", "{\"a\":\"}{\\\"\"}"},
        {"{\"a\":1} {\"b\":2}", "{\"a\":1}"},
        {"[{\"a\":1}]", "{\"a\":1}"},
        {"{\"a\":[{\"n\":1},{\"n\":2},{\"n\":", "{\"a\":[{\"n\":1},{\"n\":2}]}"},
        {"{\"a\":[1,2,3", "{\"a\":[1,2]}"},
        {"{\"a\":{\"b\":\"c\"", NULL},
        {"no object", NULL},
        {"{not json}", NULL},
        {"", NULL},
        {"{", NULL},
        {"{\"a\":\"\\u0000\"}", NULL},
        {"{\"a\":\"\xFF\"}", NULL},
        {"{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_free_ char *text = found_in(cases[i].reply, strlen(cases[i].reply));
        if (cases[i].expected)
            ck_assert_msg(text && strcmp(text, cases[i].expected) == 0, "%s: %s", cases[i].reply,
                          text ? text : "none");
        else
            ck_assert_msg(!text, "%s: %s", cases[i].reply, text);
    }
}
END_TEST

/* Wherever a reply breaks off: elements that were complete are there, and nothing else. */
START_TEST(test_cut_anywhere)
{
    static const char whole[] =
        "Here: {\"queries\":[{\"query\":1,\"features\":[{\"name\":\"a \\\"b\\\" {c}\",\"x\":[1,{\"y\":2}]},"
        "{\"name\":\"d\"}]},{\"query\":2,\"features\":[]}]} done";
    size_t last = 0;
    for (size_t length = 0; length <= strlen(whole); length++) {
        json_t *value = reply_json((rpmd_text){whole, length});
        const json_t *queries = json_object_get(value, "queries");
        const json_t *features = json_object_get(json_array_get(queries, 0), "features");
        size_t count = json_array_size(queries) + json_array_size(features);
        ck_assert_msg(count + 1 >= last, "%zu bytes: %zu after %zu", length, count, last);
        last = MAX(last, count);
        json_decref(value);
    }
    ck_assert_uint_eq(last, 4);
}
END_TEST

START_TEST(test_noise_is_read_once)
{
    _cleanup_buffer_ Buffer noise = BUFFER_INIT;
    for (int i = 0; i < 100000; i++)
        buffer_append_string(&noise, "{[");
    ck_assert_ptr_null(reply_json((rpmd_text){noise.data, noise.length}));
}
END_TEST

UNIT_TESTS("llm/reply_json", test_objects_are_found, test_cut_anywhere, test_noise_is_read_once)
