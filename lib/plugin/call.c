/* SPDX-License-Identifier: MIT */
#include "lib/plugin/call.h"

#include "lib/base/text.h"
#include "lib/text/utf8.h"

#include <math.h>
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

static bool is_category(const rpmd_plugin *plugin, rpmd_text category)
{
    if (!plugin->categories)
        return category.length == 0;
    for (const char *const *known = plugin->categories; *known; known++)
        if (text_equal_string(category, *known))
            return true;
    return false;
}

/* NULL, or what is wrong with the evidence. */
static const char *check_evidence(const PluginCall *call, rpmd_span evidence)
{
    if (evidence.begin >= evidence.end)
        return "its evidence is empty";
    if (evidence.end > call->query.length)
        return "its evidence is outside the query";
    if (!text_is_boundary(call->query, evidence.begin) || !text_is_boundary(call->query, evidence.end))
        return "its evidence begins or ends inside a character";
    if (text_trim(text_slice(call->query, evidence)).length == 0)
        return "its evidence is only white space";
    return NULL;
}

static const char *check_feature(const PluginCall *call, const rpmd_feature *feature)
{
    if (feature->name.length == 0)
        return "it has no name";
    if (!plugin_text_is_clean(feature->name, PLUGIN_NAME_LIMIT))
        return "its name is too long, not UTF-8, or has control characters";
    if (!plugin_text_is_clean(feature->context, PLUGIN_CONTEXT_LIMIT))
        return "its context is too long, not UTF-8, or has control characters";
    if (!plugin_text_is_clean(feature->category, PLUGIN_NAME_LIMIT) ||
        !is_category(call->plugin, feature->category))
        return "its category is not one of the plugin's categories";
    if (!(feature->polarity >= -1.0f && feature->polarity <= 1.0f))
        return "its polarity is not between -1 and 1";
    if (!(feature->strength >= 0.0f && feature->strength <= 1.0f))
        return "its strength is not between 0 and 1";
    return check_evidence(call, feature->evidence);
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
    rpmd_feature feature = *emitted;
    feature.struct_size = sizeof(feature);
    const char *wrong = check_feature(call, &feature);
    if (wrong)
        return drop_feature(call, feature.name, wrong);
    if (call->feature_count == call->feature_capacity) {
        size_t capacity = call->feature_capacity ? call->feature_capacity * 2 : 16;
        AnalyzedFeature *grown = ARENA_ARRAY(call->results, AnalyzedFeature, capacity);
        if (call->feature_count > 0)
            memcpy(grown, call->features, call->feature_count * sizeof(*grown));
        call->features = grown;
        call->feature_capacity = capacity;
    }
    call->features[call->feature_count++] = (AnalyzedFeature){
        .name = arena_text(call->results, feature.name),
        .context = arena_text(call->results, feature.context),
        .category = arena_text(call->results, feature.category),
        .polarity = feature.polarity,
        .strength = feature.strength,
        .evidence = feature.evidence,
    };
    return RPMD_DONE;
}

/* A trait that cannot be shown is not taken; the plugin is told. */
static int host_emit_trait(rpmd_call *base, const rpmd_trait *trait)
{
    PluginCall *call = call_of(base);
    if (call->callback != PLUGIN_DESCRIBE_ANSWER || call->trait_count >= PLUGIN_TRAIT_LIMIT ||
        trait->struct_size < sizeof(*trait) || trait->name.length == 0 ||
        !plugin_text_is_clean(trait->name, PLUGIN_NAME_LIMIT) ||
        !plugin_text_is_clean(trait->meaning, PLUGIN_CONTEXT_LIMIT))
        return RPMD_FAILED;
    if (!call->traits)
        call->traits = ARENA_ARRAY(call->results, AnalyzedTrait, PLUGIN_TRAIT_LIMIT);
    call->traits[call->trait_count++] = (AnalyzedTrait){
        .name = arena_text(call->results, trait->name),
        .meaning = arena_text(call->results, trait->meaning),
    };
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
    call->log_lines = 0;
    call->failure[0] = '\0';
    call->answer = (rpmd_text){0};
}
