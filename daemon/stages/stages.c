/* SPDX-License-Identifier: MIT */
#include "daemon/stages/stages.h"

#include "daemon/loop/later.h"
#include "daemon/stages/kept.h"
#include "daemon/stages/meter.h"
#include "daemon/stages/prompts.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <assert.h>
#include <sys/queue.h>

#define TO(state) (1u << (state))

typedef struct Flight Flight;

typedef enum CallState { CALL_NEW, CALL_FINDING, CALL_FLYING, CALL_ENDING, CALL_ENDED } CallState;

struct StageCall {
    LIST_ENTRY(StageCall) link;    /* of all calls */
    TAILQ_ENTRY(StageCall) member; /* of its flight */
    Stages *stages;
    Arena arena;
    StageRequest request; /* in the arena */
    uint8_t key[STORE_REPLY_KEY_SIZE];
    CallState state;
    Later step;         /* there is something to be told */
    StoreCall *finding; /* FINDING */
    Flight *flight;     /* FLYING; ENDING, where its end is that of a flight */
    Arena kept_arena;
    rpmd_text kept;   /* ENDING: the text that was kept, in kept_arena */
    StageReply reply; /* ENDING: all but its text */
    size_t delivered; /* bytes of the text that were handed over */
    const StageHandlers *handlers;
    void *data;
};

/* One request of an LLM, for all calls that want the same at the same time. */
struct Flight {
    LIST_ENTRY(Flight) link; /* at work: others may join */
    Stages *stages;
    uint8_t key[STORE_REPLY_KEY_SIZE];
    bool is_streamed;                /* its callers want the text piece by piece */
    LlmCall *llm;                    /* NULL: it has ended */
    Buffer text;                     /* so far */
    size_t holders;                  /* members, and those of before who are just being told */
    TAILQ_HEAD(, StageCall) members; /* in the order in which they came: the first one pays */
};

struct Stages {
    StagesContext context;
    Prompts *prompts;
    Meter *meter;
    Kept *kept;
    LIST_HEAD(, StageCall) calls;
    LIST_HEAD(, Flight) flights;
    StageCounts counts[STAGE_COUNT];
};

/*
 *     stage_call
 *         |
 *         v
 *        NEW ----------+---------+   replies are not kept: at once. Or one is on its way into the store
 *         |            |         |
 *         v            |         |
 *      FINDING --------|-------->+   a reply of before is in the store, or another call got one
 *         |            |         |
 *         | there is   |         |   a cap is reached
 *         | none       |         |
 *         v            v         |
 *      FLYING <--------+         |   with others that want the same, or as the first of a flight
 *         |                      |
 *         v                      v
 *      ENDING <------------------+   the text that came is handed over, on a later turn of the loop
 *         |
 *         v
 *       ENDED                        on_reply comes then; stage_cancel leads here from each of them
 *
 * transitions[from]: the states that may follow.
 */
static const unsigned transitions[] = {
    [CALL_NEW] = TO(CALL_FINDING) | TO(CALL_FLYING) | TO(CALL_ENDING),
    [CALL_FINDING] = TO(CALL_FLYING) | TO(CALL_ENDING) | TO(CALL_ENDED),
    [CALL_FLYING] = TO(CALL_ENDING) | TO(CALL_ENDED),
    [CALL_ENDING] = TO(CALL_ENDED),
    [CALL_ENDED] = 0,
};

/* What holds in every state, and in this one. */
static bool invariant(const StageCall *call)
{
    if ((call->finding != NULL) != (call->state == CALL_FINDING))
        return false;
    switch (call->state) {
    case CALL_NEW:
    case CALL_FINDING:
        return !call->flight && !later_is_waiting(&call->step);
    case CALL_FLYING:
        return call->flight && call->flight->llm && call->flight->is_streamed == !!call->handlers->on_text;
    case CALL_ENDING:
        return later_is_waiting(&call->step) && (!call->flight || !call->flight->llm);
    case CALL_ENDED:
        return !later_is_waiting(&call->step) && !call->flight;
    }
    return false;
}

static void move(StageCall *call, CallState to)
{
    assert(transitions[call->state] & TO(to));
    call->state = to;
    assert(invariant(call));
}

static void on_step(Later *later);

