/* SPDX-License-Identifier: MIT */
#include "daemon/services/services.h"

#include "daemon/services/building.h"
#include "daemon/services/check.h"
#include "daemon/services/convert.h"
#include "daemon/users/task.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include "rpmd/v1/models.pb-c.h"

/* ---- Get, ListVersions, Rollback ---- */

/* Checks task and user of a request; finishes the call where they are wrong. */
static bool begin_user_call(GrpcCall *call, const char *task, const char *user)
{
    const ServiceContext *context = grpc_call_service(call);
    Status status = STATUS_INIT;
    if (!check_task(context->plugins, task, &status) && !check_user(user, &status))
        return true;
    grpc_call_finish(call, &status);
    return false;
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

/* A call with its own copy of the task's name, which its request has for as long as the call lives. */
static void on_model(const UserReply *reply, void *data)
{
    GrpcCall *call = data;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call, &reply->status);
        return;
    }
    _cleanup_arena_ Arena arena = ARENA_INIT;
    const Rpmd__V1__GetRequest *request = grpc_call_context(call);
    Rpmd__V1__GetResponse response = RPMD__V1__GET_RESPONSE__INIT;
    fill_get(&arena, grpc_call_service(call), request->task, reply->model, &response);
    grpc_call_reply(call, &response.base);
}

static void on_get(GrpcCall *call, const void *message)
{
    const Rpmd__V1__GetRequest *request = message;
    const ServiceContext *context = grpc_call_service(call);
    if (!begin_user_call(call, request->task, request->user))
        return;
    UserName name = {text_of(request->task), text_of(request->user)};
    grpc_call_set_context(call, (void *)(uintptr_t)request, NULL);
    users_get(context->users, &name, on_model, call);
}

static void on_versions(StoreReply *reply, void *data)
{
    GrpcCall *call = data;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call, &reply->status);
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
    grpc_call_reply(call, &response.base);
}

static void on_list_versions(GrpcCall *call, const void *message)
{
    const Rpmd__V1__ListVersionsRequest *request = message;
    const ServiceContext *context = grpc_call_service(call);
    if (!begin_user_call(call, request->task, request->user))
        return;
    StoreUserName name = {text_of(request->task), text_of(request->user)};
    store_list_versions(context->store, &name, on_versions, call);
}

static void on_rolled_back(const UserReply *reply, void *data)
{
    GrpcCall *call = data;
    Rpmd__V1__RollbackResponse response = RPMD__V1__ROLLBACK_RESPONSE__INIT;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call, &reply->status);
        return;
    }
    response.model_version = reply->model->version;
    grpc_call_reply(call, &response.base);
}

static void on_rollback(GrpcCall *call, const void *message)
{
    const Rpmd__V1__RollbackRequest *request = message;
    const ServiceContext *context = grpc_call_service(call);
    if (!begin_user_call(call, request->task, request->user))
        return;
    UserName name = {text_of(request->task), text_of(request->user)};
    users_rollback(context->users, &name, request->version, on_rolled_back, call);
}

/* ---- EraseUser and ExportUser: over one task or all ---- */

/* A call that goes over the tasks of a user, one after the other. */
typedef struct Tour {
    GrpcCall *call;
    ServiceContext *context;
    char *user; /* owned */
    Intern tasks;
    uint32_t next;
    bool found; /* the user, in some task */
    Rpmd__V1__EraseUserResponse erased;
    StoreListItems list;
    bool is_asking;
    void (*visit)(struct Tour *tour);
} Tour;

static void release_tour(void *data)
{
    Tour *tour = data;
    intern_finish(&tour->tasks);
    free(tour->user);
    free(tour);
}

static void refuse_unknown_user(Tour *tour)
{
    grpc_call_refuse(tour->call, STATUS_NOT_FOUND,
                     "nothing is held of a user %s; `rpmctl history list` shows the users", tour->user);
}

static void on_tour_tasks(StoreReply *reply, void *data)
{
    Tour *tour = data;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(tour->call, &reply->status);
        return;
    }
    for (size_t i = 0; i < reply->tasks.count; i++)
        intern_add(&tour->tasks, reply->tasks.tasks[i].task);
    tour->visit(tour);
}

static void begin_tour(GrpcCall *call, const char *task, const char *user, void (*visit)(Tour *))
{
    ServiceContext *context = grpc_call_service(call);
    Status status = STATUS_INIT;
    if (check_user(user, &status)) {
        grpc_call_finish(call, &status);
        return;
    }
    Tour *tour = NEW(Tour);
    tour->call = call;
    tour->context = context;
    tour->user = memory_copy_text(user, strlen(user));
    tour->visit = visit;
    rpmd__v1__erase_user_response__init(&tour->erased);
    grpc_call_set_context(call, tour, release_tour);
    if (task[0] == '\0') {
        store_list_tasks(context->store, on_tour_tasks, tour);
        return;
    }
    intern_add(&tour->tasks, text_of(task));
    visit(tour);
}

static void erase_next(Tour *tour);

