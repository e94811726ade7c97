/* SPDX-License-Identifier: MIT */
#include "tests/unit/store/support.h"

#include <math.h>

static Fixture fixture;

static void setup(void)
{
    fixture_start(&fixture);
}

static void teardown(void)
{
    fixture_stop(&fixture);
}

static AnalyzedFeature features[] = {
    {.name = {"sea", 3},
     .context = {"where it plays", 14},
     .category = {"setting", 7},
     .polarity = -0.25f,
     .strength = 0.1f,
     .evidence = {12, 15},
     .judgement = FEATURE_INFLUENTIAL_NEGATIVE},
    {.name = {"love", 4}, .category = {"theme", 5}, .strength = 1},
};
static AnswerClass option_classes[] = {{.name = {"agrees", 6}, .position = 1},
                                       {.name = {"no answer", 9}, .position = NAN}};
static AnalyzedTrait traits[] = {{.name = {"colon", 5}, .meaning = {"the title has a colon", 21}}};
static const float numbers[] = {0.6F, -0.8F, 0};
static const Analysis whole = {
    .has_answer = true,
    .answer = {"classic", 7},
    .answer_class = {"Classic", 7},
    .answer_option = 2,
    .option_classes = option_classes,
    .option_class_count = ARRAY_SIZE(option_classes),
    .features = features,
    .feature_count = ARRAY_SIZE(features),
    .traits = traits,
    .trait_count = ARRAY_SIZE(traits),
    .features_dropped = 3,
    .drop_reason = {"not in the text", 15},
    .embedding = {numbers, ARRAY_SIZE(numbers), UINT64_MAX - 5},
};
static const Analysis failed = {
    .code = STATUS_INVALID_ARGUMENT, .error = {"too long", 8}, .answer_option = ANALYSIS_NO_OPTION};
static const StoreMember members[] = {{.category = {"setting", 7}, .name = {"sea", 3}, .polarity = -1},
                                      {.category = {"theme", 5}, .name = {"love", 4}, .polarity = 0}};
static const StoreFactor factors[] = {
    {.name = {"water", 5}, .description = {"sea and lakes", 13}, .members = members, .member_count = 1},
    {.name = {"nothing", 7}},
    {.name = {"hearts", 6}, .description = {"love", 4}, .members = members, .member_count = 2},
};
static const StoreFactorSet factor_set = {.factors = factors, .count = ARRAY_SIZE(factors)};
static const StorePropensity propensities[] = {{.factor = 0, .answer_class = {"classic", 7}, .count = 4},
                                               {.factor = 2, .answer_class = {"a", 1}, .count = 1},
                                               {.factor = 2, .answer_class = {"b", 1}, .count = 2}};
static const StoreCounts counts[] = {
    {.factor = 0, .items = 4, .influence = 6, .positive = 1, .neutral = 2, .negative = 3},
    {.factor = 2, .items = 3},
};

/* Publishes over what is current. */
static StoreReply *publish(StorePublish publish)
{
    StoreReply *loaded = load_model(&fixture, "tags", "ann");
    expect_ok(loaded);
    publish.task = T("tags");
    publish.user = T("ann");
    publish.user_number = loaded->model.user.number;
    publish.base_version = loaded->model.user.model_version;
    publish.history_revision = loaded->model.user.history_revision;
    if (!publish.extractor_version.length)
        publish.extractor_version = T("1.2");
    return ANSWER(&fixture, store_model_publish(fixture.store, &publish, on_reply, &fixture));
}

static StorePut put(const char *id, int64_t time_us)
{
    StoreReply *reply = put_one(&fixture, "tags", "ann", id, "query", "response", time_us);
    expect_ok(reply);
    return reply->puts.puts[0];
}

static StoreReply *versions(void)
{
    StoreUserName request = {.task = T("tags"), .user = T("ann")};
    return ANSWER(&fixture, store_list_versions(fixture.store, &request, on_reply, &fixture));
}