static void step_later(StageCall *call)
{
    if (!later_is_waiting(&call->step))
        later_call(call->stages->context.loop, &call->step, on_step);
}

/* ---- life --------------------------------------------------------------------------------------------- */

int stages_open(Stages **stages, const StagesContext *context, Status *status)
{
    Prompts *prompts;
    *stages = NULL;
    int r = prompts_read(&prompts, context->config->prompt_dir, status);
    if (r)
        return r;
    *stages = NEW(Stages);
    **stages = (Stages){.context = *context, .prompts = prompts};
    (*stages)->kept = kept_new(context->config, context->store);
    if (context->llm)
        (*stages)->meter = meter_new(context->config, context->store);
    LIST_INIT(&(*stages)->calls);
    LIST_INIT(&(*stages)->flights);
    return 0;
}

void stages_free(Stages *stages)
{
    if (!stages)
        return;
    meter_free(stages->meter);
    kept_free(stages->kept);
    prompts_free(stages->prompts);
    free(stages);
}

/* ---- asking ------------------------------------------------------------------------------------------- */

const char *stage_backend(const Stages *stages, const char *task, Stage stage)
{
    const char *who = config_task(stages->context.config, task)->stages[stage];
    return strcmp(who, CONFIG_NATIVE) == 0 ? NULL : who;
}

const PromptTemplate *stage_prompt(const Stages *stages, const char *task, Stage stage)
{
    return prompts_find(stages->prompts, task, stage);
}

uv_loop_t *stages_loop(const Stages *stages)
{
    return stages->context.loop;
}

const StageCounts *stage_counts(const Stages *stages, Stage stage)
{
    return &stages->counts[stage];
}

uint64_t stage_cost(const Stages *stages, const char *backend, const LlmUsage *usage)
{
    const BackendSettings *settings = config_backend(stages->context.config, backend);
    uint64_t cached = MIN(usage->cached_tokens, usage->prompt_tokens);
    double price_cached = settings->price_cached < 0 ? settings->price_prompt : settings->price_cached;
    /* A price is of a million tokens, a cost in millionths: the two factors cancel. */
    return (uint64_t)((double)(usage->prompt_tokens - cached) * settings->price_prompt +
                      (double)cached * price_cached +
                      (double)usage->completion_tokens * settings->price_completion + 0.5);
}

/* ---- the end of a call -------------------------------------------------------------------------------- */

static void account(StageCall *call, const StageReply *reply, uint64_t milliseconds)
{
    StageCounts *counts = &call->stages->counts[call->request.stage];
    counts->calls += !reply->was_cached;
    counts->cached_replies += reply->was_cached;
    counts->failures += !status_is_ok(&reply->status);
    counts->repairs += call->request.is_repair;
    counts->usage.prompt_tokens += reply->usage.prompt_tokens;
    counts->usage.cached_tokens += reply->usage.cached_tokens;
    counts->usage.completion_tokens += reply->usage.completion_tokens;
    counts->cost_micros += reply->cost_micros;
    meter_add(call->stages->meter, &(MeterEntry){.stage = call->request.stage,
                                                 .task = call->request.task,
                                                 .user = call->request.user,
                                                 .user_number = call->request.user_number,
                                                 .backend = call->request.backend,
                                                 .was_cached = reply->was_cached,
                                                 .is_failure = !status_is_ok(&reply->status),
                                                 .is_repair = call->request.is_repair,
                                                 .usage = reply->usage,
                                                 .cost_micros = reply->cost_micros,
                                                 .milliseconds = milliseconds});
}

static void spend(const StageCall *call, StageReply *reply, const LlmSpent *spent)
{
    reply->attempts = spent->attempts;
    reply->usage = spent->usage;
    reply->cost_micros = stage_cost(call->stages, call->request.backend, &spent->usage);
}

static void flight_release(Flight *flight)
{
    if (--flight->holders > 0)
        return;
    assert(!flight->llm);
    buffer_finish(&flight->text);
    free(flight);
}

/* Nobody waits for it any more. What was written so far is paid for, by the last one who left. */
static void flight_give_up(Flight *flight, StageCall *last)
{
    LlmSpent spent;
    StageReply reply = {.status = {.code = STATUS_CANCELLED}};
    LIST_REMOVE(flight, link);
    llm_cancel(TAKE_PTR(flight->llm), &spent);
    if (spent.attempts == 0)
        return;
    spend(last, &reply, &spent);
    account(last, &reply, spent.milliseconds);
}

