/* SPDX-License-Identifier: MIT */
#include "daemon/services/history.h"

#include "daemon/services/call.h"
#include "daemon/services/check.h"
#include "daemon/services/convert.h"
#include "daemon/services/services.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include "rpmd/v1/history.pb-c.h"

#include <assert.h>

/* ---- Append and Delete ---- */

static Rpmd__V1__ItemOutcome outcome_message(StoreOutcome outcome)
{
    switch (outcome) {
    case STORE_ACCEPTED:
        return RPMD__V1__ITEM_OUTCOME__ITEM_OUTCOME_ACCEPTED;
    case STORE_UNCHANGED:
        return RPMD__V1__ITEM_OUTCOME__ITEM_OUTCOME_UNCHANGED;
    case STORE_REPLACED:
        return RPMD__V1__ITEM_OUTCOME__ITEM_OUTCOME_REPLACED;
    }
    return RPMD__V1__ITEM_OUTCOME__ITEM_OUTCOME_UNSPECIFIED;
}

/* item was checked: it is there. */
static StoreNewItem new_item(Arena *arena, const char *user, const Rpmd__V1__HistoryItem *item)
{
    assert(item);
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, item->n_options);
    for (size_t i = 0; i < item->n_options; i++)
        options[i] = text_of(item->options[i]);
    return (StoreNewItem){
        .user = text_of(user),
        .id = text_of(item->id),
        .query = text_of(item->query),
        .response = text_of(item->response),
        .time_us = item->time_us,
        .options = options,
        .option_count = item->n_options,
        .meta = convert_meta_text(arena, item),
    };
}

/* The same with its own copies. */
static StoreNewItem kept_item(Arena *arena, const char *user, const Rpmd__V1__HistoryItem *item)
{
    StoreNewItem kept = new_item(arena, user, item);
    rpmd_text *options = ARENA_ARRAY(arena, rpmd_text, kept.option_count);
    for (size_t i = 0; i < kept.option_count; i++)
        options[i] = arena_text(arena, kept.options[i]);
    kept.options = options;
    kept.user = arena_text(arena, kept.user);
    kept.id = arena_text(arena, kept.id);
    kept.query = arena_text(arena, kept.query);
    kept.response = arena_text(arena, kept.response);
    return kept;
}

static void on_appended(const UserReply *reply, void *data)
{
    ServiceCall *call = data;
    call->user = NULL;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call->call, &reply->status);
        return;
    }
    Rpmd__V1__AppendResponse response = RPMD__V1__APPEND_RESPONSE__INIT;
    response.id = convert_text(&call->arena, reply->id);
    response.outcome = outcome_message(reply->outcome);
    response.model_version = reply->user.model ? reply->user.model->version : 0;
    grpc_call_reply(call->call, &response.base);
}

static void on_append(GrpcCall *grpc, const void *message)
{
    const Rpmd__V1__AppendRequest *request = message;
    ServiceCall *call = service_call_new(grpc, sizeof(ServiceCall), NULL);
    const ServiceContext *context = call->context;
    Status status = STATUS_INIT;
    int r = check_user(request->user, &status);
    if (r == 0 && !request->item)
        r = status_refuse(&status, STATUS_INVALID_ARGUMENT, "the item is missing; set query and response");
    if (r == 0)
        r = check_item(context->plugins, request->task, request->item, &status);
    if (r) {
        grpc_call_finish(grpc, &status);
        return;
    }
    StoreNewItem item = new_item(&call->arena, request->user, request->item);
    const UserName name = {text_of(request->task), text_of(request->user)};
    const Caller caller = service_caller(grpc);
    call->user = users_append(context->users, &name, &item, &caller, on_appended, call);
}

static void on_deleted(const UserReply *reply, void *data)
{
    ServiceCall *call = data;
    call->user = NULL;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call->call, &reply->status);
        return;
    }
    Rpmd__V1__DeleteResponse response = RPMD__V1__DELETE_RESPONSE__INIT;
    response.model_version = reply->user.model ? reply->user.model->version : 0;
    grpc_call_reply(call->call, &response.base);
}

