/* SPDX-License-Identifier: MIT */
#include "lib/method/factor.h"

#include "lib/base/buffer.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/key_map.h"
#include "lib/text/normalize.h"

/*
 * Native factor generation: average-link agglomerative clustering of the distinct features of a history,
 * by what they are called and the words that they were found in. Features with a polarity join only within
 * their category. A cluster that at least two items meet is a factor; what is left of a category with a
 * polarity is gathered in one factor "others" where enough items meet it: that a user often praises something
 * says something, whatever it is.
 */

#define FACTOR_MINIMUM_ITEMS 2
#define OTHERS_MINIMUM_ITEMS 3
/* Two clusters of neutral features join from this cosine on: their evidence counts, so unlike names share
 * less than FACTOR_JOIN_SIMILARITY asks. */
#define CLUSTER_JOIN_SIMILARITY 0.30
/* Places of a feature that its vector is made of: enough to tell what it is about. */
#define EVIDENCE_LIMIT 8
#define DESCRIBED_MEMBERS 6 /* in a description: enough to tell what the factor is */

#define NO_CLUSTER UINT32_MAX

/* A distinct feature of the history. */
typedef struct Key {
    rpmd_text text;
    FeatureKeyParts parts;
    rpmd_text context; /* the first that was met */
    rpmd_text evidence[EVIDENCE_LIMIT];
    uint32_t evidence_count;
    uint32_t items; /* that have it */
    uint32_t last_item;
    uint32_t number;  /* in the order of appearance */
    uint32_t cluster; /* NO_CLUSTER: none */
    FeatureVector vector;
} Key;

/* A cluster while it is made: numbers of keys. */
typedef struct Cluster {
    uint32_t *keys;
    uint32_t count;
    uint32_t capacity;
    uint32_t items; /* distinct items that meet it */
    uint32_t last_item;
    bool is_others;
} Cluster;

typedef struct Clustering {
    Key *keys; /* most frequent first */
    uint32_t key_count;
    Cluster *clusters;
    uint32_t cluster_count;
    uint32_t cluster_capacity;
    uint32_t *numbers; /* of the features of all items that take part, one behind the other */
    uint32_t *place;   /* place[number] is the key's place in keys */
    Arena arena;
} Clustering;

static int compare_keys(const void *a, const void *b)
{
    const Key *first = a, *second = b;
    if (first->items != second->items)
        return first->items > second->items ? -1 : 1;
    return text_compare(first->text, second->text);
}

static void meet_key(Key *key, uint32_t item, const ModelItem *from, const ItemFeature *feature)
{
    uint32_t begin = feature->evidence_begin, length = feature->evidence_length;
    key->items += key->last_item != item; // NOLINT(clang-analyzer-core.NullDereference)
    key->last_item = item;
    if (key->context.length == 0)
        key->context = feature->text->context;
    if (key->evidence_count < EVIDENCE_LIMIT && (uint64_t)begin + length <= from->query.length)
        key->evidence[key->evidence_count++] = text_slice(from->query, (rpmd_span){begin, begin + length});
}

/* The distinct features, in the order in which they appear. */
static void number_keys(Clustering *clustering, ModelItem *const *items, size_t count)
{
    _cleanup_key_map_ KeyMap map = KEY_MAP_INIT;
    uint32_t capacity = 0;
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += model_item_counts(items[i]) ? items[i]->feature_count : 0;
    clustering->numbers = NEW_ARRAY(uint32_t, total);
    for (size_t i = 0, at = 0; i < count; i++) {
        for (uint32_t f = 0; model_item_counts(items[i]) && f < items[i]->feature_count; f++) {
            const ItemFeature *feature = &items[i]->features[f];
            uint32_t number = key_map_add(&map, feature->text->population_key);
            if (number == clustering->key_count) {
                GROW(clustering->keys, clustering->key_count, capacity);
                clustering->keys[clustering->key_count++] = (Key){.text = feature->text->key,
                                                                  .last_item = UINT32_MAX,
                                                                  .number = number,
                                                                  .cluster = NO_CLUSTER};
            }
            clustering->numbers[at++] = number;
            meet_key(&clustering->keys[number], (uint32_t)i, items[i], feature);
        }
    }
}

static void collect_keys(Clustering *clustering, ModelItem *const *items, size_t count)
{
    number_keys(clustering, items, count);
    for (uint32_t k = 0; k < clustering->key_count; k++)
        clustering->keys[k].parts = feature_key_parts(clustering->keys[k].text);
    if (clustering->key_count > 0)
        qsort(clustering->keys, clustering->key_count, sizeof(Key), compare_keys);
    clustering->place = NEW_ARRAY(uint32_t, clustering->key_count);
    for (uint32_t k = 0; k < clustering->key_count; k++)
        clustering->place[clustering->keys[k].number] = k;
}

