/* SPDX-License-Identifier: MIT */
#include "lib/method/contribution.h"

#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

static const rpmd_text labels[] = {{"no", 2}, {"yes", 3}};
static const ModelTask task = {
    .answer_kind = RPMD_ANSWER_LABELS, .labels = labels, .label_count = 2, .extractor_version = {"1", 1}};
static const ModelTask open = {.answer_kind = RPMD_ANSWER_TEXT, .extractor_version = {"1", 1}};

START_TEST(every_item_word_and_feature_counts)
{
    const FixtureItem items[] = {{.query = "the robot", .answer = "yes", .features = "robot"},
                                 {.query = "The Robot", .answer = "no", .features = "robot|robot"},
                                 {.query = "robots robots", .answer = NULL, .features = "robot"}};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    UserModel *model = fixture_model(&task, items, 3);
    ContributionChange change = contribution_change(&arena, NULL, model);
    /* Every item, the word and the feature, each for "no" and "yes"; the item without an answer has none. */
    ck_assert_uint_eq(change.cell_count, 6);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(change.cells[i].count, 1);
        ck_assert_int_eq(change.cells[i].users, 1);
    }
    ck_assert_uint_eq(change.cells[0].key, POPULATION_EVERY_ITEM);
    ck_assert_uint_eq(change.vote_count, 1); /* the newest of two answers to one question */
    ck_assert(text_equal_string(change.votes[0].answer, "no"));
    ck_assert_uint_eq(contribution_count(model, POPULATION_EVERY_ITEM, labels[1]), 1);
    ck_assert_uint_eq(contribution_count(model, 77, labels[1]), 0);
    ck_assert_uint_eq(contribution_count(model, POPULATION_EVERY_ITEM, text_of("perhaps")), 0);
    user_model_unref(model);
    model = fixture_model(&open, items, 3);
    change = contribution_change(&arena, NULL, model);
    ck_assert_uint_eq(change.cell_count + change.vote_count, 0);
    user_model_unref(model);
}
END_TEST

START_TEST(a_change_says_what_begins_and_ends)
{
    const FixtureItem items[] = {{.query = "the robot", .answer = "yes", .features = ""},
                                 {.query = "the robot", .answer = "yes", .features = ""},
                                 {.query = "a castle", .answer = "no", .features = ""}};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    UserModel *two = fixture_model(&task, items, 2), *three = fixture_model(&task, items, 3);
    UserModel *one = user_model_remove(two, &task, 1);
    ContributionChange change = contribution_change(&arena, two, one);
    ck_assert_uint_eq(change.cell_count, 2);
    ck_assert_int_eq(change.cells[0].count, -1);
    ck_assert_int_eq(change.cells[0].users, 0); /* the other item still feeds the cell */
    ck_assert_uint_eq(change.vote_count, 0);
    change = contribution_change(&arena, two, three);
    ck_assert_uint_eq(change.cell_count, 2);
    ck_assert_int_eq(change.cells[0].users, 1);
    ck_assert(text_equal_string(change.cells[0].answer_class, "no"));
    ck_assert_uint_eq(change.vote_count, 1);
    change = contribution_change(&arena, one, NULL);
    ck_assert_uint_eq(change.cell_count, 2);
    ck_assert_int_eq(change.cells[1].count, -1);
    ck_assert_int_eq(change.cells[1].users, -1);
    ck_assert_uint_eq(change.vote_count, 1);
    ck_assert_uint_eq(change.votes[0].answer.length, 0);
    change = contribution_change(&arena, three, three);
    ck_assert_uint_eq(change.cell_count + change.vote_count, 0);
    change = contribution_change(&arena, NULL, NULL);
    ck_assert_uint_eq(change.cell_count + change.vote_count, 0);
    user_model_unref(one);
    user_model_unref(two);
    user_model_unref(three);
}
END_TEST

/* ---- a history that changes: what is fed in follows it exactly ---- */

#define ITEMS 150
#define CHANGES 300
#define WORDS 12

static const char *const words[WORDS] = {"robot", "castle", "war",   "love",  "moon", "sea",
                                         "king",  "spy",    "train", "ghost", "city", "snow"};

static ModelItem *draw_item(uint64_t *state, uint64_t number)
{
    char query[64], features[64];
    const char *answers[] = {"yes", "no", "perhaps", NULL};
    snprintf(query, sizeof(query), "%s %s", words[fixture_random(state, WORDS)],
             words[fixture_random(state, WORDS)]);
    snprintf(features, sizeof(features), "%s|%s", words[fixture_random(state, WORDS)],
             words[fixture_random(state, WORDS)]);
    return fixture_item(
        &(FixtureItem){.query = query, .answer = answers[fixture_random(state, 4)], .features = features},
        number);
}

