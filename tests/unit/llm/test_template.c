/* SPDX-License-Identifier: MIT */
#include "lib/llm/template.h"

#include "tests/unit/unit.h"

static const PromptPlace places[] = {{"noun", false}, {"items", true}};

static int read_template(PromptTemplate *prompt, const char *source, Status *status)
{
    *prompt = (PromptTemplate){0};
    return prompt_template_read(prompt, text_of(source), "p.txt", places, 2, status);
}

START_TEST(test_places_are_filled)
{
    PromptTemplate prompt;
    Status status = STATUS_INIT;
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    const rpmd_text values[] = {text_of("film"), text_of("{{noun}} stays")};
    ck_assert_int_eq(read_template(&prompt,
                                   "## for editors: {{whatever}}\n##\nOne {{noun}}, {{noun}}s.\n{{items}}!\n",
                                   &status),
                     0);
    prompt_template_append(&text, &prompt, values);
    ck_assert_str_eq(buffer_string(&text), "One film, films.\n{{noun}} stays!\n");
    prompt_template_finish(&prompt);
}
END_TEST

START_TEST(test_what_is_wrong_is_said)
{
    static const struct {
        const char *source, *message;
    } cases[] = {
        {"{{items}}\n{{nuon}}\n", "p.txt, line 2: there is no {{nuon}}; there are {{noun}}, {{items}}"},
        {"## c\n{{items}} {{noun\n}}\n", "p.txt, line 2: {{ is not closed by }} on its line"},
        {"{{items}} {{", "p.txt, line 1: {{ is not closed by }} on its line"},
        {"only {{noun}}\n", "p.txt has no {{items}}, without which it cannot work"},
        {"{{items}} \xFF", "p.txt is not UTF-8 text; save it as UTF-8"},
        {"", "p.txt has no {{items}}, without which it cannot work"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        PromptTemplate prompt;
        Status status = STATUS_INIT;
        ck_assert_int_eq(read_template(&prompt, cases[i].source, &status), STATUS_REFUSED);
        ck_assert_str_eq(status.message, cases[i].message);
        ck_assert_ptr_null(prompt.source);
    }
}
END_TEST

START_TEST(test_length_has_a_limit)
{
    Status status = STATUS_INIT;
    PromptTemplate prompt = {0};
    _cleanup_buffer_ Buffer source = BUFFER_INIT;
    while (source.length <= PROMPT_TEMPLATE_LIMIT)
        buffer_append_string(&source, "{{items}}");
    ck_assert_int_eq(
        prompt_template_read(&prompt, (rpmd_text){source.data, source.length}, "p.txt", places, 2, &status),
        STATUS_REFUSED);
    ck_assert_str_eq(status.message, "p.txt is longer than 65536 bytes; shorten it");
}
END_TEST

UNIT_TESTS("llm/template", test_places_are_filled, test_what_is_wrong_is_said, test_length_has_a_limit)
