/* SPDX-License-Identifier: MIT */
#include "lib/worker/message.h"

#include "lib/base/text.h"
#include "lib/plugin/limits.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdio.h>

#define TEXT(string)                                                                                         \
    {                                                                                                        \
        string, sizeof(string) - 1                                                                           \
    }

static const void *body(const Buffer *buffer, uint32_t *length)
{
    ck_assert_int_eq(frame_peek(buffer, UINT32_MAX, length), 1);
    ck_assert_uint_eq(buffer->length, WORKER_FRAME_HEAD + *length);
    return buffer->data + WORKER_FRAME_HEAD;
}

START_TEST(requests)
{
    rpmd_text options[] = {TEXT("yes"), TEXT("n\0o")};
    AnalysisRequest items[] = {
        {.query = TEXT("Is it?"),
         .options = options,
         .option_count = 2,
         .response = TEXT("yes"),
         .has_response = true,
         .answer_only = true},
        {.query = TEXT("")},
    };
    WorkerRequest request = {
        .number = 7, .kind = WORKER_ANALYZE, .deadline_ns = 123456789012345, .items = items, .item_count = 2};
    _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    WorkerRequest read;
    const void *message;
    uint32_t length;
    worker_request_append(&buffer, &request);
    message = body(&buffer, &length);
    ck_assert(worker_request_read(&read, &arena, message, length));
    ck_assert_uint_eq(read.number, 7);
    ck_assert_int_eq(read.kind, WORKER_ANALYZE);
    ck_assert_uint_eq(read.deadline_ns, 123456789012345);
    ck_assert_uint_eq(read.item_count, 2);
    ck_assert(text_equal(read.items[0].query, items[0].query));
    ck_assert_uint_eq(read.items[0].option_count, 2);
    ck_assert(text_equal(read.items[0].options[1], options[1]));
    ck_assert(text_equal(read.items[0].response, items[0].response));
    ck_assert(read.items[0].has_response && read.items[0].answer_only);
    ck_assert_uint_eq(read.items[1].query.length, 0);
    ck_assert(!read.items[1].has_response && !read.items[1].answer_only);

    buffer_clear(&buffer);
    worker_request_append(&buffer, &(WorkerRequest){.number = 8, .kind = WORKER_LOAD});
    message = body(&buffer, &length);
    ck_assert(worker_request_read(&read, &arena, message, length));
    ck_assert_int_eq(read.kind, WORKER_LOAD);
    ck_assert(!worker_request_read(&read, &arena, "\xFF\xFF\xFF", 3));
    ck_assert(!worker_request_read(&read, &arena, "", 0));
}
END_TEST

