/* SPDX-License-Identifier: MIT */
#pragma once

/* Small models without a plugin, for the tests of prediction, reasoning and prompts. */

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/prediction_input.h"

#include <stdio.h>

#define FIXTURE_ITEMS 64
#define FIXTURE_FEATURES 8

/*
 * What a test says of an item. features: names, separated by '|', '+' or '-' in front for polarity, '!' in
 * front where the feature influenced an open answer. The evidence is the name's place in the query, or the
 * query's first word.
 */
typedef struct FixtureItem {
    const char *query;
    const char *answer;
    const char *answer_class; /* NULL: the answer */
    const char *features;
    const char *trait; /* NULL: none */
    const rpmd_text *options;
    const AnswerClass *option_classes;
    size_t option_count;
    int64_t time_us;
} FixtureItem;

static inline rpmd_span fixture_evidence(const char *query, rpmd_text name)
{
    const char *found = memmem(query, strlen(query), name.data, name.length);
    if (found)
        return (rpmd_span){(uint32_t)(found - query), (uint32_t)(found - query + (ptrdiff_t)name.length)};
    return (rpmd_span){0, (uint32_t)strcspn(query, " ")};
}

static inline void fixture_analysis(Arena *arena, const FixtureItem *item, Analysis *analysis)
{
    *analysis = (Analysis){.features = ARENA_ARRAY(arena, AnalyzedFeature, FIXTURE_FEATURES)};
    for (const char *at = item->features; at && *at;) {
        AnalyzedFeature *feature = &analysis->features[analysis->feature_count++];
        *feature = (AnalyzedFeature){.category = text_of("kind"), .strength = 0.5F};
        for (; *at == '+' || *at == '-' || *at == '!'; at++) {
            if (*at == '!')
                feature->judgement = FEATURE_INFLUENTIAL_POSITIVE;
            else
                feature->polarity = *at == '+' ? 0.8F : -0.8F;
        }
        size_t length = strcspn(at, "|");
        feature->name = arena_text(arena, (rpmd_text){at, length});
        feature->evidence = fixture_evidence(item->query, feature->name);
        at += length + (at[length] == '|');
    }
    analysis->option_classes = ARENA_ARRAY(arena, AnswerClass, item->option_count);
    analysis->option_class_count = item->option_count;
    for (size_t o = 0; o < item->option_count; o++)
        analysis->option_classes[o] = item->option_classes[o];
    if (item->trait) {
        analysis->traits = ARENA_NEW(arena, AnalyzedTrait);
        analysis->traits[0] = (AnalyzedTrait){text_of(item->trait), text_of(item->trait)};
        analysis->trait_count = 1;
    }
    analysis->has_answer = item->answer != NULL;
    analysis->answer = text_of(item->answer);
    analysis->answer_class = text_of(item->answer_class ? item->answer_class : item->answer);
}

static inline ModelItem *fixture_item(const FixtureItem *item, uint64_t number)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    Analysis analysis;
    char id[32];
    fixture_analysis(&arena, item, &analysis);
    snprintf(id, sizeof(id), "item-%u", (unsigned)number);
    ModelItemInput input = {.id = text_of(id),
                            .query = text_of(item->query),
                            .response = text_of(item->answer),
                            .number = number,
                            .order_us = (int64_t)number,
                            .time_us = item->time_us,
                            .options = item->options,
                            .option_count = item->option_count,
                            .analysis = &analysis,
                            .extractor_version = text_of("1")};
    return model_item_new(&input, tokenizer);
}

static inline UserModel *fixture_model(const ModelTask *task, const FixtureItem *items, size_t count)
{
    ModelItem *made[FIXTURE_ITEMS] = {0};
    for (size_t i = 0; i < count; i++) {
        FixtureItem item = items[i];
        if (task->answer_kind == RPMD_ANSWER_TEXT)
            item.answer_class = "";
        made[i] = fixture_item(&item, i + 1);
    }
    UserModel *model = user_model_build(task, made, count, NULL);
    for (size_t i = 0; i < count; i++)
        model_item_unref(made[i]);
    return model;
}

/* Puts the change from one model of a user to another (NULL: none) into the population. */
static inline void fixture_feed(Population *population, uint64_t user, const UserModel *before,
                                const UserModel *after)
{
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    contribution_change_write(&bytes, before, after);
    population_apply(population, user, (rpmd_text){bytes.data, bytes.length});
}

/* A query against a model, with all that a prediction or a prompt needs. */
typedef struct FixtureCase {
    Arena arena;
    Tokenizer *tokenizer;
    Analysis analysis;
    Target target;
    Retrieved retrieved[RETRIEVAL_LIMIT];
    PredictionRequest request;
    PredictionCase prediction;
} FixtureCase;

static inline void fixture_case_init(FixtureCase *fixture, const UserModel *model, const FixtureItem *query,
                                     size_t examples, const PopulationView *view)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->tokenizer = tokenizer_new();
    fixture_analysis(&fixture->arena, query, &fixture->analysis);
    fixture->target = (Target){.query = text_of(query->query),
                               .options = query->options,
                               .option_count = query->option_count,
                               .analysis = &fixture->analysis};
    target_prepare(&fixture->target, &fixture->arena, fixture->tokenizer, model);
    fixture->request = (PredictionRequest){.model = model,
                                           .target = &fixture->target,
                                           .retrieved = fixture->retrieved,
                                           .view = view,
                                           .tokenizer = fixture->tokenizer};
    fixture->request.retrieved_count = retrieval_find(model, &fixture->target, examples, fixture->retrieved);
    if (model->answer_kind != RPMD_ANSWER_TEXT)
        prediction_of_target(&fixture->request, &fixture->arena, &fixture->prediction);
}

static inline void fixture_case_finish(FixtureCase *fixture)
{
    tokenizer_free(fixture->tokenizer);
    arena_finish(&fixture->arena);
}

/* Numbers that look random and are the same in every run. */
static inline uint32_t fixture_random(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*state >> 33) % below;
}
