/* SPDX-License-Identifier: MIT */
#include "lib/worker/message.h"

#include "lib/base/text.h"
#include "lib/worker/worker.pb-c.h"

#include <stdio.h>

#define REPLY_MEMORY_LIMIT (4 * WORKER_REPLY_LIMIT) /* of an unpacked reply; a true one needs less */

/* ---- protobuf-c over an arena and texts --------------------------------------------------------------- */

/* A few bytes of a message can ask for many bytes of memory. */
typedef struct Budget {
    Arena *arena;
    size_t left;
} Budget;

static void *allocate(void *data, size_t size)
{
    Budget *budget = data;
    if (size > budget->left)
        return NULL;
    budget->left -= size;
    return arena_allocate(budget->arena, size + 1); /* a text's NUL: see from_bytes */
}

static void keep(void *budget, void *pointer)
{
    (void)budget;
    (void)pointer;
}

static void *unpack(const ProtobufCMessageDescriptor *descriptor, Arena *arena, size_t limit,
                    const void *data, size_t length)
{
    Budget budget = {.arena = arena, .left = limit};
    ProtobufCAllocator allocator = {.alloc = allocate, .free = keep, .allocator_data = &budget};
    return protobuf_c_message_unpack(descriptor, &allocator, length, data);
}

static void append(Buffer *buffer, const ProtobufCMessage *message)
{
    size_t length = protobuf_c_message_get_packed_size(message);
    frame_append_head(buffer, (uint32_t)length);
    protobuf_c_message_pack(message, (uint8_t *)buffer_reserve(buffer, length));
    buffer->length += length;
}

static ProtobufCBinaryData to_bytes(rpmd_text text)
{
    return (ProtobufCBinaryData){.len = text.length, .data = (uint8_t *)text.data};
}

static ProtobufCBinaryData string_to_bytes(const char *string)
{
    return to_bytes(text_of(string));
}

/* Of an unpacked message, whose bytes `allocate` followed by a NUL: they are not copied again. */
static rpmd_text from_bytes(ProtobufCBinaryData bytes)
{
    return (rpmd_text){bytes.len ? (const char *)bytes.data : "", bytes.len};
}

/* A string; NULL when it is empty. One with a NUL in it ends there. */
static const char *string_from_bytes(ProtobufCBinaryData bytes)
{
    return bytes.len ? from_bytes(bytes).data : NULL;
}

static ProtobufCBinaryData *list_to_bytes(Arena *arena, const char *const *list, size_t *count)
{
    for (*count = 0; list && list[*count];)
        ++*count;
    ProtobufCBinaryData *bytes = ARENA_ARRAY(arena, ProtobufCBinaryData, *count);
    for (size_t i = 0; i < *count; i++)
        bytes[i] = string_to_bytes(list[i]);
    return bytes;
}

/* A NULL-terminated list; NULL when it is empty. */
static const char *const *list_from_bytes(Arena *arena, const ProtobufCBinaryData *bytes, size_t count)
{
    if (count == 0)
        return NULL;
    const char **list = ARENA_ARRAY(arena, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        list[i] = from_bytes(bytes[i]).data;
    return list;
}

/* ---- requests ----------------------------------------------------------------------------------------- */

static size_t item_bytes(const AnalysisRequest *item)
{
    size_t bytes = item->query.length + item->response.length;
    for (size_t i = 0; i < item->option_count; i++)
        bytes += item->options[i].length;
    return bytes;
}

size_t worker_chunk(const AnalysisRequest *items, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += item_bytes(&items[i]);
        if (i == WORKER_CHUNK_ITEMS || (i > 0 && bytes > WORKER_CHUNK_BYTES))
            return i;
    }
    return count;
}

static Rpmd__Worker__Item *item_to_message(Arena *arena, const AnalysisRequest *item)
{
    Rpmd__Worker__Item *message = ARENA_NEW(arena, Rpmd__Worker__Item);
    rpmd__worker__item__init(message);
    message->query = to_bytes(item->query);
    message->response = to_bytes(item->response);
    message->has_response = item->has_response;
    message->answer_only = item->answer_only;
    message->n_options = item->option_count;
    message->options = ARENA_ARRAY(arena, ProtobufCBinaryData, item->option_count);
    for (size_t i = 0; i < item->option_count; i++)
        message->options[i] = to_bytes(item->options[i]);
    return message;
}