/* How many items have the key and the class, by looking at each. */
static uint32_t count_items(ModelItem *const *items, Tokenizer *tokenizer, uint64_t key, rpmd_text class)
{
    uint32_t count = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        if (!items[i] || !model_item_counts(items[i]) || !text_equal(items[i]->answer_class, class))
            continue;
        _cleanup_arena_ Arena arena = ARENA_INIT;
        const Analysis *analysis = model_item_analysis(items[i], &arena);
        PopulationKeys keys = population_keys(&arena, tokenizer, items[i]->query, analysis);
        bool has_key = key == POPULATION_EVERY_ITEM;
        for (size_t k = 0; k < keys.word_count; k++)
            has_key |= keys.words[k] == key;
        for (size_t k = 0; k < keys.feature_count; k++)
            has_key |= keys.features[k] == key;
        count += has_key;
    }
    return count;
}

/* The answer to a question that comes last in the history's order; empty: none. */
static rpmd_text newest_answer(ModelItem *const *items, uint64_t question)
{
    const ModelItem *newest = NULL;
    for (size_t i = 0; i < ITEMS; i++)
        if (items[i] && model_item_counts(items[i]) && items[i]->question == question &&
            (!newest || model_item_compare(items[i], newest) > 0))
            newest = items[i];
    return newest ? newest->answer : (rpmd_text){0};
}

static void assert_fed(const Population *population, const UserModel *model, ModelItem *const *items,
                       Tokenizer *tokenizer)
{
    const PopulationView stranger = {.population = population, .user = 99};
    const rpmd_text classes[] = {{"yes", 3}, {"no", 2}, {"perhaps", 7}};
    for (size_t w = 0; w <= WORDS; w++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        AnalyzedFeature feature = {.name = text_of(w < WORDS ? words[w] : "none")};
        Analysis analysis = {.features = &feature, .feature_count = 1};
        PopulationKeys keys = population_keys(&arena, tokenizer, feature.name, &analysis);
        const uint64_t asked[] = {POPULATION_EVERY_ITEM, keys.words[0], keys.features[0]};
        for (size_t c = 0; c < ARRAY_SIZE(classes); c++) {
            for (size_t k = 0; k < ARRAY_SIZE(asked); k++) {
                uint32_t count = count_items(items, tokenizer, asked[k], classes[c]);
                ck_assert_uint_eq(contribution_count(model, asked[k], classes[c]), count);
                ck_assert_uint_eq(population_count(&stranger, asked[k], classes[c]), count);
            }
        }
    }
    for (size_t i = 0; i < ITEMS; i++) {
        if (!items[i] || !model_item_counts(items[i]))
            continue;
        size_t count;
        const PopulationVote *votes = population_votes(&stranger, items[i]->question, &count);
        ck_assert_uint_eq(count, 1);
        ck_assert_uint_eq(votes->answer,
                          population_answer(population, newest_answer(items, items[i]->question)));
    }
}

START_TEST(what_is_fed_in_follows_the_history)
{
    _cleanup_(tokenizer_free_cleanup) Tokenizer *tokenizer = tokenizer_new();
    Population *population = population_new();
    ModelItem *items[ITEMS] = {0};
    uint64_t state = 17;
    UserModel *model = user_model_build(&task, NULL, 0, NULL);
    for (size_t change = 0; change < CHANGES; change++) {
        uint64_t number = fixture_random(&state, ITEMS);
        bool is_put = fixture_random(&state, 4) > 0;
        model_item_unref(items[number]);
        items[number] = is_put ? draw_item(&state, number) : NULL;
        UserModel *next =
            is_put ? user_model_put(model, &task, items[number]) : user_model_remove(model, &task, number);
        fixture_feed(population, 1, model, next);
        user_model_unref(model);
        model = next;
        if (change % 20 == 19)
            assert_fed(population, model, items, tokenizer);
    }
    /* A model made in one go feeds in the same. */
    size_t count = 0;
    ModelItem *history[ITEMS];
    for (size_t i = 0; i < ITEMS; i++)
        if (items[i])
            history[count++] = items[i];
    UserModel *built = user_model_build(&task, history, count, NULL);
    _cleanup_buffer_ Buffer nothing = BUFFER_INIT;
    contribution_change_write(&nothing, model, built);
    ck_assert_uint_eq(nothing.length, 0);
    fixture_feed(population, 1, built, NULL);
    ck_assert_uint_eq(
        population_count(&(PopulationView){.population = population}, POPULATION_EVERY_ITEM, labels[1]), 0);
    user_model_unref(built);
    user_model_unref(model);
    for (size_t i = 0; i < ITEMS; i++)
        model_item_unref(items[i]);
    population_free(population);
}
END_TEST

START_TEST(a_question_is_its_text_and_its_options)
{
    ck_assert_uint_eq(
        population_question(text_of("the robot"), labels, 2),
        population_question(text_of("THE robot"), (const rpmd_text[]){labels[1], labels[0]}, 2));
    ck_assert_uint_ne(population_question(text_of("the robot"), labels, 2),
                      population_question(text_of("the robot"), labels, 1));
}
END_TEST

UNIT_TESTS("contribution", every_item_word_and_feature_counts, a_change_says_what_begins_and_ends,
           what_is_fed_in_follows_the_history, a_question_is_its_text_and_its_options)
