/* SPDX-License-Identifier: MIT */
#include "daemon/services/services.h"

#include "daemon/services/building.h"
#include "daemon/services/call.h"
#include "daemon/services/check.h"
#include "daemon/services/convert.h"
#include "daemon/users/task.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include "rpmd/v1/models.pb-c.h"

/* ---- Get, ListVersions, Rollback ---------------------------------------------------------------------- */

/* Checks task and user of a request. NULL: they are wrong, and the call is finished. */
static ServiceCall *begin_user_call(GrpcCall *call, const char *task, const char *user)
{
    const ServiceContext *context = grpc_call_service(call);
    Status status = STATUS_INIT;
    if (!check_task(context->plugins, task, &status) && !check_user(user, &status))
        return service_call_new(call, sizeof(ServiceCall), NULL);
    grpc_call_finish(call, &status);
    return NULL;
}

/* Why the model should be built again; empty when it should not. */
static char *staleness(Arena *arena, const ServiceContext *context, const char *task, const UserModel *model)
{
    const rpmd_plugin *plugin = plugin_registry_find(context->plugins, task, NULL);
    rpmd_text wanted = plugin ? task_extractor_version(arena, plugin, context->config, context->stages)
                              : model->extractor_version;
    if (!text_equal(model->extractor_version, wanted))
        return arena_format(
            arena, "it was extracted by version %.*s of the plugin, which is %.*s now; build it again",
            TEXT_ARGS(model->extractor_version), TEXT_ARGS(wanted));
    return arena_format(arena, "%s", "");
}

static void fill_get(Arena *arena, const ServiceContext *context, const char *task, const UserModel *model,
                     Rpmd__V1__GetResponse *response)
{
    response->version = model->version;
    response->created_us = model->created_us;
    response->items = model->item_count;
    response->items_failed = model->failed_count;
    response->unassigned_features = model->unassigned;
    response->features_dropped = model->features_dropped;
    response->extractor_version = convert_text(arena, model->extractor_version);
    response->answers = convert_answers(arena, model, &response->n_answers);
    response->traits = convert_traits(arena, model);
    response->n_traits = model->trait_count;
    response->factors = ARENA_ARRAY(arena, Rpmd__V1__Factor *, model->factor_count);
    for (uint32_t f = 0; f < model->factor_count; f++)
        response->factors[response->n_factors++] =
            convert_factor(arena, model, f, config_task(context->config, task)->smoothing);
    response->stale = staleness(arena, context, task, model);
}

static void on_model(const UserReply *reply, void *data)
{
    ServiceCall *call = data;
    call->user = NULL;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call->call, &reply->status);
        return;
    }
    /* The request lives as long as the call. */
    const Rpmd__V1__GetRequest *request = grpc_call_message(call->call);
    Rpmd__V1__GetResponse response = RPMD__V1__GET_RESPONSE__INIT;
    fill_get(&call->arena, call->context, request->task, reply->user.model, &response);
    grpc_call_reply(call->call, &response.base);
}

static void on_get(GrpcCall *grpc, const void *message)
{
    const Rpmd__V1__GetRequest *request = message;
    ServiceCall *call = begin_user_call(grpc, request->task, request->user);
    if (!call)
        return;
    const UserName name = {text_of(request->task), text_of(request->user)};
    const Caller caller = service_caller(grpc);
    call->user = users_get(call->context->users, &name, &caller, on_model, call);
}

static void on_versions(StoreReply *reply, void *data)
{
    ServiceCall *call = data;
    call->store = NULL;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call->call, &reply->status);
        return;
    }
    Arena *arena = &reply->arena;
    Rpmd__V1__ListVersionsResponse response = RPMD__V1__LIST_VERSIONS_RESPONSE__INIT;
    response.versions = ARENA_ARRAY(arena, Rpmd__V1__ModelVersion *, reply->versions.count);
    for (size_t i = 0; i < reply->versions.count; i++) {
        const StoreVersion *version = &reply->versions.versions[i];
        Rpmd__V1__ModelVersion *message = ARENA_NEW(arena, Rpmd__V1__ModelVersion);
        rpmd__v1__model_version__init(message);
        message->version = version->number;
        message->created_us = version->created_us;
        message->reason = convert_text(arena, version->reason);
        message->items = version->items;
        message->factors = version->factors;
        message->current = version->current;
        response.versions[response.n_versions++] = message;
    }
    grpc_call_reply(call->call, &response.base);
}

static void on_list_versions(GrpcCall *grpc, const void *message)
{
    const Rpmd__V1__ListVersionsRequest *request = message;
    ServiceCall *call = begin_user_call(grpc, request->task, request->user);
    if (!call)
        return;
    const StoreUserName name = {text_of(request->task), text_of(request->user)};
    call->store = store_list_versions(call->context->store, &name, on_versions, call);
}

