/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A query on its way through the personalizer's calls:
 *
 *     check --> extract (plugin) --> model (users) --> retrieve --> answer: the prompt, the prediction, the
 * explanation
 *
 * Everything lives as long as its gRPC call.
 */

#include "daemon/services/services.h"
#include "daemon/users/extraction.h"
#include "lib/method/prompt.h"

#include "rpmd/v1/personalizer.pb-c.h"

typedef struct QueryCall QueryCall;
typedef struct LlmResponse LlmResponse;

struct QueryCall {
    GrpcCall *call;
    ServiceContext *context;
    Arena arena;
    char *task;
    rpmd_text user;
    uint32_t examples;     /* asked for; 0: the task's setting */
    uint32_t budget_bytes; /* asked for; 0: the task's setting */
    uint64_t deadline_ns;
    Target target;
    PluginJob *job;  /* being extracted; NULL: not, or no more */
    Arena extracted; /* owns the analysis */
    void (*answer)(QueryCall *query);

    UserModel *model; /* owned reference, once it is there */
    const TaskSettings *settings;
    ReasoningTask reasoning;
    Retrieved retrieved[RETRIEVAL_LIMIT];
    rpmd_text paths[RETRIEVAL_LIMIT]; /* reasoning paths of the retrieved items, */
    bool by_llm[RETRIEVAL_LIMIT];     /* and who wrote them */
    size_t retrieved_count;
    PromptItem shared[CONFIG_SHARED_EXAMPLES_LIMIT]; /* where an LLM answers */
    size_t shared_count;
    PopulationView view;          /* until `answer` returns */
    PredictionRequest prediction; /* closed tasks; until `answer` returns */
    Extraction *extraction;       /* by an LLM, at work */
    LlmResponse *response;        /* of an LLM, being made (respond.c) */
    Rpmd__V1__Source features_source;
    Rpmd__V1__Usage usage; /* of LLMs */
    const char *notice;    /* why features or the embedding are not what is configured; "" */
};

/* Begins a query of a call; answer is called when everything above is there, or the call is refused. */
void query_begin(GrpcCall *call, const Rpmd__V1__Query *message, uint32_t examples, uint32_t budget_bytes,
                 void (*answer)(QueryCall *query));

/* The caller has gone away. */
void query_cancel(GrpcCall *call);

/* The native prediction; NULL for open tasks. In the query's arena. */
PredictionCase *query_predict(QueryCall *query);

/* The distribution of a prediction, likeliest first; none for NULL. */
Rpmd__V1__AnswerProbability **query_distribution(QueryCall *query, const PredictionCase *prediction,
                                                 size_t *count);

/* Constructs the prompt, or refuses the call and returns STATUS_REFUSED. */
int query_prompt(QueryCall *query, const PredictionCase *prediction, Prompt *prompt);

/* Adds what an LLM's replies cost to the query's usage. */
void query_account(QueryCall *query, uint64_t calls, const LlmUsage *usage, uint64_t cost_micros);

/* Cancels what an LLM is writing, and frees it. NULL is fine. */
void llm_response_free(LlmResponse *response);