static void on_delete(GrpcCall *grpc, const void *message)
{
    const Rpmd__V1__DeleteRequest *request = message;
    ServiceCall *call = service_call_new(grpc, sizeof(ServiceCall), NULL);
    const ServiceContext *context = call->context;
    Status status = STATUS_INIT;
    if (check_task(context->plugins, request->task, &status) || check_user(request->user, &status)) {
        grpc_call_finish(grpc, &status);
        return;
    }
    const UserName name = {text_of(request->task), text_of(request->user)};
    const Caller caller = service_caller(grpc);
    call->user = users_delete(context->users, &name, text_of(request->id), &caller, on_deleted, call);
}

/* ---- List ---- */

/* A list that is being sent: the next chunk is asked for when the client took the last. */
typedef struct Listing {
    ServiceCall call;
    const Rpmd__V1__ListRequest *request;
    StoreListItems items;
    StoreListUsers users;
    Arena last_user; /* owns users.after */
    uint64_t sent;
    bool more;
} Listing;

static void continue_listing(Listing *listing);

static void release_listing(ServiceCall *call)
{
    arena_finish(&((Listing *)call)->last_user);
}

static bool is_enough(const Listing *listing)
{
    return listing->request->limit > 0 && listing->sent >= listing->request->limit;
}

static bool begin_chunk(Listing *listing, const Status *status)
{
    listing->call.store = NULL;
    if (status_is_ok(status))
        return true;
    grpc_call_finish(listing->call.call, status);
    return false;
}

static void on_items(StoreReply *reply, void *data)
{
    Listing *listing = data;
    if (!begin_chunk(listing, &reply->status))
        return;
    for (size_t i = 0; i < reply->items.count && !is_enough(listing); i++) {
        const StoreItem *item = &reply->items.items[i];
        _cleanup_arena_ Arena arena = ARENA_INIT;
        Rpmd__V1__ListResponse entry = RPMD__V1__LIST_RESPONSE__INIT;
        entry.user = listing->request->user;
        entry.item = convert_item(&arena, item->id, item->query, item->response, item->time_us, item->options,
                                  item->option_count, item->meta);
        entry.error = convert_text(&arena, item->record.error);
        grpc_call_send(listing->call.call, &entry.base);
        listing->sent++;
    }
    listing->more = reply->items.more;
    listing->items.from = reply->items.next;
    continue_listing(listing);
}

static void on_users(StoreReply *reply, void *data)
{
    Listing *listing = data;
    if (!begin_chunk(listing, &reply->status))
        return;
    for (size_t i = 0; i < reply->users.count && !is_enough(listing); i++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        Rpmd__V1__ListResponse entry = RPMD__V1__LIST_RESPONSE__INIT;
        entry.user = convert_text(&arena, reply->users.users[i].user);
        entry.items = reply->users.users[i].items;
        grpc_call_send(listing->call.call, &entry.base);
        listing->sent++;
    }
    listing->more = reply->users.more;
    if (reply->users.count > 0) {
        arena_finish(&listing->last_user);
        listing->users.after =
            arena_text(&listing->last_user, reply->users.users[reply->users.count - 1].user);
    }
    continue_listing(listing);
}

static void continue_listing(Listing *listing)
{
    Status done = STATUS_INIT;
    ServiceCall *call = &listing->call;
    if (!listing->more || is_enough(listing)) {
        grpc_call_finish(call->call, &done);
        return;
    }
    if (grpc_call_pending_bytes(call->call) > 0 &&
        grpc_call_pending_bytes(call->call) >= grpc_server_limits(call->context->grpc)->write_high_bytes)
        return; /* on_writable goes on */
    if (listing->request->user[0] != '\0')
        call->store = store_list_items(call->context->store, &listing->items, on_items, listing);
    else
        call->store = store_list_users(call->context->store, &listing->users, on_users, listing);
}