START_TEST(replies)
{
    AnalyzedFeature feature = {.name = TEXT("battery"),
                               .context = TEXT("how long it runs"),
                               .category = TEXT("aspect"),
                               .polarity = -0.5f,
                               .strength = 0.25f,
                               .evidence = {3, 9},
                               .judgement = FEATURE_INFLUENTIAL_POSITIVE};
    AnswerClass classes[] = {{TEXT("agrees"), 1.0f}, {TEXT("no answer"), NAN}};
    AnalyzedTrait trait = {TEXT("colon"), TEXT("the title has a colon")};
    Analysis analysis = {.code = STATUS_INTERNAL,
                         .error = TEXT("plugin p failed"),
                         .features = &feature,
                         .feature_count = 1,
                         .features_dropped = 3,
                         .drop_reason = TEXT("its evidence is empty"),
                         .option_classes = classes,
                         .option_class_count = 2,
                         .has_answer = true,
                         .answer = TEXT("yes"),
                         .traits = &trait,
                         .trait_count = 1};
    WorkerLogLine line = {.level = RPMD_LOG_WARNING, .line = "strange"};
    WorkerReply reply = {.number = 9,
                         .analyses = &analysis,
                         .analysis_count = 1,
                         .log = &line,
                         .log_count = 1,
                         .memory_bytes = 4321};
    status_refuse(&reply.status, STATUS_FAILED_PRECONDITION, "p.so: load: no");
    _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    WorkerReply read;
    const void *message;
    uint32_t length;
    worker_reply_append(&buffer, &reply);
    message = body(&buffer, &length);
    ck_assert(worker_reply_read(&read, &arena, message, length));
    ck_assert_uint_eq(read.number, 9);
    ck_assert_int_eq(read.status.code, STATUS_FAILED_PRECONDITION);
    ck_assert_str_eq(read.status.message, "p.so: load: no");
    ck_assert_uint_eq(read.memory_bytes, 4321);
    ck_assert_uint_eq(read.log_count, 1);
    ck_assert_str_eq(read.log[0].line, "strange");
    ck_assert_int_eq(read.log[0].level, RPMD_LOG_WARNING);
    ck_assert_uint_eq(read.analysis_count, 1);
    const Analysis *found = &read.analyses[0];
    ck_assert_int_eq(found->code, STATUS_INTERNAL);
    ck_assert_str_eq(found->error.data, "plugin p failed");
    ck_assert_uint_eq(found->feature_count, 1);
    ck_assert_str_eq(found->features[0].name.data, "battery");
    ck_assert_str_eq(found->features[0].context.data, "how long it runs");
    ck_assert_str_eq(found->features[0].category.data, "aspect");
    ck_assert_float_eq(found->features[0].polarity, -0.5f);
    ck_assert_float_eq(found->features[0].strength, 0.25f);
    ck_assert_uint_eq(found->features[0].evidence.begin, 3);
    ck_assert_uint_eq(found->features[0].evidence.end, 9);
    ck_assert_int_eq(found->features[0].judgement, FEATURE_INFLUENTIAL_POSITIVE);
    ck_assert_uint_eq(found->features_dropped, 3);
    ck_assert_str_eq(found->drop_reason.data, "its evidence is empty");
    ck_assert_uint_eq(found->option_class_count, 2);
    ck_assert_str_eq(found->option_classes[0].name.data, "agrees");
    ck_assert(isnan(found->option_classes[1].position));
    ck_assert(found->has_answer);
    ck_assert_str_eq(found->answer.data, "yes");
    ck_assert_str_eq(found->traits[0].meaning.data, "the title has a colon");
}
END_TEST

START_TEST(descriptors)
{
    static const char *const labels[] = {"yes", "no", NULL};
    const rpmd_prompt_texts texts = {sizeof(texts), "Answer.", "question", "answer", "yes or no"};
    const rpmd_lamp lamp = {.struct_size = sizeof(lamp), .query_field = "text", .response_field = "tag"};
    const rpmd_plugin plugin = {RPMD_PLUGIN_GUARD,
                                .name = "p",
                                .version = "1",
                                .description = "A plugin.",
                                .answer_kind = RPMD_ANSWER_LABELS,
                                .labels = labels,
                                .prompt_texts = &texts,
                                .lamp = &lamp,
                                .self_test_count = 2};
    _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    WorkerReply read;
    const void *message;
    uint32_t length;
    worker_reply_append(&buffer, &(WorkerReply){.number = 1, .plugin = &plugin});
    message = body(&buffer, &length);
    ck_assert(worker_reply_read(&read, &arena, message, length));
    PluginImage *image = NULL;
    Status status = STATUS_INIT;
    const rpmd_plugin *described = read.plugin;
    ck_assert_int_eq(plugin_image_describe(&image, described, &arena, "p.so", &status), 0);
    const rpmd_plugin *found = &image->descriptor.plugin;
    ck_assert_str_eq(found->name, "p");
    ck_assert_str_eq(found->labels[1], "no");
    ck_assert_ptr_null(found->labels[2]);
    ck_assert_ptr_null(found->categories);
    ck_assert_str_eq(found->prompt_texts->answer_format, "yes or no");
    ck_assert_str_eq(found->lamp->response_field, "tag");
    ck_assert_ptr_null(found->lamp->options_field);
    ck_assert_ptr_null(found->extract);
    plugin_image_free(image);

    /* What a worker may say is not what a descriptor may be. */
    rpmd_plugin hostile = plugin;
    hostile.name = "../../etc";
    buffer_clear(&buffer);
    worker_reply_append(&buffer, &(WorkerReply){.number = 1, .plugin = &hostile});
    message = body(&buffer, &length);
    ck_assert(worker_reply_read(&read, &arena, message, length));
    ck_assert_int_eq(plugin_image_describe(&image, read.plugin, &arena, "p.so", &status), STATUS_REFUSED);
    ck_assert_ptr_nonnull(strstr(status.message, "p.so: descriptor: name is \"../../etc\""));
    ck_assert_ptr_null(image);
}
END_TEST

