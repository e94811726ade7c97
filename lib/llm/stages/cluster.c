/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/cluster.h"

#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/llm/reply_json.h"
#include "lib/method/citation.h"
#include "lib/method/prompt_text.h"
#include "lib/plugin/limits.h"

#define CONTEXT_SHOWN 80     /* bytes: a phrase that tells what the name means */
#define TOKENS_OF_FACTOR 50  /* of a reply: its name, its description and the marks between them */
#define TOKENS_OF_FEATURE 32 /* its number, its name and its factor's name */
#define FEW_FEATURES 6       /* that need not be more than one factor */
#define NEGATIVE_SUFFIX " (negative)"

enum {
    PLACE_TASK,
    PLACE_QUERY_NOUN,
    PLACE_RESPONSE_NOUN,
    PLACE_LIMIT,
    PLACE_EXAMPLE,
    PLACE_FEATURES,
    PLACE_COUNT,
    PLACES
};

const PromptPlace cluster_places[] = {
    [PLACE_TASK] = {"task", false},
    [PLACE_QUERY_NOUN] = {"query_noun", false},
    [PLACE_RESPONSE_NOUN] = {"response_noun", false},
    [PLACE_LIMIT] = {"limit", false},
    [PLACE_EXAMPLE] = {"example", true},
    [PLACE_FEATURES] = {"features", true},
    [PLACE_COUNT] = {"count", false},
};
const size_t cluster_place_count = PLACES;

/* ---- the features ------------------------------------------------------------------------------------- */

static int compare_features(const void *a, const void *b)
{
    const ClusterFeature *first = a, *second = b;
    if (first->items != second->items)
        return first->items < second->items ? 1 : -1;
    return text_compare(first->key, second->key);
}

size_t cluster_features(const UserModel *model, Arena *arena, ClusterFeature **features)
{
    Intern keys = {0};
    size_t total = 0;
    for (uint32_t e = 0; e < model->entry_count; e++)
        total += model->entries[e]->item->feature_count;
    ClusterFeature *found = ARENA_ARRAY(arena, ClusterFeature, total);
    _cleanup_free_ uint32_t *last_entry = NEW_ARRAY(uint32_t, total + 1);
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelItem *item = model->entries[e]->item;
        for (uint32_t f = 0; model_item_counts(item) && f < item->feature_count; f++) {
            const FeatureText *text = item->features[f].text;
            uint32_t number = intern_add(&keys, text->key);
            if (found[number].items == 0)
                found[number] = (ClusterFeature){.key = arena_text(arena, text->key),
                                                 .name = arena_text(arena, text->name),
                                                 .context = arena_text(arena, text->context),
                                                 .sign = feature_sign(item->features[f].polarity)};
            /* An item that has it twice meets it once. */
            found[number].items += last_entry[number] != e + 1;
            last_entry[number] = e + 1;
        }
    }
    size_t count = keys.count;
    intern_finish(&keys);
    qsort(found, count, sizeof(*found), compare_features);
    *features = found;
    return MIN(count, (size_t)CLUSTER_FEATURE_LIMIT);
}

/* ---- the ask ------------------------------------------------------------------------------------------ */

/*
 * A factor for each feature, not features for each factor: asked in that way, small models put every feature
 * into every factor. And before the list of factors: begun with that, it is "genre, setting, theme".
 */
static const char *schema_of(size_t count, Arena *arena)
{
    return arena_format(
        arena,
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"features\",\"factors\"],"
        "\"properties\":{\"features\":{\"type\":\"array\",\"minItems\":%zu,\"maxItems\":%zu,\"items\":{"
        "\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"feature\",\"name\",\"factor\"],"
        "\"properties\":{\"feature\":{\"type\":\"integer\"},\"name\":{\"type\":\"string\"},"
        "\"factor\":{\"type\":\"string\"}}}},"
        "\"factors\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":%d,\"items\":{"
        "\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"name\",\"description\"],"
        "\"properties\":{\"name\":{\"type\":\"string\"},\"description\":{\"type\":\"string\"}}}}}}",
        count, count, (int)MIN(count, (size_t)FACTOR_GENERATED_LIMIT));
}

static const char example[] =
    "1. daylight (\"the rooms get light\"; 3 items)\n"
    "2. noise (\"people next door disturb\"; 2 items)\n"
    "3. quiet street (\"hardly any traffic\"; 1 item)\n"
    "4. short contract (\"rented for one year\"; 1 item)\n"
    "5. big windows (\"windows to the south\"; 1 item)\n"
    "{\"features\":[{\"feature\":1,\"name\":\"daylight\",\"factor\":\"bright rooms\"},"
    "{\"feature\":2,\"name\":\"noise\",\"factor\":\"peace and quiet\"},"
    "{\"feature\":3,\"name\":\"quiet street\",\"factor\":\"peace and quiet\"},"
    "{\"feature\":4,\"name\":\"short contract\",\"factor\":\"contract terms\"},"
    "{\"feature\":5,\"name\":\"big windows\",\"factor\":\"bright rooms\"}],"
    "\"factors\":[{\"name\":\"bright rooms\",\"description\":\"light in the flat\"},"
    "{\"name\":\"peace and quiet\",\"description\":\"noise or silence around it\"},"
    "{\"name\":\"contract terms\",\"description\":\"what the lease allows\"}]}";

