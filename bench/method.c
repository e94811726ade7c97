/* SPDX-License-Identifier: MIT */

/*
 * What the method costs for histories of 10 to 30,000 items: making a model of analyses and of stored
 * records, what it takes of memory, changing it, and everything between a query's analysis and its prompt.
 * Prints figures, asserts nothing. The histories are drawn: 8 features an item out of 20,000, the frequent
 * ones far more often, and queries of 40 words out of 5,000.
 */

#include "lib/base/buffer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/item_record.h"
#include "lib/method/population.h"
#include "lib/method/prediction_input.h"
#include "lib/method/prompt.h"
#include "lib/method/retrieval.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#define FEATURES_PER_ITEM 8
#define DISTINCT_FEATURES 20000
#define WORDS_PER_QUERY 40
#define WORDS 5000
#define LABELS 15
#define ROUNDS 200

static const char *const categories[] = {"theme", "setting", "character", "plot", "mood"};
static const rpmd_prompt_texts prompt_texts = {
    .struct_size = sizeof(prompt_texts),
    .task = "Choose the tag that this user would give to the movie.",
    .query_noun = "description",
    .response_noun = "tag",
    .answer_format = "one tag",
};

static const rpmd_text yes_no[] = {{"Yes", 3}, {"No", 2}};

typedef struct Bench {
    Tokenizer *tokenizer;
    ModelTask task;
    rpmd_text labels[LABELS];
    FeatureTexts *texts;
    uint64_t random;
} Bench;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double draw(Bench *bench)
{
    bench->random = bench->random * 6364136223846793005ull + 1442695040888963407ull;
    return (double)(bench->random >> 33) / (double)(1ull << 31);
}

/* Number r is drawn about 1 / r as often as number 1, as words are. */
static uint32_t draw_frequent(Bench *bench, uint32_t below)
{
    return MIN((uint32_t)pow((double)below, draw(bench)) - 1, below - 1);
}

static rpmd_text word(Arena *arena, uint32_t number)
{
    static const char *const syllables[] = {"ba", "ke", "lo", "mi", "nu", "pra", "ste", "tor", "vi", "wan"};
    char text[32] = "";
    size_t length = 0;
    for (uint32_t rest = number + 10; rest > 0; rest /= 10)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s", syllables[rest % 10]);
    return arena_text(arena, text_of(text));
}

static void draw_analysis(Bench *bench, Arena *arena, Analysis *analysis)
{
    uint32_t label = draw_frequent(bench, LABELS);
    *analysis = (Analysis){.features = ARENA_ARRAY(arena, AnalyzedFeature, FEATURES_PER_ITEM),
                           .feature_count = FEATURES_PER_ITEM,
                           .has_answer = true,
                           .answer = bench->labels[label],
                           .answer_class = bench->labels[label],
                           .answer_option = label};
    for (size_t f = 0; f < FEATURES_PER_ITEM; f++) {
        uint32_t number = draw_frequent(bench, DISTINCT_FEATURES);
        rpmd_text name = word(arena, number % WORDS);
        if (number >= WORDS)
            name = text_of(arena_format(arena, "%s %s", name.data, word(arena, number / 4).data));
        analysis->features[f] = (AnalyzedFeature){
            .name = name,
            .context = text_of(arena_format(arena, "what the story says of %s", name.data)),
            .category = text_of(categories[number % ARRAY_SIZE(categories)]),
            .strength = 0.5F,
            .evidence = {0, 4},
        };
    }
}

static rpmd_text draw_query(Bench *bench, Arena *arena)
{
    Buffer text = BUFFER_INIT;
    for (size_t w = 0; w < WORDS_PER_QUERY; w++)
        buffer_append_format(&text, "%s%s", w ? " " : "", word(arena, draw_frequent(bench, WORDS)).data);
    rpmd_text query = arena_text(arena, (rpmd_text){text.data, text.length});
    buffer_finish(&text);
    return query;
}

