/* SPDX-License-Identifier: MIT */
#include "lib/method/prediction_input.h"
#include "lib/method/prediction_constants.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/statistics.h"

#include <math.h>

typedef struct Gather {
    const PredictionRequest *request;
    const PredictionConstants *constants;
    PredictionCase *result;
    PredictionInput *input;
    PredictionCandidate *candidates;
    rpmd_text *classes; /* of the candidates */
    size_t count;
    Arena *arena;
} Gather;

static void add_candidate(Gather *gather, rpmd_text answer, rpmd_text answer_class)
{
    size_t at = gather->count++;
    gather->classes[at] = answer_class;
    gather->candidates[at] =
        (PredictionCandidate){.answer = answer,
                              .answer_class = answer_class,
                              .class_number = user_model_class(gather->request->model, answer_class)};
}

static void gather_candidates(Gather *gather)
{
    const UserModel *model = gather->request->model;
    const Target *target = gather->request->target;
    bool options = model->answer_kind == RPMD_ANSWER_OPTIONS;
    size_t count = options ? target->option_count : model->class_count;
    gather->candidates = ARENA_ARRAY(gather->arena, PredictionCandidate, count);
    gather->classes = ARENA_ARRAY(gather->arena, rpmd_text, count);
    for (size_t i = 0; i < count; i++) {
        if (options)
            add_candidate(gather, target->options[i], target->analysis->option_classes[i].name);
        else
            add_candidate(gather, model->classes[i], model->classes[i]);
    }
    gather->input->candidate_count = count;
    gather->result->candidates = gather->candidates;
}

static size_t find_candidate(const Gather *gather, rpmd_text answer, bool by_class)
{
    for (size_t i = 0; i < gather->count; i++)
        if (text_equal(by_class ? gather->classes[i] : gather->candidates[i].answer, answer))
            return i;
    return PREDICTION_NONE;
}

/* The distinct factors of the target, increasing. */
static size_t gather_factors(Gather *gather)
{
    const Target *target = gather->request->target;
    uint32_t *factors = ARENA_ARRAY(gather->arena, uint32_t, target->analysis->feature_count);
    size_t count = 0;
    for (size_t f = 0; f < target->analysis->feature_count; f++) {
        uint32_t factor = target->factors[f];
        size_t at = count;
        if (factor == FACTOR_NONE)
            continue;
        while (at > 0 && factors[at - 1] > factor)
            at--;
        if (at > 0 && factors[at - 1] == factor)
            continue;
        memmove(&factors[at + 1], &factors[at], (count - at) * sizeof(*factors));
        factors[at] = factor;
        count++;
    }
    gather->result->factors = factors;
    return count;
}

/* Labels and whole numbers: what the model has counted. */
static void count_classes(Gather *gather)
{
    const UserModel *model = gather->request->model;
    PredictionInput *input = gather->input;
    uint32_t *own = ARENA_ARRAY(gather->arena, uint32_t, gather->count);
    for (size_t i = 0; i < gather->count; i++)
        own[i] = statistics_count(model, FACTOR_ALL, gather->candidates[i].class_number, NULL);
    input->own = own;
    input->own_items = model->item_count;

    size_t factor_count = gather_factors(gather);
    PredictionFactor *factors = ARENA_ARRAY(gather->arena, PredictionFactor, factor_count);
    for (size_t f = 0; f < factor_count; f++) {
        uint32_t *chosen = ARENA_ARRAY(gather->arena, uint32_t, gather->count);
        for (size_t i = 0; i < gather->count; i++)
            chosen[i] =
                statistics_count(model, gather->result->factors[f], gather->candidates[i].class_number, NULL);
        factors[f] = (PredictionFactor){.chosen = chosen,
                                        .items = statistics_items(model, gather->result->factors[f], NULL)};
    }
    input->factors = factors;
    input->factor_count = factor_count;
}

static bool meets(const ModelEntry *entry, uint32_t factor)
{
    for (uint32_t m = 0; m < entry->met_count && entry->met[m] <= factor; m++)
        if (entry->met[m] == factor)
            return true;
    return false;
}

