/* SPDX-License-Identifier: MIT */
#include "lib/method/reasoning_text.h"

#include "lib/base/text.h"
#include "lib/method/citation.h"
#include "lib/method/prompt_text.h"
#include "lib/method/statistics.h"

#include <strings.h>

/* Words of the text that are quoted as evidence, at most: enough to find the place. */
#define EVIDENCE_LIMIT 60

void reasoning_plural(Buffer *buffer, rpmd_text noun)
{
    char last = noun.length > 0 ? noun.data[noun.length - 1] : '\0';
    char before = noun.length > 1 ? noun.data[noun.length - 2] : '\0';
    bool hisses = last == 's' || last == 'x' || (last == 'h' && (before == 'c' || before == 's'));
    bool turns = last == 'y' && !strchr("aeiou", before);
    buffer_append(buffer, noun.data, noun.length - turns);
    buffer_append_string(buffer, turns ? "ies" : hisses ? "es" : "s");
}

void reasoning_feature(Buffer *buffer, rpmd_text query, const AnalyzedFeature *feature)
{
    rpmd_text evidence = text_slice(query, feature->evidence);
    prompt_text_name(buffer, feature->name);
    if (evidence.length == feature->name.length &&
        strncasecmp(evidence.data, feature->name.data, evidence.length) == 0)
        return;
    buffer_append_string(buffer, " (");
    prompt_text_quote(buffer, evidence, EVIDENCE_LIMIT);
    buffer_append_string(buffer, ")");
}

size_t reasoning_order(const AnalyzedFeature *features, const double *weights, size_t count,
                       uint32_t order[REASONING_FEATURE_LIMIT])
{
    size_t kept = 0;
    while (kept < REASONING_FEATURE_LIMIT) {
        size_t best = count;
        for (size_t f = 0; f < count; f++) {
            bool named = false;
            for (size_t i = 0; i < kept && !named; i++)
                named = text_equal(features[order[i]].name, features[f].name);
            if (!named && (best == count || weights[f] > weights[best]))
                best = f;
        }
        if (best == count)
            break;
        order[kept++] = (uint32_t)best;
    }
    return kept;
}

/* The named features of one sign behind their lead: "A, B and C". Returns how many. */
static size_t list_features(Buffer *buffer, const char *lead, rpmd_text query,
                            const AnalyzedFeature *features, const uint32_t *order, size_t count, int sign)
{
    size_t listed = 0, total = 0;
    for (size_t i = 0; i < count; i++)
        total += feature_sign(features[order[i]].polarity) == sign;
    for (size_t i = 0; i < count; i++) {
        const AnalyzedFeature *feature = &features[order[i]];
        if (feature_sign(feature->polarity) != sign)
            continue;
        buffer_append_string(buffer, listed == 0 ? lead : listed + 1 == total ? " and " : ", ");
        reasoning_feature(buffer, query, feature);
        listed++;
    }
    return listed;
}

void reasoning_features(Buffer *buffer, rpmd_text query_noun, rpmd_text query,
                        const AnalyzedFeature *features, const uint32_t *order, size_t count)
{
    _cleanup_buffer_ Buffer sides = BUFFER_INIT;
    count = count > REASONING_FEATURE_LIMIT ? REASONING_FEATURE_LIMIT : count;
    size_t signs = list_features(&sides, "On the good side: ", query, features, order, count, 1);
    signs += list_features(&sides, signs ? "; on the bad side: " : "On the bad side: ", query, features,
                           order, count, -1);
    if (signs > 0) {
        list_features(&sides, "; besides: ", query, features, order, count, 0);
        buffer_append(buffer, sides.data, sides.length);
    } else {
        buffer_append_format(buffer, "This %.*s", TEXT_ARGS(query_noun));
        if (list_features(buffer, " speaks of ", query, features, order, count, 0) == 0)
            buffer_append_string(buffer, " has no feature that the task knows");
    }
    buffer_append_string(buffer, ".");
}

void reasoning_factor(Buffer *buffer, const UserModel *model, uint32_t factor)
{
    prompt_text_factor(buffer, factor == FACTOR_ALL ? text_of(CITATION_ALL_ITEMS)
                                                    : factor_set_get(model->factors, factor)->name);
}

void reasoning_share(Buffer *buffer, const ReasoningTask *task, const UserModel *model, uint32_t factor,
                     uint32_t answer_class, const ModelEntry *without)
{
    double share = statistics_propensity(model, factor, answer_class, task->smoothing, without);
    prompt_text_quote(buffer, model->classes[answer_class], 0);
    buffer_append_string(buffer, " in ");
    prompt_text_part(buffer, statistics_count(model, factor, answer_class, without),
                     statistics_items(model, factor, without));
    buffer_append_string(buffer, " (");
    prompt_text_share(buffer, share);
    buffer_append_string(buffer, ")");
}
