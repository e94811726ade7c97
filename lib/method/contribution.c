/* SPDX-License-Identifier: MIT */
#include "lib/method/contribution.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/text/normalize.h"

/* ---- keys ---- */

/* Seeds keep words and features apart: the word "love" is not the feature "love". */
enum { WORD_SEED = 1, FEATURE_SEED = 2, QUESTION_SEED = 3 };

static int compare_keys(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

static size_t sort_distinct(uint64_t *keys, size_t count)
{
    size_t kept = 0;
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || keys[i] != keys[i - 1])
            keys[kept++] = keys[i];
    return kept;
}

const uint64_t *population_words(Arena *arena, Tokenizer *tokenizer, rpmd_text query, size_t *count)
{
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    const rpmd_token *tokens = NULL;
    size_t token_count = 0, words = 0;
    text_tokenize(&scratch, tokenizer, query, &tokens, &token_count);
    uint64_t *keys = ARENA_ARRAY(arena, uint64_t, token_count);
    for (size_t i = 0; i < token_count; i++)
        if (tokens[i].flags & (RPMD_TOKEN_WORD | RPMD_TOKEN_NUMBER) &&
            !(tokens[i].flags & RPMD_TOKEN_STOPWORD))
            keys[words++] = hash_bytes_seeded(tokens[i].stem.data, tokens[i].stem.length, WORD_SEED);
    *count = sort_distinct(keys, words);
    return keys;
}

uint64_t population_feature_key(rpmd_text feature_key)
{
    return hash_bytes_seeded(feature_key.data, feature_key.length, FEATURE_SEED);
}

PopulationKeys population_keys(Arena *arena, Tokenizer *tokenizer, rpmd_text query, const Analysis *analysis)
{
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    PopulationKeys keys = {0};
    uint64_t *feature_keys = ARENA_ARRAY(arena, uint64_t, analysis->feature_count);
    for (size_t f = 0; f < analysis->feature_count; f++)
        feature_keys[f] = population_feature_key(feature_key(&scratch, &analysis->features[f]));
    keys.words = population_words(arena, tokenizer, query, &keys.word_count);
    keys.features = feature_keys;
    keys.feature_count = sort_distinct(feature_keys, analysis->feature_count);
    return keys;
}

uint64_t population_question(rpmd_text query, const rpmd_text *options, size_t option_count)
{
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    rpmd_text normal = text_normalize(&scratch, query);
    uint64_t key = hash_bytes_seeded(normal.data, normal.length, QUESTION_SEED);
    uint64_t sum = 0;
    for (size_t i = 0; i < option_count; i++) {
        normal = text_normalize(&scratch, options[i]);
        sum += hash_bytes_seeded(normal.data, normal.length, QUESTION_SEED);
    }
    return hash_bytes_seeded(&sum, sizeof(sum), key);
}

/* ---- cells ---- */

typedef struct Gathering {
    PoolCellChange *cells;
    size_t cell_count;
    size_t cell_capacity;
} Gathering;

static void add_cell(uint64_t key, rpmd_text answer_class, uint32_t before, uint32_t after, void *data)
{
    Gathering *gathering = data;
    GROW(gathering->cells, gathering->cell_count, gathering->cell_capacity);
    gathering->cells[gathering->cell_count++] = (PoolCellChange){
        .key = key,
        .answer_class = answer_class,
        .count = (int64_t)after - before,
        .users = (after > 0) - (before > 0),
    };
}

/* ---- votes: the first item of each question in by_question ---- */

typedef struct Votes {
    ModelItem *const *items;
    uint32_t count;
    uint32_t at;
} Votes;

static Votes votes_of(const UserModel *model)
{
    return model ? (Votes){model->by_question, model->question_count, 0} : (Votes){0};
}

static const ModelItem *next_vote(const Votes *votes)
{
    return votes->at < votes->count ? votes->items[votes->at] : NULL;
}

static bool begins_question(const Votes *votes)
{
    const ModelItem *item = next_vote(votes);
    return !item || votes->at == 0 || votes->items[votes->at - 1]->question != item->question;
}

static void skip_question(Votes *votes)
{
    do
        votes->at++;
    while (!begins_question(votes));
}

/* The questions whose newest answer differs; the caller's to free. What both models have is not visited. */
static PoolVoteChange *compare_votes(const UserModel *before, const UserModel *after, size_t *count)
{
    PoolVoteChange *changes = NULL;
    size_t capacity = 0;
    Votes b = votes_of(before), a = votes_of(after);
    const ModelItem *old, *new;
    while ((old = next_vote(&b)), (new = next_vote(&a)), old || new) {
        if (old == new) {
            b.at++;
            a.at++;
            continue;
        }
        /* In the midst of a question both have the same newest answer: it was passed over above. */
        if (!begins_question(&b) || !begins_question(&a)) {
            if (!begins_question(&b))
                skip_question(&b);
            if (!begins_question(&a))
                skip_question(&a);
            continue;
        }
        int order = !old ? 1 : !new ? -1 : compare_keys(&old->question, &new->question);
        const ModelItem *taken = order <= 0 ? old : NULL, *given = order >= 0 ? new : NULL;
        if (!given || !taken || !text_equal(given->answer, taken->answer)) {
            GROW(changes, *count, capacity);
            changes[(*count)++] = (PoolVoteChange){
                .question = order <= 0 ? old->question : new->question,
                .answer = given ? given->answer : (rpmd_text){0},
            };
        }
        if (taken)
            skip_question(&b);
        if (given)
            skip_question(&a);
    }
    return changes;
}

/* ---- both ---- */

static const Share *pooled_share(const UserModel *model)
{
    return model && model->answer_kind != RPMD_ANSWER_TEXT ? model->share : NULL;
}

ContributionChange contribution_change(Arena *arena, const UserModel *before, const UserModel *after)
{
    Gathering gathering = {0};
    ContributionChange change = {0};
    share_compare(pooled_share(before), pooled_share(after), add_cell, &gathering);
    PoolVoteChange *votes = compare_votes(before, after, &change.vote_count);
    change.cell_count = gathering.cell_count;
    change.cells = ARENA_ARRAY(arena, PoolCellChange, change.cell_count);
    change.votes = ARENA_ARRAY(arena, PoolVoteChange, change.vote_count);
    if (change.cell_count > 0)
        memcpy(change.cells, gathering.cells, change.cell_count * sizeof(*change.cells));
    if (change.vote_count > 0)
        memcpy(change.votes, votes, change.vote_count * sizeof(*votes));
    free(gathering.cells);
    free(votes);
    return change;
}

void contribution_change_write(Buffer *bytes, const UserModel *before, const UserModel *after)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    ContributionChange change = contribution_change(&arena, before, after);
    pool_change_write(bytes, change.cells, change.cell_count, change.votes, change.vote_count);
}

uint32_t contribution_count(const UserModel *model, uint64_t key, rpmd_text answer_class)
{
    const Share *share = pooled_share(model);
    uint32_t class = share_class(share, answer_class);
    return class == SHARE_CLASS_NONE ? 0 : share_count(share, key, class);
}
