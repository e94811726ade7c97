/* SPDX-License-Identifier: MIT */
#include "lib/plugin/analyze.h"

#include "lib/plugin/judge_by_words.h"

#include "lib/base/hash.h"
#include "lib/base/intern.h"
#include "lib/base/text.h"
#include "lib/plugin/verify.h"
#include "lib/text/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define SHOWN_TEXT_LIMIT 60 /* bytes of a wrong answer that are shown */

/* One analysis under way. */
typedef struct Work {
    PluginCall call;
    const rpmd_plugin *plugin;
    const AnalysisRequest *request;
    rpmd_query query;
    Arena *arena;
    Analysis *analysis;
} Work;

/* Ends the analysis: returns false. */
static bool _printf_(3, 4) refuse(Work *work, StatusCode code, const char *format, ...)
{
    va_list arguments;
    Status status;
    va_start(arguments, format);
    vsnprintf(status.message, sizeof(status.message), format, arguments);
    va_end(arguments);
    work->analysis->code = code;
    work->analysis->error = text_of(arena_format(work->arena, "%s", status.message));
    return false;
}

/* What a callback's return value means. RPMD_NO_MATCH is the caller's to handle where it is allowed. */
static bool check_return(Work *work, int result, bool may_not_match)
{
    const char *name = work->plugin->name;
    const char *callback = plugin_callback_name(work->call.callback);
    StatusCode state = plugin_environment_state(work->call.environment);
    if (state == STATUS_CANCELLED)
        return refuse(work, state, "the call was cancelled");
    if (state != STATUS_OK)
        return refuse(work, state, "the deadline passed while plugin %s was at work (%s)", name, callback);
    if (result == RPMD_DONE || (may_not_match && result == RPMD_NO_MATCH))
        return true;
    if (result == RPMD_FAILED && work->call.failure[0])
        return refuse(work, STATUS_INTERNAL, "plugin %s failed in %s: %s", name, callback,
                      work->call.failure);
    if (result == RPMD_FAILED)
        return refuse(work, STATUS_INTERNAL, "plugin %s failed in %s and did not say why", name, callback);
    if (result == RPMD_STOPPED)
        return refuse(work, STATUS_INTERNAL, "plugin %s stopped in %s although time was left", name,
                      callback);
    return refuse(work, STATUS_INTERNAL, "plugin %s returned %d from %s, which means nothing", name, result,
                  callback);
}

static bool check_options(Work *work)
{
    const AnalysisRequest *request = work->request;
    if (work->plugin->answer_kind != RPMD_ANSWER_OPTIONS)
        return true;
    if (request->option_count == 0)
        return refuse(work, STATUS_INVALID_ARGUMENT,
                      "task %s needs the query's answer options; send them with the query",
                      work->plugin->name);
    if (request->option_count > PLUGIN_OPTION_LIMIT)
        return refuse(work, STATUS_INVALID_ARGUMENT, "the query has %zu options; the limit is %d",
                      request->option_count, PLUGIN_OPTION_LIMIT);
    for (size_t i = 0; i < request->option_count; i++) {
        if (request->options[i].length > PLUGIN_OPTION_BYTES_LIMIT)
            return refuse(work, STATUS_INVALID_ARGUMENT, "option %zu has %zu bytes; the limit is %d", i + 1,
                          request->options[i].length, PLUGIN_OPTION_BYTES_LIMIT);
        if (text_trim(request->options[i]).length == 0 ||
            !plugin_text_is_clean(request->options[i], PLUGIN_OPTION_BYTES_LIMIT))
            return refuse(work, STATUS_INVALID_ARGUMENT,
                          "option %zu is empty, not valid UTF-8, or has control characters", i + 1);
    }
    work->query.options = request->options;
    work->query.option_count = request->option_count;
    return true;
}

static bool check_text(Work *work, const char *what, rpmd_text text, size_t limit)
{
    if (text.length > limit)
        return refuse(work, STATUS_INVALID_ARGUMENT, "the %s has %zu bytes; the limit is %zu", what,
                      text.length, limit);
    if (!text_is_utf8(text))
        return refuse(work, STATUS_INVALID_ARGUMENT, "the %s is not valid UTF-8", what);
    if (text_trim(text).length == 0)
        return refuse(work, STATUS_INVALID_ARGUMENT, "the %s is empty", what);
    return true;
}

static bool extract(Work *work)
{
    plugin_call_begin(&work->call, PLUGIN_EXTRACT);
    int result = work->plugin->extract(&work->call.base, &work->query);
    work->analysis->features = work->call.features;
    work->analysis->feature_count = work->call.feature_count;
    work->analysis->features_dropped = work->call.features_dropped;
    work->analysis->drop_reason = work->call.drop_reason;
    return check_return(work, result, false);
}

