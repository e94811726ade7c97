/* SPDX-License-Identifier: MIT */
#include "lib/method/contribution.h"
#include "lib/method/item_record.h"

#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

#define CHANGES 250
#define ROUNDS 4

static const char *const names[] = {"robot", "robots", "love",  "war",   "soldier", "killer robot",
                                    "crime", "escape", "quest", "money", "marriage"};
static const char *const answers[] = {"comedy", "drama", "war", "western"};
static const rpmd_text labels[] = {{"comedy", 6}, {"drama", 5}, {"war", 3}};
static const ModelTask tasks[] = {
    {.answer_kind = RPMD_ANSWER_LABELS, .labels = labels, .label_count = 3, .extractor_version = {"1", 1}},
    {.answer_kind = RPMD_ANSWER_OPTIONS, .extractor_version = {"1", 1}},
    {.answer_kind = RPMD_ANSWER_ORDINAL, .ordinal_min = 1, .ordinal_max = 5, .extractor_version = {"1", 1}},
    {.answer_kind = RPMD_ANSWER_TEXT, .extractor_version = {"1", 1}},
};

/* An item as a history may hold it: failed, not analysed, without features, with any polarity, any order. */
static ModelItem *random_item(uint64_t *state, Tokenizer *tokenizer, const ModelTask *task, uint64_t number)
{
    AnalyzedFeature features[6];
    AnalyzedTrait traits[3];
    size_t feature_count = fixture_random(state, 7), trait_count = fixture_random(state, 4);
    for (size_t f = 0; f < feature_count; f++)
        features[f] = (AnalyzedFeature){
            .name = text_of(names[fixture_random(state, ARRAY_SIZE(names))]),
            .context = text_of(names[fixture_random(state, ARRAY_SIZE(names))]),
            .category = text_of(fixture_random(state, 3) ? "theme" : "plot"),
            .polarity = (float)fixture_random(state, 3) - 1,
            .evidence = {0, 5},
            .judgement = (FeatureJudgement)fixture_random(state, 5),
        };
    for (size_t t = 0; t < trait_count; t++)
        traits[t] = (AnalyzedTrait){text_of(names[fixture_random(state, 4)]),
                                    text_of(names[fixture_random(state, 11)])};
    Analysis analysis = {
        .code = fixture_random(state, 10) == 0 ? STATUS_INTERNAL : STATUS_OK,
        .features = features,
        .feature_count = feature_count,
        .features_dropped = fixture_random(state, 3),
        .has_answer = fixture_random(state, 10) != 0,
        .traits = traits,
        .trait_count = task->answer_kind == RPMD_ANSWER_TEXT ? trait_count : 0,
    };
    if (task->answer_kind == RPMD_ANSWER_ORDINAL)
        analysis.answer_class = text_of((const char *[]){"1", "3", "5", "9"}[fixture_random(state, 4)]);
    else if (task->answer_kind != RPMD_ANSWER_TEXT)
        analysis.answer_class = text_of(answers[fixture_random(state, ARRAY_SIZE(answers))]);
    analysis.answer = analysis.answer_class;
    return model_item_new(
        &(ModelItemInput){.query = text_of("robot love and war"),
                          .number = number,
                          .order_us = (int64_t)fixture_random(state, 20),
                          .analysis = &analysis,
                          .extractor_version = text_of(fixture_random(state, 10) ? "1" : "")},
        tokenizer);
}

static void assert_texts_equal(rpmd_text a, rpmd_text b)
{
    ck_assert_msg(text_equal(a, b), "%.*s and %.*s", TEXT_ARGS(a), TEXT_ARGS(b));
}

static void assert_bytes_equal(const void *a, const void *b, size_t bytes)
{
    ck_assert(bytes == 0 || memcmp(a, b, bytes) == 0);
}

static void assert_models_equal(const UserModel *a, const UserModel *b)
{
    ck_assert_uint_eq(a->factor_count, b->factor_count);
    ck_assert_uint_eq(a->promotable, b->promotable);
    ck_assert_uint_eq(a->question_count, b->question_count);
    ck_assert_uint_eq(a->class_count, b->class_count);
    ck_assert_uint_eq(a->entry_count, b->entry_count);
    ck_assert_uint_eq(a->item_count, b->item_count);
    ck_assert_uint_eq(a->failed_count, b->failed_count);
    ck_assert_uint_eq(a->features_dropped, b->features_dropped);
    ck_assert_uint_eq(a->unassigned, b->unassigned);
    ck_assert_uint_eq(a->factor_count, b->factor_count);
    ck_assert_uint_eq(a->trait_count, b->trait_count);
    assert_texts_equal(a->extractor_version, b->extractor_version);
    for (uint32_t c = 0; c < a->class_count; c++)
        assert_texts_equal(a->classes[c], b->classes[c]);
    for (uint32_t e = 0; e < a->entry_count; e++) {
        const ModelEntry *first = a->entries[e], *second = b->entries[e];
        ck_assert_uint_eq(first->item->number, second->item->number);
        ck_assert_uint_eq(first->met_count, second->met_count);
        ck_assert_uint_eq(first->term_count, second->term_count);
        ck_assert_uint_eq(first->item->feature_count, second->item->feature_count);
        assert_bytes_equal(first->met, second->met, first->met_count * sizeof(uint16_t));
        assert_bytes_equal(first->factors, second->factors, first->item->feature_count * sizeof(uint16_t));
        assert_bytes_equal(first->terms, second->terms, first->term_count * sizeof(uint32_t));
        assert_bytes_equal(first->weights, second->weights, first->term_count * sizeof(float));
        ck_assert_uint_eq(a->by_id[e]->number, b->by_id[e]->number);
    }
    for (uint32_t q = 0; q < a->question_count; q++)
        ck_assert_uint_eq(a->by_question[q]->number, b->by_question[q]->number);
    assert_bytes_equal(a->counts, b->counts, a->factor_count * sizeof(FactorCounts));
    assert_bytes_equal(a->by_class, b->by_class, (size_t)a->factor_count * a->class_count * sizeof(uint32_t));
    assert_bytes_equal(a->class_totals, b->class_totals, a->class_count * sizeof(uint32_t));
    for (size_t t = 0; t < a->trait_count; t++) {
        assert_texts_equal(a->traits[t].name, b->traits[t].name);
        assert_texts_equal(a->traits[t].meaning, b->traits[t].meaning);
        ck_assert_uint_eq(a->traits[t].items, b->traits[t].items);
    }
    _cleanup_arena_ Arena arena = ARENA_INIT;
    ContributionChange change = contribution_change(&arena, a, b);
    ck_assert_uint_eq(change.cell_count + change.vote_count, 0);
}