static void on_rolled_back(const UserReply *reply, void *data)
{
    ServiceCall *call = data;
    Rpmd__V1__RollbackResponse response = RPMD__V1__ROLLBACK_RESPONSE__INIT;
    call->user = NULL;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call->call, &reply->status);
        return;
    }
    response.model_version = reply->user.model->version;
    grpc_call_reply(call->call, &response.base);
}

static void on_rollback(GrpcCall *grpc, const void *message)
{
    const Rpmd__V1__RollbackRequest *request = message;
    ServiceCall *call = begin_user_call(grpc, request->task, request->user);
    if (!call)
        return;
    const UserName name = {text_of(request->task), text_of(request->user)};
    const Caller caller = service_caller(grpc);
    call->user = users_rollback(call->context->users, &name, request->version, &caller, on_rolled_back, call);
}

/* ---- EraseUser and ExportUser: over one task or all --------------------------------------------------- */

/* A call that goes over the tasks of a user, one after the other. */
typedef struct Tour {
    ServiceCall call;
    char *user; /* in the arena */
    Caller caller;
    Intern tasks;
    uint32_t next;
    bool found; /* the user, in some task */
    Rpmd__V1__EraseUserResponse erased;
    StoreListItems list;
    UserModel *model; /* export: of the task at hand; a reference, or NULL */
    ReasoningTask reasoning;
    void (*visit)(struct Tour *tour);
} Tour;

static void release_tour(ServiceCall *call)
{
    Tour *tour = (Tour *)call;
    user_model_unref(tour->model);
    intern_finish(&tour->tasks);
}

static void refuse_unknown_user(Tour *tour)
{
    grpc_call_refuse(tour->call.call, STATUS_NOT_FOUND,
                     "nothing is held of a user %s; `rpmctl history list` shows the users", tour->user);
}

static void on_tour_tasks(StoreReply *reply, void *data)
{
    Tour *tour = data;
    tour->call.store = NULL;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(tour->call.call, &reply->status);
        return;
    }
    for (size_t i = 0; i < reply->tasks.count; i++)
        intern_add(&tour->tasks, reply->tasks.tasks[i].task);
    tour->visit(tour);
}

static void begin_tour(GrpcCall *grpc, const char *task, const char *user, void (*visit)(Tour *))
{
    Status status = STATUS_INIT;
    if (check_user(user, &status)) {
        grpc_call_finish(grpc, &status);
        return;
    }
    Tour *tour = service_call_new(grpc, sizeof(Tour), release_tour);
    tour->user = arena_format(&tour->call.arena, "%s", user);
    tour->caller = service_caller(grpc);
    tour->visit = visit;
    rpmd__v1__erase_user_response__init(&tour->erased);
    if (task[0] == '\0') {
        tour->call.store = store_list_tasks(tour->call.context->store, on_tour_tasks, tour);
        return;
    }
    intern_add(&tour->tasks, text_of(task));
    visit(tour);
}

/* The user in the next task. */
static UserName next_name(Tour *tour)
{
    return (UserName){tour->tasks.texts[tour->next++], text_of(tour->user)};
}

static void erase_next(Tour *tour);

static void on_erased(const UserReply *reply, void *data)
{
    Tour *tour = data;
    tour->call.user = NULL;
    if (reply->status.code != STATUS_NOT_FOUND && !status_is_ok(&reply->status)) {
        grpc_call_finish(tour->call.call, &reply->status);
        return;
    }
    tour->found |= status_is_ok(&reply->status);
    tour->erased.items += reply->erased.items;
    tour->erased.features += reply->erased.features;
    tour->erased.factors += reply->erased.factors;
    tour->erased.reasoning_paths += reply->erased.reasoning_paths;
    tour->erased.versions += reply->erased.versions;
    tour->erased.erasure = MAX(tour->erased.erasure, reply->erased.erasure);
    erase_next(tour);
}

static void erase_next(Tour *tour)
{
    if (tour->next < tour->tasks.count) {
        const UserName name = next_name(tour);
        tour->call.user = users_erase(tour->call.context->users, &name, &tour->caller, on_erased, tour);
    } else if (tour->found) {
        grpc_call_reply(tour->call.call, &tour->erased.base);
    } else {
        refuse_unknown_user(tour);
    }
}

static void on_erase_user(GrpcCall *call, const void *message)
{
    const Rpmd__V1__EraseUserRequest *request = message;
    begin_tour(call, request->task, request->user, erase_next);
}

static void export_next(Tour *tour);
static void export_items(Tour *tour);

/* What was found in the item, as it is stored; the path that an LLM wrote, or the statistics' of today. */
static void fill_exported(const Tour *tour, Arena *arena, const StoreItem *item,
                          Rpmd__V1__ExportedItem *exported)
{
    const ModelEntry *entry = tour->model ? user_model_find(tour->model, item->id) : NULL;
    bool by_llm;
    exported->error = convert_text(arena, item->record.error);
    exported->reasoning = convert_text(arena, (rpmd_text){0});
    if (!entry)
        return;
    exported->features = convert_item_features(arena, tour->model, entry);
    exported->n_features = entry->item->feature_count;
    if (model_item_counts(entry->item))
        exported->reasoning =
            convert_text(arena, reasoning_path(arena, &tour->reasoning, tour->model, entry, &by_llm));
}