static void on_list(GrpcCall *grpc, const void *message)
{
    const Rpmd__V1__ListRequest *request = message;
    Listing *listing = service_call_new(grpc, sizeof(Listing), release_listing);
    Status status = STATUS_INIT;
    if (check_task(listing->call.context->plugins, request->task, &status)) {
        grpc_call_finish(grpc, &status);
        return;
    }
    listing->request = request;
    listing->items = (StoreListItems){.task = text_of(request->task), .user = text_of(request->user)};
    listing->users = (StoreListUsers){.task = text_of(request->task)};
    listing->more = true;
    continue_listing(listing);
}

static void on_list_writable(GrpcCall *call)
{
    Listing *listing = grpc_call_context(call);
    if (listing && !listing->call.store)
        continue_listing(listing);
}

/* ---- Import ---- */

/* An import: one message is at the store at a time; reading is paused meanwhile. */
typedef struct Import {
    ServiceCall call;
    char *task; /* in the call's arena; NULL until the first message */
    Arena report;
    Rpmd__V1__ImportResponse response;
    Rpmd__V1__RejectedItem *rejections[IMPORT_REJECTIONS_LIMIT];
    Intern users;
    uint64_t index; /* of the next item */
    StoreWaiter waiter;
    bool is_half_closed;
} Import;

static void release_import(ServiceCall *call)
{
    Import *import = (Import *)call;
    store_wait_cancel(&import->waiter);
    intern_finish(&import->users);
    arena_finish(&import->report);
}

static void on_import_start(GrpcCall *call)
{
    Import *import = service_call_new(call, sizeof(Import), release_import);
    rpmd__v1__import_response__init(&import->response);
}

static void finish_import(Import *import)
{
    import->response.rejections = import->rejections;
    import->response.users = import->users.count;
    grpc_call_reply(import->call.call, &import->response.base);
}

static void reject_item(Import *import, const Rpmd__V1__ImportItem *item, uint64_t index,
                        const Status *status)
{
    Arena *arena = &import->report;
    import->response.rejected++;
    if (import->response.n_rejections == IMPORT_REJECTIONS_LIMIT)
        return;
    Rpmd__V1__RejectedItem *rejected = ARENA_NEW(arena, Rpmd__V1__RejectedItem);
    rpmd__v1__rejected_item__init(rejected);
    rejected->index = index;
    rejected->origin = arena_format(arena, "%s", item->origin);
    rejected->user = arena_format(arena, "%s", item->user);
    rejected->id = item->item ? arena_format(arena, "%s", item->item->id) : arena_format(arena, "%s", "");
    rejected->reason = arena_format(arena, "%s", status->message);
    import->rejections[import->response.n_rejections++] = rejected;
}

static void go_on_importing(Import *import)
{
    if (import->is_half_closed)
        finish_import(import);
    else
        grpc_call_resume(import->call.call);
}

static void on_store_ready(StoreWaiter *waiter)
{
    go_on_importing(CONTAINER_OF(waiter, Import, waiter));
}

static void on_imported(const UserReply *reply, void *data)
{
    Import *import = data;
    import->call.user = NULL;
    if (!status_is_ok(&reply->status)) {
        /* What earlier messages brought is kept; the client is told that this is not the end of its file. */
        grpc_call_refuse(import->call.call, reply->status.code,
                         "%s (%lu items before were kept; import the file again)", reply->status.message,
                         (unsigned long)(import->response.accepted + import->response.unchanged +
                                         import->response.replaced));
        return;
    }
    for (size_t i = 0; i < reply->puts.count; i++) {
        StoreOutcome outcome = reply->puts.puts[i].outcome;
        import->response.accepted += outcome == STORE_ACCEPTED;
        import->response.unchanged += outcome == STORE_UNCHANGED;
        import->response.replaced += outcome == STORE_REPLACED;
    }
    if (!store_is_busy(import->call.context->store)) {
        go_on_importing(import);
        return;
    }
    import->waiter.ready = on_store_ready;
    store_wait(import->call.context->store, &import->waiter);
}

