/* SPDX-License-Identifier: MIT */

/*
 * Predicts every query of a LaMP folder without a daemon: models and population in memory.
 *   offline_evaluation PLUGIN.so FOLDER [--no-population] [--holdout N] [--examples K] [--minimum-users N]
 *                      [--budget BYTES] [--show N]
 * --holdout N predicts the last N items of each history (at most a third) from the earlier ones, instead of
 * the folder's own queries: what constants are chosen by. Every prompt and reasoning path is checked for its
 * citations; --show prints the first N.
 */

#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/history/lamp.h"
#include "lib/method/citation_model.h"
#include "lib/method/prompt.h"
#include "lib/plugin/analyze.h"
#include "lib/plugin/load.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

typedef struct User {
    ModelItem **items;
    size_t count;
    size_t capacity;
    UserModel *whole; /* what the population is fed with */
    UserModel *model; /* what predictions are made from */
} User;

typedef struct Evaluation {
    const rpmd_plugin *plugin;
    PluginEnvironment environment;
    Tokenizer *tokenizer;
    ModelTask task;
    Intern users;
    User *all;
    size_t capacity;
    Population *population;
    Arena arena;
    size_t examples;
    size_t holdout;
    uint32_t minimum_users;
    size_t budget;
    size_t show;
    uint64_t number;

    size_t predicted;
    double weight;
    double correct; /* sum of weights */
    double error;
    double surprise; /* sum of -log(probability of the true answer) */
    double seconds;
    double prompt_seconds;
    size_t prompts;
    size_t prompt_bytes;
    size_t refused;
    CitationReport citations;
} Evaluation;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int take_record(void *userdata, const char *origin, const HistoryRecord *record)
{
    (void)origin;
    Evaluation *evaluation = userdata;
    uint32_t number = intern_add(&evaluation->users, record->user);
    while (number >= evaluation->capacity) {
        size_t old = evaluation->capacity;
        GROW(evaluation->all, old, evaluation->capacity);
        memset(&evaluation->all[old], 0, (evaluation->capacity - old) * sizeof(User));
    }
    User *user = &evaluation->all[number];
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Analysis analysis = {0};
    AnalysisRequest request = {.query = record->query,
                               .options = record->options,
                               .option_count = record->option_count,
                               .response = record->response,
                               .has_response = true};
    plugin_analyze(evaluation->plugin, &evaluation->environment, evaluation->tokenizer, &request, &arena,
                   &analysis);
    if (analysis.code != STATUS_OK)
        printf("%s: %s\n", origin, analysis.error.data);
    uint64_t order = ++evaluation->number;
    ModelItemInput input = {.id = record->id,
                            .query = record->query,
                            .response = record->response,
                            .number = order,
                            .order_us = (int64_t)order,
                            .options = record->options,
                            .option_count = record->option_count,
                            .analysis = &analysis,
                            .extractor_version = text_of(evaluation->plugin->version)};
    GROW(user->items, user->count, user->capacity);
    user->items[user->count++] = model_item_new(&input, evaluation->tokenizer);
    return 0;
}

static int reject_record(void *userdata, const char *origin, rpmd_text user, rpmd_text id, const char *reason)
{
    (void)userdata, (void)user, (void)id;
    printf("rejected %s: %s\n", origin, reason);
    return 0;
}

static size_t held_out(const Evaluation *evaluation, const User *user)
{
    if (evaluation->holdout == 0 || user->count < 2)
        return 0;
    return MIN(evaluation->holdout, MAX(user->count / 3, (size_t)1));
}

static void build(Evaluation *evaluation)
{
    double start = now();
    evaluation->population = population_new();
    for (uint32_t u = 0; u < evaluation->users.count; u++) {
        User *user = &evaluation->all[u];
        _cleanup_buffer_ Buffer change = BUFFER_INIT;
        user->whole = user_model_build(&evaluation->task, user->items, user->count, NULL);
        contribution_change_write(&change, NULL, user->whole);
        population_apply(evaluation->population, u, (rpmd_text){change.data, change.length});
        size_t out = held_out(evaluation, user);
        user->model = out ? user_model_build(&evaluation->task, user->items, user->count - out, NULL)
                          : user_model_ref(user->whole);
    }
    printf("%u users, %llu items, models in %.2f s, population %.1f MiB\n", evaluation->users.count,
           (unsigned long long)evaluation->number, now() - start,
           (double)population_bytes(evaluation->population) / 1048576);
}

