/* SPDX-License-Identifier: MIT */
#include "lib/plugin/verify.h"

#include "lib/base/text.h"
#include "lib/plugin/call.h"
#include "lib/text/utf8.h"

#include <math.h>
#include <stdio.h>

static bool is_category(const rpmd_plugin *plugin, rpmd_text category)
{
    if (!plugin->categories)
        return category.length == 0;
    for (const char *const *known = plugin->categories; *known; known++)
        if (text_equal_string(category, *known))
            return true;
    return false;
}

static const char *evidence_fault(rpmd_text query, rpmd_span evidence)
{
    if (evidence.begin >= evidence.end)
        return "its evidence is empty";
    if (evidence.end > query.length)
        return "its evidence is outside the query";
    if (!text_is_boundary(query, evidence.begin) || !text_is_boundary(query, evidence.end))
        return "its evidence begins or ends inside a character";
    if (text_trim(text_slice(query, evidence)).length == 0)
        return "its evidence is only white space";
    return NULL;
}

const char *plugin_feature_fault(const rpmd_plugin *plugin, rpmd_text query, const AnalyzedFeature *feature)
{
    if (feature->name.length == 0)
        return "it has no name";
    if (!plugin_text_is_clean(feature->name, PLUGIN_NAME_LIMIT))
        return "its name is too long, not UTF-8, or has control characters";
    if (!plugin_text_is_clean(feature->context, PLUGIN_CONTEXT_LIMIT))
        return "its context is too long, not UTF-8, or has control characters";
    if (!plugin_text_is_clean(feature->category, PLUGIN_NAME_LIMIT) ||
        !is_category(plugin, feature->category))
        return "its category is not one of the plugin's categories";
    if (!(feature->polarity >= -1.0f && feature->polarity <= 1.0f))
        return "its polarity is not between -1 and 1";
    if (!(feature->strength >= 0.0f && feature->strength <= 1.0f))
        return "its strength is not between 0 and 1";
    return evidence_fault(query, feature->evidence);
}

const char *plugin_trait_fault(const AnalyzedTrait *trait)
{
    if (trait->name.length == 0 || !plugin_text_is_clean(trait->name, PLUGIN_NAME_LIMIT))
        return "its name is empty, too long, or not a clean text";
    if (!plugin_text_is_clean(trait->meaning, PLUGIN_CONTEXT_LIMIT))
        return "its meaning is too long, or not a clean text";
    return NULL;
}

const char *plugin_class_fault(const AnswerClass *answer_class)
{
    if (answer_class->name.length == 0 || !plugin_text_is_clean(answer_class->name, PLUGIN_CLASS_LIMIT))
        return "its class is empty, too long, or not a clean text";
    if (!isnan(answer_class->position) &&
        !(answer_class->position >= -1.0f && answer_class->position <= 1.0f))
        return "its position is not between -1 and 1";
    return NULL;
}

/* Whether the answer is a whole number of the plugin's range, in the one way to write it. */
static bool is_ordinal(const rpmd_plugin *plugin, rpmd_text answer)
{
    char written[24];
    int64_t number = 0;
    if (answer.length == 0 || answer.length > 11) /* "-2147483648" */
        return false;
    bool negative = answer.data[0] == '-';
    for (size_t i = negative; i < answer.length; i++) {
        if (answer.data[i] < '0' || answer.data[i] > '9')
            return false;
        number = number * 10 + (answer.data[i] - '0');
    }
    number = negative ? -number : number;
    snprintf(written, sizeof(written), "%lld", (long long)number);
    return text_equal_string(answer, written) && number >= plugin->ordinal_min &&
           number <= plugin->ordinal_max;
}

bool plugin_is_answer(const rpmd_plugin *plugin, const AnalysisRequest *request, rpmd_text answer,
                      size_t *option)
{
    *option = ANALYSIS_NO_OPTION;
    switch (plugin->answer_kind) {
    case RPMD_ANSWER_LABELS:
        for (size_t i = 0; plugin->labels[i] && *option == ANALYSIS_NO_OPTION; i++)
            if (text_equal_string(answer, plugin->labels[i]))
                *option = i;
        return *option != ANALYSIS_NO_OPTION;
    case RPMD_ANSWER_OPTIONS:
        for (size_t i = 0; i < request->option_count && *option == ANALYSIS_NO_OPTION; i++)
            if (text_equal(answer, request->options[i]))
                *option = i;
        return *option != ANALYSIS_NO_OPTION;
    case RPMD_ANSWER_ORDINAL:
        return is_ordinal(plugin, answer);
    case RPMD_ANSWER_TEXT:
        return answer.length > 0 && answer.length <= PLUGIN_RESPONSE_LIMIT && text_is_utf8(answer);
    }
    return false;
}