/* The items that may be stored; the others are rejected. */
static size_t gather_items(Import *import, const Rpmd__V1__ImportRequest *message, Arena *arena,
                           StoreNewItem *items)
{
    PluginRegistry *plugins = import->call.context->plugins;
    size_t count = 0;
    for (size_t i = 0; i < message->n_items; i++) {
        const Rpmd__V1__ImportItem *item = message->items[i];
        Status status = STATUS_INIT;
        uint64_t index = import->index++;
        int r = check_user(item->user, &status);
        if (r == 0 && !item->item)
            r = status_refuse(&status, STATUS_INVALID_ARGUMENT,
                              "the item is missing; set query and response");
        if (r == 0)
            r = check_item(plugins, import->task, item->item, &status);
        if (r) {
            reject_item(import, item, index, &status);
            continue;
        }
        intern_add(&import->users, text_of(item->user));
        items[count++] = kept_item(arena, item->user, item->item);
    }
    return count;
}

static int check_import(Import *import, const Rpmd__V1__ImportRequest *message, Status *status)
{
    ServiceCall *call = &import->call;
    if (!import->task && check_task(call->context->plugins, message->task, status))
        return STATUS_REFUSED;
    if (!import->task)
        import->task = arena_format(&call->arena, "%s", message->task);
    if (message->task[0] != '\0' && strcmp(import->task, message->task) != 0)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "one import is for one task: it began with %s and goes on with %s", import->task,
                             message->task);
    if (message->n_items > IMPORT_MESSAGE_ITEMS_LIMIT)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "a message has %zu items, and the limit is %d; send more messages",
                             message->n_items, IMPORT_MESSAGE_ITEMS_LIMIT);
    return 0;
}

static void on_import_message(GrpcCall *grpc, const void *request)
{
    const Rpmd__V1__ImportRequest *message = request;
    Import *import = grpc_call_context(grpc);
    Status status = STATUS_INIT;
    if (check_import(import, message, &status)) {
        grpc_call_finish(grpc, &status);
        return;
    }
    Arena arena = ARENA_INIT;
    StoreNewItem *items = ARENA_ARRAY(&arena, StoreNewItem, message->n_items);
    size_t count = gather_items(import, message, &arena, items);
    if (count == 0) {
        arena_finish(&arena);
        return;
    }
    const Caller caller = service_caller(grpc);
    grpc_call_pause(grpc);
    import->call.user = users_import(import->call.context->users, text_of(import->task), items, count, &arena,
                                     &caller, on_imported, import);
}

static void on_import_half_close(GrpcCall *call)
{
    Import *import = grpc_call_context(call);
    import->is_half_closed = true;
    if (!import->call.user && !import->waiter.store)
        finish_import(import);
}

void history_service_init(GrpcService *service, ServiceContext *context)
{
    static const GrpcMethod methods[] = {
        {.name = "Append",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__append_request__descriptor,
         .on_message = on_append,
         .on_cancel = service_call_on_cancel},
        {.name = "Import",
         .kind = GRPC_CLIENT_STREAM,
         .request = &rpmd__v1__import_request__descriptor,
         .on_start = on_import_start,
         .on_message = on_import_message,
         .on_half_close = on_import_half_close,
         .on_cancel = service_call_on_cancel},
        {.name = "List",
         .kind = GRPC_SERVER_STREAM,
         .request = &rpmd__v1__list_request__descriptor,
         .on_message = on_list,
         .on_cancel = service_call_on_cancel,
         .on_writable = on_list_writable},
        {.name = "Delete",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__delete_request__descriptor,
         .on_message = on_delete,
         .on_cancel = service_call_on_cancel},
    };
    *service = (GrpcService){"rpmd.v1.History", methods, ARRAY_SIZE(methods), context};
}
