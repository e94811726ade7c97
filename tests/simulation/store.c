/* SPDX-License-Identifier: MIT */
#include "tests/simulation/store.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "tests/simulation/stored.h"
#include "tests/simulation/world.h"

#include <stdio.h>
#include <sys/queue.h>

/* Writes that are committed together, at most. */
#define GROUP_LIMIT 4

typedef enum CallState {
    CALL_WAITING,
    CALL_BEGUN,    /* a write: in the group that is being committed */
    CALL_EXECUTED, /* its answer is on its way to the loop */
} CallState;

struct StoreCall {
    TAILQ_ENTRY(StoreCall) link;
    Store *store;
    void (*execute)(StoreCall *call);
    const char *name;
    bool is_write;
    CallState state;
    Event event;            /* a read's */
    StoreCallback callback; /* NULL: cancelled */
    void *data;
    StoreReply reply;
    Arena arena; /* has what the request points at */
    union {
        StorePutItems put;
        StoreListItems list_items;
        StoreListUsers list_users;
        StoreDeleteItem delete_item;
        StoreLoadModel load;
        StoreStage stage;
        StorePublish publish;
        StoreUserName user_name;
        StoreLoadFactorSet load_factors;
        StoreEraseUser erase;
        StoreNewReply new_reply;
        StoreFindReply find_reply;
    };
};

TAILQ_HEAD(Line, StoreCall);

struct Store {
    struct Line waiting;  /* writes, in the order in which they were asked for */
    struct Line begun;    /* the group */
    struct Line answered; /* writes whose answers are on their way, in their order */
    struct Line reads;
    Event writer;
    Event answers;
    Event closing;
    size_t failure_one_of;
    bool is_crashed;
    bool is_closing;
    StoreClosed closed;
    void *closed_data;
};

static void on_group_begins(Event *event);
static void on_answer(Event *event);

/* ---- life ---------------------------------------------------------------------------------------------- */

Store *store_begin(size_t failure_one_of)
{
    Store *store = NEW(Store);
    store->failure_one_of = failure_one_of;
    TAILQ_INIT(&store->waiting);
    TAILQ_INIT(&store->begun);
    TAILQ_INIT(&store->answered);
    TAILQ_INIT(&store->reads);
    return store;
}

void store_crash(Store *store)
{
    store->is_crashed = true;
}

static bool is_idle(const Store *store)
{
    return TAILQ_EMPTY(&store->waiting) && TAILQ_EMPTY(&store->begun) && TAILQ_EMPTY(&store->answered) &&
           TAILQ_EMPTY(&store->reads);
}

static void on_closed(Event *event)
{
    Store *store = CONTAINER_OF(event, Store, closing);
    StoreClosed closed = store->closed;
    void *data = store->closed_data;
    free(store);
    closed(data);
}

static void close_if_idle(Store *store)
{
    if (store->is_closing && is_idle(store))
        event_add(&store->closing, "the store is closed", 0, on_closed);
}

void store_close(Store *store, StoreClosed closed, void *data)
{
    store->is_closing = true;
    store->closed = closed;
    store->closed_data = data;
    close_if_idle(store);
}

static bool is_loading_population(const Store *store)
{
    const StoreCall *call;
    TAILQ_FOREACH(call, &store->reads, link)
    if (strcmp(call->name, "load the pooled counts") == 0)
        return true;
    return false;
}

/* ---- calls --------------------------------------------------------------------------------------------- */

static StoreCall *call_new(Store *store, const char *name, bool is_write, void (*execute)(StoreCall *call),
                           StoreCallback callback, void *data)
{
    StoreCall *call = NEW(StoreCall);
    HOLDS(callback, "a request of the store (%s) has no callback", name);
    *call = (StoreCall){.store = store,
                        .execute = execute,
                        .name = name,
                        .is_write = is_write,
                        .callback = callback,
                        .data = data,
                        .reply.status = STATUS_INIT};
    return call;
}

