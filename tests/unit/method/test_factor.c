/* SPDX-License-Identifier: MIT */
#include "lib/method/factor.h"

#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

static const ModelTask task = {.answer_kind = RPMD_ANSWER_TEXT, .extractor_version = {"1", 1}};

/* An item with one feature of a name and category, found in the name. */
static ModelItem *item_with(Tokenizer *tokenizer, const char *name, const char *category, float polarity,
                            uint64_t number)
{
    AnalyzedFeature feature = {.name = text_of(name),
                               .category = text_of(category),
                               .polarity = polarity,
                               .evidence = {0, (uint32_t)strlen(name)}};
    Analysis analysis = {.features = &feature, .feature_count = 1, .has_answer = true};
    return model_item_new(&(ModelItemInput){.query = text_of(name),
                                            .number = number,
                                            .order_us = (int64_t)number,
                                            .analysis = &analysis,
                                            .extractor_version = text_of("1")},
                          tokenizer);
}

static uint32_t assign(const FactorSet *set, Tokenizer *tokenizer, const char *name, const char *category,
                       float polarity)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    AnalyzedFeature feature = {.name = text_of(name), .category = text_of(category), .polarity = polarity};
    return factor_set_assign(set, tokenizer, feature_key(&arena, &feature));
}

static void unref_all(ModelItem **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        model_item_unref(items[i]);
}

static void assert_sets_equal(const FactorSet *a, const FactorSet *b)
{
    ck_assert_uint_eq(factor_set_count(a), factor_set_count(b));
    for (size_t f = 0; f < factor_set_count(a); f++) {
        const Factor *first = factor_set_get(a, f), *second = factor_set_get(b, f);
        ck_assert(text_equal(first->name, second->name));
        ck_assert(text_equal(first->description, second->description));
        ck_assert_uint_eq(first->member_count, second->member_count);
        for (size_t m = 0; m < first->member_count; m++)
            ck_assert(text_equal(first->members[m], second->members[m]));
    }
}

static FactorSet *copy_of(const FactorSet *set, Tokenizer *tokenizer)
{
    FactorInput inputs[FACTOR_LIMIT];
    for (size_t f = 0; f < factor_set_count(set); f++) {
        const Factor *factor = factor_set_get(set, f);
        inputs[f] = (FactorInput){factor->name, factor->description, factor->members, factor->member_count};
    }
    return factor_set_new(inputs, factor_set_count(set), tokenizer);
}

START_TEST(related_features_share_a_factor)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    ModelItem *items[] = {
        item_with(tokenizer, "robot", "theme", 0, 1),  item_with(tokenizer, "robots", "character", 0, 2),
        item_with(tokenizer, "love", "theme", 0, 3),   item_with(tokenizer, "love", "theme", 0, 4),
        item_with(tokenizer, "price", "aspect", 1, 5), item_with(tokenizer, "price", "aspect", -1, 6),
        item_with(tokenizer, "look", "aspect", 1, 7),  item_with(tokenizer, "size", "aspect", 1, 8),
        item_with(tokenizer, "moon", "theme", 0, 9)};
    FactorSet *set = factor_set_cluster(items, ARRAY_SIZE(items), tokenizer);
    ck_assert_uint_eq(factor_set_count(set), 3);
    ck_assert(text_equal_string(factor_set_get(set, 0)->name, "character: robots") ||
              text_equal_string(factor_set_get(set, 1)->name, "character: robots"));
    ck_assert(text_equal_string(factor_set_get(set, 2)->name, "aspect: others, positive"));
    ck_assert_uint_eq(assign(set, tokenizer, "robot", "theme", 0),
                      assign(set, tokenizer, "robots", "character", 0));
    ck_assert_uint_eq(assign(set, tokenizer, "price", "aspect", 1), 2);
    ck_assert_uint_eq(assign(set, tokenizer, "price", "aspect", -1), FACTOR_NONE);
    ck_assert_uint_eq(assign(set, tokenizer, "moon", "theme", 0), FACTOR_NONE);
    /* Not seen before: the nearest of its category and polarity, if it is near. */
    ck_assert_uint_eq(assign(set, tokenizer, "loves", "theme", 0),
                      assign(set, tokenizer, "love", "theme", 0));
    ck_assert_uint_eq(assign(set, tokenizer, "loves", "plot", 0), FACTOR_NONE);
    ck_assert_uint_eq(assign(set, tokenizer, "loves", "theme", 1), FACTOR_NONE);
    ck_assert_uint_gt(factor_set_bytes(set), 0);

    /* Any order of the items gives the same set, and so does what the store gives back. */
    ModelItem *reversed[ARRAY_SIZE(items)];
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        reversed[i] = items[ARRAY_SIZE(items) - 1 - i];
    FactorSet *again = factor_set_cluster(reversed, ARRAY_SIZE(items), tokenizer);
    FactorSet *copy = copy_of(set, tokenizer);
    assert_sets_equal(set, again);
    assert_sets_equal(set, copy);
    ck_assert_uint_eq(assign(copy, tokenizer, "loves", "theme", 0),
                      assign(set, tokenizer, "loves", "theme", 0));
    factor_set_unref(again);
    factor_set_unref(copy);
    factor_set_unref(set);
    unref_all(items, ARRAY_SIZE(items));
}
END_TEST