/* The class of an option that the plugin does not know: the option itself, off the scale. */
static AnswerClass class_of_unknown(Work *work, rpmd_text option)
{
    return (AnswerClass){.name = arena_text(work->arena, text_cut(text_trim(option), PLUGIN_CLASS_LIMIT)),
                         .position = NAN};
}

static bool classify_options(Work *work)
{
    size_t count = work->query.option_count;
    if (count == 0)
        return true;
    AnswerClass *classes = ARENA_ARRAY(work->arena, AnswerClass, count);
    for (size_t i = 0; i < count; i++) {
        rpmd_option_class result = {.struct_size = sizeof(result), .position = NAN};
        plugin_call_begin(&work->call, PLUGIN_OPTION_CLASS);
        int returned = work->plugin->option_class(&work->call.base, &work->query, i, &result);
        if (!check_return(work, returned, true))
            return false;
        if (returned == RPMD_NO_MATCH) {
            classes[i] = class_of_unknown(work, work->query.options[i]);
            continue;
        }
        classes[i] = (AnswerClass){.name = result.answer_class, .position = result.position};
        const char *fault = plugin_class_fault(&classes[i]);
        if (fault)
            return refuse(work, STATUS_INTERNAL, "plugin %s classified option %zu wrongly: %s",
                          work->plugin->name, i + 1, fault);
        classes[i].name = arena_text(work->arena, classes[i].name);
    }
    work->analysis->option_classes = classes;
    work->analysis->option_class_count = count;
    return true;
}

/* What an answer of the task is, in words. */
static const char *describe_answers(const Work *work)
{
    const rpmd_plugin *plugin = work->plugin;
    if (plugin->answer_kind == RPMD_ANSWER_ORDINAL)
        return arena_format(work->arena, "a whole number from %d to %d", plugin->ordinal_min,
                            plugin->ordinal_max);
    if (plugin->answer_kind == RPMD_ANSWER_OPTIONS)
        return "one of the query's options";
    if (plugin->answer_kind == RPMD_ANSWER_TEXT)
        return "a text";
    const char *list = "one of";
    for (size_t i = 0; plugin->labels[i]; i++)
        list = arena_format(work->arena, "%s%s \"%s\"", list, i ? "," : "", plugin->labels[i]);
    return list;
}

static bool take_answer(Work *work)
{
    Analysis *analysis = work->analysis;
    rpmd_answer_kind kind = work->plugin->answer_kind;
    rpmd_text answer = work->call.answer;
    if (answer.length == 0)
        return refuse(work, STATUS_INTERNAL, "plugin %s found an answer but handed none over",
                      work->plugin->name);
    if (!plugin_is_answer(work->plugin, work->request, answer, &analysis->answer_option))
        return refuse(work, STATUS_INTERNAL, "plugin %s handed over the answer \"%.*s\", which is not %s",
                      work->plugin->name, TEXT_ARGS(text_cut(answer, SHOWN_TEXT_LIMIT)),
                      describe_answers(work));
    analysis->answer = arena_text(work->arena, answer);
    if (kind == RPMD_ANSWER_OPTIONS)
        analysis->answer_class = analysis->option_classes[analysis->answer_option].name;
    else if (kind != RPMD_ANSWER_TEXT)
        analysis->answer_class = analysis->answer;
    analysis->has_answer = true;
    return true;
}

static bool parse_answer(Work *work)
{
    rpmd_text response = work->request->response;
    plugin_call_begin(&work->call, PLUGIN_PARSE_ANSWER);
    if (!work->plugin->parse_answer) { /* open answers only */
        work->call.answer = text_trim(response);
        return take_answer(work);
    }
    int result = work->plugin->parse_answer(&work->call.base, &work->query, response);
    if (!check_return(work, result, true))
        return false;
    if (result == RPMD_NO_MATCH)
        return refuse(work, STATUS_INVALID_ARGUMENT, "\"%.*s%s\" is not an answer of task %s, which is %s",
                      TEXT_ARGS(text_cut(response, SHOWN_TEXT_LIMIT)),
                      response.length > SHOWN_TEXT_LIMIT ? "…" : "", work->plugin->name,
                      describe_answers(work));
    return take_answer(work);
}

static bool take_judgement(Work *work, size_t index, const rpmd_judgement *judgement)
{
    AnalyzedFeature *feature = &work->analysis->features[index];
    if (judgement->influenced == 0) {
        feature->judgement = FEATURE_NOT_INFLUENTIAL;
        return true;
    }
    if (judgement->influenced != 1 || judgement->polarity < -1 || judgement->polarity > 1)
        return refuse(
            work, STATUS_INTERNAL, "plugin %s judged feature \"%.*s\" with influenced %d and polarity %d",
            work->plugin->name, TEXT_ARGS(feature->name), judgement->influenced, judgement->polarity);
    feature->judgement = (FeatureJudgement)(FEATURE_INFLUENTIAL_NEUTRAL + judgement->polarity);
    return true;
}

