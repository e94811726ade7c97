/* SPDX-License-Identifier: MIT */
#include "daemon/services/history.h"

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

static void on_appended(const UserReply *reply, void *data)
{
    GrpcCall *call = data;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call, &reply->status);
        return;
    }
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__AppendResponse response = RPMD__V1__APPEND_RESPONSE__INIT;
    response.id = convert_text(&arena, reply->id);
    response.outcome = outcome_message(reply->outcome);
    response.model_version = reply->model ? reply->model->version : 0;
    grpc_call_reply(call, &response.base);
}

static void on_append(GrpcCall *call, const void *message)
{
    const Rpmd__V1__AppendRequest *request = message;
    const ServiceContext *context = grpc_call_service(call);
    Status status = STATUS_INIT;
    int r = check_user(request->user, &status);
    if (r == 0 && !request->item)
        r = status_refuse(&status, STATUS_INVALID_ARGUMENT, "the item is missing; set query and response");
    if (r == 0)
        r = check_item(context->plugins, request->task, request->item, &status);
    if (r) {
        grpc_call_finish(call, &status);
        return;
    }
    _cleanup_arena_ Arena arena = ARENA_INIT;
    StoreNewItem item = new_item(&arena, request->user, request->item);
    UserName name = {text_of(request->task), text_of(request->user)};
    users_append(context->users, &name, &item, on_appended, call);
}

static void on_append_cancel(GrpcCall *call)
{
    const ServiceContext *context = grpc_call_service(call);
    users_append_cancel(context->users, call);
}

static void on_deleted(const UserReply *reply, void *data)
{
    GrpcCall *call = data;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call, &reply->status);
        return;
    }
    Rpmd__V1__DeleteResponse response = RPMD__V1__DELETE_RESPONSE__INIT;
    response.model_version = reply->model ? reply->model->version : 0;
    grpc_call_reply(call, &response.base);
}

static void on_delete(GrpcCall *call, const void *message)
{
    const Rpmd__V1__DeleteRequest *request = message;
    const ServiceContext *context = grpc_call_service(call);
    Status status = STATUS_INIT;
    if (check_task(context->plugins, request->task, &status) || check_user(request->user, &status)) {
        grpc_call_finish(call, &status);
        return;
    }
    UserName name = {text_of(request->task), text_of(request->user)};
    users_delete(context->users, &name, text_of(request->id), on_deleted, call);
}

/* ---- List ---- */

/* A list that is being sent: the next chunk is asked for when the client took the last. */
typedef struct Listing {
    GrpcCall *call;
    ServiceContext *context;
    const Rpmd__V1__ListRequest *request;
    StoreListItems items;
    StoreListUsers users;
    Arena last_user; /* owns users.after */
    uint64_t sent;
    bool more;
    bool is_asking;
} Listing;

static void continue_listing(Listing *listing);

static void release_listing(void *data)
{
    Listing *listing = data;
    arena_finish(&listing->last_user);
    free(listing);
}

static bool is_enough(const Listing *listing)
{
    return listing->request->limit > 0 && listing->sent >= listing->request->limit;
}

static bool begin_chunk(Listing *listing, const Status *status)
{
    listing->is_asking = false;
    if (status_is_ok(status) && !grpc_call_is_over(listing->call))
        return true;
    grpc_call_finish(listing->call, status);
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
        entry.error = convert_text(&arena, item->analysis.error);
        grpc_call_send(listing->call, &entry.base);
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
        grpc_call_send(listing->call, &entry.base);
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
    if (listing->is_asking)
        return;
    if (!listing->more || is_enough(listing) || grpc_call_is_over(listing->call)) {
        grpc_call_finish(listing->call, &done);
        return;
    }
    if (grpc_call_pending_bytes(listing->call) > 0 &&
        grpc_call_pending_bytes(listing->call) >=
            grpc_server_limits(listing->context->grpc)->write_high_bytes)
        return; /* on_writable or on_cancel goes on */
    listing->is_asking = true;
    if (listing->request->user[0] != '\0')
        store_list_items(listing->context->store, &listing->items, on_items, listing);
    else
        store_list_users(listing->context->store, &listing->users, on_users, listing);
}

