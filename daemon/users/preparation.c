/* SPDX-License-Identifier: MIT */
#include "daemon/users/preparation.h"

#include "daemon/loop/later.h"
#include "daemon/users/thread_tokenizer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <assert.h>

#define NANOSECONDS_PER_SECOND 1000000000ull

/* Items of one batch: enough to make the hand-overs cheap, few enough to be fair to other calls. */
#define BATCH_ITEMS 64
/* Batches at work: a worker, a thread and the store each have one while the next is on its way. */
#define BATCHES_AT_WORK 4

static_assert(BATCH_ITEMS <= STORE_STAGE_RECORDS && BATCH_ITEMS <= PLUGIN_BATCH_LIMIT,
              "a batch is one call of the plugin and one request of the store");

typedef struct Batch {
    LIST_ENTRY(Batch) link;
    Preparation *preparation;
    FreshItem *items; /* of the request */
    size_t count;
    PluginJob *job;
    Work *work;
    StoreCall *staging;
} Batch;

struct Preparation {
    UsersContext context;
    UserName name;
    PreparationRequest request;
    PreparationDone done;
    void *data;
    Later later;        /* begins it */
    StoreCall *opening; /* a generation */
    uint64_t generation;
    size_t begun; /* items */
    LIST_HEAD(, Batch) batches;
    size_t batch_count;
};

static void go_on(Preparation *preparation);

/* ---- the end ------------------------------------------------------------------------------------------ */

static void batch_free(Batch *batch)
{
    if (batch->job)
        plugin_job_cancel(batch->job);
    if (batch->work)
        work_cancel(batch->work);
    if (batch->staging)
        store_cancel(batch->staging);
    LIST_REMOVE(batch, link);
    batch->preparation->batch_count--;
    free(batch);
}

void preparation_cancel(Preparation *preparation)
{
    later_cancel(&preparation->later);
    if (preparation->opening)
        store_cancel(preparation->opening);
    while (!LIST_EMPTY(&preparation->batches))
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): batch_free takes it off the list.
        batch_free(LIST_FIRST(&preparation->batches));
    free(preparation);
}

static void end(Preparation *preparation, const Status *status)
{
    PreparationDone done = preparation->done;
    void *data = preparation->data;
    uint64_t generation = preparation->generation;
    const Status copy = *status;
    preparation_cancel(preparation);
    done(data, &copy, generation);
}

static void batch_over(Batch *batch)
{
    Preparation *preparation = batch->preparation;
    batch_free(batch);
    go_on(preparation);
}

/* The batch's items for another thread: a job owns what it reads, and the batch may go meanwhile. */
typedef struct Making {
    FreshItem items[BATCH_ITEMS];
    size_t count;
    FeatureTexts *texts; /* a reference, of the task */
    Arena arena;         /* of the items, and of what is made of them */
    Arena analysed;      /* of the plugin's analyses */
} Making;

/* ---- staging ------------------------------------------------------------------------------------------ */

static void on_staged(StoreReply *reply, void *data)
{
    Batch *batch = data;
    batch->staging = NULL;
    if (status_is_ok(&reply->status))
        batch_over(batch);
    else
        end(batch->preparation, &reply->status);
}

/* The contents go with their arena. */
static void stage(Batch *batch, Making *making)
{
    Preparation *preparation = batch->preparation;
    Arena *arena = &making->arena;
    StoreRecord *records = ARENA_ARRAY(arena, StoreRecord, batch->count);
    for (size_t i = 0; i < batch->count; i++)
        records[i] = fresh_item_record(arena, &making->items[i]);
    const StoreStage request = {
        .task = arena_text(arena, preparation->name.task),
        .user = arena_text(arena, preparation->name.user),
        .user_number = preparation->request.user_number,
        .generation = preparation->generation,
        .records = records,
        .count = batch->count,
        .arena = arena,
    };
    batch->staging = store_stage(preparation->context.store, &request, on_staged, batch);
}

/* ---- making ------------------------------------------------------------------------------------------- */

static void run_making(void *job)
{
    Making *making = job;
    Tokenizer *tokenizer = thread_tokenizer();
    for (size_t i = 0; i < making->count; i++)
        fresh_item_make(&making->items[i], &making->arena, making->texts, tokenizer);
}

static void release_making(void *job)
{
    Making *making = job;
    for (size_t i = 0; i < making->count; i++)
        model_item_unref(making->items[i].made);
    feature_texts_unref(making->texts);
    arena_finish(&making->analysed);
    arena_finish(&making->arena);
    free(making);
}

static void on_made(void *owner, void *job)
{
    Batch *batch = owner;
    Making *making = job;
    const PreparationRequest *request = &batch->preparation->request;
    batch->work = NULL;
    for (size_t i = 0; i < batch->count; i++)
        batch->items[i].made = TAKE_PTR(making->items[i].made);
    if (request->is_staged) {
        stage(batch, making);
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        rpmd_text content = making->items[i].content;
        making->items[i].content = arena_text(request->arena, content);
        request->records[batch->items + i - request->items] =
            fresh_item_record(request->arena, &making->items[i]);
    }
    batch_over(batch);
}