static StoreReply *load_factors(uint64_t version)
{
    StoreLoadFactorSet request = {.task = T("tags"), .user = T("ann"), .version = version};
    return ANSWER(&fixture, store_factor_set_load(fixture.store, &request, on_reply, &fixture));
}

/* The model of three items: the last put comes first, the middle one could not be analysed. */
static void publish_first(StorePut items[3])
{
    items[0] = put("x", 20);
    items[1] = put("y", 30);
    items[2] = put("z", 10);
    const StoreItemAnalysis analyses[] = {{items[0].number, items[0].revision, T("1.2"), &whole},
                                          {items[1].number, items[1].revision, T("1.2"), &failed},
                                          {items[2].number, items[2].revision, T("1.2"), &whole}};
    const StoreReasoning reasoning[] = {{items[2].number, STORE_SOURCE_NATIVE, T("because of the sea")}};
    StoreReply *reply = publish(
        (StorePublish){.created_us = 99,
                       .reason = T("build"),
                       .analyses = analyses,
                       .analysis_count = ARRAY_SIZE(analyses),
                       .reasoning = reasoning,
                       .reasoning_count = ARRAY_SIZE(reasoning),
                       .factors = &factor_set,
                       .replace_statistics = true,
                       .statistics = {propensities, ARRAY_SIZE(propensities), counts, ARRAY_SIZE(counts)}});
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.version, 1);
    ck_assert_uint_eq(reply->published.history_revision, 3);
}

static void expect_whole(const StoreItem *item)
{
    const Analysis *analysis = &item->analysis;
    expect_text(item->extractor_version, "1.2");
    ck_assert_int_eq(analysis->code, STATUS_OK);
    ck_assert(analysis->has_answer);
    ck_assert_uint_eq(analysis->answer_option, 2);
    expect_text(analysis->drop_reason, "not in the text");
    expect_text(analysis->error, "");
    expect_text(analysis->answer, "classic");
    expect_text(analysis->answer_class, "Classic");
    ck_assert_uint_eq(analysis->features_dropped, 3);
    ck_assert_uint_eq(analysis->feature_count, 2);
    const AnalyzedFeature *feature = &analysis->features[0];
    expect_text(feature->name, "sea");
    expect_text(feature->context, "where it plays");
    expect_text(feature->category, "setting");
    ck_assert(feature->polarity == -0.25f && feature->strength == 0.1f);
    ck_assert_uint_eq(feature->evidence.begin, 12);
    ck_assert_uint_eq(feature->evidence.end, 15);
    ck_assert_int_eq(feature->judgement, FEATURE_INFLUENTIAL_NEGATIVE);
    expect_text(analysis->features[1].name, "love");
    ck_assert_int_eq(analysis->features[1].judgement, FEATURE_NOT_JUDGED);
    ck_assert_uint_eq(analysis->option_class_count, 2);
    expect_text(analysis->option_classes[0].name, "agrees");
    ck_assert(analysis->option_classes[0].position == 1);
    ck_assert(isnan(analysis->option_classes[1].position));
    ck_assert_uint_eq(analysis->trait_count, 1);
    expect_text(analysis->traits[0].name, "colon");
    expect_text(analysis->traits[0].meaning, "the title has a colon");
    ck_assert_uint_eq(analysis->embedding.count, ARRAY_SIZE(numbers));
    ck_assert(analysis->embedding.space == UINT64_MAX - 5);
    ck_assert_mem_eq(analysis->embedding.values, numbers, sizeof(numbers));
}

static void expect_factor_set(const StoreFactorSet *set)
{
    ck_assert_uint_eq(set->count, 3);
    expect_text(set->factors[0].name, "water");
    expect_text(set->factors[0].description, "sea and lakes");
    ck_assert_uint_eq(set->factors[0].member_count, 1);
    expect_text(set->factors[0].members[0].category, "setting");
    ck_assert_int_eq(set->factors[0].members[0].polarity, -1);
    ck_assert_uint_eq(set->factors[1].member_count, 0);
    ck_assert_uint_eq(set->factors[2].member_count, 2);
    expect_text(set->factors[2].members[1].name, "love");
}