/* Two bytes of a message can ask for a hundred bytes of memory. */
START_TEST(hostile_replies)
{
    enum { FEATURES = 3 * 1024 * 1024 };
    _cleanup_buffer_ Buffer message = BUFFER_INIT;
    _cleanup_buffer_ Buffer analysis = BUFFER_INIT;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    WorkerReply read;
    for (int i = 0; i < FEATURES; i++)
        buffer_append(&analysis, "\x1A\x00", 2);
    buffer_append(&message, "\x2A", 1);
    for (size_t left = analysis.length; left > 0; left >>= 7) {
        unsigned char byte = (unsigned char)((left & 0x7F) | (left > 0x7F ? 0x80 : 0));
        buffer_append(&message, &byte, 1);
    }
    buffer_append(&message, analysis.data, analysis.length);
    ck_assert(!worker_reply_read(&read, &arena, message.data, message.length));
    ck_assert_uint_lt(arena.total, 64 * 1024 * 1024);
    /* Any bytes are read without harm. */
    unsigned seed = 1;
    for (int i = 0; i < 2000; i++) {
        _cleanup_arena_ Arena scratch = ARENA_INIT;
        char bytes[64];
        for (size_t k = 0; k < sizeof(bytes); k++)
            bytes[k] = (char)(seed = seed * 1103515245u + 12345u) & (k % 3 ? 0x3F : 0x7F);
        WorkerRequest request;
        worker_reply_read(&read, &scratch, bytes, sizeof(bytes));
        worker_request_read(&request, &scratch, bytes, sizeof(bytes));
    }
}
END_TEST

START_TEST(frames)
{
    _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
    uint32_t length = 0;
    ck_assert_int_eq(frame_peek(&buffer, 10, &length), 0);
    frame_append_head(&buffer, 3);
    ck_assert_int_eq(frame_peek(&buffer, 10, &length), 0);
    buffer_append(&buffer, "ab", 2);
    ck_assert_int_eq(frame_peek(&buffer, 10, &length), 0);
    buffer_append(&buffer, "c", 1);
    ck_assert_int_eq(frame_peek(&buffer, 10, &length), 1);
    ck_assert_uint_eq(length, 3);
    ck_assert_int_lt(frame_peek(&buffer, 2, &length), 0);
}
END_TEST

START_TEST(chunks)
{
    static char text[WORKER_CHUNK_BYTES];
    AnalysisRequest items[40];
    for (int i = 0; i < 40; i++)
        items[i] = (AnalysisRequest){.query = TEXT("short")};
    ck_assert_uint_eq(worker_chunk(items, 40), WORKER_CHUNK_ITEMS);
    ck_assert_uint_eq(worker_chunk(items, 5), 5);
    ck_assert_uint_eq(worker_chunk(items, 0), 0);
    items[2].query = (rpmd_text){text, sizeof(text)};
    ck_assert_uint_eq(worker_chunk(items, 40), 2);
    ck_assert_uint_eq(worker_chunk(items + 2, 38), 1);
}
END_TEST

UNIT_TESTS("worker/message", requests, replies, descriptors, hostile_replies, frames, chunks)