static bool same_group(const Key *a, const Key *b)
{
    return a->parts.sign == b->parts.sign && text_equal(a->parts.category, b->parts.category);
}

/* Opinions on different things, and opinions of different strength, stay apart, however alike they are put.
 */
static bool may_join(const Key *a, const Key *b)
{
    return a->parts.sign == 0 ? b->parts.sign == 0 : same_group(a, b);
}

static uint32_t add_cluster(Clustering *clustering)
{
    GROW(clustering->clusters, clustering->cluster_count, clustering->cluster_capacity);
    clustering->clusters[clustering->cluster_count] = (Cluster){.last_item = UINT32_MAX};
    return clustering->cluster_count++;
}

static void add_to_cluster(Clustering *clustering, uint32_t number, uint32_t key)
{
    Cluster *cluster = &clustering->clusters[number];
    GROW(cluster->keys, cluster->count, cluster->capacity);
    cluster->keys[cluster->count++] = key;
    clustering->keys[key].cluster = number;
}

/* Groups of keys while they are joined. A group is named by its first key; the others are empty. */
typedef struct Linkage {
    uint32_t n;
    double *sums;      /* n x n: the sum of the cosines between two groups */
    uint32_t *sizes;   /* 0: empty */
    uint32_t *label;   /* the group of each key */
    uint32_t *nearest; /* of the groups behind this one; n: none */
    double *nearness;  /* mean cosine to it */
} Linkage;

static double mean_cosine(const Linkage *linkage, uint32_t a, uint32_t b)
{
    double pairs = (double)linkage->sizes[a] * linkage->sizes[b];
    return pairs > 0 ? linkage->sums[(size_t)a * linkage->n + b] / pairs : 0;
}

static void find_nearest(Linkage *linkage, uint32_t a)
{
    linkage->nearest[a] = linkage->n;
    linkage->nearness[a] = 0;
    for (uint32_t b = a + 1; linkage->sizes[a] > 0 && b < linkage->n; b++) {
        double mean = mean_cosine(linkage, a, b);
        if (mean > linkage->nearness[a]) {
            linkage->nearness[a] = mean;
            linkage->nearest[a] = b;
        }
    }
}

/* Joins the second group to the first, and mends what others knew of the two. */
static void join(Linkage *linkage, uint32_t first, uint32_t second)
{
    size_t n = linkage->n;
    for (uint32_t k = 0; k < n; k++) {
        linkage->sums[first * n + k] += linkage->sums[second * n + k];
        linkage->sums[k * n + first] = linkage->sums[first * n + k];
        linkage->label[k] = linkage->label[k] == second ? first : linkage->label[k];
    }
    linkage->sizes[first] += linkage->sizes[second];
    linkage->sizes[second] = 0;
    find_nearest(linkage, first);
    find_nearest(linkage, second);
    for (uint32_t a = 0; a < second; a++) {
        double mean = a < first ? mean_cosine(linkage, a, first) : 0;
        if (linkage->nearest[a] == first || linkage->nearest[a] == second)
            find_nearest(linkage, a);
        else if (mean > linkage->nearness[a] ||
                 (mean == linkage->nearness[a] && first < linkage->nearest[a] && mean > 0)) {
            linkage->nearness[a] = mean;
            linkage->nearest[a] = first;
        }
    }
}

static void link_group(Linkage *linkage, const Clustering *clustering, const uint32_t *members,
                       double similarity)
{
    size_t n = linkage->n;
    for (uint32_t a = 0; a < n; a++) {
        linkage->sizes[a] = 1;
        linkage->label[a] = a;
        for (uint32_t b = a; b < n; b++)
            linkage->sums[a * n + b] = linkage->sums[b * n + a] = feature_vector_cosine(
                &clustering->keys[members[a]].vector, &clustering->keys[members[b]].vector);
    }
    for (uint32_t a = 0; a < n; a++)
        find_nearest(linkage, a);
    for (;;) {
        double best = similarity;
        uint32_t first = linkage->n;
        for (uint32_t a = 0; a < n; a++) {
            if (linkage->nearness[a] > best) {
                best = linkage->nearness[a];
                first = a;
            }
        }
        if (first == n)
            return;
        join(linkage, first, linkage->nearest[first]);
    }
}

/* The group's keys, joined pair by pair while the nearest two are near enough. */
static void cluster_group(Clustering *clustering, const uint32_t *members, uint32_t n, double similarity)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Linkage linkage = {
        .n = n,
        .sums = ARENA_ARRAY(&arena, double, (size_t)n *n),
        .sizes = ARENA_ARRAY(&arena, uint32_t, n),
        .label = ARENA_ARRAY(&arena, uint32_t, n),
        .nearest = ARENA_ARRAY(&arena, uint32_t, n),
        .nearness = ARENA_ARRAY(&arena, double, n),
    };
    link_group(&linkage, clustering, members, similarity);
    for (uint32_t a = 0; a < n; a++) {
        if (linkage.sizes[a] == 0)
            continue;
        uint32_t number = add_cluster(clustering);
        for (uint32_t k = 0; k < n; k++)
            if (linkage.label[k] == a)
                add_to_cluster(clustering, number, members[k]);
    }
}