START_TEST(a_model_comes_back_as_it_was_published)
{
    StorePut items[3];
    publish_first(items);
    fixture_restart(&fixture);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->user.model_version, 1);
    ck_assert_uint_eq(model->version.number, 1);
    ck_assert_int_eq(model->version.created_us, 99);
    expect_text(model->version.reason, "build");
    expect_text(model->version.extractor_version, "1.2");
    ck_assert_uint_eq(model->version.items, 3);
    ck_assert_uint_eq(model->version.factors, 3);
    ck_assert_uint_eq(model->version.history_revision, 3);
    ck_assert(model->version.current);
    ck_assert_uint_eq(model->item_count, 3);
    expect_text(model->items[0].id, "z");
    expect_text(model->items[2].id, "y");
    expect_whole(&model->items[0]);
    expect_text(model->items[0].reasoning, "because of the sea");
    ck_assert_int_eq(model->items[0].reasoning_source, STORE_SOURCE_NATIVE);
    ck_assert_uint_eq(model->items[0].reasoning_version, 1);
    expect_whole(&model->items[1]);
    expect_text(model->items[1].reasoning, "");
    expect_text(model->items[2].analysis.error, "too long");
    ck_assert_int_eq(model->items[2].analysis.code, STATUS_INVALID_ARGUMENT);
    ck_assert(!model->items[2].analysis.has_answer);
    ck_assert(model->items[2].analysis.answer_option == ANALYSIS_NO_OPTION);
    ck_assert_uint_eq(model->items[2].analysis.feature_count, 0);
    expect_factor_set(&model->factors);
    const StoreStatistics *statistics = &model->statistics;
    ck_assert_uint_eq(statistics->propensity_count, 3);
    ck_assert_uint_eq(statistics->propensities[2].factor, 2);
    expect_text(statistics->propensities[2].answer_class, "b");
    ck_assert_uint_eq(statistics->propensities[2].count, 2);
    ck_assert_uint_eq(statistics->count, 2);
    ck_assert_uint_eq(statistics->counts[0].influence, 6);
    ck_assert_uint_eq(statistics->counts[0].positive, 1);
    ck_assert_uint_eq(statistics->counts[0].neutral, 2);
    ck_assert_uint_eq(statistics->counts[0].negative, 3);
    ck_assert_uint_eq(statistics->counts[1].factor, 2);
    ck_assert_uint_eq(statistics->counts[1].items, 3);
    StoreReply *reply = ANSWER(&fixture, store_list_tasks(fixture.store, on_reply, &fixture));
    ck_assert_uint_eq(reply->tasks.tasks[0].models, 1);
}
END_TEST

START_TEST(a_user_without_a_model_has_items_only)
{
    put("x", 1);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->version.number, 0);
    ck_assert_uint_eq(model->item_count, 1);
    ck_assert_uint_eq(model->factors.count, 0);
    ck_assert_uint_eq(versions()->versions.count, 0);
    expect_refused(load_model(&fixture, "tags", "bob"), STATUS_NOT_FOUND, "no history of user \"bob\"");
    expect_refused(load_model(&fixture, "none", "ann"), STATUS_NOT_FOUND, "in task \"none\"");
}
END_TEST

START_TEST(a_list_shows_analyses_when_asked_for)
{
    StorePut items[3];
    publish_first(items);
    StoreListItems request = {.task = T("tags"), .user = T("ann")};
    StoreReply *reply = ANSWER(&fixture, store_list_items(fixture.store, &request, on_reply, &fixture));
    expect_text(reply->items.items[2].analysis.error, "too long");
    expect_text(reply->items.items[0].extractor_version, "1.2");
    ck_assert_uint_eq(reply->items.items[0].analysis.feature_count, 0);
    expect_text(reply->items.items[0].reasoning, "");
    request.with_analysis = true;
    request.limit = 1; /* the item with the highest number: the walk has to step over the others */
    reply = ANSWER(&fixture, store_list_items(fixture.store, &request, on_reply, &fixture));
    ck_assert_uint_eq(reply->items.count, 1);
    expect_whole(&reply->items.items[0]);
    expect_text(reply->items.items[0].reasoning, "because of the sea");
}
END_TEST

