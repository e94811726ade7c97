/* SPDX-License-Identifier: MIT */
#include "lib/method/statistics.h"

#include "lib/base/text.h"

/* How often the entry itself is in a factor's count: once or not at all. */
static uint32_t own_share(const ModelEntry *entry, uint32_t factor)
{
    if (!entry || !model_item_counts(entry->item))
        return 0;
    if (factor == FACTOR_ALL)
        return 1;
    for (uint32_t m = 0; m < entry->met_count; m++)
        if (entry->met[m] == factor)
            return 1;
    return 0;
}

uint32_t statistics_items(const UserModel *model, uint32_t factor, const ModelEntry *without)
{
    uint32_t items = factor == FACTOR_ALL ? model->item_count : model->counts[factor].items;
    return items - own_share(without, factor);
}

uint32_t statistics_count(const UserModel *model, uint32_t factor, uint32_t answer_class,
                          const ModelEntry *without)
{
    if (answer_class == CLASS_NONE)
        return 0;
    uint32_t count = factor == FACTOR_ALL
                         ? model->class_totals[answer_class]
                         : model->by_class[(size_t)factor * model->class_count + answer_class];
    if (own_share(without, factor) && text_equal(model->classes[answer_class], without->item->answer_class))
        count--;
    return count;
}

double statistics_propensity(const UserModel *model, uint32_t factor, uint32_t answer_class, double alpha,
                             const ModelEntry *without)
{
    double overall = statistics_items(model, FACTOR_ALL, without);
    double prior = overall > 0 ? statistics_count(model, FACTOR_ALL, answer_class, without) / overall
                   : model->class_count > 0 ? 1.0 / model->class_count
                                            : 0;
    double items = statistics_items(model, factor, without);
    if (factor == FACTOR_ALL || items + alpha <= 0)
        return prior;
    return (statistics_count(model, factor, answer_class, without) + alpha * prior) / (items + alpha);
}

static void subtract_judgement(FactorCounts *counts, unsigned judgement)
{
    counts->influence -= judgement >= FEATURE_INFLUENTIAL_NEGATIVE;
    counts->negative -= judgement == FEATURE_INFLUENTIAL_NEGATIVE;
    counts->neutral -= judgement == FEATURE_INFLUENTIAL_NEUTRAL;
    counts->positive -= judgement == FEATURE_INFLUENTIAL_POSITIVE;
}

FactorCounts statistics_factor(const UserModel *model, uint32_t factor, const ModelEntry *without)
{
    FactorCounts counts = model->counts[factor];
    if (!own_share(without, factor))
        return counts;
    counts.items--;
    for (uint32_t f = 0; f < without->item->feature_count; f++)
        if (without->factors[f] == factor)
            subtract_judgement(&counts, without->item->features[f].judgement);
    return counts;
}