START_TEST(a_key_is_in_one_factor)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    const rpmd_text members[] = {text_of("theme\x1flove\x1f"
                                         "0"),
                                 text_of("theme\x1flove\x1f"
                                         "0")};
    const FactorInput inputs[] = {{text_of("a"), text_of(""), members, 2},
                                  {text_of("b"), text_of(""), members, 1}};
    FactorSet *set = factor_set_new(inputs, 2, tokenizer);
    ck_assert_uint_eq(factor_set_get(set, 0)->member_count, 1);
    ck_assert_uint_eq(factor_set_get(set, 1)->member_count, 0);
    ck_assert_uint_eq(assign(set, tokenizer, "love", "theme", 0), 0);
    factor_set_unref(set);
    set = factor_set_new(NULL, 0, tokenizer);
    ck_assert_uint_eq(assign(set, tokenizer, "love", "theme", 0), FACTOR_NONE);
    factor_set_unref(set);
    factor_set_unref(NULL);
}
END_TEST

START_TEST(names_can_be_cited)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    const char *const names[] = {"[x]\nzebra", "quest: moon", "MOON"};
    const char *const categories[] = {"theme", "plot", "plot: quest"};
    ModelItem *items[6];
    for (uint64_t i = 0; i < 6; i++)
        items[i] = item_with(tokenizer, names[i / 2], categories[i / 2], 1, i);
    FactorSet *set = factor_set_cluster(items, 6, tokenizer);
    ck_assert_uint_eq(factor_set_count(set), 3);
    ck_assert(text_equal_string(factor_set_get(set, 0)->name, "plot: quest: moon, positive"));
    ck_assert(text_equal_string(factor_set_get(set, 1)->name, "plot: quest: MOON, positive (2)"));
    ck_assert(text_equal_string(factor_set_get(set, 2)->name, "theme: (x) zebra, positive"));
    for (size_t f = 0; f < factor_set_count(set); f++) {
        rpmd_text name = factor_set_get(set, f)->name;
        for (size_t i = 0; i < name.length; i++)
            ck_assert(!strchr("[]\n\r", name.data[i]));
        for (size_t other = 0; other < f; other++)
            ck_assert(!text_equal(name, factor_set_get(set, other)->name));
    }
    factor_set_unref(set);
    unref_all(items, 6);
}
END_TEST

