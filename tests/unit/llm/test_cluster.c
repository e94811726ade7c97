/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/cluster.h"

#include "tests/unit/llm/stage_fixture.h"
#include "tests/unit/method/prediction_fixture.h"
#include "tests/unit/unit.h"

static const rpmd_text labels[] = {{"classic", 7}, {"action", 6}};
static const ModelTask task = {
    .answer_kind = RPMD_ANSWER_LABELS, .labels = labels, .label_count = 2, .extractor_version = {"1", 1}};
static const FixtureItem films[] = {
    {.query = "a war in winter", .answer = "classic", .features = "war|winter|war"},
    {.query = "the war and the general", .answer = "classic", .features = "war"},
    {.query = "+ a -", .answer = "action", .features = "+taste|-taste"},
};

START_TEST(test_features)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    UserModel *model = fixture_model(&task, films, ARRAY_SIZE(films));
    ClusterFeature *features;
    size_t count = cluster_features(model, &arena, &features);
    user_model_unref(model);
    ck_assert_uint_eq(count, 4);
    ck_assert(text_equal_string(features[0].name, "war"));
    ck_assert_uint_eq(features[0].items, 2);
    ck_assert_uint_eq(features[1].items, 1);
    int signs = 0;
    for (size_t f = 0; f < count; f++)
        signs += text_equal_string(features[f].name, "taste") ? 10 + features[f].sign : 0;
    ck_assert_int_eq(signs, 20);
}
END_TEST

static const ClusterFeature features[] = {
    {.key = {"k1", 2}, .name = {"war", 3}, .context = {"a war", 5}, .items = 4},
    {.key = {"k0", 2}, .name = {"winter", 6}, .sign = 1, .items = 2},
    {.key = {"k2", 2}, .name = {"snow", 4}, .sign = -1, .items = 1},
    {.key = {"k3", 2}, .name = {"dog", 3}, .items = 1},
};
#define FEATURES ARRAY_SIZE(features)

START_TEST(test_ask)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_(stage_ask_finish) StageAsk ask = {0};
    PromptTemplate prompt = stage_template("cluster", cluster_places, cluster_place_count);
    cluster_ask(&ask, &prompt, &stage_plugin, features, FEATURES, &arena);
    const char *text = buffer_string(&ask.prompt);
    ck_assert_ptr_nonnull(strstr(text, "\n1. war (\"a war\"; 4 items)\n2. winter (2 items)\n"));
    ck_assert_ptr_nonnull(strstr(text, "the features 1 to 4."));
    json_t *schema = json_loads(ask.schema, 0, NULL);
    ck_assert_ptr_nonnull(schema);
    json_decref(schema);
    prompt_template_finish(&prompt);
}
END_TEST

/* "name: member member; ... | unassigned repeated unknown" */
static const char *clustered(const ClusterResult *result, Arena *arena)
{
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    for (size_t f = 0; f < result->factor_count; f++) {
        buffer_append_format(&text, "%.*s:", TEXT_ARGS(result->factors[f].name));
        for (size_t m = 0; m < result->factors[f].member_count; m++)
            buffer_append_format(&text, " %.*s", TEXT_ARGS(result->factors[f].members[m]));
        buffer_append_string(&text, "; ");
    }
    buffer_append_format(&text, "| %zu %zu %zu", result->unassigned, result->repeated, result->unknown);
    return arena_copy(arena, buffer_string(&text), text.length);
}

#define F(number, factor) "{\"feature\":" #number ",\"factor\":\"" factor "\"}"

