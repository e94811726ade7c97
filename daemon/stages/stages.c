/* SPDX-License-Identifier: MIT */
#include "daemon/stages/stages.h"

#include "daemon/log.h"
#include "daemon/stages/meter.h"
#include "daemon/stages/prompts.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <nettle/sha2.h>
#include <sys/queue.h>
#include <time.h>

#define MICROSECONDS_PER_DAY 86400000000ll

typedef struct Flight Flight;

/* Where a call is. */
typedef enum CallState {
    CALL_REFUSED, /* told at the loop's next turn */
    CALL_FINDING, /* a reply of before is looked for in the store */
    CALL_FLYING,  /* with others, in a flight */
} CallState;

struct StageCall {
    LIST_ENTRY(StageCall) link; /* of the flight, or of those that are refused */
    Stages *stages;
    Arena arena;
    StageRequest request; /* in the arena */
    uint8_t key[STORE_REPLY_KEY_SIZE];
    StoreFindReply find;
    CallState state;
    bool is_cancelled; /* while the store looks */
    Status refusal;
    Flight *flight;
    const StageHandlers *handlers;
    void *data;
};

/* One request of an LLM, for all calls that want the same at the same time. */
struct Flight {
    LIST_ENTRY(Flight) link;
    Stages *stages;
    uint8_t key[STORE_REPLY_KEY_SIZE];
    LlmCall *llm;
    Buffer text; /* so far, where a caller wants it piece by piece */
    LIST_HEAD(, StageCall) calls;
};

/* A reply on its way into the store; it owns its texts. */
typedef struct Keeping {
    Arena arena;
    StoreNewReply reply;
} Keeping;

struct Stages {
    StagesContext context;
    Prompts *prompts;
    Meter *meter;
    LIST_HEAD(, Flight) flights;
    LIST_HEAD(, StageCall) refused;
    uv_timer_t timer; /* tells them */
    StageCounts counts[STAGE_COUNT];
};

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
    if (context->llm)
        (*stages)->meter = meter_new(context->config, context->store);
    LIST_INIT(&(*stages)->flights);
    LIST_INIT(&(*stages)->refused);
    uv_timer_init(context->loop, &(*stages)->timer);
    return 0;
}

void stages_close(Stages *stages)
{
    if (stages)
        uv_close((uv_handle_t *)&stages->timer, NULL);
}

void stages_free(Stages *stages)
{
    if (!stages)
        return;
    meter_free(stages->meter);
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
                                                 .backend = call->request.backend,
                                                 .was_cached = reply->was_cached,
                                                 .is_failure = !status_is_ok(&reply->status),
                                                 .is_repair = call->request.is_repair,
                                                 .usage = reply->usage,
                                                 .cost_micros = reply->cost_micros,
                                                 .milliseconds = milliseconds});
}

static void call_free(StageCall *call)
{
    arena_finish(&call->arena);
    free(call);
}

static void spend(const StageCall *call, StageReply *reply, const LlmSpent *spent)
{
    reply->attempts = spent->attempts;
    reply->usage = spent->usage;
    reply->cost_micros = stage_cost(call->stages, call->request.backend, &spent->usage);
}

static void tell(StageCall *call, const StageReply *reply)
{
    call->handlers->on_reply(call->data, reply);
    call_free(call);
}

static void on_told(uv_timer_t *timer)
{
    Stages *stages = CONTAINER_OF(timer, Stages, timer);
    while (!LIST_EMPTY(&stages->refused)) {
        StageCall *call = LIST_FIRST(&stages->refused);
        LIST_REMOVE(call, link);
        tell(call, &(StageReply){.status = call->refusal});
    }
}

/* ---- replies that are kept ---------------------------------------------------------------------------- */

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int64_t oldest_us(const Stages *stages)
{
    return now_us() - (int64_t)stages->context.config->reply_days * MICROSECONDS_PER_DAY;
}

static void hash_text(struct sha256_ctx *context, const char *text, size_t length)
{
    uint64_t bytes = length;
    sha256_update(context, sizeof(bytes), (const uint8_t *)&bytes);
    sha256_update(context, length, (const uint8_t *)text);
}