static void score(Evaluation *evaluation, const PredictionCase *prediction, rpmd_text truth, double weight)
{
    const Prediction *result = &prediction->result;
    rpmd_text answer = prediction->candidates[result->answer].answer;
    double probability = 1e-6;
    for (size_t i = 0; i < prediction->input.candidate_count; i++)
        if (text_equal(prediction->candidates[i].answer, truth))
            probability = MAX(probability, result->probabilities[i]);
    evaluation->predicted++;
    evaluation->weight += weight;
    evaluation->correct += text_equal(answer, truth) ? weight : 0;
    evaluation->surprise -= weight * log(probability);
    if (evaluation->plugin->answer_kind == RPMD_ANSWER_ORDINAL)
        evaluation->error += weight * fabs(atof(answer.data) - atof(truth.data));
}

static void check(Evaluation *evaluation, const CitationReport *report, rpmd_text text)
{
    for (size_t v = 0; v < report->count; v++)
        printf("VIOLATION %s\n", report->violations[v]);
    if (report->count > 0)
        printf("in: %.*s\n", TEXT_ARGS(text));
    evaluation->citations.count += report->count;
    evaluation->citations.factors += report->factors;
    evaluation->citations.numbers += report->numbers;
}

/* The prompt and the reasoning, with their citations checked. */
static void show(Evaluation *evaluation, const PredictionRequest *request, const PredictionCase *prediction,
                 rpmd_text truth, Arena *arena)
{
    double start = now();
    PromptRequest prompt_request = {.texts = evaluation->plugin->prompt_texts,
                                    .model = request->model,
                                    .target = request->target,
                                    .retrieved = request->retrieved,
                                    .retrieved_count = request->retrieved_count,
                                    .prediction = prediction,
                                    .settings = {.budget_bytes = evaluation->budget}};
    Prompt prompt;
    Status status = STATUS_INIT;
    bool shown = evaluation->prompts++ < evaluation->show;
    if (prompt_construct(&prompt_request, arena, &prompt, &status) != 0) {
        evaluation->refused++;
        if (shown)
            printf("%s\n", status.message);
        return;
    }
    evaluation->prompt_seconds += now() - start;
    evaluation->prompt_bytes += prompt.text.length;
    CitationReport report = {0};
    citation_check_prompt(prompt.text, request->model, 0, arena, &report);
    check(evaluation, &report, prompt.text);
    if (shown) {
        printf("%.*s", TEXT_ARGS(prompt.text));
        for (size_t d = 0; d < prompt.dropped_count; d++)
            printf("DROPPED %s\n", prompt.dropped[d].data);
        printf("%zu bytes, %zu stable. ", prompt.text.length, prompt.stable_bytes);
    }
    if (prediction) {
        ReasoningTask task = {text_of(prompt_request.texts->query_noun),
                              text_of(prompt_request.texts->response_noun), 0};
        rpmd_text reasoning = reasoning_of_prediction(arena, &task, request, prediction);
        report = (CitationReport){0};
        citation_check_reasoning(reasoning, request->model, 0, NULL, arena, &report);
        check(evaluation, &report, reasoning);
        if (shown)
            printf("NATIVE %s\n", reasoning.data);
    }
    if (shown)
        printf("TRUTH %s\n\n", truth.data);
}