static void cluster_groups(Clustering *clustering, Tokenizer *tokenizer)
{
    uint32_t clustered = MIN(clustering->key_count, (uint32_t)FACTOR_CLUSTERED_KEYS);
    uint32_t *members = NEW_ARRAY(uint32_t, clustered);
    bool *taken = NEW_ARRAY(bool, clustered);
    for (uint32_t k = 0; k < clustered; k++) {
        Key *key = &clustering->keys[k];
        AnalyzedFeature feature = {
            .name = key->parts.name, .category = key->parts.category, .polarity = (float)key->parts.sign};
        if (key->parts.sign == 0) {
            feature.context = key->context;
            key->vector = feature_vector_of_history(&clustering->arena, tokenizer, &feature, key->evidence,
                                                    key->evidence_count);
        } else {
            key->vector = feature_vector_of_key(&clustering->arena, tokenizer, &feature);
        }
    }
    for (uint32_t k = 0; k < clustered; k++) {
        uint32_t n = 0;
        for (uint32_t other = k; !taken[k] && other < clustered; other++)
            if (!taken[other] && may_join(&clustering->keys[k], &clustering->keys[other]))
                members[n++] = other;
        for (uint32_t m = 0; m < n; m++)
            taken[members[m]] = true;
        if (n > 0)
            cluster_group(clustering, members, n,
                          clustering->keys[k].parts.sign ? FACTOR_JOIN_SIMILARITY : CLUSTER_JOIN_SIMILARITY);
    }
    free(taken);
    free(members);
}

static void count_items(Clustering *clustering, ModelItem *const *items, size_t count)
{
    for (uint32_t c = 0; c < clustering->cluster_count; c++) {
        clustering->clusters[c].items = 0;
        clustering->clusters[c].last_item = UINT32_MAX;
    }
    for (size_t i = 0, at = 0; i < count; i++) {
        for (uint32_t f = 0; model_item_counts(items[i]) && f < items[i]->feature_count; f++) {
            const Key *key = &clustering->keys[clustering->place[clustering->numbers[at++]]];
            if (key->cluster == NO_CLUSTER)
                continue;
            Cluster *cluster = &clustering->clusters[key->cluster];
            cluster->items += cluster->last_item != (uint32_t)i;
            cluster->last_item = (uint32_t)i;
        }
    }
}

/* What no factor took, gathered by category and polarity. */
static void gather_others(Clustering *clustering)
{
    uint32_t own_clusters = clustering->cluster_count;
    for (uint32_t k = 0; k < clustering->key_count; k++) {
        Key *key = &clustering->keys[k];
        if (key->parts.sign == 0 ||
            (key->cluster != NO_CLUSTER && clustering->clusters[key->cluster].items >= FACTOR_MINIMUM_ITEMS))
            continue;
        uint32_t others = own_clusters;
        while (others < clustering->cluster_count &&
               !same_group(key, &clustering->keys[clustering->clusters[others].keys[0]]))
            others++;
        if (others == clustering->cluster_count) {
            add_cluster(clustering);
            clustering->clusters[others].is_others = true;
        }
        if (key->cluster != NO_CLUSTER)
            clustering->clusters[key->cluster].count = 0;
        add_to_cluster(clustering, others, k);
    }
}

/* Orders by the items they cover; clusters that are no factors come last. */
static int compare_clusters(const void *a, const void *b)
{
    const Cluster *first = a, *second = b;
    if (first->is_others != second->is_others)
        return first->is_others ? 1 : -1;
    if (first->items != second->items)
        return first->items > second->items ? -1 : 1;
    if (first->count == 0 || second->count == 0)
        return (first->count == 0) - (second->count == 0);
    return (first->keys[0] > second->keys[0]) - (first->keys[0] < second->keys[0]);
}

static const char *sign_word(int sign)
{
    return sign > 0 ? ", positive" : sign < 0 ? ", negative" : "";
}

/*
 * The name as it may stand in "[name]" on one line: control characters become spaces, square brackets round
 * ones. Where another factor has the name, a number follows. Names that only differ in what normalizing takes
 * away count as equal.
 */