static bool is_code_of_item(StatusCode code)
{
    return code == STATUS_OK || code == STATUS_INVALID_ARGUMENT || code == STATUS_INTERNAL ||
           code == STATUS_CANCELLED || code == STATUS_DEADLINE_EXCEEDED;
}

#define REFUSE(...) status_refuse(status, STATUS_INTERNAL, __VA_ARGS__)

static int verify_features(const rpmd_plugin *plugin, const AnalysisRequest *request,
                           const Analysis *analysis, Status *status)
{
    if (analysis->feature_count > PLUGIN_FEATURE_LIMIT)
        return REFUSE("it has %zu features; the limit is %d", analysis->feature_count, PLUGIN_FEATURE_LIMIT);
    for (size_t i = 0; i < analysis->feature_count; i++) {
        const AnalyzedFeature *feature = &analysis->features[i];
        const char *fault = plugin_feature_fault(plugin, request->query, feature);
        if (!fault && (int)feature->judgement > FEATURE_INFLUENTIAL_POSITIVE)
            fault = "its judgement is none that exists";
        if (fault)
            return REFUSE("feature %zu: %s", i + 1, fault);
    }
    return 0;
}

static int verify_answer(const rpmd_plugin *plugin, const AnalysisRequest *request, Analysis *analysis,
                         Status *status)
{
    analysis->answer_option = ANALYSIS_NO_OPTION;
    analysis->answer_class = (rpmd_text){0};
    if (!analysis->has_answer)
        return 0;
    size_t option;
    if (!request->has_response || !plugin_is_answer(plugin, request, analysis->answer, &option))
        return REFUSE("it has an answer that is none of the task's");
    analysis->answer_option = option;
    if (plugin->answer_kind == RPMD_ANSWER_OPTIONS) {
        if (option >= analysis->option_class_count)
            return REFUSE("it has an answer without a class");
        analysis->answer_class = analysis->option_classes[option].name;
    } else if (plugin->answer_kind != RPMD_ANSWER_TEXT) {
        analysis->answer_class = analysis->answer;
    }
    return 0;
}

int plugin_verify_analysis(const rpmd_plugin *plugin, const AnalysisRequest *request, Analysis *analysis,
                           Status *status)
{
    if (!is_code_of_item(analysis->code))
        return REFUSE("it has the code %d, which an item cannot have", (int)analysis->code);
    if (!plugin_text_is_clean(analysis->error, STATUS_MESSAGE_SIZE) ||
        !plugin_text_is_clean(analysis->drop_reason, STATUS_MESSAGE_SIZE))
        return REFUSE("it has a sentence that is too long, or not a clean text");
    if ((analysis->code == STATUS_OK) != (analysis->error.length == 0))
        return REFUSE("it has an error without a sentence, or a sentence without an error");
    if (verify_features(plugin, request, analysis, status))
        return STATUS_REFUSED;
    bool has_options = plugin->answer_kind == RPMD_ANSWER_OPTIONS;
    size_t classes = analysis->option_class_count;
    if (classes != 0 && (!has_options || classes != request->option_count))
        return REFUSE("it has %zu classes for %zu options", classes, request->option_count);
    if (classes == 0 && has_options && analysis->code == STATUS_OK)
        return REFUSE("it has no classes for its options");
    for (size_t i = 0; i < classes; i++) {
        const char *fault = plugin_class_fault(&analysis->option_classes[i]);
        if (fault)
            return REFUSE("option %zu: %s", i + 1, fault);
    }
    if (analysis->trait_count > PLUGIN_TRAIT_LIMIT)
        return REFUSE("it has %zu traits; the limit is %d", analysis->trait_count, PLUGIN_TRAIT_LIMIT);
    for (size_t i = 0; i < analysis->trait_count; i++) {
        const char *fault = plugin_trait_fault(&analysis->traits[i]);
        if (fault)
            return REFUSE("trait %zu: %s", i + 1, fault);
    }
    if (analysis->code == STATUS_OK && request->has_response && !analysis->has_answer)
        return REFUSE("it has a response and no answer");
    return verify_answer(plugin, request, analysis, status);
}