START_TEST(a_set_comes_back_with_what_it_learnt)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT, again = BUFFER_INIT;
    rpmd_text members[3];
    const char *names[] = {"old robot", "robot", "killer robot"};
    for (size_t m = 0; m < 3; m++)
        members[m] =
            feature_key(&arena, &(AnalyzedFeature){.name = text_of(names[m]), .category = text_of("theme")});
    const FactorInput inputs[] = {{text_of("robots"), text_of("all robots"), members, 3},
                                  {text_of("nothing"), {0}, NULL, 0}};
    FactorSet *set = factor_set_new(inputs, 2, tokenizer);
    uint32_t factor;
    ck_assert(!factor_set_has_learnt(set));
    ck_assert(!factor_set_known(set, 20, &factor));
    factor_set_learn(set, (const uint64_t[]){30, 20}, (const uint16_t[]){FACTOR_NONE, 1}, 2);
    factor_set_learn(set, (const uint64_t[]){20}, (const uint16_t[]){0}, 1); /* the first call counts */
    factor_set_write(&bytes, set);
    FactorSet *read = factor_set_read((rpmd_text){bytes.data, bytes.length});
    ck_assert_ptr_nonnull(read);
    assert_sets_equal(set, read);
    ck_assert(factor_set_known(read, 20, &factor));
    ck_assert_uint_eq(factor, 1);
    ck_assert(factor_set_known(read, 30, &factor));
    ck_assert_uint_eq(factor, FACTOR_NONE);
    ck_assert(!factor_set_known(read, 25, &factor));
    const char *asked[] = {"robot", "robots", "blue robot", "castle"};
    for (size_t a = 0; a < ARRAY_SIZE(asked); a++)
        ck_assert_uint_eq(assign(set, tokenizer, asked[a], "theme", 0),
                          assign(read, tokenizer, asked[a], "theme", 0));
    ck_assert_uint_eq(assign(read, tokenizer, "robots", "theme", 0), 0);
    factor_set_write(&again, read);
    ck_assert_uint_eq(bytes.length, again.length);
    ck_assert_mem_eq(bytes.data, again.data, bytes.length);
    for (size_t length = 0; length < bytes.length; length++)
        ck_assert_ptr_null(factor_set_read((rpmd_text){bytes.data, length}));
    for (size_t bit = 0; bit < bytes.length * 8; bit++) {
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        ck_assert_ptr_null(factor_set_read((rpmd_text){bytes.data, bytes.length}));
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    factor_set_unref(read);
    factor_set_unref(set);
}
END_TEST

START_TEST(three_items_promote)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    ModelItem *items[] = {
        item_with(tokenizer, "love", "theme", 0, 1),   item_with(tokenizer, "love", "theme", 0, 2),
        item_with(tokenizer, "[moon]", "theme", 0, 3), item_with(tokenizer, "[moon]", "theme", 0, 4),
        item_with(tokenizer, "[moon]", "theme", 0, 5), item_with(tokenizer, "zebra", "", 0, 6),
        item_with(tokenizer, "zebra", "", 0, 7),       item_with(tokenizer, "zebra", "", 0, 8)};
    UserModel *model = user_model_build(&task, items, 2, NULL);
    for (size_t i = 2; i < 4; i++) {
        UserModel *longer = user_model_put(model, &task, items[i]);
        user_model_unref(model);
        model = longer;
    }
    ck_assert_ptr_null(user_model_promote(model, &task));
    for (size_t i = 4; i < ARRAY_SIZE(items); i++) {
        UserModel *longer = user_model_put(model, &task, items[i]);
        user_model_unref(model);
        model = longer;
    }
    UserModel *promoted = user_model_promote(model, &task);
    ck_assert_ptr_nonnull(promoted);
    ck_assert_uint_eq(promoted->factor_count, 3);
    ck_assert(text_equal_string(factor_set_get(promoted->factors, 0)->name, "theme: love"));
    ck_assert(text_equal_string(factor_set_get(promoted->factors, 1)->name, "theme: (moon)"));
    ck_assert(text_equal_string(factor_set_get(promoted->factors, 2)->name, "zebra"));
    ck_assert_uint_eq(promoted->counts[1].items, 3);
    ck_assert_uint_eq(promoted->unassigned, 0);
    ck_assert_ptr_null(user_model_promote(promoted, &task));
    user_model_unref(promoted);
    user_model_unref(model);
    unref_all(items, ARRAY_SIZE(items));
}
END_TEST

/* The number of factors and of compared features is bounded, whatever the history. */
START_TEST(twenty_thousand_distinct_features)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    size_t count = 20000;
    ModelItem **items = NEW_ARRAY(ModelItem *, count);
    for (uint64_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "w%u x%u", (unsigned)i, (unsigned)(i % 700));
        items[i] = item_with(tokenizer, name, i % 2 ? "theme" : "aspect", i % 2 ? 0 : 1, i);
    }
    UserModel *model = user_model_build(&task, items, count, NULL);
    ck_assert_uint_ge(model->factor_count, 1);
    ck_assert_uint_le(model->factor_count, FACTOR_GENERATED_LIMIT);
    ck_assert_uint_eq(model->item_count, count);
    user_model_unref(model);
    unref_all(items, count);
    free(items);
}
END_TEST

UNIT_TESTS("factor", a_set_comes_back_with_what_it_learnt, related_features_share_a_factor,
           a_key_is_in_one_factor, names_can_be_cited, three_items_promote, twenty_thousand_distinct_features)