static rpmd_text unique_name(Arena *arena, Intern *used, const char *wanted)
{
    char *name = arena_copy(arena, wanted, strlen(wanted));
    for (char *at = name; *at; at++)
        *at = *at == '[' ? '(' : *at == ']' ? ')' : (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at;
    rpmd_text text = text_of(name);
    for (unsigned number = 2; intern_find(used, text_normalize(arena, text)) != INTERN_NONE; number++)
        text = text_of(arena_format(arena, "%s (%u)", name, number));
    intern_add(used, text_normalize(arena, text));
    return text;
}

static rpmd_text name_factor(Arena *arena, Intern *used, const FeatureKeyParts *parts, bool is_others)
{
    rpmd_text name = is_others ? text_of("others") : parts->name;
    return unique_name(arena, used,
                       arena_format(arena, "%.*s%s%.*s%s", TEXT_ARGS(parts->category),
                                    parts->category.length > 0 ? ": " : "", TEXT_ARGS(name),
                                    sign_word(parts->sign)));
}

static rpmd_text describe_cluster(Clustering *clustering, const Cluster *cluster)
{
    Buffer text = BUFFER_INIT;
    for (uint32_t k = 0; k < cluster->count && k < DESCRIBED_MEMBERS; k++) {
        rpmd_text name = clustering->keys[cluster->keys[k]].parts.name;
        buffer_append_format(&text, "%s%.*s", k ? ", " : "", TEXT_ARGS(name));
    }
    if (cluster->count > DESCRIBED_MEMBERS)
        buffer_append_format(&text, " and %u more", cluster->count - DESCRIBED_MEMBERS);
    rpmd_text description = arena_text(&clustering->arena, (rpmd_text){buffer_string(&text), text.length});
    buffer_finish(&text);
    return description;
}

static FactorSet *make_set(Clustering *clustering, Tokenizer *tokenizer)
{
    FactorInput *inputs = ARENA_ARRAY(&clustering->arena, FactorInput, clustering->cluster_count);
    _cleanup_intern_ Intern names = INTERN_INIT;
    size_t count = 0, limit = FACTOR_GENERATED_LIMIT;
    for (uint32_t c = 0; c < clustering->cluster_count && count < limit; c++) {
        const Cluster *cluster = &clustering->clusters[c];
        uint32_t minimum = cluster->is_others ? OTHERS_MINIMUM_ITEMS : FACTOR_MINIMUM_ITEMS;
        if (cluster->count == 0 || cluster->items < minimum)
            continue;
        rpmd_text *members = ARENA_ARRAY(&clustering->arena, rpmd_text, cluster->count);
        for (uint32_t k = 0; k < cluster->count; k++)
            members[k] = clustering->keys[cluster->keys[k]].text;
        inputs[count++] =
            (FactorInput){.name = name_factor(&clustering->arena, &names,
                                              &clustering->keys[cluster->keys[0]].parts, cluster->is_others),
                          .description = describe_cluster(clustering, cluster),
                          .members = members,
                          .member_count = cluster->count};
    }
    return factor_set_new(inputs, count, tokenizer);
}

FactorSet *factor_set_cluster(ModelItem *const *items, size_t count, Tokenizer *tokenizer)
{
    Clustering clustering = {0};
    collect_keys(&clustering, items, count);
    cluster_groups(&clustering, tokenizer);
    count_items(&clustering, items, count);
    gather_others(&clustering);
    count_items(&clustering, items, count);
    if (clustering.cluster_count > 0)
        qsort(clustering.clusters, clustering.cluster_count, sizeof(Cluster), compare_clusters);
    FactorSet *set = make_set(&clustering, tokenizer);
    for (uint32_t c = 0; c < clustering.cluster_count; c++)
        free(clustering.clusters[c].keys);
    free(clustering.clusters);
    free(clustering.keys);
    free(clustering.numbers);
    free(clustering.place);
    arena_finish(&clustering.arena);
    return set;
}

FactorSet *factor_set_promote(const FactorSet *set, const rpmd_text *keys, size_t count, Tokenizer *tokenizer)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    _cleanup_intern_ Intern names = INTERN_INIT;
    size_t old_count = factor_set_count(set);
    if (old_count >= FACTOR_LIMIT || count == 0)
        return NULL;
    FactorInput inputs[FACTOR_LIMIT];
    size_t new_count = MIN(old_count + count, (size_t)FACTOR_LIMIT);
    for (size_t f = 0; f < old_count; f++) {
        const Factor *factor = factor_set_get(set, f);
        intern_add(&names, text_normalize(&arena, factor->name));
        inputs[f] = (FactorInput){factor->name, factor->description, factor->members, factor->member_count};
    }
    for (size_t f = old_count; f < new_count; f++) {
        const rpmd_text *key = &keys[f - old_count];
        FeatureKeyParts parts = feature_key_parts(*key);
        inputs[f] = (FactorInput){name_factor(&arena, &names, &parts, false), parts.name, key, 1};
    }
    return factor_set_extend(inputs, new_count, set, tokenizer);
}
