/* SPDX-License-Identifier: MIT */

/*
 * Prints the layout of the public header that it was compiled with, one fact a line:
 *     structure rpmd_text 16              its size
 *     field rpmd_text.length 8 8          its offset and size
 *     enumeration rpmd_log_level 4        its size
 *     constant RPMD_DONE 0
 *     macro RPMD_PLUGIN_ENTRY rpmd_plugin_entry
 * tests/abi/compare.sh holds this against the header's text: what the header has and this list has not is a
 * failure. What a minor adds is listed under `#if RPMD_ABI_MINOR >= …`, because older headers lack it.
 */

#include <rpmd/plugin.h>

#include <stdio.h>

#define STRUCTURE(type) printf("structure %s %zu\n", #type, sizeof(type))
#define FIELD(type, field)                                                                                   \
    printf("field %s.%s %zu %zu\n", #type, #field, offsetof(type, field), sizeof(((type *)NULL)->field))
#define ENUMERATION(type) printf("enumeration %s %zu\n", #type, sizeof(type))
#define CONSTANT(name) printf("constant %s %ld\n", #name, (long)(name))
#define TEXT_MACRO(name) printf("macro %s %s\n", #name, name)
#define NUMBER_MACRO(name) printf("macro %s %ld\n", #name, (long)(name))

static void print_texts_and_constants(void)
{
    STRUCTURE(rpmd_text);
    FIELD(rpmd_text, data);
    FIELD(rpmd_text, length);

    STRUCTURE(rpmd_span);
    FIELD(rpmd_span, begin);
    FIELD(rpmd_span, end);

    CONSTANT(RPMD_DONE);
    CONSTANT(RPMD_FAILED);
    CONSTANT(RPMD_NO_MATCH);
    CONSTANT(RPMD_STOPPED);

    ENUMERATION(rpmd_answer_kind);
    CONSTANT(RPMD_ANSWER_LABELS);
    CONSTANT(RPMD_ANSWER_ORDINAL);
    CONSTANT(RPMD_ANSWER_OPTIONS);
    CONSTANT(RPMD_ANSWER_TEXT);

    CONSTANT(RPMD_TOKEN_WORD);
    CONSTANT(RPMD_TOKEN_NUMBER);
    CONSTANT(RPMD_TOKEN_PUNCTUATION);
    CONSTANT(RPMD_TOKEN_CAPITALIZED);
    CONSTANT(RPMD_TOKEN_UPPER);
    CONSTANT(RPMD_TOKEN_STOPWORD);
    CONSTANT(RPMD_TOKEN_SENTENCE_START);

    ENUMERATION(rpmd_log_level);
    CONSTANT(RPMD_LOG_DEBUG);
    CONSTANT(RPMD_LOG_INFO);
    CONSTANT(RPMD_LOG_WARNING);

    TEXT_MACRO(RPMD_PLUGIN_ENTRY);
    TEXT_MACRO(RPMD_PLUGIN_NOTE_NAME);
    NUMBER_MACRO(RPMD_PLUGIN_NOTE_TYPE);
}

static void print_what_calls_exchange(void)
{
    STRUCTURE(rpmd_query);
    FIELD(rpmd_query, struct_size);
    FIELD(rpmd_query, text);
    FIELD(rpmd_query, options);
    FIELD(rpmd_query, option_count);

    STRUCTURE(rpmd_feature);
    FIELD(rpmd_feature, struct_size);
    FIELD(rpmd_feature, name);
    FIELD(rpmd_feature, context);
    FIELD(rpmd_feature, category);
    FIELD(rpmd_feature, polarity);
    FIELD(rpmd_feature, strength);
    FIELD(rpmd_feature, evidence);

    STRUCTURE(rpmd_trait);
    FIELD(rpmd_trait, struct_size);
    FIELD(rpmd_trait, name);
    FIELD(rpmd_trait, meaning);

    STRUCTURE(rpmd_option_class);
    FIELD(rpmd_option_class, struct_size);
    FIELD(rpmd_option_class, answer_class);
    FIELD(rpmd_option_class, position);

    STRUCTURE(rpmd_judgement);
    FIELD(rpmd_judgement, struct_size);
    FIELD(rpmd_judgement, influenced);
    FIELD(rpmd_judgement, polarity);

    STRUCTURE(rpmd_token);
    FIELD(rpmd_token, span);
    FIELD(rpmd_token, flags);
    FIELD(rpmd_token, sentence);
    FIELD(rpmd_token, lower);
    FIELD(rpmd_token, stem);

    STRUCTURE(rpmd_call);
    FIELD(rpmd_call, struct_size);
    FIELD(rpmd_call, host);

    STRUCTURE(rpmd_host);
    FIELD(rpmd_host, struct_size);
    FIELD(rpmd_host, abi_major);
    FIELD(rpmd_host, abi_minor);
    FIELD(rpmd_host, allocate);
    FIELD(rpmd_host, emit_feature);
    FIELD(rpmd_host, emit_trait);
    FIELD(rpmd_host, set_answer);
    FIELD(rpmd_host, tokenize);
    FIELD(rpmd_host, fail);
    FIELD(rpmd_host, log);
    FIELD(rpmd_host, expired);
}

static void print_descriptor(void)
{
    STRUCTURE(rpmd_lamp);
    FIELD(rpmd_lamp, struct_size);
    FIELD(rpmd_lamp, query_field);
    FIELD(rpmd_lamp, response_field);
    FIELD(rpmd_lamp, options_field);
    FIELD(rpmd_lamp, input_begin);
    FIELD(rpmd_lamp, input_end);
    FIELD(rpmd_lamp, input_options);

    STRUCTURE(rpmd_prompt_texts);
    FIELD(rpmd_prompt_texts, struct_size);
    FIELD(rpmd_prompt_texts, task);
    FIELD(rpmd_prompt_texts, query_noun);
    FIELD(rpmd_prompt_texts, response_noun);
    FIELD(rpmd_prompt_texts, answer_format);

    STRUCTURE(rpmd_self_test);
    FIELD(rpmd_self_test, struct_size);
    FIELD(rpmd_self_test, query);
    FIELD(rpmd_self_test, options);
    FIELD(rpmd_self_test, expected_features);
    FIELD(rpmd_self_test, reply);
    FIELD(rpmd_self_test, expected_answer);

    STRUCTURE(rpmd_plugin);
    FIELD(rpmd_plugin, struct_size);
    FIELD(rpmd_plugin, abi_major);
    FIELD(rpmd_plugin, abi_minor);
    FIELD(rpmd_plugin, reserved);
    FIELD(rpmd_plugin, name);
    FIELD(rpmd_plugin, version);
    FIELD(rpmd_plugin, description);
    FIELD(rpmd_plugin, answer_kind);
    FIELD(rpmd_plugin, labels);
    FIELD(rpmd_plugin, ordinal_min);
    FIELD(rpmd_plugin, ordinal_max);
    FIELD(rpmd_plugin, categories);
    FIELD(rpmd_plugin, extract);
    FIELD(rpmd_plugin, option_class);
    FIELD(rpmd_plugin, parse_answer);
    FIELD(rpmd_plugin, judge);
    FIELD(rpmd_plugin, describe_answer);
    FIELD(rpmd_plugin, prompt_texts);
    FIELD(rpmd_plugin, lamp);
    FIELD(rpmd_plugin, self_tests);
    FIELD(rpmd_plugin, self_test_count);

    STRUCTURE(rpmd_plugin_note);
    FIELD(rpmd_plugin_note, name_size);
    FIELD(rpmd_plugin_note, descriptor_size);
    FIELD(rpmd_plugin_note, type);
    FIELD(rpmd_plugin_note, name);
    FIELD(rpmd_plugin_note, abi_major);
    FIELD(rpmd_plugin_note, abi_minor);
}

int main(void)
{
    print_texts_and_constants();
    print_what_calls_exchange();
    print_descriptor();
    return 0;
}