/* Adds an item to counts of chosen and offered classes. */
static void count_item(const Gather *gather, const ModelItem *item, uint32_t *chosen, uint32_t *offered)
{
    const ItemDetails *details = item->details;
    for (size_t i = 0; i < gather->count; i++) {
        chosen[i] += text_equal(gather->classes[i], item->answer_class);
        for (size_t o = 0; o < details->option_class_count; o++) {
            if (text_equal(gather->classes[i], details->option_classes[o].name)) {
                offered[i]++;
                break;
            }
        }
    }
}

/* Options: a class counts against the items that offered it, so the newest items are counted here. */
static void count_options(Gather *gather)
{
    const UserModel *model = gather->request->model;
    PredictionInput *input = gather->input;
    size_t factor_count = gather_factors(gather), count = gather->count;
    uint32_t *counts = ARENA_ARRAY(gather->arena, uint32_t, 2 * count * (1 + factor_count));
    PredictionFactor *factors = ARENA_ARRAY(gather->arena, PredictionFactor, factor_count);
    for (size_t f = 0; f < factor_count; f++) {
        uint32_t *own = counts + 2 * count * (1 + f);
        factors[f] = (PredictionFactor){.chosen = own, .offered = own + count};
    }
    uint32_t seen = 0;
    for (uint32_t e = model->entry_count; e-- > 0 && seen < PREDICTION_RECENT_ITEMS;) {
        const ModelEntry *entry = model->entries[e];
        if (!model_item_counts(entry->item))
            continue;
        seen++;
        count_item(gather, entry->item, counts, counts + count);
        for (size_t f = 0; f < factor_count; f++) {
            if (!meets(entry, gather->result->factors[f]))
                continue;
            uint32_t *own = counts + 2 * count * (1 + f);
            count_item(gather, entry->item, own, own + count);
            factors[f].items++;
        }
    }
    input->own = counts;
    input->own_offered = counts + count;
    input->own_items = seen;
    input->factors = factors;
    input->factor_count = factor_count;
}

static double scale_tone(double sum)
{
    return sum / sqrt(sum * sum + PREDICTION_TONE_SCALE);
}

double prediction_tone(const AnalyzedFeature *features, size_t count)
{
    double sum = 0;
    for (size_t f = 0; f < count; f++)
        sum += (double)features[f].polarity * (double)features[f].strength;
    return scale_tone(sum);
}

double prediction_tone_of_item(const ModelItem *item)
{
    double sum = 0;
    for (uint32_t f = 0; f < item->feature_count; f++)
        sum += (double)item->features[f].polarity * (double)item->features[f].strength;
    return scale_tone(sum);
}

double prediction_usual_tone(const UserModel *model, const ModelEntry *without)
{
    double sum = 0;
    uint32_t seen = 0;
    for (uint32_t e = model->entry_count; e-- > 0 && seen < PREDICTION_RECENT_ITEMS;) {
        const ModelEntry *entry = model->entries[e];
        if (entry == without || !model_item_counts(entry->item))
            continue;
        sum += prediction_tone_of_item(entry->item);
        seen++;
    }
    return seen ? sum / seen : 0;
}

/* How like in tone two items are: 1 for the same, falling off like a bell. */
static double tone_likeness(double difference, double width)
{
    double scaled = difference / width;
    return exp(-0.5 * scaled * scaled);
}