static void on_list(GrpcCall *call, const void *message)
{
    const Rpmd__V1__ListRequest *request = message;
    ServiceContext *context = grpc_call_service(call);
    Status status = STATUS_INIT;
    if (check_task(context->plugins, request->task, &status)) {
        grpc_call_finish(call, &status);
        return;
    }
    Listing *listing = NEW(Listing);
    *listing = (Listing){
        .call = call,
        .context = context,
        .request = request,
        .items = {.task = text_of(request->task), .user = text_of(request->user)},
        .users = {.task = text_of(request->task)},
        .more = true,
    };
    grpc_call_set_context(call, listing, release_listing);
    continue_listing(listing);
}

static void on_list_goes_on(GrpcCall *call)
{
    Listing *listing = grpc_call_context(call);
    if (listing)
        continue_listing(listing);
}

/* ---- Import ---- */

/* An import: one message is at the store at a time; reading is paused meanwhile. */
typedef struct Import {
    GrpcCall *call;
    ServiceContext *context;
    char *task;                       /* owned; NULL until the first message */
    Rpmd__V1__ImportRequest *message; /* owned: being stored */
    StorePutItems request;
    Arena arena; /* of the message being stored */
    Arena report;
    Rpmd__V1__ImportResponse response;
    Rpmd__V1__RejectedItem *rejections[IMPORT_REJECTIONS_LIMIT];
    Intern users;
    uint64_t index; /* of the next item */
    StoreWaiter waiter;
    bool is_storing;
    bool is_half_closed;
} Import;

static void release_import(void *data)
{
    Import *import = data;
    store_wait_cancel(&import->waiter);
    if (import->message)
        protobuf_c_message_free_unpacked(&import->message->base, NULL);
    intern_finish(&import->users);
    arena_finish(&import->arena);
    arena_finish(&import->report);
    free(import->task);
    free(import);
}

static void on_import_start(GrpcCall *call)
{
    Import *import = NEW(Import);
    import->call = call;
    import->context = grpc_call_service(call);
    rpmd__v1__import_response__init(&import->response);
    grpc_call_set_context(call, import, release_import);
}