static void call_free(StoreCall *call)
{
    arena_finish(&call->reply.arena);
    arena_finish(&call->arena);
    free(call);
}

static void fail(StoreCall *call, StatusCode code, const char *sentence)
{
    arena_finish(&call->reply.arena);
    memset(&call->reply, 0, sizeof(call->reply));
    status_refuse(&call->reply.status, code, "%s", sentence);
    trace("    %s: %s", call->name, sentence);
}

/* Everything of a request, or nothing. */
static void execute(StoreCall *call)
{
    Store *store = call->store;
    if (store->is_crashed) {
        fail(call, STATUS_UNAVAILABLE, "the power is gone");
    } else if (draw_fault(store->failure_one_of)) {
        mark(MARK_STORE_REFUSED);
        if (draw_chance(2))
            fail(call, STATUS_UNAVAILABLE, "the disk could not be read or written");
        else
            fail(call, STATUS_RESOURCE_EXHAUSTED, "the disk is full");
    } else {
        trace("    the store: %s", call->name);
        call->execute(call);
        if (!status_is_ok(&call->reply.status))
            trace("    refused: %.160s", call->reply.status.message);
    }
    call->state = CALL_EXECUTED;
}

static void answer(StoreCall *call)
{
    Store *store = call->store;
    if (call->callback)
        call->callback(&call->reply, call->data);
    call_free(call);
    close_if_idle(store);
}

/* ---- the writer: in order, a group at a time ------------------------------------------------------------
 */

static void on_group_committed(Event *event)
{
    Store *store = CONTAINER_OF(event, Store, writer);
    StoreCall *call;
    while ((call = TAILQ_FIRST(&store->begun))) {
        TAILQ_REMOVE(&store->begun, call, link);
        execute(call);
        TAILQ_INSERT_TAIL(&store->answered, call, link);
    }
    if (!TAILQ_EMPTY(&store->waiting))
        event_add(event, "the store takes writes", 0, on_group_begins);
    if (!event_is_waiting(&store->answers))
        event_add(&store->answers, "a write is answered", 0, on_answer);
}

static void on_group_begins(Event *event)
{
    Store *store = CONTAINER_OF(event, Store, writer);
    StoreCall *call;
    size_t count = draw_between(1, GROUP_LIMIT);
    while (count-- > 0 && (call = TAILQ_FIRST(&store->waiting))) {
        TAILQ_REMOVE(&store->waiting, call, link);
        TAILQ_INSERT_TAIL(&store->begun, call, link);
        call->state = CALL_BEGUN;
    }
    event_add(event, "writes are committed", 0, on_group_committed);
}

static void on_answer(Event *event)
{
    Store *store = CONTAINER_OF(event, Store, answers);
    StoreCall *call = TAILQ_FIRST(&store->answered);
    TAILQ_REMOVE(&store->answered, call, link);
    if (!TAILQ_EMPTY(&store->answered))
        event_add(event, "a write is answered", 0, on_answer);
    answer(call);
}

static StoreCall *submit_write(StoreCall *call)
{
    Store *store = call->store;
    HOLDS(!store->is_closing, "%s: the store is being closed", call->name);
    TAILQ_INSERT_TAIL(&store->waiting, call, link);
    if (TAILQ_EMPTY(&store->begun) && !event_is_waiting(&store->writer))
        event_add(&store->writer, "the store takes writes", 0, on_group_begins);
    return call;
}

/* ---- the reader: each at any time, on what is committed then --------------------------------------------
 */

static void on_read_answered(Event *event)
{
    StoreCall *call = CONTAINER_OF(event, StoreCall, event);
    TAILQ_REMOVE(&call->store->reads, call, link);
    answer(call);
}

static void on_read(Event *event)
{
    StoreCall *call = CONTAINER_OF(event, StoreCall, event);
    execute(call);
    event_add(event, "a read is answered", 0, on_read_answered);
}