static void gather_tone(Gather *gather)
{
    const UserModel *model = gather->request->model;
    const Analysis *target = gather->request->target->analysis;
    double tone = prediction_tone(target->features, target->feature_count);
    double *near = ARENA_ARRAY(gather->arena, double, gather->count);
    uint32_t seen = 0;
    for (uint32_t e = model->entry_count; e-- > 0 && seen < PREDICTION_RECENT_ITEMS;) {
        const ModelItem *item = model->entries[e]->item;
        if (!model_item_counts(item))
            continue;
        double other = prediction_tone_of_item(item);
        size_t candidate = find_candidate(gather, item->answer_class, true);
        if (candidate != PREDICTION_NONE)
            near[candidate] += tone_likeness(tone - other, gather->constants->tone_width);
        seen++;
    }
    gather->input->tone = tone - prediction_usual_tone(model, NULL);
    gather->input->tone_near = near;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

/* Whether `part` stands in a text as whole words. */
static bool has_words(rpmd_text text, rpmd_text part)
{
    for (size_t i = 0; i + part.length <= text.length && part.length > 0; i++)
        if (text.data[i] == part.data[0] && memcmp(text.data + i, part.data, part.length) == 0 &&
            (i == 0 || !is_letter(text.data[i - 1])) &&
            (i + part.length == text.length || !is_letter(text.data[i + part.length])))
            return true;
    return false;
}

/* Labels: features whose name has a label's words, or the other way round. */
static void gather_named(Gather *gather)
{
    const Analysis *analysis = gather->request->target->analysis;
    PredictionNamed *named =
        ARENA_ARRAY(gather->arena, PredictionNamed, analysis->feature_count * gather->count);
    for (size_t f = 0; f < analysis->feature_count; f++) {
        rpmd_text name = analysis->features[f].name;
        for (size_t i = 0; i < gather->count; i++)
            if (has_words(name, gather->classes[i]) || has_words(gather->classes[i], name))
                named[gather->input->named_count++] =
                    (PredictionNamed){.candidate = i, .strength = (double)analysis->features[f].strength};
    }
    gather->input->named = named;
}

static void gather_examples(Gather *gather)
{
    const PredictionRequest *request = gather->request;
    PredictionExample *examples = ARENA_ARRAY(gather->arena, PredictionExample, request->retrieved_count);
    for (size_t r = 0; r < request->retrieved_count; r++)
        examples[r] = (PredictionExample){
            .candidate = find_candidate(gather, request->retrieved[r].entry->item->answer_class, true),
            .similarity = request->retrieved[r].overlap};
    gather->input->examples = examples;
    gather->input->example_count = request->retrieved_count;
}

/* ---- the population ---- */

static void add_pooled(Gather *gather, const PopulationClasses *classes, PredictionPooled *pooled,
                       const uint64_t *keys, size_t key_count, double weight)
{
    uint32_t *sums = ARENA_ARRAY(gather->arena, uint32_t, gather->count);
    for (size_t k = 0; k < key_count; k++) {
        if (!population_counts(gather->request->view, keys[k], classes, sums))
            continue;
        pooled[gather->input->pooled_count++] = (PredictionPooled){.chosen = sums, .weight = weight};
        sums = ARENA_ARRAY(gather->arena, uint32_t, gather->count);
    }
}

static void gather_pooled(Gather *gather)
{
    const PredictionRequest *request = gather->request;
    uint32_t *others = ARENA_ARRAY(gather->arena, uint32_t, gather->count);
    PopulationClasses classes =
        population_classes(gather->arena, request->view, gather->classes, gather->count);
    if (population_counts(request->view, POPULATION_EVERY_ITEM, &classes, others))
        gather->input->others = others;
    PopulationKeys keys =
        population_keys(gather->arena, request->tokenizer, request->target->query, request->target->analysis);
    PredictionPooled *pooled =
        ARENA_ARRAY(gather->arena, PredictionPooled, keys.word_count + keys.feature_count);
    add_pooled(gather, &classes, pooled, keys.words, keys.word_count, 1);
    add_pooled(gather, &classes, pooled, keys.features, keys.feature_count,
               gather->constants->pooled_feature);
    gather->input->pooled = pooled;
}

/* ---- votes of others ---- */

/* How often the user and another agreed on the same questions, and how often a random other would have. */
typedef struct Agreement {
    double agreed;
    double expected;
} Agreement;

/* Most questions have few voters. Of many, the first ones are a sample, mostly of the same users. */
static const PopulationVote *first_votes(const PopulationView *view, uint64_t question, size_t *count)
{
    const PopulationVote *votes = population_votes(view, question, count);
    *count = MIN(*count, (size_t)PREDICTION_VOTERS);
    return votes;
}

static void compare_votes(const PopulationVote *votes, size_t count, uint64_t self, uint32_t answer,
                          const PopulationVote *voters, size_t voter_count, Agreement *agreements)
{
    size_t others = 0, same = 0;
    for (size_t v = 0; v < count; v++) {
        others += votes[v].user != self;
        same += votes[v].user != self && votes[v].answer == answer;
    }
    if (others == 0)
        return;
    double expected = (double)same / (double)others;
    for (size_t v = 0, w = 0; v < count && w < voter_count;) {
        int order = vote_order(votes[v].user, voters[w].user);
        if (order == 0) {
            agreements[w].agreed += votes[v].answer == answer;
            agreements[w].expected += expected;
        }
        v += order <= 0;
        w += order >= 0;
    }
}

/* Compares the user's newest answers with those of the voters. */
static void gather_agreements(const Gather *gather, const PopulationVote *voters, size_t voter_count,
                              Agreement *agreements)
{
    const PopulationView *view = gather->request->view;
    const UserModel *model = gather->request->model;
    uint32_t seen = 0;
    for (uint32_t e = model->entry_count; e-- > 0 && seen < PREDICTION_COMPARED_ITEMS;) {
        const ModelItem *item = model->entries[e]->item;
        if (!model_item_counts(item))
            continue;
        seen++;
        size_t count = 0;
        const PopulationVote *votes = first_votes(view, item->question, &count);
        if (count > 0)
            compare_votes(votes, count, view->user, population_answer(view->population, item->answer), voters,
                          voter_count, agreements);
    }
}

/* A voter's weight for a candidate. */
typedef struct VoterWeight {
    uint64_t user;
    size_t candidate;
    double weight;
} VoterWeight;

static int compare_voters(const void *a, const void *b)
{
    const VoterWeight *first = a, *second = b;
    return (first->user > second->user) - (first->user < second->user);
}

/* The candidate of each answer that a voter gave. */
static size_t candidate_of_vote(const Gather *gather, const uint32_t *answers, uint32_t answer)
{
    for (size_t i = 0; i < gather->count; i++)
        if (answers[i] == answer)
            return i;
    return PREDICTION_NONE;
}

static void gather_votes(Gather *gather)
{
    const PredictionRequest *request = gather->request;
    const PopulationView *view = request->view;
    const Target *target = request->target;
    size_t voter_count = 0, weight_count = 0;
    const PopulationVote *voters = first_votes(
        view, population_question(target->query, target->options, target->option_count), &voter_count);
    if (voter_count == 0)
        return;
    Agreement *agreements = ARENA_ARRAY(gather->arena, Agreement, voter_count);
    gather_agreements(gather, voters, voter_count, agreements);
    uint32_t *answers = ARENA_ARRAY(gather->arena, uint32_t, gather->count);
    for (size_t i = 0; i < gather->count; i++)
        answers[i] = population_answer(view->population, gather->candidates[i].answer);
    VoterWeight *weights = ARENA_ARRAY(gather->arena, VoterWeight, voter_count);
    for (size_t v = 0; v < voter_count; v++) {
        size_t candidate = candidate_of_vote(gather, answers, voters[v].answer);
        if (voters[v].user == view->user || candidate == PREDICTION_NONE)
            continue;
        double lift = (agreements[v].agreed + gather->constants->agreement_pseudo) /
                      (agreements[v].expected + gather->constants->agreement_pseudo);
        weights[weight_count++] =
            (VoterWeight){voters[v].user, candidate, pow(lift, gather->constants->agreement_power)};
    }
    /* In the order of users, so that sums do not depend on how votes are kept. */
    qsort(weights, weight_count, sizeof(*weights), compare_voters);
    double *sums = ARENA_ARRAY(gather->arena, double, gather->count);
    for (size_t w = 0; w < weight_count; w++)
        sums[weights[w].candidate] += weights[w].weight;
    gather->result->voters = (uint32_t)weight_count;
    gather->input->votes = sums;
}

void prediction_of_target(const PredictionRequest *request, Arena *arena, PredictionCase *prediction)
{
    const UserModel *model = request->model;
    *prediction = (PredictionCase){.input = {.kind = model->answer_kind}};
    Gather gather = {.request = request,
                     .constants = prediction_constants(model->answer_kind),
                     .result = prediction,
                     .input = &prediction->input,
                     .arena = arena};
    gather_candidates(&gather);
    if (model->answer_kind == RPMD_ANSWER_OPTIONS)
        count_options(&gather);
    else
        count_classes(&gather);
    if (model->answer_kind == RPMD_ANSWER_ORDINAL)
        gather_tone(&gather);
    if (model->answer_kind == RPMD_ANSWER_LABELS)
        gather_named(&gather);
    gather_examples(&gather);
    if (request->view && request->view->population) {
        gather_pooled(&gather);
        gather_votes(&gather);
    }
    prediction_make(&prediction->input, arena, &prediction->result);
}
