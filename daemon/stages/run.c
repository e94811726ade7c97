/* SPDX-License-Identifier: MIT */
#include "daemon/stages/run.h"

#include "daemon/log.h"
#include "daemon/loop/later.h"
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
    Later step;        /* there is progress to be told, or a batch to be asked for */
    bool has_progress; /* that was not told */
};

static void on_step(Later *later);

static void step_later(StageRun *run)
{
    if (!later_is_waiting(&run->step))
        later_call(stages_loop(run->stages), &run->step, on_step);
}

/* ---- the end ------------------------------------------------------------------------------------------ */

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
    later_cancel(&run->step);
    for (Batch *batch = LIST_FIRST(&run->batches), *next; batch; batch = next) {
        next = LIST_NEXT(batch, link);
        batch_free(batch);
    }
    for (Batch *batch = LIST_FIRST(&run->queued), *next; batch; batch = next) {
        next = LIST_NEXT(batch, link);
        batch_free(batch);
    }
    arena_finish(&run->arena);
    free(run);
}

/* The run is over before its owner hears of it. */
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
    run->has_progress = true;
    run->running--;
    batch_free(batch);
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
}

/* It is asked for once more, for what is left. */
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
    LIST_REMOVE(batch, link);
    LIST_INSERT_HEAD(&run->queued, batch, link);
    run->running--;
}

static void take_reply(Batch *batch, rpmd_text text)
{
    StageRun *run = batch->run;
    StageLeft left = {0};
    const char *fault = run->work->take(run->data, batch->begin, batch->count, text, &batch->arena, &left);
    /* An embedder has no use for a sentence about its fault. */
    if (!fault || left.count == 0 || batch->is_repaired || run->request.stage == STAGE_EMBED)
        finish_batch(batch, left.count);
    else
        repair(batch, fault, &left);
}

static void on_reply(void *data, const StageReply *reply)
{
    Batch *batch = data;
    StageRun *run = batch->run;
    bool is_too_long = reply->status.code == STATUS_INVALID_ARGUMENT;
    batch->call = NULL;
    account(&run->totals, reply);
    if (!is_too_long && !status_is_ok(&reply->status)) {
        end(run, &reply->status);
        return;
    }
    if (!is_too_long)
        take_reply(batch, reply->text);
    else if (batch->count > 1)
        halve(batch);
    else
        finish_batch(batch, 1);
    step_later(run);
}

static bool is_spent(const StageRun *run)
{
    return run->request.has_budget && run->totals.cost_micros >= run->request.budget_micros;
}

/* STATUS_REFUSED: why the run ends here. */
static int ask(Batch *batch, Status *status)
{
    static const StageHandlers handlers = {.on_reply = on_reply};
    StageRun *run = batch->run;
    const StageRunRequest *request = &run->request;
    if (is_spent(run))
        return status_refuse(
            status, STATUS_RESOURCE_EXHAUSTED,
            "the build has spent what it may (max_build_cost); what was answered so far is kept, so that "
            "building again goes on from here");
    int r = run->work->ask(run->data, batch->begin, batch->count, &batch->ask, &batch->arena, status);
    if (r != 0)
        return r;
    if (batch->fault)
        stage_ask_repair(&batch->ask, batch->fault);
    const StageRequest call = {
        .stage = request->stage,
        .task = request->task,
        .user = request->user,
        .user_number = request->user_number,
        .backend = request->backend,
        .prompt = {buffer_string(&batch->ask.prompt), batch->ask.prompt.length},
        .schema = batch->ask.schema,
        .max_tokens = batch->ask.max_tokens,
        .deadline_ns = request->deadline_ns,
        .is_repair = batch->is_repaired,
    };
    batch->call = stage_call(run->stages, &call, &handlers, batch);
    return 0;
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
    Status status = STATUS_INIT;
    Batch *batch;
    while (run->running < STAGE_RUN_PARALLEL && (batch = next_batch(run))) {
        if (ask(batch, &status)) {
            end(run, &status);
            return;
        }
    }
    if (run->running == 0)
        end(run, &status);
}

/* The owner may cancel the run in `progress`: what follows has a turn of its own. */
static void on_step(Later *later)
{
    StageRun *run = CONTAINER_OF(later, StageRun, step);
    if (!run->has_progress || !run->work->progress) {
        go_on(run);
        return;
    }
    const StageTotals totals = run->totals;
    run->has_progress = false;
    step_later(run);
    run->work->progress(run->data, &totals);
}

StageRun *stage_run(Stages *stages, const StageRunRequest *request, const StageWork *work, void *data)
{
    StageRun *run = NEW(StageRun);
    *run = (StageRun){.stages = stages, .request = *request, .work = work, .data = data};
    LIST_INIT(&run->batches);
    LIST_INIT(&run->queued);
    run->request.task = arena_text(&run->arena, request->task);
    run->request.user = arena_text(&run->arena, request->user);
    step_later(run);
    return run;
}