/* The caller's place in its flight; who takes it releases the flight. */
static Flight *leave_flight(StageCall *call)
{
    Flight *flight = TAKE_PTR(call->flight);
    if (!flight)
        return NULL;
    TAILQ_REMOVE(&flight->members, call, member);
    if (flight->llm && TAILQ_EMPTY(&flight->members))
        flight_give_up(flight, call);
    return flight;
}

static void release(StageCall *call)
{
    Flight *flight = leave_flight(call);
    if (flight)
        flight_release(flight);
    if (call->finding)
        store_cancel(TAKE_PTR(call->finding));
    later_cancel(&call->step);
    move(call, CALL_ENDED);
    LIST_REMOVE(call, link);
    arena_finish(&call->kept_arena);
    arena_finish(&call->arena);
    free(call);
}

static void end(StageCall *call, const StageReply *reply)
{
    call->reply = *reply;
    step_later(call);
    move(call, CALL_ENDING);
}

/* Nothing is spent: there is a reply already. */
static void end_with_kept(StageCall *call)
{
    const StageReply reply = {.status = STATUS_INIT, .finish = LLM_FINISH_STOP, .was_cached = true};
    account(call, &reply, 0);
    end(call, &reply);
}

static bool end_with_writing(StageCall *call)
{
    const rpmd_text *text = kept_writing(call->stages->kept, call->key);
    if (!text)
        return false;
    call->kept = arena_text(&call->kept_arena, *text);
    end_with_kept(call);
    return true;
}

/* What came so far. */
static rpmd_text text_of_call(const StageCall *call)
{
    const Flight *flight = call->flight;
    return flight ? (rpmd_text){buffer_string(&flight->text), flight->text.length} : call->kept;
}

/* The call is over before its caller hears of it, who may do anything then. */
static void tell(StageCall *call)
{
    StageReply reply = call->reply;
    const StageHandlers *handlers = call->handlers;
    void *data = call->data;
    reply.text = text_of_call(call);
    Arena kept_arena = call->kept_arena;
    call->kept_arena = ARENA_INIT;
    Flight *flight = leave_flight(call);
    release(call);
    handlers->on_reply(data, &reply);
    arena_finish(&kept_arena);
    if (flight)
        flight_release(flight);
}

/* Everything that the caller is told is told from here, as the last thing that is done: the caller may free
 * the call.
 */
static void on_step(Later *later)
{
    StageCall *call = CONTAINER_OF(later, StageCall, step);
    rpmd_text text = text_of_call(call);
    if (call->handlers->on_text && text.length > call->delivered) {
        rpmd_text piece = {text.data + call->delivered, text.length - call->delivered};
        call->delivered = text.length;
        if (call->state == CALL_ENDING)
            step_later(call);
        call->handlers->on_text(call->data, piece);
    } else if (call->state == CALL_ENDING) {
        tell(call);
    }
}

/* ---- flights ------------------------------------------------------------------------------------------ */

static void on_text(void *data, rpmd_text piece)
{
    Flight *flight = data;
    StageCall *call;
    buffer_append(&flight->text, piece.data, piece.length);
    TAILQ_FOREACH(call, &flight->members, member)
    {
        step_later(call);
    }
}

/* The snapshot in which the store looks for those who ask the same may be one of before. */
static void keep(Stages *stages, const StageCall *paid, const LlmResult *result)
{
    StageCall *call;
    kept_put(stages->kept, &paid->request, paid->key, result->text, result->finish);
    LIST_FOREACH(call, &stages->calls, link)
    {
        bool is_same = memcmp(call->key, paid->key, sizeof(call->key)) == 0;
        if (call->state != CALL_FINDING || !is_same || !kept_writing(stages->kept, call->key))
            continue;
        store_cancel(TAKE_PTR(call->finding));
        end_with_writing(call);
    }
}