static ModelItem *draw_item(Bench *bench, uint64_t number)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Analysis analysis;
    draw_analysis(bench, &arena, &analysis);
    return model_item_new(&(ModelItemInput){.id = text_of(arena_format(&arena, "%u", (unsigned)number)),
                                            .query = draw_query(bench, &arena),
                                            .response = analysis.answer,
                                            .number = number,
                                            .order_us = (int64_t)number,
                                            .analysis = &analysis,
                                            .extractor_version = text_of("1"),
                                            .texts = bench->texts},
                          bench->tokenizer);
}

static int compare_times(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static void print_times(const char *what, size_t items, double times[ROUNDS])
{
    qsort(times, ROUNDS, sizeof(double), compare_times);
    printf("%7zu items  %-34s p50 %9.1f us   p99 %9.1f us\n", items, what, times[ROUNDS / 2],
           times[ROUNDS * 99 / 100]);
}

/* From the analysis of a query to the examples, the prediction and the prompt. */
static void measure_queries(Bench *bench, const UserModel *model, const PopulationView *view)
{
    double preparing[ROUNDS], retrieving[ROUNDS], predicting[ROUNDS], prompting[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        Analysis analysis;
        draw_analysis(bench, &arena, &analysis);
        Target target = {.query = draw_query(bench, &arena), .analysis = &analysis};
        Retrieved retrieved[RETRIEVAL_LIMIT];
        double start = now();
        target_prepare(&target, &arena, bench->tokenizer, model);
        preparing[round] = now() - start;
        start = now();
        size_t found = retrieval_find(model, &target, 3, retrieved);
        retrieving[round] = now() - start;
        PredictionRequest request = {.model = model,
                                     .target = &target,
                                     .retrieved = retrieved,
                                     .retrieved_count = found,
                                     .view = view,
                                     .tokenizer = bench->tokenizer};
        PredictionCase prediction;
        start = now();
        prediction_of_target(&request, &arena, &prediction);
        predicting[round] = now() - start;
        PromptRequest prompt_request = {.texts = &prompt_texts,
                                        .model = model,
                                        .target = &target,
                                        .retrieved = retrieved,
                                        .retrieved_count = found,
                                        .prediction = &prediction};
        Prompt prompt;
        Status status = STATUS_INIT;
        start = now();
        if (prompt_construct(&prompt_request, &arena, &prompt, &status) != 0)
            printf("%s\n", status.message);
        prompting[round] = now() - start;
    }
    print_times("factors and vector of a query", model->entry_count, preparing);
    print_times("retrieval of 3", model->entry_count, retrieving);
    print_times("native prediction", model->entry_count, predicting);
    print_times("prompt", model->entry_count, prompting);
}

static void measure_changes(Bench *bench, const UserModel *model)
{
    double appending[ROUNDS], deleting[ROUNDS], promoting[ROUNDS], sharing[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        _cleanup_buffer_ Buffer change = BUFFER_INIT;
        ModelItem *item = draw_item(bench, (uint64_t)model->entry_count + 1);
        double start = now();
        UserModel *longer = user_model_put(model, &bench->task, item);
        appending[round] = now() - start;
        start = now();
        contribution_change_write(&change, model, longer);
        sharing[round] = now() - start;
        start = now();
        UserModel *promoted = user_model_promote(longer, &bench->task);
        promoting[round] = now() - start;
        start = now();
        UserModel *shorter = user_model_remove(longer, &bench->task, model->entry_count / 2 + 1);
        deleting[round] = now() - start;
        user_model_unref(promoted);
        user_model_unref(shorter);
        user_model_unref(longer);
        model_item_unref(item);
    }
    print_times("append", model->entry_count, appending);
    print_times("change of the population", model->entry_count, sharing);
    print_times("look for factors to promote", model->entry_count, promoting);
    print_times("delete", model->entry_count, deleting);
}

/* An item as the store keeps it. */
typedef struct Stored {
    char id[24];
    char *query;
    rpmd_text response;
    Buffer content;
} Stored;

static Stored *store_items(ModelItem *const *items, size_t count)
{
    Stored *stored = NEW_ARRAY(Stored, count);
    for (size_t i = 0; i < count; i++) {
        snprintf(stored[i].id, sizeof(stored[i].id), "%zu", i + 1);
        stored[i].query = memory_copy_text(items[i]->query.data, items[i]->query.length);
        stored[i].response = text_of(memory_copy_text(items[i]->response.data, items[i]->response.length));
        item_record_write(&stored[i].content, items[i]);
    }
    return stored;
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Reads the items and makes the model, as a cache miss does. */
static void measure_loading(Bench *bench, const Stored *stored, size_t count, rpmd_text factors)
{
    size_t rounds = MAX((size_t)1, 3000 / count), record_bytes = 0;
    double reading = 0, building = 0;
    ModelItem **items = NEW_ARRAY(ModelItem *, count);
    size_t before = heap_bytes(), heap = 0, said = 0;
    for (size_t i = 0; i < count; i++)
        record_bytes += stored[i].content.length;
    for (size_t round = 0; round < rounds; round++) {
        double start = now();
        for (size_t i = 0; i < count; i++)
            items[i] = model_item_read(
                &(ModelItemSource){.id = text_of(stored[i].id),
                                   .query = text_of(stored[i].query),
                                   .response = stored[i].response,
                                   .number = i + 1,
                                   .order_us = (int64_t)i + 1,
                                   .extractor_version = text_of("1"),
                                   .content = {stored[i].content.data, stored[i].content.length},
                                   .texts = bench->texts});
        FactorSet *set = factor_set_read(factors);
        double read = now();
        UserModel *model = user_model_build(&bench->task, items, count, set);
        building += now() - read;
        reading += read - start;
        for (size_t i = 0; i < count; i++)
            model_item_unref(items[i]);
        factor_set_unref(set);
        heap = heap_bytes() - before;
        said = user_model_bytes(model);
        user_model_unref(model);
    }
    double all = (double)(count * rounds);
    printf("%7zu items  records of %zu bytes: read %.2f us, model made %.2f us an item; memory %zu bytes an "
           "item "
           "(said: %zu)\n",
           count, record_bytes / count, reading / all, building / all, heap / count, said / count);
    free(items);
}

static void measure(Bench *bench, size_t count)
{
    ModelItem **items = NEW_ARRAY(ModelItem *, count);
    for (size_t i = 0; i < count; i++)
        items[i] = draw_item(bench, i + 1);
    double start = now();
    Stored *stored = store_items(items, count);
    double written = now();
    UserModel *model = user_model_build(&bench->task, items, count, NULL);
    double built = now();
    _cleanup_buffer_ Buffer factors = BUFFER_INIT;
    factor_set_write(&factors, model->factors);
    printf("%7zu items  records written %.2f us, clustered and model made %.2f us an item, %u factors\n",
           count, (written - start) / (double)count, (built - written) / (double)count, model->factor_count);
    Population *population = population_new();
    _cleanup_buffer_ Buffer change = BUFFER_INIT;
    contribution_change_write(&change, NULL, model);
    for (uint64_t user = 1; user <= 4; user++)
        population_apply(population, user, (rpmd_text){change.data, change.length});
    measure_queries(
        bench, model,
        &(PopulationView){.population = population, .own = model->share, .user = 1, .minimum_users = 3});
    measure_changes(bench, model);
    user_model_unref(model);
    for (size_t i = 0; i < count; i++)
        model_item_unref(items[i]);
    measure_loading(bench, stored, count, (rpmd_text){factors.data, factors.length});
    population_free(population);
    for (size_t i = 0; i < count; i++) {
        free(stored[i].query);
        free((char *)stored[i].response.data);
        buffer_finish(&stored[i].content);
    }
    free(stored);
    free(items);
}

/* Items with answers to so many questions, each of which all users answered as well. */
static void draw_opinions(Bench *bench, ModelItem *items[PREDICTION_COMPARED_ITEMS], Analysis *analysis,
                          Population *population, size_t users)
{
    for (size_t i = 0; i < PREDICTION_COMPARED_ITEMS; i++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        analysis->answer = yes_no[i % 2];
        analysis->answer_class = analysis->option_classes[i % 2].name;
        items[i] = model_item_new(&(ModelItemInput){.query = text_of(arena_format(&arena, "question %zu", i)),
                                                    .number = i + 1,
                                                    .order_us = (int64_t)i + 1,
                                                    .options = yes_no,
                                                    .option_count = 2,
                                                    .analysis = analysis,
                                                    .extractor_version = text_of("1")},
                                  bench->tokenizer);
        for (uint64_t user = 1; user <= users; user++)
            population_load_vote(population, items[i]->question, user, yes_no[(user >> i % 8) % 2]);
    }
}

/* A query on a question that many users answered, of a user who shares many with all of them. */
static void measure_votes(Bench *bench, size_t users)
{
    static AnswerClass classes[] = {{{"agrees", 6}, 1}, {{"disagrees", 9}, -1}};
    const ModelTask task = {.answer_kind = RPMD_ANSWER_OPTIONS, .extractor_version = {"1", 1}};
    ModelItem *items[PREDICTION_COMPARED_ITEMS];
    Population *population = population_new();
    double begun = now();
    Analysis analysis = {.option_classes = classes, .option_class_count = 2, .has_answer = true};
    draw_opinions(bench, items, &analysis, population, users);
    double loaded = now();
    UserModel *model = user_model_build(&task, items, PREDICTION_COMPARED_ITEMS, NULL);
    PopulationView view = {.population = population, .user = users + 1, .minimum_users = 3};
    double predicting[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        _cleanup_arena_ Arena scratch = ARENA_INIT;
        Target target = {
            .query = items[round]->query, .options = yes_no, .option_count = 2, .analysis = &analysis};
        PredictionCase prediction;
        target_prepare(&target, &scratch, bench->tokenizer, model);
        PredictionRequest request = {
            .model = model, .target = &target, .view = &view, .tokenizer = bench->tokenizer};
        double start = now();
        prediction_of_target(&request, &scratch, &prediction);
        predicting[round] = now() - start;
    }
    qsort(predicting, ROUNDS, sizeof(double), compare_times);
    printf("%7zu voters on each of %d questions: prediction p50 %.1f us, p99 %.1f us; a vote loaded in %.3f "
           "us\n",
           users, PREDICTION_COMPARED_ITEMS, predicting[ROUNDS / 2], predicting[ROUNDS * 99 / 100],
           (loaded - begun) / (double)(users * PREDICTION_COMPARED_ITEMS));
    user_model_unref(model);
    population_free(population);
    for (size_t i = 0; i < PREDICTION_COMPARED_ITEMS; i++)
        model_item_unref(items[i]);
}

int main(void)
{
    static const size_t voters[] = {10, 300, 10000, 100000};

    static const size_t counts[] = {10, 100, 1000, 10000, 30000};
    Bench bench = {.random = 1, .tokenizer = tokenizer_new(), .texts = feature_texts_new()};
    _cleanup_arena_ Arena arena = ARENA_INIT;
    for (uint32_t l = 0; l < LABELS; l++)
        bench.labels[l] = word(&arena, 100 + l);
    bench.task = (ModelTask){.answer_kind = RPMD_ANSWER_LABELS,
                             .labels = bench.labels,
                             .label_count = LABELS,
                             .extractor_version = text_of("1")};
    for (size_t c = 0; c < ARRAY_SIZE(counts); c++)
        measure(&bench, counts[c]);
    for (size_t v = 0; v < ARRAY_SIZE(voters); v++)
        measure_votes(&bench, voters[v]);
    feature_texts_unref(bench.texts);
    tokenizer_free(bench.tokenizer);
    return 0;
}