void cluster_ask(StageAsk *ask, const PromptTemplate *prompt, const rpmd_plugin *plugin,
                 const ClusterFeature *features, size_t count, Arena *arena)
{
    _cleanup_buffer_ Buffer shown = BUFFER_INIT;
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&shown, "%zu. ", i + 1);
        prompt_text_name(&shown, features[i].name);
        buffer_append_string(&shown, " (");
        if (features[i].context.length > 0) {
            prompt_text_quote(&shown, features[i].context, CONTEXT_SHOWN);
            buffer_append_string(&shown, "; ");
        }
        buffer_append_format(&shown, "%u item%s)\n", features[i].items, features[i].items == 1 ? "" : "s");
    }
    const rpmd_text values[PLACES] = {
        [PLACE_TASK] = text_of(plugin->prompt_texts->task),
        [PLACE_QUERY_NOUN] = text_of(plugin->prompt_texts->query_noun),
        [PLACE_RESPONSE_NOUN] = text_of(plugin->prompt_texts->response_noun),
        [PLACE_LIMIT] = text_of(arena_format(arena, "%d", FACTOR_GENERATED_LIMIT)),
        [PLACE_EXAMPLE] = text_of(example),
        [PLACE_FEATURES] = {buffer_string(&shown), shown.length},
        [PLACE_COUNT] = text_of(arena_format(arena, "%zu", count)),
    };
    prompt_template_append(&ask->prompt, prompt, values);
    ask->schema = schema_of(count, arena);
    ask->max_tokens = (uint32_t)(FACTOR_GENERATED_LIMIT * TOKENS_OF_FACTOR + count * TOKENS_OF_FEATURE);
}

/* ---- the reply ---------------------------------------------------------------------------------------- */

#define NO_GROUP UINT32_MAX

/* A factor on its way. */
typedef struct Group {
    rpmd_text name;
    rpmd_text description;
    size_t member_count;
} Group;

typedef struct Groups {
    Group *groups;
    size_t count;
    uint32_t *of; /* of[feature]: its group, or NO_GROUP */
} Groups;

static uint32_t find_group(const Groups *groups, rpmd_text name)
{
    for (size_t i = 0; i < groups->count; i++)
        if (groups->groups[i].name.length == name.length &&
            strncasecmp(groups->groups[i].name.data, name.data, name.length) == 0)
            return (uint32_t)i;
    return NO_GROUP;
}

static uint32_t add_group(Groups *groups, rpmd_text name, rpmd_text description)
{
    uint32_t known = find_group(groups, name);
    if (known != NO_GROUP)
        return known;
    groups->groups[groups->count] = (Group){name, description, 0};
    return (uint32_t)groups->count++;
}

static void move_to(Groups *groups, size_t feature, uint32_t group)
{
    if (groups->of[feature] != NO_GROUP)
        groups->groups[groups->of[feature]].member_count--;
    groups->of[feature] = group;
    if (group != NO_GROUP)
        groups->groups[group].member_count++;
}

/* A name that can be cited, or an empty text. */
static rpmd_text usable_name(const json_t *value, Arena *arena)
{
    rpmd_text name = stage_label(arena, value, PLUGIN_NAME_LIMIT - sizeof(NEGATIVE_SUFFIX), true);
    return text_equal_string(name, CITATION_ALL_ITEMS) ? (rpmd_text){"", 0} : name;
}

static void take_factor(Groups *groups, const json_t *factor, Arena *arena)
{
    rpmd_text name = usable_name(json_object_get(factor, "name"), arena);
    if (name.length > 0)
        add_group(groups, name,
                  stage_label(arena, json_object_get(factor, "description"), PLUGIN_CONTEXT_LIMIT, false));
}

/* A factor that was not announced is one all the same; one without a usable name is called as its feature. */
static void take_member(Groups *groups, const json_t *value, const ClusterFeature *features, size_t count,
                        Arena *arena, ClusterResult *result)
{
    int64_t number = stage_number(json_object_get(value, "feature"));
    rpmd_text name = usable_name(json_object_get(value, "factor"), arena);
    if (number < 1 || (size_t)number > count) {
        result->unknown++;
        return;
    }
    size_t feature = (size_t)number - 1;
    uint32_t group = add_group(groups, name.length ? name : features[feature].name, (rpmd_text){"", 0});
    if (groups->of[feature] == NO_GROUP)
        move_to(groups, feature, group);
    else
        result->repeated += groups->of[feature] != group;
}