static void predict(Evaluation *evaluation, uint32_t number, rpmd_text query, const rpmd_text *options,
                    size_t option_count, rpmd_text truth, double weight)
{
    const User *user = &evaluation->all[number];
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Analysis analysis = {0}, gold = {0};
    AnalysisRequest request = {.query = query, .options = options, .option_count = option_count};
    plugin_analyze(evaluation->plugin, &evaluation->environment, evaluation->tokenizer, &request, &arena,
                   &analysis);
    request.response = truth;
    request.has_response = request.answer_only = true;
    plugin_analyze(evaluation->plugin, &evaluation->environment, evaluation->tokenizer, &request, &arena,
                   &gold);
    if (analysis.code != STATUS_OK || !gold.has_answer || user->model->item_count == 0) {
        printf("not predicted: %s%s\n", analysis.error.data ? analysis.error.data : "",
               gold.error.data ? gold.error.data : "");
        return;
    }
    Target target = {.query = query, .options = options, .option_count = option_count, .analysis = &analysis};
    target_prepare(&target, &arena, evaluation->tokenizer, user->model);
    Retrieved retrieved[RETRIEVAL_LIMIT];
    size_t found = retrieval_find(user->model, &target, evaluation->examples, retrieved);
    PopulationView view = {.population = evaluation->population,
                           .own = user->whole->share,
                           .user = number,
                           .minimum_users = evaluation->minimum_users};
    PredictionRequest prediction_request = {.model = user->model,
                                            .target = &target,
                                            .retrieved = retrieved,
                                            .retrieved_count = found,
                                            .view = evaluation->population ? &view : NULL,
                                            .tokenizer = evaluation->tokenizer};
    PredictionCase prediction;
    bool closed = evaluation->plugin->answer_kind != RPMD_ANSWER_TEXT;
    if (closed) {
        double gathered = now();
        prediction_of_target(&prediction_request, &arena, &prediction);
        evaluation->seconds += now() - gathered;
        score(evaluation, &prediction, gold.answer, weight);
    }
    show(evaluation, &prediction_request, closed ? &prediction : NULL, gold.answer, &arena);
}

static void predict_held_out(Evaluation *evaluation)
{
    for (uint32_t u = 0; u < evaluation->users.count; u++) {
        User *user = &evaluation->all[u];
        size_t out = held_out(evaluation, user);
        for (size_t i = user->count - out; i < user->count; i++) {
            const ModelItem *item = user->items[i];
            predict(evaluation, u, item->query, item->details->options, item->details->option_count,
                    item->response, 1.0 / (double)out);
        }
    }
}

static rpmd_text member(const json_t *object, const char *name)
{
    const json_t *string = json_object_get(object, name);
    return (rpmd_text){json_string_value(string), json_string_length(string)};
}

static void predict_questions(Evaluation *evaluation, const json_t *questions, const json_t *golds)
{
    const rpmd_lamp *lamp = evaluation->plugin->lamp;
    const LampWrapping wrapping = {lamp->input_begin, lamp->input_end, lamp->input_options};
    size_t index;
    const json_t *question;
    json_array_foreach(questions, index, question)
    {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        rpmd_text query;
        const rpmd_text *options;
        size_t option_count;
        lamp_unwrap(&arena, &wrapping, member(question, "input"), &query, &options, &option_count);
        const json_t *own = json_object_get(question, "options");
        if (json_is_array(own)) {
            /* The question brings its parts in fields of their own. */
            query = member(question, lamp->query_field);
            option_count = json_array_size(own);
            rpmd_text *texts = ARENA_ARRAY(&arena, rpmd_text, option_count);
            for (size_t o = 0; o < option_count; o++)
                texts[o] = text_of(json_string_value(json_array_get(own, o)));
            options = texts;
        }
        rpmd_text user = member(question, "user_id");
        predict(evaluation, intern_find(&evaluation->users, user), query, options, option_count,
                member(json_array_get(golds, index), "output"), 1);
    }
}

static char *read_file(const char *folder, const char *name, size_t *length)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *bytes = memory_allocate(*length + 1, 1);
    *length = fread(bytes, 1, *length, file);
    fclose(file);
    return bytes;
}

static void set_task(Evaluation *evaluation)
{
    const rpmd_plugin *plugin = evaluation->plugin;
    size_t count = 0;
    while (plugin->labels && plugin->labels[count])
        count++;
    rpmd_text *labels = ARENA_ARRAY(&evaluation->arena, rpmd_text, count);
    for (size_t i = 0; i < count; i++)
        labels[i] = text_of(plugin->labels[i]);
    evaluation->task = (ModelTask){.answer_kind = plugin->answer_kind,
                                   .labels = labels,
                                   .label_count = count,
                                   .ordinal_min = plugin->ordinal_min,
                                   .ordinal_max = plugin->ordinal_max,
                                   .extractor_version = text_of(plugin->version)};
}