START_TEST(a_chunk_steps_over_items_of_other_chunks)
{
    StorePut first = put("x", 10), between = put("y", 30), last = put("z", 20);
    const StoreItemAnalysis analyses[] = {{first.number, first.revision, T("1.2"), &whole},
                                          {between.number, between.revision, T("1.2"), &whole},
                                          {last.number, last.revision, T("1.2"), &whole}};
    expect_ok(publish((StorePublish){.analyses = analyses, .analysis_count = 3, .factors = &factor_set}));
    StoreListItems request = {.task = T("tags"), .user = T("ann"), .limit = 2, .with_analysis = true};
    StoreReply *reply = ANSWER(&fixture, store_list_items(fixture.store, &request, on_reply, &fixture));
    expect_whole(&reply->items.items[0]);
    expect_whole(&reply->items.items[1]);
}
END_TEST

START_TEST(a_correction_drops_what_was_derived)
{
    StorePut items[3];
    publish_first(items);
    ck_assert_int_eq(put_one(&fixture, "tags", "ann", "z", "other", "response", 10)->puts.puts[0].outcome,
                     STORE_REPLACED);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    expect_text(model->items[0].query, "other");
    expect_text(model->items[0].extractor_version, "");
    ck_assert_uint_eq(model->items[0].analysis.feature_count, 0);
    expect_text(model->items[0].reasoning, "");
    expect_whole(&model->items[1]);
    ck_assert_uint_eq(model->user.history_revision, 4);
    ck_assert_uint_eq(model->version.history_revision, 3);
    fixture_close(&fixture);
    const char *tables[] = {"analysis", "feature", "option_class", "trait", "embedding"};
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        char sql[128];
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE item = %d", tables[i],
                 (int)items[2].number);
        ck_assert_int_eq(peek(&fixture, sql), 0);
    }
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

START_TEST(a_change_keeps_what_it_does_not_name)
{
    StorePut items[3];
    publish_first(items);
    const StorePropensity changes[] = {{.factor = 2, .answer_class = {"a", 1}, .count = 0},
                                       {.factor = 2, .answer_class = {"b", 1}, .count = 9},
                                       {.factor = 1, .answer_class = {"c", 1}, .count = 1}};
    const StoreCounts change[] = {{.factor = 0}};
    StoreReply *reply = publish((StorePublish){.reason = T("append"), .statistics = {changes, 3, change, 1}});
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.version, 2);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    expect_factor_set(&model->factors);
    ck_assert_uint_eq(model->statistics.propensity_count, 3);
    expect_text(model->statistics.propensities[0].answer_class, "classic");
    ck_assert_uint_eq(model->statistics.propensities[0].count, 4);
    ck_assert_uint_eq(model->statistics.propensities[1].factor, 1);
    ck_assert_uint_eq(model->statistics.propensities[2].count, 9);
    ck_assert_uint_eq(model->statistics.count, 1);
    ck_assert_uint_eq(model->statistics.counts[0].factor, 2);
    expect_text(model->items[0].reasoning, "because of the sea");

    expect_ok(publish((StorePublish){.factors = &(StoreFactorSet){0}, .replace_statistics = true}));
    model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->factors.count, 0);
    ck_assert_uint_eq(model->statistics.propensity_count, 0);
    ck_assert_uint_eq(model->statistics.count, 0);
}
END_TEST

