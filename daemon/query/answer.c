/* SPDX-License-Identifier: MIT */
#include "daemon/query/answer.h"

#include "lib/base/memory.h"
#include "lib/method/citation_model.h"

QueryAnswer *query_answer_new(void)
{
    QueryAnswer *answer = NEW(QueryAnswer);
    answer->status = STATUS_INIT;
    answer->notice = "";
    return answer;
}

void query_answer_free(QueryAnswer *answer)
{
    if (!answer)
        return;
    user_model_unref(answer->model);
    task_pool_unref(answer->pool);
    arena_finish(&answer->extracted);
    arena_finish(&answer->arena);
    free(answer);
}

static void retrieve(QueryAnswer *answer, Tokenizer *tokenizer)
{
    target_prepare(&answer->target, &answer->arena, tokenizer, answer->model);
    size_t k = answer->examples ? answer->examples : answer->settings->examples;
    answer->retrieved_count = retrieval_find(answer->model, &answer->target, k, answer->retrieved);
    for (size_t i = 0; i < answer->retrieved_count; i++)
        answer->paths[i] = reasoning_path(&answer->arena, &answer->reasoning_task, answer->model,
                                          answer->retrieved[i].entry, &answer->by_llm[i]);
}

/* The pooled counts are only held while they are read. */
static void predict(QueryAnswer *answer, Tokenizer *tokenizer)
{
    if (answer->model->answer_kind == RPMD_ANSWER_TEXT)
        return;
    const PopulationView view = {
        .population = answer->pool ? task_pool_read_begin(answer->pool) : NULL,
        .own = answer->feeds_pool ? answer->model->share : NULL,
        .user = answer->user_number,
        .minimum_users = (uint32_t)answer->settings->minimum_users,
    };
    const PredictionRequest request = {.model = answer->model,
                                       .target = &answer->target,
                                       .retrieved = answer->retrieved,
                                       .retrieved_count = answer->retrieved_count,
                                       .view = view.population ? &view : NULL,
                                       .tokenizer = tokenizer};
    PredictionCase *prediction = ARENA_NEW(&answer->arena, PredictionCase);
    prediction_of_target(&request, &answer->arena, prediction);
    if (answer->wants_reasoning)
        answer->prediction_reasoning =
            reasoning_of_prediction(&answer->arena, &answer->reasoning_task, &request, prediction);
    if (answer->pool)
        task_pool_read_end(answer->pool);
    answer->prediction = prediction;
}

static void write_prompt(QueryAnswer *answer)
{
    PromptItem *shared = NULL;
    size_t shared_count = 0;
    bool by_llm;
    if (answer->wants_shared) {
        shared = ARENA_ARRAY(&answer->arena, PromptItem, CONFIG_SHARED_EXAMPLES_LIMIT);
        shared_count =
            prompt_choose_shared(answer->model, &answer->target, answer->settings->shared_examples, shared);
    }
    for (size_t i = 0; i < shared_count; i++)
        shared[i].reasoning =
            reasoning_path(&answer->arena, &answer->reasoning_task, answer->model, shared[i].entry, &by_llm);
    const PromptRequest request = {
        .texts = &answer->texts,
        .model = answer->model,
        .target = &answer->target,
        .retrieved = answer->retrieved,
        .retrieved_count = answer->retrieved_count,
        .reasoning = answer->paths,
        .shared = shared,
        .shared_count = shared_count,
        .prediction = answer->prediction,
        .settings = {.budget_bytes =
                         answer->budget_bytes ? answer->budget_bytes : answer->settings->prompt_bytes,
                     .smoothing = answer->settings->smoothing},
    };
    (void)!prompt_construct(&request, &answer->arena, &answer->prompt, &answer->status);
}

void query_construct(QueryAnswer *answer, Tokenizer *tokenizer)
{
    retrieve(answer, tokenizer);
    predict(answer, tokenizer);
    if (answer->wants_prompt)
        write_prompt(answer);
}

void query_check_citations(QueryAnswer *answer)
{
    CitationReport report = {0};
    citation_check_reasoning(answer->reasoning, answer->model, answer->settings->smoothing, NULL,
                             &answer->arena, &report);
    answer->citations_hold = report.count == 0;
}
