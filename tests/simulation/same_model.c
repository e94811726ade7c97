/* SPDX-License-Identifier: MIT */
#include "tests/simulation/same_model.h"

#include "lib/base/text.h"
#include "tests/simulation/world.h"

#define SAME(field)                                                                                          \
    HOLDS(model->field == made->field,                                                                       \
          "the model of user %s has another %s than its history makes: %lu, %lu", user, #field,              \
          (unsigned long)model->field, (unsigned long)made->field)

static void same_numbers(const uint32_t *model, const uint32_t *made, size_t count, const char *what,
                         const char *user)
{
    for (size_t i = 0; i < count; i++)
        HOLDS(model[i] == made[i], "the model of user %s has %s of %u at %zu, and its history makes %u", user,
              what, model[i], i, made[i]);
}

static void same_features(const ModelItem *model, const ModelItem *made, const char *user)
{
    SAME(feature_count);
    for (size_t i = 0; i < model->feature_count; i++) {
        const AnalyzedFeature feature = model_item_feature(model, i), other = model_item_feature(made, i);
        HOLDS(text_equal(feature.name, other.name) && text_equal(feature.context, other.context) &&
                  text_equal(feature.category, other.category) && feature.polarity == other.polarity &&
                  feature.evidence.begin == other.evidence.begin &&
                  feature.evidence.end == other.evidence.end && feature.judgement == other.judgement,
              "feature %zu of item %.*s of user %s is another in the model", i, TEXT_ARGS(model->id), user);
    }
}

static void same_item(const ModelItem *model, const ModelItem *made, const char *user)
{
    SAME(number);
    SAME(revision);
    SAME(order_us);
    SAME(time_us);
    SAME(code);
    SAME(has_answer);
    SAME(question);
    SAME(features_dropped);
    HOLDS(text_equal(model->id, made->id) && text_equal(model->query, made->query) &&
              text_equal(model->response, made->response) && text_equal(model->answer, made->answer) &&
              text_equal(model->answer_class, made->answer_class) &&
              text_equal(model->extractor_version, made->extractor_version) &&
              text_equal(model->details->reasoning, made->details->reasoning),
          "item %.*s of user %s has another text in the model", TEXT_ARGS(model->id), user);
    same_features(model, made, user);
}

static void same_entry(const ModelEntry *model, const ModelEntry *made, const char *user)
{
    same_item(model->item, made->item, user);
    SAME(term_count);
    SAME(met_count);
    for (size_t i = 0; i < model->item->feature_count; i++)
        SAME(factors[i]);
    for (size_t i = 0; i < model->met_count; i++)
        SAME(met[i]);
    for (size_t i = 0; i < model->term_count; i++)
        HOLDS(model->terms[i] == made->terms[i] && model->weights[i] == made->weights[i],
              "the vector of item %.*s of user %s is another in the model", TEXT_ARGS(model->item->id), user);
}

static void on_difference(uint64_t key, rpmd_text answer_class, uint32_t before, uint32_t after, void *data)
{
    const char *user = data;
    world_fail("the share of user %s has %u under (%016lx, %.*s), and its history makes %u", user, before,
               (unsigned long)key, TEXT_ARGS(answer_class), after);
}

void same_model(const UserModel *model, const UserModel *made, const char *user)
{
    SAME(entry_count);
    for (uint32_t e = 0; e < model->entry_count; e++)
        same_entry(model->entries[e], made->entries[e], user);
    SAME(answer_kind);
    SAME(item_count);
    SAME(failed_count);
    SAME(features_dropped);
    SAME(unassigned);
    SAME(factor_count);
    SAME(class_count);
    SAME(trait_count);
    SAME(promotable);
    for (uint32_t f = 0; f < model->factor_count; f++) {
        SAME(counts[f].items);
        SAME(counts[f].influence);
    }
    same_numbers(model->by_class, made->by_class, (size_t)model->factor_count * model->class_count,
                 "a count of a factor by class", user);
    same_numbers(model->class_totals, made->class_totals, model->class_count, "a count of a class", user);
    share_compare(model->share, made->share, on_difference, (void *)user);
}