/* The first call pays; the others got the same for nothing. */
static void on_end(void *data, const LlmResult *result)
{
    Flight *flight = data;
    StageCall *call, *first = TAILQ_FIRST(&flight->members);
    size_t length = flight->text.length;
    /* A call that asks for the same from now on begins another flight. */
    LIST_REMOVE(flight, link);
    flight->llm = NULL;
    buffer_append(&flight->text, result->text.data + length, result->text.length - length);
    if (status_is_ok(&result->status))
        keep(flight->stages, first, result);
    TAILQ_FOREACH(call, &flight->members, member)
    {
        StageReply reply = {.status = result->status, .finish = result->finish, .was_cached = call != first};
        if (call == first)
            spend(call, &reply, &result->spent);
        account(call, &reply, call == first ? result->spent.milliseconds : 0);
        end(call, &reply);
    }
}

/* A caller that wants the text piece by piece shares no flight with one that waits for the whole. */
static Flight *find_flight(const StageCall *call)
{
    Flight *flight;
    LIST_FOREACH(flight, &call->stages->flights, link)
    {
        if (memcmp(flight->key, call->key, sizeof(call->key)) == 0 &&
            flight->is_streamed == !!call->handlers->on_text)
            return flight;
    }
    return NULL;
}

static Flight *flight_new(const StageCall *call)
{
    static const LlmHandlers streamed = {on_text, on_end}, whole = {NULL, on_end};
    const StageRequest *request = &call->request;
    Stages *stages = call->stages;
    Flight *flight = NEW(Flight);
    *flight = (Flight){.stages = stages, .is_streamed = call->handlers->on_text != NULL};
    memcpy(flight->key, call->key, sizeof(call->key));
    TAILQ_INIT(&flight->members);
    LIST_INSERT_HEAD(&stages->flights, flight, link);
    flight->llm = llm_call(stages->context.llm,
                           &(LlmRequest){.backend = request->backend,
                                         .prompt = request->prompt,
                                         .is_embedding = request->stage == STAGE_EMBED,
                                         .schema = request->schema,
                                         .max_tokens = request->max_tokens,
                                         .deadline_ns = request->deadline_ns},
                           flight->is_streamed ? &streamed : &whole, flight);
    return flight;
}

/* A flight has the latest deadline of its calls; each call's own is kept by whoever made it. */
static void join(StageCall *call, Flight *flight)
{
    call->flight = flight;
    flight->holders++;
    TAILQ_INSERT_TAIL(&flight->members, call, member);
    move(call, CALL_FLYING);
    llm_prolong(flight->llm, call->request.deadline_ns);
    if (flight->text.length > 0)
        step_later(call);
}

/* The caps are looked at where something is about to be spent. */
static void fly(StageCall *call)
{
    Flight *flight = find_flight(call);
    StageReply refusal = {.status = STATUS_INIT};
    if (!flight &&
        meter_check(call->stages->meter, call->request.task, call->request.user, &refusal.status)) {
        end(call, &refusal);
        return;
    }
    join(call, flight ? flight : flight_new(call));
}

/* ---- the door ----------------------------------------------------------------------------------------- */

static void on_found(StoreReply *found, void *data)
{
    StageCall *call = data;
    call->finding = NULL;
    if (!status_is_ok(&found->status) || !found->found.found) {
        fly(call);
        return;
    }
    call->kept = found->found.text;
    call->kept_arena = found->arena;
    found->arena = ARENA_INIT;
    end_with_kept(call);
}

StageCall *stage_call(Stages *stages, const StageRequest *request, const StageHandlers *handlers, void *data)
{
    const StagesContext *context = &stages->context;
    StageCall *call = NEW(StageCall);
    *call = (StageCall){.stages = stages, .request = *request, .handlers = handlers, .data = data};
    call->request.task = arena_text(&call->arena, request->task);
    call->request.user = arena_text(&call->arena, request->user);
    LIST_INSERT_HEAD(&stages->calls, call, link);
    kept_key(context->config, &call->request, call->key);
    if (context->config->reply_bytes == 0) {
        fly(call);
    } else if (!end_with_writing(call)) {
        call->finding = kept_find(stages->kept, call->key, on_found, call);
        move(call, CALL_FINDING);
    }
    return call;
}

void stage_cancel(StageCall *call)
{
    release(call);
}

void stages_close(Stages *stages)
{
    if (!stages)
        return;
    for (StageCall *call = LIST_FIRST(&stages->calls), *next; call; call = next) {
        next = LIST_NEXT(call, link);
        release(call);
    }
}