START_TEST(test_replies)
{
    static const struct {
        const char *reply, *fault, *clustered;
    } cases[] = {
        {"{\"factors\":[{\"name\":\"War\",\"description\":\"d\"},{\"name\":\"pets\"}],\"features\":[" F(
             1, "War") "," F("2", "war") "," F(4, "pets") "," F(3, "pets") "]}",
         NULL, "war: k0 k1; pets: k2 k3; | 0 0 0"},
        {"{\"features\":[" F(1, "a") "," F(2, "a") "," F(2, "b") "," F(4, "b") "," F(9, "b") "," F(0,
                                                                                                   "b") "]}",
         NULL, "a: k0 k1; b: k3; | 1 1 2"},
        {"{\"features\":[" F(1, "cold") "," F(2, "cold") "," F(3, "cold") "]}", NULL,
         "cold: k0 k1; cold (negative): k2; | 1 0 0"},
        {"{\"factors\":[{\"name\":\"none\"},7],\"features\":[" F(1, "a [b]") "," F(2, "") "," F(
             4, "all past items") ",3]}",
         NULL, "a (b): k1; winter: k0; dog: k3; | 1 0 1"},
        {"{\"features\":[" F(1, "same") "," F(4, "SAME") "]}", NULL, "same: k1 k3; | 2 0 0"},
        {"{\"features\":[" F(1, "a") "]}", "3 of the 4 features are in no factor", "a: k1; | 3 0 0"},
        {"{\"factors\":[{\"name\":\"a\"}]}", "its \"features\" have no number of a feature", "| 4 0 0"},
        {"no", "it has no JSON object", "| 4 0 0"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        ClusterResult result;
        const char *fault = cluster_parse(text_of(cases[i].reply), features, FEATURES, &arena, &result);
        ck_assert_str_eq(clustered(&result, &arena), cases[i].clustered);
        if (cases[i].fault)
            ck_assert_str_eq(fault, cases[i].fault);
        else
            ck_assert_msg(!fault, "%zu: %s", i, fault);
    }
}
END_TEST

/* However a reply looks: each feature is in one factor or in none, and factors are few. */
START_TEST(test_no_feature_is_lost_or_doubled)
{
    enum { COUNT = 60 };
    ClusterFeature many[COUNT];
    char keys[COUNT][8];
    uint32_t random = 1;
    for (size_t f = 0; f < COUNT; f++) {
        snprintf(keys[f], sizeof(keys[f]), "%zu", f);
        many[f] = (ClusterFeature){
            .key = text_of(keys[f]), .name = text_of(keys[f]), .sign = (int)(f % 3) - 1, .items = 1};
    }
    for (int round = 0; round < 200; round++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;
        ClusterResult result;
        buffer_append_string(&reply, "{\"factors\":[],\"features\":[");
        for (int m = 0; m < 160; m++) {
            random = random * 1664525 + 1013904223;
            buffer_append_format(&reply, "%s{\"feature\":%u,\"factor\":\"g%u\"}", m ? "," : "",
                                 (random >> 16) % (COUNT + 4), (random >> 8) % 40);
        }
        buffer_append_string(&reply, "]}");
        cluster_parse((rpmd_text){reply.data, reply.length - (size_t)round * 25}, many, COUNT, &arena,
                      &result);
        size_t members = result.unassigned;
        for (size_t f = 0; f < result.factor_count; f++)
            members += result.factors[f].member_count;
        ck_assert_uint_eq(members, COUNT);
        ck_assert_uint_le(result.factor_count, FACTOR_GENERATED_LIMIT);
    }
}
END_TEST

#define SIX(last)                                                                                            \
    "{\"features\":[" F(1, "theme") "," F(2, "theme") "," F(3, "theme") "," F(4, "theme") "," F(             \
        5, "x") "," F(6, last) "]}"

/* One factor for everything tells nothing apart. */
START_TEST(test_one_factor_for_all)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    ClusterFeature six[6];
    ClusterResult result;
    for (size_t f = 0; f < ARRAY_SIZE(six); f++)
        six[f] = features[f % FEATURES];
    ck_assert_ptr_null(cluster_parse(text_of(SIX("y")), six, 6, &arena, &result));
    ck_assert_str_eq(cluster_parse(text_of(SIX("theme")), six, 6, &arena, &result),
                     "its factor \"theme\" holds 5 of the 6 features");
}
END_TEST

UNIT_TESTS("llm/cluster", test_features, test_ask, test_replies, test_one_factor_for_all,
           test_no_feature_is_lost_or_doubled)