void worker_request_append(Buffer *buffer, const WorkerRequest *request)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__Worker__Request message = RPMD__WORKER__REQUEST__INIT;
    Rpmd__Worker__Load load = RPMD__WORKER__LOAD__INIT;
    Rpmd__Worker__SelfTest self_test = RPMD__WORKER__SELF_TEST__INIT;
    Rpmd__Worker__Analyze analyze = RPMD__WORKER__ANALYZE__INIT;
    message.number = request->number;
    switch (request->kind) {
    case WORKER_LOAD:
        message.what_case = RPMD__WORKER__REQUEST__WHAT_LOAD;
        message.load = &load;
        break;
    case WORKER_SELF_TEST:
        message.what_case = RPMD__WORKER__REQUEST__WHAT_SELF_TEST;
        message.self_test = &self_test;
        self_test.deadline_ns = request->deadline_ns;
        break;
    case WORKER_ANALYZE:
        message.what_case = RPMD__WORKER__REQUEST__WHAT_ANALYZE;
        message.analyze = &analyze;
        analyze.deadline_ns = request->deadline_ns;
        analyze.n_items = request->item_count;
        analyze.items = ARENA_ARRAY(&arena, Rpmd__Worker__Item *, request->item_count);
        for (size_t i = 0; i < request->item_count; i++)
            analyze.items[i] = item_to_message(&arena, &request->items[i]);
        break;
    }
    append(buffer, &message.base);
}

static void item_from_message(AnalysisRequest *item, Arena *arena, const Rpmd__Worker__Item *message)
{
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, message->n_options);
    for (size_t i = 0; i < message->n_options; i++)
        options[i] = from_bytes(message->options[i]);
    *item = (AnalysisRequest){
        .query = from_bytes(message->query),
        .response = from_bytes(message->response),
        .has_response = message->has_response,
        .answer_only = message->answer_only,
        .options = options,
        .option_count = message->n_options,
    };
}

bool worker_request_read(WorkerRequest *request, Arena *arena, const void *data, size_t length)
{
    *request = (WorkerRequest){0};
    const Rpmd__Worker__Request *message =
        unpack(&rpmd__worker__request__descriptor, arena, SIZE_MAX, data, length);
    if (!message)
        return false;
    request->number = message->number;
    switch (message->what_case) {
    case RPMD__WORKER__REQUEST__WHAT_LOAD:
        request->kind = WORKER_LOAD;
        return true;
    case RPMD__WORKER__REQUEST__WHAT_SELF_TEST:
        request->kind = WORKER_SELF_TEST;
        request->deadline_ns = message->self_test->deadline_ns;
        return true;
    case RPMD__WORKER__REQUEST__WHAT_ANALYZE: {
        request->kind = WORKER_ANALYZE;
        request->deadline_ns = message->analyze->deadline_ns;
        request->item_count = message->analyze->n_items;
        AnalysisRequest *items = ARENA_ARRAY(arena, AnalysisRequest, request->item_count);
        for (size_t i = 0; i < request->item_count; i++)
            item_from_message(&items[i], arena, message->analyze->items[i]);
        request->items = items;
        return true;
    }
    default:
        return false;
    }
}

/* ---- the descriptor ----------------------------------------------------------------------------------- */

static Rpmd__Worker__Descriptor *descriptor_to_message(Arena *arena, const rpmd_plugin *plugin)
{
    Rpmd__Worker__Descriptor *message = ARENA_NEW(arena, Rpmd__Worker__Descriptor);
    rpmd__worker__descriptor__init(message);
    message->abi_major = plugin->abi_major;
    message->abi_minor = plugin->abi_minor;
    message->name = string_to_bytes(plugin->name);
    message->version = string_to_bytes(plugin->version);
    message->description = string_to_bytes(plugin->description);
    message->answer_kind = plugin->answer_kind;
    if (plugin->answer_kind == RPMD_ANSWER_LABELS)
        message->labels = list_to_bytes(arena, plugin->labels, &message->n_labels);
    message->ordinal_min = plugin->ordinal_min;
    message->ordinal_max = plugin->ordinal_max;
    message->categories = list_to_bytes(arena, plugin->categories, &message->n_categories);
    message->prompt_task = string_to_bytes(plugin->prompt_texts->task);
    message->prompt_query_noun = string_to_bytes(plugin->prompt_texts->query_noun);
    message->prompt_response_noun = string_to_bytes(plugin->prompt_texts->response_noun);
    message->prompt_answer_format = string_to_bytes(plugin->prompt_texts->answer_format);
    message->has_lamp = plugin->lamp != NULL;
    if (plugin->lamp) {
        message->lamp_query_field = string_to_bytes(plugin->lamp->query_field);
        message->lamp_response_field = string_to_bytes(plugin->lamp->response_field);
        message->lamp_options_field = string_to_bytes(plugin->lamp->options_field);
        message->lamp_input_begin = string_to_bytes(plugin->lamp->input_begin);
        message->lamp_input_end = string_to_bytes(plugin->lamp->input_end);
        message->lamp_input_options = string_to_bytes(plugin->lamp->input_options);
    }
    message->self_tests = (uint32_t)plugin->self_test_count;
    return message;
}

