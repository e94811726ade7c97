/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What was made of a query: the paper's steps 6 to 8 over one model. Pure computation on plain structs; a
 * QueryAnswer owns all that it reads, so that any thread may work on it.
 */

#include "daemon/config.h"
#include "daemon/users/task_pool.h"
#include "lib/llm/chat.h"
#include "lib/method/prompt.h"

/* What the query's LLM calls took. */
typedef struct QueryUsage {
    uint64_t calls;
    LlmUsage tokens;
    uint64_t cost_micros;
} QueryUsage;

typedef struct QueryAnswer {
    Arena arena; /* owns everything here */

    /* What it is made of */
    const char *task;
    rpmd_text user;
    const TaskSettings *settings; /* of the configuration, which outlives all */
    rpmd_prompt_texts texts;
    ReasoningTask reasoning_task;
    uint32_t examples;
    uint32_t budget_bytes;
    bool wants_prompt;
    bool wants_reasoning; /* of the prediction */
    bool wants_shared;    /* an LLM answers: it is shown more of the user */
    Target target;
    Arena extracted;  /* owns target.analysis */
    UserModel *model; /* a reference */
    TaskPool *pool;   /* a reference; NULL: nothing is pooled */
    uint64_t user_number;
    bool feeds_pool;
    bool features_are_llms;
    QueryUsage usage;
    const char *notice; /* why features, embedding or answer are not what is configured; "" */

    /* What query_construct makes */
    Status status; /* not OK: it cannot be made */
    Retrieved retrieved[RETRIEVAL_LIMIT];
    rpmd_text paths[RETRIEVAL_LIMIT]; /* reasoning paths of the retrieved items, */
    bool by_llm[RETRIEVAL_LIMIT];     /* and who wrote them */
    size_t retrieved_count;
    const PredictionCase *prediction; /* NULL: open answers */
    rpmd_text prediction_reasoning;
    Prompt prompt;

    /* QUERY_RESPOND: the end */
    rpmd_text answer;
    rpmd_text reasoning;
    bool answer_is_llms;
    bool citations_hold;
} QueryAnswer;

QueryAnswer *query_answer_new(void) __attribute__((returns_nonnull));

/* On the loop's thread. */
void query_answer_free(QueryAnswer *answer);

/* Retrieves, predicts, writes the prompt. Any thread; the tokenizer is used during the call. */
void query_construct(QueryAnswer *answer, Tokenizer *tokenizer);

/* Whether what the reasoning cites is true of the model. */
void query_check_citations(QueryAnswer *answer);