static void on_exported(StoreReply *reply, void *data)
{
    Tour *tour = data;
    tour->call.store = NULL;
    if (reply->status.code == STATUS_NOT_FOUND) {
        export_next(tour);
        return;
    }
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(tour->call.call, &reply->status);
        return;
    }
    tour->found = true;
    for (size_t i = 0; i < reply->items.count; i++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        const StoreItem *item = &reply->items.items[i];
        Rpmd__V1__ExportUserResponse entry = RPMD__V1__EXPORT_USER_RESPONSE__INIT;
        Rpmd__V1__ExportedItem exported = RPMD__V1__EXPORTED_ITEM__INIT;
        entry.task = convert_text(&arena, tour->list.task);
        exported.item = convert_item(&arena, item->id, item->query, item->response, item->time_us,
                                     item->options, item->option_count, item->meta);
        fill_exported(tour, &arena, item, &exported);
        entry.item = &exported;
        grpc_call_send(tour->call.call, &entry.base);
    }
    tour->list.from = reply->items.next;
    if (reply->items.more)
        export_items(tour);
    else
        export_next(tour);
}

static void export_items(Tour *tour)
{
    if (grpc_call_pending_bytes(tour->call.call) >=
        grpc_server_limits(tour->call.context->grpc)->write_high_bytes)
        return; /* on_writable goes on */
    tour->call.store = store_list_items(tour->call.context->store, &tour->list, on_exported, tour);
}

static void on_exported_model(const UserReply *reply, void *data)
{
    Tour *tour = data;
    ServiceContext *context = tour->call.context;
    tour->call.user = NULL;
    tour->model = user_model_ref(reply->user.model);
    if (tour->model) {
        Arena *arena = &tour->call.arena;
        Rpmd__V1__ExportUserResponse entry = RPMD__V1__EXPORT_USER_RESPONSE__INIT;
        Rpmd__V1__GetResponse model = RPMD__V1__GET_RESPONSE__INIT;
        entry.task = convert_text(arena, tour->list.task);
        const rpmd_plugin *plugin = plugin_registry_find(context->plugins, entry.task, NULL);
        if (plugin)
            tour->reasoning =
                task_reasoning(arena, plugin, config_task(context->config, entry.task)->smoothing);
        fill_get(arena, context, entry.task, tour->model, &model);
        entry.model = &model;
        grpc_call_send(tour->call.call, &entry.base);
    }
    export_items(tour);
}

static void export_next(Tour *tour)
{
    Status done = STATUS_INIT;
    user_model_unref(TAKE_PTR(tour->model));
    if (tour->next == tour->tasks.count) {
        if (tour->found)
            grpc_call_finish(tour->call.call, &done);
        else
            refuse_unknown_user(tour);
        return;
    }
    const UserName name = next_name(tour);
    tour->list = (StoreListItems){.task = name.task, .user = name.user};
    tour->call.user = users_get(tour->call.context->users, &name, &tour->caller, on_exported_model, tour);
}

static void on_export_user(GrpcCall *call, const void *message)
{
    const Rpmd__V1__ExportUserRequest *request = message;
    begin_tour(call, request->task, request->user, export_next);
}

static void on_export_writable(GrpcCall *call)
{
    Tour *tour = grpc_call_context(call);
    if (tour && !tour->call.store && !tour->call.user && tour->list.user.length > 0)
        export_items(tour);
}

void models_service_init(GrpcService *service, ServiceContext *context)
{
    static const GrpcMethod methods[] = {
        {.name = "Build",
         .kind = GRPC_SERVER_STREAM,
         .request = &rpmd__v1__build_request__descriptor,
         .on_message = building_begin,
         .on_cancel = service_call_on_cancel,
         .on_writable = building_on_writable},
        {.name = "Get",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__get_request__descriptor,
         .on_message = on_get,
         .on_cancel = service_call_on_cancel},
        {.name = "ListVersions",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__list_versions_request__descriptor,
         .on_message = on_list_versions,
         .on_cancel = service_call_on_cancel},
        {.name = "Rollback",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__rollback_request__descriptor,
         .on_message = on_rollback,
         .on_cancel = service_call_on_cancel},
        {.name = "EraseUser",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__erase_user_request__descriptor,
         .on_message = on_erase_user,
         .on_cancel = service_call_on_cancel},
        {.name = "ExportUser",
         .kind = GRPC_SERVER_STREAM,
         .request = &rpmd__v1__export_user_request__descriptor,
         .on_message = on_export_user,
         .on_cancel = service_call_on_cancel,
         .on_writable = on_export_writable},
    };
    *service = (GrpcService){"rpmd.v1.Models", methods, ARRAY_SIZE(methods), context};
}