/* Of all that the reply depends on. */
static void hash_request(StageCall *call)
{
    const StageRequest *request = &call->request;
    const BackendSettings *settings = config_backend(call->stages->context.config, request->backend);
    const char *form = request->stage == STAGE_EMBED ? "embedding" : request->schema ? request->schema : "";
    const char *texts[] = {settings->base_url, settings->model, form};
    const double numbers[] = {request->max_tokens ? request->max_tokens : (double)settings->max_tokens,
                              settings->temperature, settings->is_anthropic};
    struct sha256_ctx context;
    sha256_init(&context);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        hash_text(&context, texts[i], strlen(texts[i]));
    sha256_update(&context, sizeof(numbers), (const uint8_t *)numbers);
    hash_text(&context, request->prompt.data, request->prompt.length);
    sha256_digest(&context, sizeof(call->key), call->key);
}

static void on_kept(StoreReply *reply, void *data)
{
    Keeping *keeping = data;
    if (!status_is_ok(&reply->status))
        log_warning("a reply of an LLM could not be kept: %s", reply->status.message);
    arena_finish(&keeping->arena);
    free(keeping);
}

/* A text that was cut off at its limit is not kept: what it lacks cannot be told from it later. */
static void keep(const StageCall *call, rpmd_text text, LlmFinish finish)
{
    const Stages *stages = call->stages;
    bool is_cut = !call->request.schema && finish == LLM_FINISH_LENGTH;
    if (stages->context.config->reply_bytes == 0 || text.length == 0 || is_cut)
        return;
    Keeping *keeping = NEW(Keeping);
    Arena *arena = &keeping->arena;
    keeping->reply = (StoreNewReply){
        .task = arena_text(arena, call->request.task),
        .user = arena_text(arena, call->request.user),
        .key = arena_text(arena, (rpmd_text){(const char *)call->key, sizeof(call->key)}),
        .text = arena_text(arena, text),
        .created_us = now_us(),
        .limit_bytes = stages->context.config->reply_bytes,
        .not_before_us = oldest_us(stages),
    };
    store_reply_put(stages->context.store, &keeping->reply, on_kept, keeping);
}

/* ---- flights ------------------------------------------------------------------------------------------ */

static void on_text(void *data, rpmd_text piece)
{
    Flight *flight = data;
    StageCall *call, *next;
    buffer_append(&flight->text, piece.data, piece.length);
    for (call = LIST_FIRST(&flight->calls); call; call = next) {
        next = LIST_NEXT(call, link);
        if (call->handlers->on_text)
            call->handlers->on_text(call->data, piece);
    }
}

/* The first call pays; the others got the same for nothing. */
static void on_end(void *data, const LlmResult *result)
{
    Flight *flight = data;
    bool is_first = true;
    /* A call that is told may ask for the same again: that is another flight. */
    LIST_REMOVE(flight, link);
    while (!LIST_EMPTY(&flight->calls)) {
        StageCall *call = LIST_FIRST(&flight->calls);
        StageReply reply = {.status = result->status, .text = result->text, .finish = result->finish};
        LIST_REMOVE(call, link);
        reply.was_cached = !is_first;
        if (is_first) {
            spend(call, &reply, &result->spent);
            if (status_is_ok(&result->status))
                keep(call, result->text, result->finish);
        }
        account(call, &reply, is_first ? result->spent.milliseconds : 0);
        is_first = false;
        tell(call, &reply);
    }
    buffer_finish(&flight->text);
    free(flight);
}

static Flight *find_flight(Stages *stages, const StageCall *call)
{
    Flight *flight;
    LIST_FOREACH(flight, &stages->flights, link)
    {
        if (memcmp(flight->key, call->key, sizeof(call->key)) == 0)
            return flight;
    }
    return NULL;
}

/* The LLM writes piece by piece where the first caller wants it so; a later one that does gets them as well.
 */