static void shuffle(uint64_t *state, ModelItem **items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = fixture_random(state, (uint32_t)i);
        ModelItem *item = items[i - 1];
        items[i - 1] = items[other];
        items[other] = item;
    }
}

static void change_at_random(uint64_t seed, const ModelTask *task)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    ModelItem *items[64] = {0}, *history[64];
    uint64_t state = seed;
    for (uint64_t i = 0; i < 20; i++)
        items[i] = random_item(&state, tokenizer, task, i);
    UserModel *model = user_model_build(task, items, 20, NULL);
    for (size_t change = 0; change < CHANGES; change++) {
        uint64_t number = fixture_random(&state, ARRAY_SIZE(items));
        bool is_put = fixture_random(&state, 5) < 3;
        model_item_unref(items[number]);
        items[number] = is_put ? random_item(&state, tokenizer, task, number) : NULL;
        UserModel *changed =
            is_put ? user_model_put(model, task, items[number]) : user_model_remove(model, task, number);
        user_model_unref(model);
        model = changed;
        size_t count = 0;
        for (size_t i = 0; i < ARRAY_SIZE(items); i++)
            if (items[i])
                history[count++] = items[i];
        shuffle(&state, history, count);
        UserModel *built = user_model_build(task, history, count, model->factors);
        assert_models_equal(model, built);
        user_model_unref(built);
        UserModel *promoted = change % 50 == 49 ? user_model_promote(model, task) : NULL;
        if (promoted) {
            ck_assert_uint_gt(promoted->factor_count, model->factor_count);
            user_model_unref(model);
            model = promoted;
        }
    }
    for (uint64_t i = 0; i < ARRAY_SIZE(items); i++) {
        model_item_unref(items[i]);
        UserModel *less = user_model_remove(model, task, i);
        user_model_unref(model);
        model = less;
    }
    UserModel *empty = user_model_build(task, NULL, 0, model->factors);
    assert_models_equal(model, empty);
    user_model_unref(empty);
    user_model_unref(model);
}

START_TEST(changes_equal_building)
{
    for (size_t t = 0; t < ARRAY_SIZE(tasks); t++)
        for (uint64_t seed = 1; seed <= ROUNDS; seed++)
            change_at_random(seed, &tasks[t]);
}
END_TEST

START_TEST(removing_an_unknown_item_changes_nothing)
{
    const FixtureItem items[] = {{.query = "robot", .answer = "war", .features = "robot"}};
    UserModel *model = fixture_model(&tasks[0], items, 1);
    UserModel *same = user_model_remove(model, &tasks[0], 77);
    assert_models_equal(model, same);
    ck_assert_ptr_null(user_model_promote(model, &tasks[0]));
    ck_assert_uint_eq(user_model_bytes(NULL), 0);
    ck_assert_uint_gt(user_model_bytes(model), sizeof(*model));
    user_model_unref(same);
    user_model_unref(model);
    user_model_unref(NULL);
}
END_TEST

START_TEST(a_trait_counts_once_an_item)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    AnalyzedTrait traits[] = {{text_of("short"), text_of("few words")}, {text_of("short"), text_of("other")}};
    Analysis analysis = {.has_answer = true, .traits = traits, .trait_count = 2};
    ModelItem *item = model_item_new(
        &(ModelItemInput){.analysis = &analysis, .extractor_version = text_of("1")}, tokenizer);
    UserModel *model = user_model_build(&tasks[3], &item, 1, NULL);
    ck_assert_uint_eq(model->trait_count, 1);
    ck_assert_uint_eq(model->traits[0].items, 1);
    assert_texts_equal(model->traits[0].meaning, text_of("few words"));
    user_model_unref(model);
    model_item_unref(item);
}
END_TEST

START_TEST(classes_of_options_are_those_seen)
{
    const FixtureItem items[] = {{.query = "robot", .answer = "b", .features = "robot"},
                                 {.query = "robot", .answer = "a", .features = "robot"}};
    UserModel *model = fixture_model(&tasks[1], items, 2);
    ck_assert_uint_eq(model->class_count, 2);
    ck_assert_uint_eq(user_model_class(model, text_of("a")), 0);
    ck_assert_uint_eq(user_model_class(model, text_of("c")), CLASS_NONE);
    UserModel *less = user_model_remove(model, &tasks[1], 1);
    ck_assert_uint_eq(less->class_count, 1);
    ck_assert_uint_eq(user_model_class(less, text_of("b")), CLASS_NONE);
    user_model_unref(less);
    user_model_unref(model);
}
END_TEST

UNIT_TESTS("model", changes_equal_building, removing_an_unknown_item_changes_nothing,
           a_trait_counts_once_an_item, classes_of_options_are_those_seen)
