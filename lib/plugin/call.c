/* SPDX-License-Identifier: MIT */
#include "lib/plugin/call.h"

#include "lib/base/text.h"
#include "lib/plugin/verify.h"
#include "lib/text/utf8.h"

#include <time.h>

static PluginCall *call_of(rpmd_call *base)
{
    return CONTAINER_OF(base, PluginCall, base);
}

const char *plugin_callback_name(PluginCallback callback)
{
    static const char *const names[] = {"extract", "option_class", "parse_answer", "judge",
                                        "describe_answer"};
    return names[callback];
}

bool plugin_text_is_clean(rpmd_text text, size_t limit)
{
    if (text.length > limit || (text.length > 0 && !text.data) || !text_is_utf8(text))
        return false;
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7F)
            return false;
    return true;
}

StatusCode plugin_environment_state(const PluginEnvironment *environment)
{
    if (environment->cancelled && atomic_load_explicit(environment->cancelled, memory_order_relaxed))
        return STATUS_CANCELLED;
    if (environment->deadline_ns == 0)
        return STATUS_OK;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    return now_ns >= environment->deadline_ns ? STATUS_DEADLINE_EXCEEDED : STATUS_OK;
}

static bool is_full(const PluginCall *call, size_t size)
{
    return size > PLUGIN_CALL_MEMORY_LIMIT || call->scratch.total > PLUGIN_CALL_MEMORY_LIMIT - size;
}

static void *host_allocate(rpmd_call *base, size_t size)
{
    PluginCall *call = call_of(base);
    return is_full(call, size) ? NULL : arena_allocate(&call->scratch, size);
}

/* Counts a feature that is not taken, and keeps the sentence about the first one. */
static int drop_feature(PluginCall *call, rpmd_text name, const char *reason)
{
    if (call->features_dropped++ == 0) {
        bool shown = name.length > 0 && plugin_text_is_clean(name, PLUGIN_NAME_LIMIT);
        char *sentence =
            shown ? arena_format(call->results, "feature \"%.*s\": %s", TEXT_ARGS(name), reason)
                  : arena_format(call->results, "feature %zu: %s", call->feature_count + 1, reason);
        call->drop_reason = text_of(sentence);
    }
    return RPMD_DONE;
}

static int host_emit_feature(rpmd_call *base, const rpmd_feature *emitted)
{
    PluginCall *call = call_of(base);
    if (call->callback != PLUGIN_EXTRACT)
        return RPMD_FAILED;
    if (call->feature_count >= PLUGIN_FEATURE_LIMIT) {
        drop_feature(call, (rpmd_text){0}, "the query has too many features");
        return RPMD_FAILED;
    }
    if (emitted->struct_size < sizeof(*emitted))
        return drop_feature(call, (rpmd_text){0}, "its struct_size is not set");
    AnalyzedFeature feature = {
        .name = emitted->name,
        .context = emitted->context,
        .category = emitted->category,
        .polarity = emitted->polarity,
        .strength = emitted->strength,
        .evidence = emitted->evidence,
    };
    const char *fault = plugin_feature_fault(call->plugin, call->query, &feature);
    if (fault)
        return drop_feature(call, feature.name, fault);
    if (call->feature_count == call->feature_capacity) {
        size_t capacity = call->feature_capacity ? call->feature_capacity * 2 : 16;
        AnalyzedFeature *grown = ARENA_ARRAY(call->results, AnalyzedFeature, capacity);
        if (call->feature_count > 0)
            memcpy(grown, call->features, call->feature_count * sizeof(*grown));
        call->features = grown;
        call->feature_capacity = capacity;
    }
    feature.name = arena_text(call->results, feature.name);
    feature.context = arena_text(call->results, feature.context);
    feature.category = arena_text(call->results, feature.category);
    call->features[call->feature_count++] = feature;
    return RPMD_DONE;
}

