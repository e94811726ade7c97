/* SPDX-License-Identifier: MIT */
#include "lib/method/contribution.h"
#include "lib/method/item_record.h"

#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

#include <malloc.h>

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
            .evidence = {0, 3},
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
    bool is_analysed = fixture_random(state, 10) != 0;
    return model_item_new(
        &(ModelItemInput){.query = text_of(fixture_random(state, 2) ? "robot love and war" : "war"),
                          .number = number,
                          .order_us = (int64_t)fixture_random(state, 20),
                          .analysis = is_analysed ? &analysis : NULL,
                          .extractor_version = text_of(is_analysed ? "1" : "")},
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

/* Histories of several blocks are compared now and then. */
#define ITEMS 300
#define COMPARED_EVERY 10

/* A history that is changed at random, with the model that follows it. */
typedef struct Changing {
    uint64_t state;
    const ModelTask *task;
    Tokenizer *tokenizer;
    ModelItem *items[ITEMS];
    uint64_t item_count; /* of places in use */
    UserModel *model;
} Changing;

static size_t history_of(Changing *changing, ModelItem **history)
{
    size_t count = 0;
    for (size_t i = 0; i < changing->item_count; i++)
        if (changing->items[i])
            history[count++] = changing->items[i];
    shuffle(&changing->state, history, count);
    return count;
}

static void assert_equals_building(Changing *changing)
{
    ModelItem *history[ITEMS];
    size_t count = history_of(changing, history);
    UserModel *built = user_model_build(changing->task, history, count, changing->model->factors);
    assert_models_equal(changing->model, built);
    user_model_unref(built);
}

static void replace_model(Changing *changing, UserModel *model)
{
    user_model_unref(changing->model);
    changing->model = model;
}

/* Adds, corrects or removes up to `most` items at once. */
static void change_some(Changing *changing, uint32_t most)
{
    ModelItem *put[32];
    uint64_t removed[32];
    size_t count = 1 + fixture_random(&changing->state, most);
    bool is_put = fixture_random(&changing->state, 5) < 3;
    for (size_t i = 0; i < count; i++) {
        uint64_t number = fixture_random(&changing->state, (uint32_t)changing->item_count);
        model_item_unref(changing->items[number]);
        changing->items[number] =
            is_put ? random_item(&changing->state, changing->tokenizer, changing->task, number) : NULL;
        put[i] = model_item_ref(changing->items[number]);
        removed[i] = number;
    }
    if (is_put && count == 1)
        replace_model(changing, user_model_put(changing->model, changing->task, put[0]));
    else if (is_put)
        replace_model(changing, user_model_put_many(changing->model, changing->task, put, count));
    else
        replace_model(changing, user_model_remove_many(changing->model, changing->task, removed, count));
    for (size_t i = 0; i < count; i++)
        model_item_unref(put[i]);
}

/* What user_model_promote is to find, by looking at the whole history. */
static size_t promotable_keys(const UserModel *model, rpmd_text *keys)
{
    _cleanup_intern_ Intern seen = INTERN_INIT;
    uint32_t items[ITEMS] = {0}, last[ITEMS] = {0};
    size_t count = 0;
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelEntry *entry = model->entries[e];
        for (uint32_t f = 0; model_item_counts(entry->item) && f < entry->item->feature_count; f++) {
            if (entry->factors[f] != FACTOR_NONE)
                continue;
            uint32_t number = intern_add(&seen, entry->item->features[f].text->key);
            ck_assert_uint_lt(number, ITEMS);
            items[number] += last[number] != e + 1;
            last[number] = e + 1;
            keys[number] = entry->item->features[f].text->key;
        }
    }
    for (uint32_t k = 0; k < seen.count; k++)
        if (items[k] >= FACTOR_PROMOTION_ITEMS)
            keys[count++] = keys[k];
    return count;
}

static void promote(Changing *changing)
{
    rpmd_text keys[ITEMS];
    const UserModel *before = changing->model;
    size_t count = promotable_keys(before, keys);
    ck_assert_uint_eq(before->promotable, count);
    UserModel *promoted = user_model_promote(before, changing->task);
    count = MIN(count, FACTOR_LIMIT - (size_t)before->factor_count);
    if (!promoted) {
        ck_assert_uint_eq(count, 0);
        return;
    }
    ck_assert_uint_eq(promoted->factor_count, before->factor_count + count);
    for (size_t k = 0; k < count; k++)
        assert_texts_equal(factor_set_get(promoted->factors, before->factor_count + k)->members[0], keys[k]);
    replace_model(changing, promoted);
}

static void change_at_random(uint64_t seed, const ModelTask *task, uint64_t item_count)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    Changing changing = {.state = seed, .task = task, .tokenizer = tokenizer, .item_count = item_count};
    bool is_long = item_count > 64;
    for (uint64_t i = 0; i < item_count / 2; i++)
        changing.items[i] = random_item(&changing.state, tokenizer, task, i);
    ModelItem *history[ITEMS];
    size_t count = history_of(&changing, history);
    changing.model = user_model_build(task, history, count, NULL);
    for (size_t change = 0; change < CHANGES; change++) {
        change_some(&changing, is_long ? 32 : 3);
        if (!is_long || change % COMPARED_EVERY == 0)
            assert_equals_building(&changing);
        if (change % 50 == 49)
            promote(&changing);
    }
    for (uint64_t i = 0; i < item_count; i++) {
        model_item_unref(changing.items[i]);
        changing.items[i] = NULL;
        replace_model(&changing, user_model_remove(changing.model, task, i));
    }
    assert_equals_building(&changing);
    ck_assert_uint_eq(changing.model->block_count, 0);
    user_model_unref(changing.model);
}