static StoreCall *submit_read(StoreCall *call)
{
    Store *store = call->store;
    HOLDS(!store->is_closing, "%s: the store is being closed", call->name);
    TAILQ_INSERT_TAIL(&store->reads, call, link);
    event_add(&call->event, "the store reads", 0, on_read);
    return call;
}

/* One that has begun is executed, but nobody hears of it. */
void store_cancel(StoreCall *call)
{
    Store *store = call->store;
    HOLDS(call->callback, "%s: cancelled twice", call->name);
    trace("    cancelled: %s", call->name);
    call->callback = NULL;
    if (call->is_write && call->state != CALL_WAITING)
        return;
    if (call->is_write) {
        TAILQ_REMOVE(&store->waiting, call, link);
        if (TAILQ_EMPTY(&store->waiting) && TAILQ_EMPTY(&store->begun))
            event_remove(&store->writer);
    } else {
        TAILQ_REMOVE(&store->reads, call, link);
        event_remove(&call->event);
    }
    call_free(call);
    close_if_idle(store);
}

/* ---- copies of requests ---------------------------------------------------------------------------------
 */

static void copy_text(StoreCall *call, rpmd_text *text)
{
    *text = arena_text(&call->arena, *text);
}

/* What the request points at lies there, and is read there. */
static bool take_arena(StoreCall *call, Arena *arena)
{
    if (!arena)
        return false;
    call->arena = *arena;
    *arena = ARENA_INIT;
    return true;
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static void run_put(StoreCall *call)
{
    stored_put(&call->put, &call->reply);
}

StoreCall *store_put_items(Store *store, const StorePutItems *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "put items", true, run_put, callback, data);
    HOLDS(request->arena, "items are put without an arena");
    call->put = *request;
    take_arena(call, request->arena);
    return submit_write(call);
}

static void run_list_items(StoreCall *call)
{
    stored_list_items(&call->list_items, &call->reply);
}

StoreCall *store_list_items(Store *store, const StoreListItems *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "list items", false, run_list_items, callback, data);
    call->list_items = *request;
    copy_text(call, &call->list_items.task);
    copy_text(call, &call->list_items.user);
    return submit_read(call);
}

static void run_list_users(StoreCall *call)
{
    stored_list_users(&call->list_users, &call->reply);
}

StoreCall *store_list_users(Store *store, const StoreListUsers *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "list users", false, run_list_users, callback, data);
    call->list_users = *request;
    copy_text(call, &call->list_users.task);
    copy_text(call, &call->list_users.after);
    return submit_read(call);
}

static void run_delete(StoreCall *call)
{
    stored_delete(&call->delete_item, &call->reply);
}

StoreCall *store_delete_item(Store *store, const StoreDeleteItem *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "delete an item", true, run_delete, callback, data);
    call->delete_item = *request;
    copy_text(call, &call->delete_item.task);
    copy_text(call, &call->delete_item.user);
    copy_text(call, &call->delete_item.id);
    return submit_write(call);
}

static void run_load(StoreCall *call)
{
    stored_load(&call->load, &call->reply);
}

StoreCall *store_model_load(Store *store, const StoreLoadModel *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "load a model", false, run_load, callback, data);
    call->load = *request;
    copy_text(call, &call->load.task);
    copy_text(call, &call->load.user);
    return submit_read(call);
}

static void run_stage(StoreCall *call)
{
    stored_stage(&call->stage, &call->reply);
}

StoreCall *store_stage(Store *store, const StoreStage *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "stage records", true, run_stage, callback, data);
    HOLDS(request->arena || request->count == 0, "records are staged without an arena");
    call->stage = *request;
    if (!take_arena(call, request->arena)) {
        copy_text(call, &call->stage.task);
        copy_text(call, &call->stage.user);
    }
    return submit_write(call);
}

static void run_publish(StoreCall *call)
{
    if (call->publish.pool_change.length > 0 && is_loading_population(call->store))
        mark(MARK_POOL_CHANGED_LOADING);
    stored_publish(&call->publish, &call->reply);
}

