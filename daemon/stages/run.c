/* SPDX-License-Identifier: MIT */
#include "daemon/stages/run.h"

#include "daemon/log.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <sys/queue.h>

typedef struct Batch {
    LIST_ENTRY(Batch) link;
    StageRun *run;
    size_t begin;
    size_t count;
    size_t element_count; /* before a repair, which may be for fewer */
    StageAsk ask;
    Arena arena;
    StageCall *call; /* NULL: not asked yet */
    bool is_repaired;
    const char *fault; /* of the first reply; in the arena */
} Batch;

struct StageRun {
    Stages *stages;
    StageRunRequest request;
    const StageWork *work;
    void *data;
    Arena arena;
    LIST_HEAD(, Batch) batches; /* at work */
    LIST_HEAD(, Batch) queued;  /* to be asked next */
    size_t running;             /* batches */
    size_t next;                /* element */
    StageTotals totals;
    uv_timer_t timer; /* ends a run in which nothing had to be asked, and begins the others */
    bool is_over;
};

static void go_on(StageRun *run);
static void ask(Batch *batch);

/* ---- the end ------------------------------------------------------------------------------------------ */

static void on_timer_closed(uv_handle_t *handle)
{
    StageRun *run = handle->data;
    arena_finish(&run->arena);
    free(run);
}

static void batch_free(Batch *batch)
{
    if (batch->call)
        stage_cancel(batch->call);
    LIST_REMOVE(batch, link);
    stage_ask_finish(&batch->ask);
    arena_finish(&batch->arena);
    free(batch);
}

void stage_run_cancel(StageRun *run)
{
    run->is_over = true;
    for (Batch *batch = LIST_FIRST(&run->batches), *next; batch; batch = next) {
        next = LIST_NEXT(batch, link);
        batch_free(batch);
    }
    for (Batch *batch = LIST_FIRST(&run->queued), *next; batch; batch = next) {
        next = LIST_NEXT(batch, link);
        batch_free(batch);
    }
    uv_close((uv_handle_t *)&run->timer, on_timer_closed);
}

static void end(StageRun *run, const Status *status)
{
    const Status copy = *status;
    const StageTotals totals = run->totals;
    const StageWork *work = run->work;
    void *data = run->data;
    stage_run_cancel(run);
    work->done(data, &copy, &totals);
}

/* ---- batches ------------------------------------------------------------------------------------------ */

static void account(StageTotals *totals, const StageReply *reply)
{
    totals->calls += reply->was_cached ? 0 : reply->attempts;
    totals->cached_replies += reply->was_cached;
    totals->usage.prompt_tokens += reply->usage.prompt_tokens;
    totals->usage.cached_tokens += reply->usage.cached_tokens;
    totals->usage.completion_tokens += reply->usage.completion_tokens;
    totals->cost_micros += reply->cost_micros;
}

/* left: elements that are done natively. */
static void finish_batch(Batch *batch, size_t left)
{
    StageRun *run = batch->run;
    run->totals.batches++;
    run->totals.batches_right += left == 0 && !batch->is_repaired;
    run->totals.elements += batch->element_count;
    run->totals.given_up += left;
    run->running--;
    batch_free(batch);
    if (run->work->progress)
        run->work->progress(run->data, &run->totals);
    go_on(run);
}

static void queue_batch(StageRun *run, size_t begin, size_t count)
{
    Batch *batch = NEW(Batch);
    *batch = (Batch){.run = run, .begin = begin, .count = count, .element_count = count};
    LIST_INSERT_HEAD(&run->queued, batch, link);
}

/* The server finds it too long: its two halves may be short enough. */
static void halve(Batch *batch)
{
    StageRun *run = batch->run;
    size_t first = batch->count / 2;
    queue_batch(run, batch->begin, first);
    queue_batch(run, batch->begin + first, batch->count - first);
    run->running--;
    batch_free(batch);
    go_on(run);
}