START_TEST(a_deletion_is_published_with_its_model)
{
    StorePut items[3];
    publish_first(items);
    const uint64_t deleted[] = {items[2].number};
    StoreReply *reply =
        publish((StorePublish){.deleted = deleted, .deleted_count = 1, .reason = T("delete")});
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.history_revision, 4);
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->item_count, 2);
    ck_assert_uint_eq(model->user.items, 2);
    ck_assert_uint_eq(model->version.items, 2);
    ck_assert_uint_eq(model->version.history_revision, 4);
    StoreDeleteItem request = {.task = T("tags"), .user = T("ann"), .id = T("x")};
    expect_refused(ANSWER(&fixture, store_delete_item(fixture.store, &request, on_reply, &fixture)),
                   STATUS_FAILED_PRECONDITION, "has a model");
    expect_refused(publish((StorePublish){.deleted = deleted, .deleted_count = 1}), STATUS_ABORTED,
                   "an item of it was deleted");
    reply = ANSWER(&fixture, store_list_tasks(fixture.store, on_reply, &fixture));
    ck_assert_uint_eq(reply->tasks.tasks[0].items, 2);
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT count(*) FROM feature"), 2);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

START_TEST(what_changed_in_the_meantime_is_not_overwritten)
{
    StorePut item = put("x", 1);
    const StoreItemAnalysis analysis = {item.number, item.revision, T("1.2"), &whole};
    const StoreItemAnalysis missing = {item.number + 7, 1, T("1.2"), &whole};
    StorePublish request = {.task = T("tags"),
                            .user = T("ann"),
                            .history_revision = 1,
                            .analyses = &analysis,
                            .analysis_count = 1,
                            .factors = &factor_set};
    request.user_number = load_model(&fixture, "tags", "ann")->model.user.number;
#define PUBLISH() ANSWER(&fixture, store_model_publish(fixture.store, &request, on_reply, &fixture))
    put_one(&fixture, "tags", "ann", "x", "corrected", "response", 1);
    expect_refused(PUBLISH(), STATUS_ABORTED, "an item of it was corrected");
    request.analyses = &missing;
    expect_refused(PUBLISH(), STATUS_ABORTED, "an item of it was deleted");
    request.analysis_count = 0;
    request.base_version = 3;
    expect_refused(PUBLISH(), STATUS_ABORTED, "another version was published");
    request.base_version = 0;
    request.history_revision = 3;
    expect_refused(PUBLISH(), STATUS_INVALID_ARGUMENT, "revision 3 of a history that is at 2");
    request.history_revision = 1;
    expect_ok(PUBLISH());
    StoreModel *model = &load_model(&fixture, "tags", "ann")->model;
    ck_assert_uint_eq(model->version.history_revision, 1);
    ck_assert_uint_eq(model->user.history_revision, 2);

    expect_ok(erase(&fixture, "tags", "ann"));
    expect_refused(PUBLISH(), STATUS_NOT_FOUND, "no history of user");
    put("x", 1);
    expect_refused(PUBLISH(), STATUS_ABORTED, "the user was erased");
#undef PUBLISH
}
END_TEST

START_TEST(bad_models_are_refused)
{
    StorePut item = put("x", 1);
    expect_refused(publish((StorePublish){0}), STATUS_INVALID_ARGUMENT, "needs factors");
    const StorePropensity beyond = {.factor = 3, .answer_class = {"a", 1}, .count = 1};
    expect_refused(publish((StorePublish){.factors = &factor_set, .statistics = {&beyond, 1}}),
                   STATUS_INVALID_ARGUMENT, "Statistics of factor 3 of 3");
    const StoreCounts large = {.factor = 0, .positive = UINT64_MAX};
    expect_refused(publish((StorePublish){.factors = &factor_set, .statistics = {NULL, 0, &large, 1}}),
                   STATUS_INVALID_ARGUMENT, "over its limit");
    const StoreItemAnalysis analysis = {item.number, item.revision, T(""), &whole};
    expect_refused(
        publish((StorePublish){.factors = &factor_set, .analyses = &analysis, .analysis_count = 1}),
        STATUS_INVALID_ARGUMENT, "names no extractor version");
    expect_refused(load_factors(1), STATUS_NOT_FOUND, "Version 1 of user \"ann\" is not kept");
    ck_assert_uint_eq(load_model(&fixture, "tags", "ann")->model.user.model_version, 0);
}
END_TEST