static void finish_import(Import *import)
{
    if (grpc_call_is_over(import->call)) {
        Status over = STATUS_INIT;
        grpc_call_finish(import->call, &over);
        return;
    }
    import->response.rejections = import->rejections;
    import->response.users = import->users.count;
    grpc_call_reply(import->call, &import->response.base);
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

static void import_is_stored(Import *import)
{
    import->is_storing = false;
    if (import->message)
        protobuf_c_message_free_unpacked(&TAKE_PTR(import->message)->base, NULL);
    arena_finish(&import->arena);
    if (import->is_half_closed || grpc_call_is_over(import->call))
        finish_import(import);
    else
        grpc_call_resume(import->call);
}

static void on_store_ready(StoreWaiter *waiter)
{
    import_is_stored(CONTAINER_OF(waiter, Import, waiter));
}

static void on_imported(StoreReply *reply, void *data)
{
    Import *import = data;
    if (!status_is_ok(&reply->status)) {
        /* What earlier messages brought is kept; the client is told that this is not the end of its file. */
        grpc_call_refuse(import->call, reply->status.code,
                         "%s (%lu items before were kept; import the file again)", reply->status.message,
                         (unsigned long)(import->response.accepted + import->response.unchanged +
                                         import->response.replaced));
        return;
    }
    for (size_t i = 0; i < reply->puts.count; i++) {
        StoreOutcome outcome = reply->puts.puts[i].outcome;
        UserName name = {import->request.task, import->request.items[i].user};
        import->response.accepted += outcome == STORE_ACCEPTED;
        import->response.unchanged += outcome == STORE_UNCHANGED;
        import->response.replaced += outcome == STORE_REPLACED;
        if (outcome != STORE_UNCHANGED)
            users_history_changed(import->context->users, &name);
    }
    if (!store_is_busy(import->context->store)) {
        import_is_stored(import);
        return;
    }
    import->waiter.ready = on_store_ready;
    store_wait(import->context->store, &import->waiter);
}

/* The items that may be stored; the others are rejected. */
static size_t gather_items(Import *import, StoreNewItem *items)
{
    size_t count = 0;
    for (size_t i = 0; i < import->message->n_items; i++) {
        const Rpmd__V1__ImportItem *item = import->message->items[i];
        Status status = STATUS_INIT;
        uint64_t index = import->index++;
        int r = check_user(item->user, &status);
        if (r == 0 && !item->item)
            r = status_refuse(&status, STATUS_INVALID_ARGUMENT,
                              "the item is missing; set query and response");
        if (r == 0)
            r = check_item(import->context->plugins, import->task, item->item, &status);
        if (r) {
            reject_item(import, item, index, &status);
            continue;
        }
        intern_add(&import->users, text_of(item->user));
        items[count++] = new_item(&import->arena, item->user, item->item);
    }
    return count;
}

static void refuse_import(Import *import, const Status *status)
{
    grpc_call_finish(import->call, status);
}

static void on_import_message(GrpcCall *call, const void *message)
{
    (void)message;
    Import *import = grpc_call_context(call);
    Status status = STATUS_INIT;
    import->message = (Rpmd__V1__ImportRequest *)grpc_call_take_message(call);
    if (!import->task && check_task(import->context->plugins, import->message->task, &status)) {
        refuse_import(import, &status);
        return;
    }
    if (!import->task)
        import->task = memory_copy_text(import->message->task, strlen(import->message->task));
    if (import->message->task[0] != '\0' && strcmp(import->task, import->message->task) != 0)
        status_refuse(&status, STATUS_INVALID_ARGUMENT,
                      "one import is for one task: it began with %s and goes on with %s", import->task,
                      import->message->task);
    if (import->message->n_items > IMPORT_MESSAGE_ITEMS_LIMIT)
        status_refuse(&status, STATUS_INVALID_ARGUMENT,
                      "a message has %zu items, and the limit is %d; send more messages",
                      import->message->n_items, IMPORT_MESSAGE_ITEMS_LIMIT);
    if (!status_is_ok(&status)) {
        refuse_import(import, &status);
        return;
    }
    StoreNewItem *items = ARENA_ARRAY(&import->arena, StoreNewItem, import->message->n_items);
    import->request = (StorePutItems){.task = text_of(import->task), .items = items};
    import->request.count = gather_items(import, items);
    if (import->request.count == 0) {
        protobuf_c_message_free_unpacked(&TAKE_PTR(import->message)->base, NULL);
        arena_finish(&import->arena);
        return;
    }
    import->is_storing = true;
    grpc_call_pause(call);
    store_put_items(import->context->store, &import->request, on_imported, import);
}

static void on_import_half_close(GrpcCall *call)
{
    Import *import = grpc_call_context(call);
    import->is_half_closed = true;
    if (!import->is_storing)
        finish_import(import);
}

static void on_import_cancel(GrpcCall *call)
{
    Import *import = grpc_call_context(call);
    if (!import->is_storing)
        finish_import(import);
}

void history_service_init(GrpcService *service, ServiceContext *context)
{
    static const GrpcMethod methods[] = {
        {.name = "Append",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__append_request__descriptor,
         .on_message = on_append,
         .on_cancel = on_append_cancel},
        {.name = "Import",
         .kind = GRPC_CLIENT_STREAM,
         .request = &rpmd__v1__import_request__descriptor,
         .on_start = on_import_start,
         .on_message = on_import_message,
         .on_half_close = on_import_half_close,
         .on_cancel = on_import_cancel},
        {.name = "List",
         .kind = GRPC_SERVER_STREAM,
         .request = &rpmd__v1__list_request__descriptor,
         .on_message = on_list,
         .on_cancel = on_list_goes_on,
         .on_writable = on_list_goes_on},
        {.name = "Delete",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__delete_request__descriptor,
         .on_message = on_delete},
    };
    *service = (GrpcService){"rpmd.v1.History", methods, ARRAY_SIZE(methods), context};
}