/* Asks once more, for what is left. */
static void repair(Batch *batch, const char *fault, const StageLeft *left)
{
    StageRun *run = batch->run;
    log_debug("task %.*s, stage %s: a reply is of no use: %s", TEXT_ARGS(run->request.task),
              stage_name(run->request.stage), fault);
    batch->is_repaired = true;
    run->totals.repairs++;
    batch->begin = left->first;
    batch->count = left->last - left->first + 1;
    batch->fault = fault;
    stage_ask_finish(&batch->ask);
    ask(batch);
}

static void on_reply(void *data, const StageReply *reply)
{
    Batch *batch = data;
    StageRun *run = batch->run;
    batch->call = NULL;
    account(&run->totals, reply);
    if (reply->status.code == STATUS_INVALID_ARGUMENT) {
        if (batch->count > 1)
            halve(batch);
        else
            finish_batch(batch, 1);
        return;
    }
    if (!status_is_ok(&reply->status)) {
        end(run, &reply->status);
        return;
    }
    StageLeft left = {0};
    const char *fault =
        run->work->take(run->data, batch->begin, batch->count, reply->text, &batch->arena, &left);
    /* An embedder has no use for a sentence about its fault. */
    if (!fault || left.count == 0 || batch->is_repaired || run->request.stage == STAGE_EMBED)
        finish_batch(batch, left.count);
    else
        repair(batch, fault, &left);
}

static bool is_spent(const StageRun *run)
{
    return run->request.has_budget && run->totals.cost_micros >= run->request.budget_micros;
}

static void ask(Batch *batch)
{
    static const StageHandlers handlers = {.on_reply = on_reply};
    StageRun *run = batch->run;
    const StageRunRequest *request = &run->request;
    Status status = STATUS_INIT;
    if (is_spent(run))
        status_refuse(
            &status, STATUS_RESOURCE_EXHAUSTED,
            "the build has spent what it may (max_build_cost); what was answered so far is kept, so that "
            "building again goes on from here");
    else
        run->work->ask(run->data, batch->begin, batch->count, &batch->ask, &batch->arena, &status);
    if (!status_is_ok(&status)) {
        end(run, &status);
        return;
    }
    if (batch->fault)
        stage_ask_repair(&batch->ask, batch->fault);
    const StageRequest call = {
        .stage = request->stage,
        .task = request->task,
        .user = request->user,
        .backend = request->backend,
        .prompt = {buffer_string(&batch->ask.prompt), batch->ask.prompt.length},
        .schema = batch->ask.schema,
        .max_tokens = batch->ask.max_tokens,
        .deadline_ns = request->deadline_ns,
        .is_repair = batch->is_repaired,
    };
    batch->call = stage_call(run->stages, &call, &handlers, batch);
}

/* The next batch to ask for; NULL: there is none. */
static Batch *next_batch(StageRun *run)
{
    if (LIST_EMPTY(&run->queued) && run->next < run->request.count) {
        size_t count = run->work->batch(run->data, run->next);
        queue_batch(run, run->next, count);
        run->next += count;
    }
    Batch *batch = LIST_FIRST(&run->queued);
    if (!batch)
        return NULL;
    LIST_REMOVE(batch, link);
    LIST_INSERT_HEAD(&run->batches, batch, link);
    run->running++;
    return batch;
}

static void go_on(StageRun *run)
{
    const Status fine = STATUS_INIT;
    Batch *batch;
    while (!run->is_over && run->running < STAGE_RUN_PARALLEL && (batch = next_batch(run)))
        ask(batch);
    if (!run->is_over && run->running == 0)
        end(run, &fine);
}

static void on_begin(uv_timer_t *timer)
{
    go_on(timer->data);
}

StageRun *stage_run(Stages *stages, const StageRunRequest *request, const StageWork *work, void *data)
{
    StageRun *run = NEW(StageRun);
    *run = (StageRun){.stages = stages, .request = *request, .work = work, .data = data};
    LIST_INIT(&run->batches);
    LIST_INIT(&run->queued);
    run->request.task = arena_text(&run->arena, request->task);
    run->request.user = arena_text(&run->arena, request->user);
    uv_timer_init(stages_loop(stages), &run->timer);
    run->timer.data = run;
    uv_timer_start(&run->timer, on_begin, 0, 0);
    return run;
}