static void on_erased(const UserReply *reply, void *data)
{
    Tour *tour = data;
    if (reply->status.code != STATUS_NOT_FOUND && !status_is_ok(&reply->status)) {
        grpc_call_finish(tour->call, &reply->status);
        return;
    }
    tour->found |= status_is_ok(&reply->status);
    tour->erased.items += reply->erased.items;
    tour->erased.features += reply->erased.features;
    tour->erased.factors += reply->erased.factors;
    tour->erased.reasoning_paths += reply->erased.reasoning_paths;
    tour->erased.versions += reply->erased.versions;
    erase_next(tour);
}

static void erase_next(Tour *tour)
{
    if (tour->next < tour->tasks.count) {
        UserName name = {tour->tasks.texts[tour->next++], text_of(tour->user)};
        users_erase(tour->context->users, &name, on_erased, tour);
    } else if (tour->found) {
        grpc_call_reply(tour->call, &tour->erased.base);
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

static void on_exported(StoreReply *reply, void *data)
{
    Tour *tour = data;
    tour->is_asking = false;
    if (reply->status.code == STATUS_NOT_FOUND) {
        export_next(tour);
        return;
    }
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(tour->call, &reply->status);
        return;
    }
    Arena *arena = &reply->arena;
    tour->found = true;
    for (size_t i = 0; i < reply->items.count; i++) {
        const StoreItem *item = &reply->items.items[i];
        Rpmd__V1__ExportUserResponse entry = RPMD__V1__EXPORT_USER_RESPONSE__INIT;
        Rpmd__V1__ExportedItem exported = RPMD__V1__EXPORTED_ITEM__INIT;
        entry.task = convert_text(arena, tour->list.task);
        exported.item = convert_item(arena, item->id, item->query, item->response, item->time_us,
                                     item->options, item->option_count, item->meta);
        exported.features = convert_features(arena, NULL, item->query, &item->analysis, NULL);
        exported.n_features = item->analysis.feature_count;
        exported.reasoning = convert_text(arena, item->reasoning);
        exported.error = convert_text(arena, item->analysis.error);
        entry.item = &exported;
        grpc_call_send(tour->call, &entry.base);
    }
    tour->list.from = reply->items.next;
    if (reply->items.more)
        export_items(tour);
    else
        export_next(tour);
}

static void export_items(Tour *tour)
{
    Status over = STATUS_INIT;
    if (grpc_call_is_over(tour->call)) {
        grpc_call_finish(tour->call, &over);
        return;
    }
    if (tour->is_asking ||
        grpc_call_pending_bytes(tour->call) >= grpc_server_limits(tour->context->grpc)->write_high_bytes)
        return; /* on_writable or on_cancel goes on */
    tour->is_asking = true;
    store_list_items(tour->context->store, &tour->list, on_exported, tour);
}

static void on_exported_model(const UserReply *reply, void *data)
{
    Tour *tour = data;
    if (reply->model) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        Rpmd__V1__ExportUserResponse entry = RPMD__V1__EXPORT_USER_RESPONSE__INIT;
        Rpmd__V1__GetResponse model = RPMD__V1__GET_RESPONSE__INIT;
        entry.task = convert_text(&arena, tour->list.task);
        fill_get(&arena, tour->context, entry.task, reply->model, &model);
        entry.model = &model;
        grpc_call_send(tour->call, &entry.base);
    }
    tour->is_asking = false;
    export_items(tour);
}

static void export_next(Tour *tour)
{
    Status done = STATUS_INIT;
    if (tour->next == tour->tasks.count) {
        if (tour->found)
            grpc_call_finish(tour->call, &done);
        else
            refuse_unknown_user(tour);
        return;
    }
    rpmd_text task = tour->tasks.texts[tour->next++];
    tour->list = (StoreListItems){.task = task, .user = text_of(tour->user), .with_analysis = true};
    tour->is_asking = true;
    UserName name = {task, text_of(tour->user)};
    users_get(tour->context->users, &name, on_exported_model, tour);
}

static void on_export_user(GrpcCall *call, const void *message)
{
    const Rpmd__V1__ExportUserRequest *request = message;
    begin_tour(call, request->task, request->user, export_next);
}

static void on_export_goes_on(GrpcCall *call)
{
    Tour *tour = grpc_call_context(call);
    if (tour && tour->next > 0)
        export_items(tour);
}

void models_service_init(GrpcService *service, ServiceContext *context)
{
    static const GrpcMethod methods[] = {
        {.name = "Build",
         .kind = GRPC_SERVER_STREAM,
         .request = &rpmd__v1__build_request__descriptor,
         .on_message = building_begin,
         .on_cancel = building_cancel,
         .on_writable = building_go_on},
        {.name = "Get",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__get_request__descriptor,
         .on_message = on_get},
        {.name = "ListVersions",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__list_versions_request__descriptor,
         .on_message = on_list_versions},
        {.name = "Rollback",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__rollback_request__descriptor,
         .on_message = on_rollback},
        {.name = "EraseUser",
         .kind = GRPC_UNARY,
         .request = &rpmd__v1__erase_user_request__descriptor,
         .on_message = on_erase_user},
        {.name = "ExportUser",
         .kind = GRPC_SERVER_STREAM,
         .request = &rpmd__v1__export_user_request__descriptor,
         .on_message = on_export_user,
         .on_cancel = on_export_goes_on,
         .on_writable = on_export_goes_on},
    };
    *service = (GrpcService){"rpmd.v1.Models", methods, ARRAY_SIZE(methods), context};
}