static const rpmd_plugin *descriptor_from_message(Arena *arena, const Rpmd__Worker__Descriptor *message)
{
    rpmd_plugin *plugin = ARENA_NEW(arena, rpmd_plugin);
    rpmd_prompt_texts *texts = ARENA_NEW(arena, rpmd_prompt_texts);
    *texts = (rpmd_prompt_texts){
        .struct_size = sizeof(*texts),
        .task = string_from_bytes(message->prompt_task),
        .query_noun = string_from_bytes(message->prompt_query_noun),
        .response_noun = string_from_bytes(message->prompt_response_noun),
        .answer_format = string_from_bytes(message->prompt_answer_format),
    };
    *plugin = (rpmd_plugin){
        .struct_size = sizeof(*plugin),
        .abi_major = (uint16_t)message->abi_major,
        .abi_minor = (uint16_t)message->abi_minor,
        .name = string_from_bytes(message->name),
        .version = string_from_bytes(message->version),
        .description = string_from_bytes(message->description),
        .answer_kind = (rpmd_answer_kind)message->answer_kind,
        .labels = list_from_bytes(arena, message->labels, message->n_labels),
        .ordinal_min = message->ordinal_min,
        .ordinal_max = message->ordinal_max,
        .categories = list_from_bytes(arena, message->categories, message->n_categories),
        .prompt_texts = texts,
        .self_test_count = message->self_tests,
    };
    if (message->has_lamp) {
        rpmd_lamp *lamp = ARENA_NEW(arena, rpmd_lamp);
        *lamp = (rpmd_lamp){
            .struct_size = sizeof(*lamp),
            .query_field = string_from_bytes(message->lamp_query_field),
            .response_field = string_from_bytes(message->lamp_response_field),
            .options_field = string_from_bytes(message->lamp_options_field),
            .input_begin = string_from_bytes(message->lamp_input_begin),
            .input_end = string_from_bytes(message->lamp_input_end),
            .input_options = string_from_bytes(message->lamp_input_options),
        };
        plugin->lamp = lamp;
    }
    return plugin;
}

/* ---- analyses ----------------------------------------------------------------------------------------- */

static Rpmd__Worker__Feature *feature_to_message(Arena *arena, const AnalyzedFeature *feature)
{
    Rpmd__Worker__Feature *message = ARENA_NEW(arena, Rpmd__Worker__Feature);
    rpmd__worker__feature__init(message);
    message->name = to_bytes(feature->name);
    message->context = to_bytes(feature->context);
    message->category = to_bytes(feature->category);
    message->polarity = feature->polarity;
    message->strength = feature->strength;
    message->begin = feature->evidence.begin;
    message->end = feature->evidence.end;
    message->judgement = feature->judgement;
    return message;
}

static Rpmd__Worker__Analysis *analysis_to_message(Arena *arena, const Analysis *analysis)
{
    Rpmd__Worker__Analysis *message = ARENA_NEW(arena, Rpmd__Worker__Analysis);
    rpmd__worker__analysis__init(message);
    message->code = analysis->code;
    message->error = to_bytes(analysis->error);
    message->features = ARENA_ARRAY(arena, Rpmd__Worker__Feature *, analysis->feature_count);
    for (size_t i = 0; i < analysis->feature_count; i++)
        message->features[message->n_features++] = feature_to_message(arena, &analysis->features[i]);
    message->features_dropped = analysis->features_dropped;
    message->drop_reason = to_bytes(analysis->drop_reason);
    message->option_classes = ARENA_ARRAY(arena, Rpmd__Worker__OptionClass *, analysis->option_class_count);
    for (size_t i = 0; i < analysis->option_class_count; i++) {
        Rpmd__Worker__OptionClass *one = ARENA_NEW(arena, Rpmd__Worker__OptionClass);
        rpmd__worker__option_class__init(one);
        one->name = to_bytes(analysis->option_classes[i].name);
        one->position = analysis->option_classes[i].position;
        message->option_classes[message->n_option_classes++] = one;
    }
    message->has_answer = analysis->has_answer;
    message->answer = to_bytes(analysis->answer);
    message->traits = ARENA_ARRAY(arena, Rpmd__Worker__Trait *, analysis->trait_count);
    for (size_t i = 0; i < analysis->trait_count; i++) {
        Rpmd__Worker__Trait *one = ARENA_NEW(arena, Rpmd__Worker__Trait);
        rpmd__worker__trait__init(one);
        one->name = to_bytes(analysis->traits[i].name);
        one->meaning = to_bytes(analysis->traits[i].meaning);
        message->traits[message->n_traits++] = one;
    }
    return message;
}