/* A trait that cannot be shown is not taken; the plugin is told. */
static int host_emit_trait(rpmd_call *base, const rpmd_trait *trait)
{
    PluginCall *call = call_of(base);
    if (call->callback != PLUGIN_DESCRIBE_ANSWER || call->trait_count >= PLUGIN_TRAIT_LIMIT ||
        trait->struct_size < sizeof(*trait))
        return RPMD_FAILED;
    AnalyzedTrait taken = {.name = trait->name, .meaning = trait->meaning};
    if (plugin_trait_fault(&taken))
        return RPMD_FAILED;
    if (!call->traits)
        call->traits = ARENA_ARRAY(call->results, AnalyzedTrait, PLUGIN_TRAIT_LIMIT);
    taken.name = arena_text(call->results, taken.name);
    taken.meaning = arena_text(call->results, taken.meaning);
    call->traits[call->trait_count++] = taken;
    return RPMD_DONE;
}

static int host_set_answer(rpmd_call *base, rpmd_text answer)
{
    PluginCall *call = call_of(base);
    if (call->callback != PLUGIN_PARSE_ANSWER || answer.length == 0 || answer.length > PLUGIN_ANSWER_LIMIT ||
        !answer.data || !text_is_utf8(answer) || is_full(call, answer.length))
        return RPMD_FAILED;
    call->answer = arena_text(&call->scratch, answer);
    return RPMD_DONE;
}

static int host_tokenize(rpmd_call *base, rpmd_text text, const rpmd_token **tokens, size_t *count)
{
    PluginCall *call = call_of(base);
    *tokens = NULL;
    *count = 0;
    if (text.length > PLUGIN_TOKENIZE_LIMIT || (text.length > 0 && !text.data) || !text_is_utf8(text) ||
        is_full(call, text.length))
        return RPMD_FAILED;
    text_tokenize(&call->scratch, call->tokenizer, text, tokens, count);
    return RPMD_DONE;
}

/* A line from a plugin: cut, and with what is no text replaced. */
static void clean_line(char clean[PLUGIN_SENTENCE_LIMIT + 1], const char *line)
{
    rpmd_text text = {line, strnlen(line, PLUGIN_SENTENCE_LIMIT + 1)};
    text = text_cut(text, PLUGIN_SENTENCE_LIMIT);
    bool is_utf8 = text_is_utf8(text);
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        clean[i] = byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !is_utf8) ? '?' : text.data[i];
    }
    clean[text.length] = '\0';
}

static void host_fail(rpmd_call *base, const char *sentence)
{
    if (sentence)
        clean_line(call_of(base)->failure, sentence);
}

static void host_log(rpmd_call *base, rpmd_log_level level, const char *line)
{
    PluginCall *call = call_of(base);
    const PluginEnvironment *environment = call->environment;
    if (!environment->log || !line || call->log_lines++ >= PLUGIN_LOG_LINE_LIMIT)
        return;
    char clean[PLUGIN_SENTENCE_LIMIT + 1];
    clean_line(clean, line);
    level = level == RPMD_LOG_DEBUG || level == RPMD_LOG_INFO ? level : RPMD_LOG_WARNING;
    environment->log(environment->log_data, level, clean);
}

static int host_expired(rpmd_call *base)
{
    PluginCall *call = call_of(base);
    return plugin_environment_state(call->environment) != STATUS_OK;
}

static const rpmd_host host = {
    .struct_size = sizeof(rpmd_host),
    .abi_major = RPMD_ABI_MAJOR,
    .abi_minor = RPMD_ABI_MINOR,
    .allocate = host_allocate,
    .emit_feature = host_emit_feature,
    .emit_trait = host_emit_trait,
    .set_answer = host_set_answer,
    .tokenize = host_tokenize,
    .fail = host_fail,
    .log = host_log,
    .expired = host_expired,
};

void plugin_call_init(PluginCall *call, const rpmd_plugin *plugin, const PluginEnvironment *environment,
                      Tokenizer *tokenizer, Arena *results, rpmd_text query)
{
    *call = (PluginCall){
        .base = {.struct_size = sizeof(rpmd_call), .host = &host},
        .plugin = plugin,
        .environment = environment,
        .tokenizer = tokenizer,
        .results = results,
        .query = query,
    };
}

void plugin_call_finish(PluginCall *call)
{
    arena_finish(&call->scratch);
}

void plugin_call_begin(PluginCall *call, PluginCallback callback)
{
    arena_finish(&call->scratch);
    call->callback = callback;
    if (call->environment->progress)
        atomic_store_explicit(call->environment->progress, (unsigned)callback + 1, memory_order_relaxed);
    call->log_lines = 0;
    call->failure[0] = '\0';
    call->answer = (rpmd_text){0};
}