StoreCall *store_model_publish(Store *store, const StorePublish *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "publish a model", true, run_publish, callback, data);
    HOLDS(request->arena, "a model is published without an arena");
    call->publish = *request;
    take_arena(call, request->arena);
    return submit_write(call);
}

static void run_list_versions(StoreCall *call)
{
    stored_list_versions(&call->user_name, &call->reply);
}

StoreCall *store_list_versions(Store *store, const StoreUserName *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "list versions", false, run_list_versions, callback, data);
    call->user_name = *request;
    copy_text(call, &call->user_name.task);
    copy_text(call, &call->user_name.user);
    return submit_read(call);
}

static void run_load_factors(StoreCall *call)
{
    stored_load_factors(&call->load_factors, &call->reply);
}

StoreCall *store_factor_set_load(Store *store, const StoreLoadFactorSet *request, StoreCallback callback,
                                 void *data)
{
    StoreCall *call = call_new(store, "load factors", false, run_load_factors, callback, data);
    call->load_factors = *request;
    copy_text(call, &call->load_factors.task);
    copy_text(call, &call->load_factors.user);
    return submit_read(call);
}

static void run_load_population(StoreCall *call)
{
    stored_load_population(&call->reply);
}

StoreCall *store_population_load(Store *store, const StoreLoadPopulation *request, StoreCallback callback,
                                 void *data)
{
    (void)request;
    return submit_read(call_new(store, "load the pooled counts", false, run_load_population, callback, data));
}

static void run_erase(StoreCall *call)
{
    stored_erase(&call->erase, &call->reply);
}

StoreCall *store_erase_user(Store *store, const StoreEraseUser *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "erase a user", true, run_erase, callback, data);
    call->erase = *request;
    copy_text(call, &call->erase.task);
    copy_text(call, &call->erase.user);
    copy_text(call, &call->erase.pool_change);
    return submit_write(call);
}

/* ---- calls of LLMs --------------------------------------------------------------------------------------
 */

static void run_nothing(StoreCall *call)
{
    (void)call;
}

StoreCall *store_usage_add(Store *store, const StoreUsage *usage, StoreCallback callback, void *data)
{
    (void)usage;
    return submit_write(call_new(store, "add a usage", true, run_nothing, callback, data));
}

StoreCall *store_usage_list(Store *store, const StoreListUsage *request, StoreCallback callback, void *data)
{
    (void)request;
    return submit_read(call_new(store, "list usages", false, run_nothing, callback, data));
}

static void run_put_reply(StoreCall *call)
{
    stored_put_reply(&call->new_reply, &call->reply);
}

StoreCall *store_reply_put(Store *store, const StoreNewReply *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "keep a reply", true, run_put_reply, callback, data);
    call->new_reply = *request;
    copy_text(call, &call->new_reply.task);
    copy_text(call, &call->new_reply.user);
    copy_text(call, &call->new_reply.key);
    copy_text(call, &call->new_reply.text);
    return submit_write(call);
}

static void run_find_reply(StoreCall *call)
{
    stored_find_reply(&call->find_reply, &call->reply);
}

StoreCall *store_reply_find(Store *store, const StoreFindReply *request, StoreCallback callback, void *data)
{
    StoreCall *call = call_new(store, "find a reply", false, run_find_reply, callback, data);
    call->find_reply = *request;
    copy_text(call, &call->find_reply.key);
    return submit_read(call);
}

/* ---- the rest of store.h ---------------------------------------------------------------------------------
 */

void store_derive_id(const StoreNewItem *item, char id[STORE_DERIVED_ID_SIZE])
{
    uint64_t hash = hash_bytes_seeded(item->query.data, item->query.length, 1);
    hash = hash_bytes_seeded(item->response.data, item->response.length, hash);
    hash = hash_bytes_seeded(&item->time_us, sizeof(item->time_us), hash);
    snprintf(id, STORE_DERIVED_ID_SIZE, "%032lx", (unsigned long)hash);
}