static bool judge(Work *work)
{
    size_t count = work->analysis->feature_count;
    if (count == 0)
        return true;
    plugin_call_begin(&work->call, PLUGIN_JUDGE);
    if (!work->plugin->judge) {
        judge_by_words(work->call.tokenizer, &work->call.scratch, work->query.text, work->analysis);
        return true;
    }
    rpmd_feature *features = ARENA_ARRAY(work->arena, rpmd_feature, count);
    rpmd_judgement *judgements = ARENA_ARRAY(work->arena, rpmd_judgement, count);
    for (size_t i = 0; i < count; i++) {
        const AnalyzedFeature *feature = &work->analysis->features[i];
        judgements[i].struct_size = sizeof(judgements[i]);
        features[i] = (rpmd_feature){
            .struct_size = sizeof(features[i]),
            .name = feature->name,
            .context = feature->context,
            .category = feature->category,
            .polarity = feature->polarity,
            .strength = feature->strength,
            .evidence = feature->evidence,
        };
    }
    int result = work->plugin->judge(&work->call.base, &work->query, work->analysis->answer, features, count,
                                     judgements);
    if (!check_return(work, result, false))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!take_judgement(work, i, &judgements[i]))
            return false;
    return true;
}

static bool describe_answer(Work *work)
{
    if (!work->plugin->describe_answer)
        return true;
    plugin_call_begin(&work->call, PLUGIN_DESCRIBE_ANSWER);
    int result = work->plugin->describe_answer(&work->call.base, &work->query, work->analysis->answer);
    work->analysis->traits = work->call.traits;
    work->analysis->trait_count = work->call.trait_count;
    return check_return(work, result, false);
}

static bool run(Work *work)
{
    const AnalysisRequest *request = work->request;
    bool open = work->plugin->answer_kind == RPMD_ANSWER_TEXT;
    if (!check_text(work, "query", request->query, PLUGIN_QUERY_LIMIT) || !check_options(work) ||
        (request->has_response && !check_text(work, "response", request->response, PLUGIN_RESPONSE_LIMIT)))
        return false;
    if ((!request->answer_only && !extract(work)) || !classify_options(work))
        return false;
    if (!request->has_response)
        return true;
    if (!parse_answer(work) || request->answer_only)
        return work->analysis->has_answer;
    return (!open || judge(work)) && describe_answer(work);
}

void plugin_analyze(const rpmd_plugin *plugin, const PluginEnvironment *environment, Tokenizer *tokenizer,
                    const AnalysisRequest *request, Arena *arena, Analysis *analysis)
{
    *analysis = (Analysis){.answer_option = ANALYSIS_NO_OPTION};
    Work work = {
        .plugin = plugin,
        .request = request,
        .query = {.struct_size = sizeof(rpmd_query), .text = request->query},
        .arena = arena,
        .analysis = analysis,
    };
    plugin_call_init(&work.call, plugin, environment, tokenizer, arena, request->query);
    run(&work);
    plugin_call_finish(&work.call);
}

Analysis *plugin_analyze_batch(const rpmd_plugin *plugin, const PluginEnvironment *environment,
                               const AnalysisRequest *requests, size_t count, Arena *arena)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *own = environment->tokenizer ? NULL : tokenizer_new();
    Tokenizer *tokenizer = own ? own : environment->tokenizer;
    Analysis *analyses = ARENA_ARRAY(arena, Analysis, count);
    for (size_t i = 0; i < count; i++) {
        StatusCode state = plugin_environment_state(environment);
        if (state == STATUS_OK) {
            plugin_analyze(plugin, environment, tokenizer, &requests[i], arena, &analyses[i]);
            continue;
        }
        const char *why = state == STATUS_CANCELLED ? "the call was cancelled before this item"
                                                    : "the deadline passed before this item";
        analyses[i] = (Analysis){.code = state, .error = text_of(why), .answer_option = ANALYSIS_NO_OPTION};
    }
    return analyses;
}

int plugin_parse_reply(const rpmd_plugin *plugin, const PluginEnvironment *environment,
                       const AnalysisRequest *request, Arena *arena, Analysis *analysis, Status *status)
{
    AnalysisRequest answer_only = *request;
    answer_only.answer_only = true;
    answer_only.has_response = true;
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    plugin_analyze(plugin, environment, tokenizer, &answer_only, arena, analysis);
    if (analysis->code != STATUS_OK)
        return status_refuse(status, analysis->code, "%.*s", TEXT_ARGS(analysis->error));
    return 0;
}