static void analysis_from_message(Analysis *analysis, Arena *arena, const Rpmd__Worker__Analysis *message)
{
    *analysis = (Analysis){
        .code = message->code < STATUS_CODE_COUNT ? (StatusCode)message->code : STATUS_UNKNOWN,
        .error = from_bytes(message->error),
        .features_dropped = message->features_dropped,
        .drop_reason = from_bytes(message->drop_reason),
        .has_answer = message->has_answer,
        .answer = from_bytes(message->answer),
        .answer_option = ANALYSIS_NO_OPTION,
    };
    analysis->features = ARENA_ARRAY(arena, AnalyzedFeature, message->n_features);
    for (size_t i = 0; i < message->n_features; i++) {
        const Rpmd__Worker__Feature *feature = message->features[i];
        analysis->features[analysis->feature_count++] = (AnalyzedFeature){
            .name = from_bytes(feature->name),
            .context = from_bytes(feature->context),
            .category = from_bytes(feature->category),
            .polarity = feature->polarity,
            .strength = feature->strength,
            .evidence = {feature->begin, feature->end},
            .judgement = (FeatureJudgement)MIN(feature->judgement, (uint32_t)UINT8_MAX),
        };
    }
    analysis->option_classes = ARENA_ARRAY(arena, AnswerClass, message->n_option_classes);
    for (size_t i = 0; i < message->n_option_classes; i++)
        analysis->option_classes[analysis->option_class_count++] = (AnswerClass){
            .name = from_bytes(message->option_classes[i]->name),
            .position = message->option_classes[i]->position,
        };
    analysis->traits = ARENA_ARRAY(arena, AnalyzedTrait, message->n_traits);
    for (size_t i = 0; i < message->n_traits; i++)
        analysis->traits[analysis->trait_count++] = (AnalyzedTrait){
            .name = from_bytes(message->traits[i]->name),
            .meaning = from_bytes(message->traits[i]->meaning),
        };
}

/* ---- replies ------------------------------------------------------------------------------------------ */

void worker_reply_append(Buffer *buffer, const WorkerReply *reply)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__Worker__Reply message = RPMD__WORKER__REPLY__INIT;
    message.number = reply->number;
    message.code = reply->status.code;
    message.message = string_to_bytes(reply->status.message);
    message.memory_bytes = reply->memory_bytes;
    if (reply->plugin)
        message.descriptor = descriptor_to_message(&arena, reply->plugin);
    message.analyses = ARENA_ARRAY(&arena, Rpmd__Worker__Analysis *, reply->analysis_count);
    for (size_t i = 0; i < reply->analysis_count; i++)
        message.analyses[message.n_analyses++] = analysis_to_message(&arena, &reply->analyses[i]);
    message.log = ARENA_ARRAY(&arena, Rpmd__Worker__LogLine *, reply->log_count);
    for (size_t i = 0; i < reply->log_count; i++) {
        Rpmd__Worker__LogLine *line = ARENA_NEW(&arena, Rpmd__Worker__LogLine);
        rpmd__worker__log_line__init(line);
        line->level = reply->log[i].level;
        line->line = string_to_bytes(reply->log[i].line);
        message.log[message.n_log++] = line;
    }
    append(buffer, &message.base);
}

static void log_from_message(WorkerReply *reply, Arena *arena, const Rpmd__Worker__Reply *message)
{
    size_t count = MIN(message->n_log, (size_t)WORKER_LOG_LIMIT);
    WorkerLogLine *log = ARENA_ARRAY(arena, WorkerLogLine, count);
    for (size_t i = 0; i < count; i++)
        log[i] = (WorkerLogLine){
            .level = (rpmd_log_level)MIN(message->log[i]->level, (uint32_t)RPMD_LOG_WARNING),
            .line = from_bytes(message->log[i]->line).data,
        };
    reply->log = log;
    reply->log_count = count;
}

bool worker_reply_read(WorkerReply *reply, Arena *arena, const void *data, size_t length)
{
    *reply = (WorkerReply){0};
    const Rpmd__Worker__Reply *message =
        unpack(&rpmd__worker__reply__descriptor, arena, REPLY_MEMORY_LIMIT, data, length);
    if (!message || message->code >= STATUS_CODE_COUNT || message->n_analyses > WORKER_CHUNK_ITEMS)
        return false;
    reply->number = message->number;
    reply->status.code = (StatusCode)message->code;
    snprintf(reply->status.message, sizeof(reply->status.message), "%.*s", (int)message->message.len,
             (const char *)message->message.data);
    if (message->descriptor)
        reply->plugin = descriptor_from_message(arena, message->descriptor);
    reply->analyses = ARENA_ARRAY(arena, Analysis, message->n_analyses);
    for (size_t i = 0; i < message->n_analyses; i++)
        analysis_from_message(&reply->analyses[reply->analysis_count++], arena, message->analyses[i]);
    log_from_message(reply, arena, message);
    reply->memory_bytes = message->memory_bytes;
    return true;
}