/* Names that say nothing of what the features are about. */
static bool is_empty_name(rpmd_text name)
{
    static const char *const names[] = {"positive", "negative", "neutral", "features", "factor"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (text_equal_string(name, names[i]))
            return true;
    return false;
}

/* A factor that nearly every feature is in says nothing about any of them. NULL: there is none. */
static const char *fault_of_groups(const Groups *groups, size_t count, Arena *arena)
{
    for (size_t g = 0; g < groups->count; g++)
        if (groups->groups[g].member_count > 0 && is_empty_name(groups->groups[g].name))
            return arena_format(arena, "\"%.*s\" does not say what the features are about",
                                TEXT_ARGS(groups->groups[g].name));
    for (size_t g = 0; g < groups->count && count >= FEW_FEATURES; g++) {
        const Group *group = &groups->groups[g];
        if (3 * group->member_count > 2 * count)
            return arena_format(arena, "its factor \"%.*s\" holds %zu of the %zu features",
                                TEXT_ARGS(group->name), group->member_count, count);
    }
    return NULL;
}

/* What a text praises and what it criticizes are told apart, since an answer rarely follows from both alike.
 */
static void part_signs(Groups *groups, const ClusterFeature *features, size_t count, Arena *arena)
{
    size_t named = groups->count;
    for (uint32_t g = 0; g < named; g++) {
        bool has_positive = false, has_negative = false;
        for (size_t f = 0; f < count; f++) {
            has_positive |= groups->of[f] == g && features[f].sign > 0;
            has_negative |= groups->of[f] == g && features[f].sign < 0;
        }
        if (!has_positive || !has_negative)
            continue;
        const Group *group = &groups->groups[g];
        uint32_t other =
            add_group(groups, text_of(arena_format(arena, "%.*s" NEGATIVE_SUFFIX, TEXT_ARGS(group->name))),
                      group->description);
        for (size_t f = 0; f < count; f++)
            if (groups->of[f] == g && features[f].sign < 0)
                move_to(groups, f, other);
    }
}

/* The smallest groups beyond the limit give their members up; the last one of equal size first. */
static void keep_largest(Groups *groups, size_t count)
{
    for (;;) {
        size_t used = 0;
        uint32_t smallest = NO_GROUP;
        for (uint32_t g = 0; g < groups->count; g++) {
            used += groups->groups[g].member_count > 0;
            if (groups->groups[g].member_count > 0 &&
                (smallest == NO_GROUP ||
                 groups->groups[g].member_count <= groups->groups[smallest].member_count))
                smallest = g;
        }
        if (used <= FACTOR_GENERATED_LIMIT)
            return;
        for (size_t f = 0; f < count; f++)
            if (groups->of[f] == smallest)
                move_to(groups, f, NO_GROUP);
    }
}

static int compare_texts(const void *a, const void *b)
{
    return text_compare(*(const rpmd_text *)a, *(const rpmd_text *)b);
}

static void write_result(const Groups *groups, const ClusterFeature *features, size_t count, Arena *arena,
                         ClusterResult *result)
{
    result->factors = ARENA_ARRAY(arena, FactorInput, groups->count);
    for (uint32_t g = 0; g < groups->count; g++) {
        const Group *group = &groups->groups[g];
        if (group->member_count == 0)
            continue;
        rpmd_text *members = ARENA_ARRAY(arena, rpmd_text, group->member_count);
        size_t used = 0;
        for (size_t f = 0; f < count; f++)
            if (groups->of[f] == g)
                members[used++] = features[f].key;
        qsort(members, used, sizeof(*members), compare_texts);
        result->factors[result->factor_count++] =
            (FactorInput){group->name, group->description, members, used};
    }
    for (size_t f = 0; f < count; f++)
        result->unassigned += groups->of[f] == NO_GROUP;
}

const char *cluster_parse(rpmd_text reply, const ClusterFeature *features, size_t count, Arena *arena,
                          ClusterResult *result)
{
    enum { FACTORS_READ = 64 }; /* what a model announces beyond this is noise */
    _cleanup_json_ json_t *value = reply_json(reply);
    const json_t *factors = json_object_get(value, "factors"), *members = json_object_get(value, "features");
    /* Each feature may bring its own factor, and each factor may be parted in two. */
    Groups groups = {ARENA_ARRAY(arena, Group, 2 * (FACTORS_READ + count)), 0,
                     ARENA_ARRAY(arena, uint32_t, count)};
    *result = (ClusterResult){0};
    for (size_t f = 0; f < count; f++)
        groups.of[f] = NO_GROUP;
    for (size_t i = 0; i < json_array_size(factors) && i < FACTORS_READ; i++)
        take_factor(&groups, json_array_get(factors, i), arena);
    for (size_t i = 0; i < json_array_size(members); i++)
        take_member(&groups, json_array_get(members, i), features, count, arena, result);
    const char *fault = fault_of_groups(&groups, count, arena);
    part_signs(&groups, features, count, arena);
    keep_largest(&groups, count);
    write_result(&groups, features, count, arena, result);
    if (!value)
        return "it has no JSON object";
    if (result->factor_count == 0)
        return "its \"features\" have no number of a feature";
    if (result->unassigned * 2 > count)
        return arena_format(arena, "%zu of the %zu features are in no factor", result->unassigned, count);
    return fault;
}
