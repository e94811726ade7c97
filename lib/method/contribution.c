/* SPDX-License-Identifier: MIT */
#include "lib/method/population.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/text/normalize.h"

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

PopulationKeys population_keys(Arena *arena, Tokenizer *tokenizer, rpmd_text query, const Analysis *analysis)
{
    _cleanup_arena_ Arena scratch = ARENA_INIT;
    const rpmd_token *tokens = NULL;
    size_t token_count = 0, words = 0;
    text_tokenize(&scratch, tokenizer, query, &tokens, &token_count);
    uint64_t *word_keys = ARENA_ARRAY(arena, uint64_t, token_count);
    uint64_t *feature_keys = ARENA_ARRAY(arena, uint64_t, analysis->feature_count);
    for (size_t i = 0; i < token_count; i++)
        if (tokens[i].flags & (RPMD_TOKEN_WORD | RPMD_TOKEN_NUMBER) &&
            !(tokens[i].flags & RPMD_TOKEN_STOPWORD))
            word_keys[words++] = hash_bytes_seeded(tokens[i].stem.data, tokens[i].stem.length, WORD_SEED);
    for (size_t f = 0; f < analysis->feature_count; f++) {
        rpmd_text key = feature_key(&scratch, &analysis->features[f]);
        feature_keys[f] = hash_bytes_seeded(key.data, key.length, FEATURE_SEED);
    }
    return (PopulationKeys){
        .words = word_keys,
        .word_count = sort_distinct(word_keys, words),
        .features = feature_keys,
        .feature_count = sort_distinct(feature_keys, analysis->feature_count),
    };
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

static int compare_cells(const void *a, const void *b)
{
    const ContributionCell *first = a, *second = b;
    if (first->key != second->key)
        return first->key < second->key ? -1 : 1;
    return text_compare(first->answer_class, second->answer_class);
}

/* A question's newest answer comes first: `order` grows with the history. */
typedef struct OrderedVote {
    ContributionVote vote;
    uint32_t order;
} OrderedVote;

static int compare_votes(const void *a, const void *b)
{
    const OrderedVote *first = a, *second = b;
    if (first->vote.question != second->vote.question)
        return first->vote.question < second->vote.question ? -1 : 1;
    return (first->order < second->order) - (first->order > second->order);
}

static void gather_cells(Arena *arena, const UserModel *model, Contribution *contribution)
{
    ContributionCell *cells = NULL;
    size_t count = 0, capacity = 0;
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelItem *item = model->entries[e]->item;
        if (!model_item_counts(item))
            continue;
        const PopulationKeys *keys = &item->population_keys;
        rpmd_text answer_class = item->analysis.answer_class;
        GROW(cells, count, capacity);
        cells[count++] = (ContributionCell){POPULATION_EVERY_ITEM, answer_class, 1};
        for (size_t k = 0; k < keys->word_count + keys->feature_count; k++) {
            uint64_t key = k < keys->word_count ? keys->words[k] : keys->features[k - keys->word_count];
            GROW(cells, count, capacity);
            cells[count++] = (ContributionCell){key, answer_class, 1};
        }
    }
    if (count > 0)
        qsort(cells, count, sizeof(*cells), compare_cells);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_cells(&cells[kept - 1], &cells[i]) == 0)
            cells[kept - 1].count++;
        else
            cells[kept++] = cells[i];
    }
    contribution->cells = ARENA_ARRAY(arena, ContributionCell, kept);
    contribution->cell_count = kept;
    if (kept > 0)
        memcpy(contribution->cells, cells, kept * sizeof(*cells));
    free(cells);
}

static void gather_votes(Arena *arena, const UserModel *model, Contribution *contribution)
{
    OrderedVote *votes = NEW_ARRAY(OrderedVote, model->entry_count);
    size_t count = 0;
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelItem *item = model->entries[e]->item;
        if (model_item_counts(item))
            votes[count++] = (OrderedVote){{item->question, item->analysis.answer}, e};
    }
    qsort(votes, count, sizeof(*votes), compare_votes);
    contribution->votes = ARENA_ARRAY(arena, ContributionVote, count);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || votes[i].vote.question != votes[i - 1].vote.question)
            contribution->votes[contribution->vote_count++] = votes[i].vote;
    free(votes);
}

Contribution contribution_of_model(Arena *arena, const UserModel *model)
{
    Contribution contribution = {0};
    if (model->answer_kind == RPMD_ANSWER_TEXT)
        return contribution;
    gather_cells(arena, model, &contribution);
    if (model->answer_kind != RPMD_ANSWER_ORDINAL)
        gather_votes(arena, model, &contribution);
    return contribution;
}

static void add_cell_change(ContributionChange *change, const ContributionCell *cell, int64_t difference)
{
    if (difference != 0)
        change->cells[change->cell_count++] =
            (ContributionCellChange){cell->key, cell->answer_class, difference};
}

ContributionChange contribution_difference(Arena *arena, const Contribution *before,
                                           const Contribution *after)
{
    ContributionChange change = {
        .cells = ARENA_ARRAY(arena, ContributionCellChange, before->cell_count + after->cell_count),
        .votes = ARENA_ARRAY(arena, ContributionVote, before->vote_count + after->vote_count),
    };
    for (size_t b = 0, a = 0; b < before->cell_count || a < after->cell_count;) {
        int order = b == before->cell_count  ? 1
                    : a == after->cell_count ? -1
                                             : compare_cells(&before->cells[b], &after->cells[a]);
        if (order < 0) {
            add_cell_change(&change, &before->cells[b], -(int64_t)before->cells[b].count);
            b++;
        } else if (order > 0) {
            add_cell_change(&change, &after->cells[a], after->cells[a].count);
            a++;
        } else {
            add_cell_change(&change, &after->cells[a],
                            (int64_t)after->cells[a].count - before->cells[b].count);
            a++;
            b++;
        }
    }
    for (size_t b = 0, a = 0; b < before->vote_count || a < after->vote_count;) {
        bool has_old = b < before->vote_count, has_new = a < after->vote_count;
        if (has_old && (!has_new || before->votes[b].question < after->votes[a].question)) {
            change.votes[change.vote_count++] = (ContributionVote){before->votes[b++].question, {0}};
            continue;
        }
        bool same_question = has_old && before->votes[b].question == after->votes[a].question;
        if (!same_question || !text_equal(before->votes[b].answer, after->votes[a].answer))
            change.votes[change.vote_count++] = after->votes[a];
        a++;
        b += same_question;
    }
    return change;
}