START_TEST(changes_equal_building)
{
    for (size_t t = 0; t < ARRAY_SIZE(tasks); t++)
        for (uint64_t seed = 1; seed <= ROUNDS; seed++)
            change_at_random(seed, &tasks[t], 48);
}
END_TEST

START_TEST(changes_of_long_histories_equal_building)
{
    for (size_t t = 0; t < ARRAY_SIZE(tasks); t++)
        change_at_random(t + 9, &tasks[t], ITEMS);
}
END_TEST

static ModelItem *stored_item(const ModelItem *item, FeatureTexts *texts)
{
    _cleanup_buffer_ Buffer content = BUFFER_INIT;
    item_record_write(&content, item);
    ModelItem *read = model_item_read(&(ModelItemSource){.id = item->id,
                                                         .query = item->query,
                                                         .response = item->response,
                                                         .number = item->number,
                                                         .order_us = item->order_us,
                                                         .extractor_version = item->extractor_version,
                                                         .content = {content.data, content.length},
                                                         .texts = texts});
    ck_assert_ptr_nonnull(read);
    return read;
}

START_TEST(models_of_records_equal_models_of_items)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    FeatureTexts *texts = feature_texts_new();
    uint64_t state = 5;
    for (size_t t = 0; t < ARRAY_SIZE(tasks); t++) {
        _cleanup_buffer_ Buffer factors = BUFFER_INIT;
        ModelItem *items[ITEMS], *read[ITEMS];
        for (uint64_t i = 0; i < ITEMS; i++) {
            items[i] = random_item(&state, tokenizer, &tasks[t], i);
            read[i] = stored_item(items[i], texts);
        }
        UserModel *model = user_model_build(&tasks[t], items, ITEMS, NULL);
        factor_set_write(&factors, model->factors);
        FactorSet *set = factor_set_read((rpmd_text){factors.data, factors.length});
        ck_assert_ptr_nonnull(set);
        UserModel *again = user_model_build(&tasks[t], read, ITEMS, set);
        UserModel *clustered = user_model_with_factors(again, &tasks[t], NULL);
        assert_models_equal(model, again);
        assert_models_equal(model, clustered);
        user_model_unref(model);
        user_model_unref(again);
        user_model_unref(clustered);
        factor_set_unref(set);
        for (size_t i = 0; i < ITEMS; i++) {
            model_item_unref(items[i]);
            model_item_unref(read[i]);
        }
    }
    feature_texts_unref(texts);
}
END_TEST

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Not with an allocator that keeps no such books, as sanitizers have. */
START_TEST(a_model_takes_what_it_says)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    uint64_t state = 21;
    const size_t count = 500;
    ModelItem **items = NEW_ARRAY(ModelItem *, count);
    size_t before = heap_bytes();
    for (uint64_t i = 0; i < count; i++)
        items[i] = random_item(&state, tokenizer, &tasks[0], i);
    UserModel *model = user_model_build(&tasks[0], items, count, NULL);
    for (size_t i = 0; i < count; i++)
        model_item_unref(items[i]);
    size_t taken = heap_bytes() - before, said = user_model_bytes(model);
    if (taken > 0) {
        ck_assert_msg(said > taken - taken / 7 && said < taken + taken / 7, "takes %zu bytes, says %zu",
                      taken, said);
    }
    user_model_unref(model);
    free(items);
}
END_TEST

START_TEST(items_are_found_by_id)
{
    FixtureItem items[FIXTURE_ITEMS];
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        items[i] = (FixtureItem){.query = "robot", .answer = "war", .features = "robot"};
    UserModel *model = fixture_model(&tasks[0], items, ARRAY_SIZE(items));
    for (uint32_t i = 1; i <= ARRAY_SIZE(items); i++) {
        char id[32];
        snprintf(id, sizeof(id), "item-%u", i);
        const ModelEntry *entry = user_model_find(model, text_of(id));
        ck_assert_ptr_nonnull(entry);
        ck_assert_uint_eq(entry->item->number, i);
    }
    ck_assert_ptr_null(user_model_find(model, text_of("item-0")));
    UserModel *less = user_model_remove(model, &tasks[0], 1);
    ck_assert_ptr_null(user_model_find(less, text_of("item-1")));
    ck_assert_ptr_nonnull(user_model_find(less, text_of("item-2")));
    user_model_unref(less);
    user_model_unref(model);
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

UNIT_TESTS("model", changes_equal_building, changes_of_long_histories_equal_building,
           models_of_records_equal_models_of_items, a_model_takes_what_it_says, items_are_found_by_id,
           removing_an_unknown_item_changes_nothing, a_trait_counts_once_an_item,
           classes_of_options_are_those_seen)