START_TEST(an_earlier_version_can_be_made_current)
{
    StorePut items[3];
    publish_first(items);
    const StoreFactor other = {.name = T("other")};
    const StoreFactorSet others = {.factors = &other, .count = 1};
    expect_ok(publish((StorePublish){.factors = &others, .replace_statistics = true}));
    expect_factor_set(&load_factors(1)->factors);
    ck_assert_uint_eq(load_factors(2)->factors.count, 1);
    StoreReply *reply = publish((StorePublish){.from_version = 1,
                                               .reason = T("rollback to 1"),
                                               .replace_statistics = true,
                                               .statistics = {propensities, 3, counts, 2}});
    expect_ok(reply);
    ck_assert_uint_eq(reply->published.version, 3);
    expect_factor_set(&load_model(&fixture, "tags", "ann")->model.factors);
    StoreVersions *list = &versions()->versions;
    ck_assert_uint_eq(list->count, 3);
    ck_assert_uint_eq(list->versions[0].number, 3);
    ck_assert(list->versions[0].current && !list->versions[1].current);
    ck_assert_uint_eq(list->versions[0].factor_set, list->versions[2].factor_set);
    ck_assert_uint_ne(list->versions[0].factor_set, list->versions[1].factor_set);
    ck_assert_uint_eq(list->versions[0].factors, 3);
    expect_refused(publish((StorePublish){.from_version = 9}), STATUS_NOT_FOUND, "Version 9 of user");
}
END_TEST

START_TEST(old_versions_go_but_their_factors_stay_while_shared)
{
    put("x", 1);
    for (int i = 0; i < 3; i++) {
        expect_ok(publish((StorePublish){.factors = &factor_set, .reason = T("build")}));
        for (int k = 0; k < 2 * STORE_VERSION_LIMIT / 3; k++)
            expect_ok(publish((StorePublish){.reason = T("append")}));
    }
    StoreVersions *list = &versions()->versions;
    ck_assert_uint_eq(list->count, STORE_VERSION_LIMIT);
    ck_assert(list->versions[0].current);
    uint64_t sets = 0, last = 0;
    for (size_t i = 0; i < list->count; i++) {
        sets += list->versions[i].factor_set != last;
        last = list->versions[i].factor_set;
    }
    ck_assert_uint_eq(sets, 3); /* each build can still be gone back to */
    uint64_t oldest = list->versions[list->count - 1].number;
    ck_assert_uint_eq(oldest, 1 + 2 * STORE_VERSION_LIMIT / 3);
    expect_factor_set(&load_factors(oldest)->factors);

    for (int i = 0; i <= STORE_VERSION_LIMIT; i++)
        expect_ok(publish((StorePublish){.factors = &factor_set}));
    expect_refused(load_factors(oldest), STATUS_NOT_FOUND, "is not kept");
    ck_assert_uint_eq(versions()->versions.count, STORE_VERSION_LIMIT);
    fixture_close(&fixture);
    ck_assert_int_eq(peek(&fixture, "SELECT count(DISTINCT factor_set) FROM factor"), STORE_VERSION_LIMIT);
    ck_assert_int_eq(peek(&fixture, "SELECT count(DISTINCT factor_set) FROM member"), STORE_VERSION_LIMIT);
    Status status;
    ck_assert_int_eq(fixture_open(&fixture, &status), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_model_comes_back_as_it_was_published);
    tcase_add_test(tests, a_user_without_a_model_has_items_only);
    tcase_add_test(tests, a_list_shows_analyses_when_asked_for);
    tcase_add_test(tests, a_chunk_steps_over_items_of_other_chunks);
    tcase_add_test(tests, a_correction_drops_what_was_derived);
    tcase_add_test(tests, a_change_keeps_what_it_does_not_name);
    tcase_add_test(tests, a_deletion_is_published_with_its_model);
    tcase_add_test(tests, what_changed_in_the_meantime_is_not_overwritten);
    tcase_add_test(tests, bad_models_are_refused);
    tcase_add_test(tests, an_earlier_version_can_be_made_current);
    tcase_add_test(tests, old_versions_go_but_their_factors_stay_while_shared);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