static void begin_flight(StageCall *call)
{
    static const LlmHandlers streamed = {on_text, on_end}, whole = {NULL, on_end};
    const StageRequest *request = &call->request;
    Stages *stages = call->stages;
    Flight *flight = NEW(Flight);
    *flight = (Flight){.stages = stages};
    memcpy(flight->key, call->key, sizeof(call->key));
    LIST_INIT(&flight->calls);
    LIST_INSERT_HEAD(&flight->calls, call, link);
    LIST_INSERT_HEAD(&stages->flights, flight, link);
    call->flight = flight;
    flight->llm = llm_call(stages->context.llm,
                           &(LlmRequest){.backend = request->backend,
                                         .prompt = request->prompt,
                                         .is_embedding = request->stage == STAGE_EMBED,
                                         .schema = request->schema,
                                         .max_tokens = request->max_tokens,
                                         .deadline_ns = request->deadline_ns},
                           call->handlers->on_text ? &streamed : &whole, flight);
}

static void refuse_later(StageCall *call)
{
    Stages *stages = call->stages;
    call->state = CALL_REFUSED;
    LIST_INSERT_HEAD(&stages->refused, call, link);
    uv_timer_start(&stages->timer, on_told, 0, 0);
}

/* A caller that wants the text piece by piece shares no flight with one that waits for the whole. */
static bool may_join(const StageCall *call, const Flight *flight)
{
    const StageCall *first = LIST_FIRST(&flight->calls);
    return first && !first->handlers->on_text == !call->handlers->on_text;
}

/* A flight has the latest deadline of its calls; each call's own is kept by whoever made it. */
static void join(StageCall *call, Flight *flight)
{
    call->flight = flight;
    LIST_INSERT_AFTER(LIST_FIRST(&flight->calls), call, link);
    llm_prolong(flight->llm, call->request.deadline_ns);
    if (flight->text.length > 0 && call->handlers->on_text)
        call->handlers->on_text(call->data, (rpmd_text){flight->text.data, flight->text.length});
}

static void fly(StageCall *call)
{
    Flight *flight = find_flight(call->stages, call);
    call->state = CALL_FLYING;
    if (flight && may_join(call, flight))
        join(call, flight);
    else if (meter_check(call->stages->meter, call->request.task, call->request.user, &call->refusal))
        refuse_later(call);
    else
        begin_flight(call);
}

/* ---- the door ----------------------------------------------------------------------------------------- */

static void on_found(StoreReply *found, void *data)
{
    StageCall *call = data;
    if (call->is_cancelled) {
        call_free(call);
        return;
    }
    if (!status_is_ok(&found->status) || !found->found.found) {
        fly(call);
        return;
    }
    StageReply reply = {
        .status = STATUS_INIT, .text = found->found.text, .finish = LLM_FINISH_STOP, .was_cached = true};
    if (call->handlers->on_text)
        call->handlers->on_text(call->data, reply.text);
    account(call, &reply, 0);
    tell(call, &reply);
}

StageCall *stage_call(Stages *stages, const StageRequest *request, const StageHandlers *handlers, void *data)
{
    StageCall *call = NEW(StageCall);
    *call = (StageCall){.stages = stages, .request = *request, .handlers = handlers, .data = data};
    call->request.task = arena_text(&call->arena, request->task);
    call->request.user = arena_text(&call->arena, request->user);
    hash_request(call);
    if (stages->context.config->reply_bytes == 0) {
        fly(call);
    } else {
        call->state = CALL_FINDING;
        call->find = (StoreFindReply){{(const char *)call->key, sizeof(call->key)}, oldest_us(stages)};
        store_reply_find(stages->context.store, &call->find, on_found, call);
    }
    return call;
}

void stage_cancel(StageCall *call)
{
    Flight *flight = call->flight;
    if (call->state == CALL_FINDING) {
        call->is_cancelled = true;
        return;
    }
    LIST_REMOVE(call, link);
    if (flight && LIST_EMPTY(&flight->calls)) {
        /* What was written so far is paid for. */
        LlmSpent spent;
        StageReply reply = {.status = {.code = STATUS_CANCELLED}};
        llm_cancel(flight->llm, &spent);
        spend(call, &reply, &spent);
        account(call, &reply, spent.milliseconds);
        LIST_REMOVE(flight, link);
        buffer_finish(&flight->text);
        free(flight);
    }
    call_free(call);
}