/* analysed: what the plugin found in the items that had no analysis, in their order; taken. NULL: they have.
 */
static void make(Batch *batch, PluginBatch *analysed)
{
    static const WorkKind urgent = {WORK_FOREGROUND, run_making, release_making},
                          background = {WORK_BACKGROUND, run_making, release_making};
    const Preparation *preparation = batch->preparation;
    Making *making = NEW(Making);
    making->count = batch->count;
    making->texts = feature_texts_ref(preparation->request.texts);
    for (size_t i = 0, a = 0; i < batch->count; i++) {
        making->items[i] = fresh_item_copy(&making->arena, &batch->items[i]);
        if (!making->items[i].analysis && analysed)
            making->items[i].analysis = &analysed->analyses[a++];
    }
    if (analysed) {
        making->analysed = analysed->arena;
        analysed->arena = ARENA_INIT;
    }
    batch->work = work_begin(preparation->context.loop,
                             preparation->request.urgency == PLUGIN_BACKGROUND ? &background : &urgent,
                             making, on_made, batch);
}

/* ---- analysing ---------------------------------------------------------------------------------------- */

static void on_analysed(PluginBatch *analysed, void *data)
{
    Batch *batch = data;
    Preparation *preparation = batch->preparation;
    Status status = analysed->status;
    batch->job = NULL;
    for (size_t i = 0; i < analysed->count && status_is_ok(&status); i++) {
        const Analysis *analysis = &analysed->analyses[i];
        if (analysis->code == STATUS_CANCELLED || analysis->code == STATUS_DEADLINE_EXCEEDED)
            status_refuse(&status, analysis->code, "%.*s", TEXT_ARGS(analysis->error));
    }
    if (status_is_ok(&status))
        make(batch, analysed);
    else
        end(preparation, &status);
}

static void analyse(Batch *batch)
{
    const Preparation *preparation = batch->preparation;
    const UsersContext *context = &preparation->context;
    AnalysisRequest requests[BATCH_ITEMS];
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const StoreItem *item = batch->items[i].item;
        if (batch->items[i].analysis)
            continue;
        requests[count++] = (AnalysisRequest){.query = item->query,
                                              .options = item->options,
                                              .option_count = item->option_count,
                                              .response = item->response,
                                              .has_response = true};
    }
    if (count == 0) {
        make(batch, NULL);
        return;
    }
    uint64_t deadline_ns = preparation->request.deadline_ns;
    if (deadline_ns == 0)
        deadline_ns = uv_hrtime() + context->config->call_seconds * NANOSECONDS_PER_SECOND;
    batch->job = plugin_registry_analyze(context->plugins, preparation->name.task.data, requests, count,
                                         preparation->request.urgency, deadline_ns, on_analysed, batch);
}

static void go_on(Preparation *preparation)
{
    const PreparationRequest *request = &preparation->request;
    const Status fine = STATUS_INIT;
    while (preparation->begun < request->count && preparation->batch_count < BATCHES_AT_WORK) {
        Batch *batch = NEW(Batch);
        *batch = (Batch){.preparation = preparation,
                         .items = request->items + preparation->begun,
                         .count = MIN(request->count - preparation->begun, (size_t)BATCH_ITEMS)};
        LIST_INSERT_HEAD(&preparation->batches, batch, link);
        preparation->batch_count++;
        preparation->begun += batch->count;
        analyse(batch);
    }
    if (preparation->batch_count == 0)
        end(preparation, &fine);
}

/* ---- the beginning ------------------------------------------------------------------------------------ */

static void open_generation(Preparation *preparation);

static void on_opened(StoreReply *reply, void *data)
{
    Preparation *preparation = data;
    preparation->opening = NULL;
    if (!status_is_ok(&reply->status)) {
        end(preparation, &reply->status);
        return;
    }
    preparation->generation = reply->staged.generation;
    if (reply->staged.is_clean)
        go_on(preparation);
    else
        open_generation(preparation);
}

static void open_generation(Preparation *preparation)
{
    const StoreStage request = {.task = preparation->name.task,
                                .user = preparation->name.user,
                                .user_number = preparation->request.user_number,
                                .generation = preparation->generation};
    preparation->opening = store_stage(preparation->context.store, &request, on_opened, preparation);
}

static void on_begin(Later *later)
{
    Preparation *preparation = CONTAINER_OF(later, Preparation, later);
    if (preparation->request.is_staged && preparation->request.count > 0)
        open_generation(preparation);
    else
        go_on(preparation);
}

Preparation *preparation_begin(const UsersContext *context, const UserName *name,
                               const PreparationRequest *request, PreparationDone done, void *data)
{
    Preparation *preparation = NEW(Preparation);
    *preparation =
        (Preparation){.context = *context, .name = *name, .request = *request, .done = done, .data = data};
    LIST_INIT(&preparation->batches);
    later_call(context->loop, &preparation->later, on_begin);
    return preparation;
}
