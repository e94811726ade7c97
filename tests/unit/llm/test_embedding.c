/* SPDX-License-Identifier: MIT */
#include "lib/llm/embedding.h"

#include "lib/llm/stages/embed.h"
#include "tests/unit/unit.h"

START_TEST(requests)
{
    _cleanup_buffer_ Buffer body = BUFFER_INIT;
    llm_embedding_append(&body, "m \"1\"", text_of("[\"a\"]"));
    ck_assert_str_eq(buffer_string(&body), "{\"model\":\"m \\\"1\\\"\",\"input\":[\"a\"]}");
}
END_TEST

START_TEST(vectors_have_length_1)
{
    LlmReply reply = {0};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    ck_assert(llm_embedding_take(&reply, text_of("{\"data\":[{\"index\":0,\"embedding\":[3,-4.0]},"
                                                 "{\"index\":1,\"embedding\":[0,1e-3]}],"
                                                 "\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7}}")));
    ck_assert_uint_eq(reply.usage.prompt_tokens, 7);
    ck_assert_uint_eq(reply.usage.completion_tokens, 0);
    ck_assert_int_eq(reply.finish, LLM_FINISH_STOP);
    Embedding embeddings[2];
    rpmd_text lines = {buffer_string(&reply.text), reply.text.length};
    ck_assert_ptr_null(embed_parse(lines, "m", 2, &arena, embeddings));
    ck_assert_uint_eq(embeddings[0].count, 2);
    ck_assert_float_eq_tol(embeddings[0].values[0], 0.6F, 1e-6F);
    ck_assert_float_eq_tol(embeddings[0].values[1], -0.8F, 1e-6F);
    ck_assert_float_eq_tol(embeddings[1].values[1], 1, 1e-6F);
    ck_assert(embeddings[0].space == embeddings[1].space);
    ck_assert_str_eq(embed_parse(lines, "m", 3, &arena, (Embedding[3]){0}),
                     "it has not one vector for each text");
    ck_assert_str_eq(embed_parse(lines, "m", 1, &arena, embeddings),
                     "it has more vectors than there are texts");
    uint64_t space = embeddings[0].space;
    ck_assert_ptr_null(embed_parse(lines, "other", 2, &arena, embeddings));
    ck_assert(embeddings[0].space != space);
    llm_reply_finish(&reply);
}
END_TEST

START_TEST(replies_that_are_none)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"data\":[]}",
        "{\"data\":[{\"embedding\":[]}]}",
        "{\"data\":[{\"embedding\":[0,0]}]}",
        "{\"data\":[{\"embedding\":[1,\"2\"]}]}",
        "{\"data\":[{\"embedding\":\"AAAA\"}]}",
        "{\"data\":[{\"embedding\":[1e300,1e300]}]}",
        "{\"data\":[{\"index\":1,\"embedding\":[1]}]}",
        "{\"data\":[{\"embedding\":[1,2]},{\"embedding\":[1]}]}",
        "{\"data\":[{\"embedding\":[1,2]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        LlmReply reply = {0};
        ck_assert_msg(!llm_embedding_take(&reply, text_of(bodies[i])), "%s", bodies[i]);
        llm_reply_finish(&reply);
    }
    _cleanup_arena_ Arena arena = ARENA_INIT;
    static const char *const lines[] = {"", "AAAA", "!!!!\n", "AAA=\n", "\n"};
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        Embedding embedding;
        ck_assert_str_eq(embed_parse(text_of(lines[i]), "m", 1, &arena, &embedding),
                         "it has not one vector for each text");
    }
}
END_TEST

START_TEST(the_text_of_features)
{
    AnalyzedFeature features[] = {{.name = text_of("slow \"pace\""), .context = text_of("it drags")},
                                  {.name = text_of("tense ending")}};
    char long_name[EMBED_TEXT_BYTES + 2];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    AnalyzedFeature longest = {.name = text_of(long_name)};
    const Analysis first = {.features = features, .feature_count = 2};
    const Analysis second = {.features = &longest, .feature_count = 1};
    StageAsk ask = {0};
    embed_ask(&ask, (const Analysis *const[]){&first}, 1);
    ck_assert_str_eq(buffer_string(&ask.prompt), "[\"slow \\\"pace\\\": it drags; tense ending\"]");
    ck_assert_ptr_null(ask.schema);
    buffer_clear(&ask.prompt);
    embed_ask(&ask, (const Analysis *const[]){&second, &first}, 2);
    ck_assert_uint_eq(strspn(ask.prompt.data + 2, "x"), EMBED_TEXT_BYTES);
    stage_ask_finish(&ask);
}
END_TEST

UNIT_TESTS("embedding", requests, vectors_have_length_1, replies_that_are_none, the_text_of_features)