static void print_result(const Evaluation *evaluation, const char *folder)
{
    double weight = evaluation->weight;
    if (evaluation->predicted > 0) {
        printf("%s: %zu predicted, accuracy %.3f", folder, evaluation->predicted,
               evaluation->correct / weight);
        if (evaluation->plugin->answer_kind == RPMD_ANSWER_ORDINAL)
            printf(", MAE %.3f", evaluation->error / weight);
        printf(", surprise %.3f, %.0f us a prediction\n", evaluation->surprise / weight,
               evaluation->seconds * 1e6 / (double)evaluation->predicted);
    }
    size_t made = evaluation->prompts - evaluation->refused;
    printf("%zu prompts of %zu bytes, %.0f us each, %zu refused; %u factors and %u numbers cited, %zu "
           "violations\n",
           made, made ? evaluation->prompt_bytes / made : 0,
           made ? evaluation->prompt_seconds * 1e6 / (double)made : 0, evaluation->refused,
           evaluation->citations.factors, evaluation->citations.numbers, evaluation->citations.count);
}

static void finish(Evaluation *evaluation)
{
    for (uint32_t u = 0; u < evaluation->users.count; u++) {
        for (size_t i = 0; i < evaluation->all[u].count; i++)
            model_item_unref(evaluation->all[u].items[i]);
        free(evaluation->all[u].items);
        user_model_unref(evaluation->all[u].model);
        user_model_unref(evaluation->all[u].whole);
    }
    free(evaluation->all);
    intern_finish(&evaluation->users);
    population_free(evaluation->population);
    arena_finish(&evaluation->arena);
    tokenizer_free(evaluation->tokenizer);
}

int main(int argc, char **argv)
{
    Evaluation evaluation = {.examples = 3, .minimum_users = 3};
    bool population = true;
    for (int i = 3; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--no-population") == 0)
            population = false;
        else if (strcmp(argv[i], "--holdout") == 0)
            evaluation.holdout = (size_t)atoi(value), i++;
        else if (strcmp(argv[i], "--budget") == 0)
            evaluation.budget = (size_t)atoi(value), i++;
        else if (strcmp(argv[i], "--show") == 0)
            evaluation.show = (size_t)atoi(value), i++;
        else if (strcmp(argv[i], "--examples") == 0)
            evaluation.examples = (size_t)atoi(value), i++;
        else if (strcmp(argv[i], "--minimum-users") == 0)
            evaluation.minimum_users = (uint32_t)atoi(value), i++;
        else
            argc = 0;
    }
    if (argc < 3) {
        fputs("usage: offline_evaluation PLUGIN.so FOLDER [--no-population] [--holdout N] [--examples K] "
              "[--minimum-users N] [--budget BYTES] [--show N]\n",
              stderr);
        return 2;
    }
    _cleanup_free_ char *path = realpath(argv[1], NULL);
    PluginImage *image = NULL;
    Status status = STATUS_INIT;
    if (plugin_image_open(&image, path ? path : argv[1], argv[1], &status) != 0) {
        fprintf(stderr, "%s\n", status.message);
        return 1;
    }
    evaluation.plugin = &image->descriptor.plugin;
    evaluation.tokenizer = tokenizer_new();
    set_task(&evaluation);
    size_t question_bytes, gold_bytes;
    _cleanup_free_ char *question_file = read_file(argv[2], "questions.json", &question_bytes);
    _cleanup_free_ char *gold_file = read_file(argv[2], "outputs.json", &gold_bytes);
    const rpmd_lamp *lamp = evaluation.plugin->lamp;
    LampFields fields = {lamp->query_field, lamp->response_field, lamp->options_field};
    HistorySink sink = {take_record, reject_record, &evaluation};
    if (lamp_read((rpmd_text){question_file, question_bytes}, &fields, &sink, &status) != 0) {
        fprintf(stderr, "%s\n", status.message);
        return 1;
    }
    build(&evaluation);
    if (!population) {
        population_free(evaluation.population);
        evaluation.population = NULL;
    }
    json_t *questions = json_loadb(question_file, question_bytes, 0, NULL);
    json_t *golds = json_loadb(gold_file, gold_bytes, 0, NULL);
    if (evaluation.holdout)
        predict_held_out(&evaluation);
    else
        predict_questions(&evaluation, questions, json_object_get(golds, "golds"));
    print_result(&evaluation, argv[2]);
    json_decref(questions);
    json_decref(golds);
    finish(&evaluation);
    plugin_image_free(image);
    return 0;
}
