/* SPDX-License-Identifier: MIT */
#include "daemon/services/building.h"

#include "daemon/services/call.h"
#include "daemon/services/check.h"
#include "daemon/services/convert.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include "rpmd/v1/models.pb-c.h"

/* Users of a task that are built at the same time: as many as the pool runs for one plugin. */
#define PARALLEL_BUILDS 4

/* A build of one user, or of all, some at a time. */
typedef struct Building {
    ServiceCall call;
    char *task;   /* in the call's arena */
    Intern names; /* of the users to build */
    bool all;
    BuildRequest settings;
    StoreListUsers request;
    Arena last_user;
    uint32_t next; /* of names */
    uint32_t running;
    LIST_HEAD(, BuildingUser) users;  /* who are being built */
    Rpmd__V1__BuildResponse progress; /* over all users */
    Rpmd__V1__Usage usage;            /* of those that are done */
} Building;

/* A user who is being built. */
typedef struct BuildingUser {
    LIST_ENTRY(BuildingUser) link;
    Building *building;
    uint32_t number;
    UserCall *build;
    Rpmd__V1__Usage usage; /* so far */
} BuildingUser;

static void build_more(Building *building);

static void release_building(ServiceCall *call)
{
    Building *building = (Building *)call;
    while (!LIST_EMPTY(&building->users)) {
        BuildingUser *user = LIST_FIRST(&building->users);
        LIST_REMOVE(user, link);
        users_cancel(user->build);
        free(user);
    }
    intern_finish(&building->names);
    arena_finish(&building->last_user);
}

static void add_usage(Rpmd__V1__Usage *sum, const Rpmd__V1__Usage *usage)
{
    sum->llm_calls += usage->llm_calls;
    sum->prompt_tokens += usage->prompt_tokens;
    sum->cached_tokens += usage->cached_tokens;
    sum->completion_tokens += usage->completion_tokens;
    sum->cost_micros += usage->cost_micros;
}

/* What LLMs did for a user. *usage: the sum. */
static void fill_report(Arena *arena, const BuildReport *report, Rpmd__V1__BuildResponse *progress,
                        Rpmd__V1__Usage *usage)
{
    progress->stages = ARENA_ARRAY(arena, Rpmd__V1__StageProgress *, STAGE_COUNT);
    for (Stage stage = 0; stage < STAGE_COUNT; stage++) {
        const StageTotals *totals = &report->stages[stage];
        if (totals->batches == 0)
            continue;
        Rpmd__V1__StageProgress *message = ARENA_NEW(arena, Rpmd__V1__StageProgress);
        rpmd__v1__stage_progress__init(message);
        message->stage = arena_format(arena, "%s", stage_name(stage));
        message->done = message->total = totals->elements;
        message->given_up = totals->given_up;
        message->batches = totals->batches;
        message->batches_right = totals->batches_right;
        message->repairs = totals->repairs;
        message->cached_replies = totals->cached_replies;
        message->usage = ARENA_NEW(arena, Rpmd__V1__Usage);
        *message->usage = (Rpmd__V1__Usage)RPMD__V1__USAGE__INIT;
        message->usage->llm_calls = (uint32_t)totals->calls;
        message->usage->prompt_tokens = totals->usage.prompt_tokens;
        message->usage->cached_tokens = totals->usage.cached_tokens;
        message->usage->completion_tokens = totals->usage.completion_tokens;
        message->usage->cost_micros = totals->cost_micros;
        add_usage(usage, message->usage);
        progress->stages[progress->n_stages++] = message;
    }
    progress->features_found = report->features;
    progress->features_dropped = report->features_dropped;
    progress->paths = report->paths;
    progress->paths_right = report->paths_right;
    progress->paths_mended = report->paths_mended;
}

/* The usage of all users: those that are done, and those at work so far. */
static void sum_usage(const Building *building, Rpmd__V1__Usage *sum)
{
    const BuildingUser *user;
    *sum = building->usage;
    LIST_FOREACH(user, &building->users, link)
    add_usage(sum, &user->usage);
}

static void on_build_progress(const BuildProgress *progress, void *data)
{
    BuildingUser *user = data;
    Building *building = user->building;
    Rpmd__V1__BuildResponse message = building->progress;
    Rpmd__V1__Usage sum;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    user->usage = (Rpmd__V1__Usage)RPMD__V1__USAGE__INIT;
    fill_report(&arena, progress->report, &message, &user->usage);
    for (size_t i = 0; i < message.n_stages; i++)
        if (strcmp(message.stages[i]->stage, stage_name(progress->stage)) == 0)
            message.stages[i]->total = progress->total;
    sum_usage(building, &sum);
    message.user = convert_text(&arena, building->names.texts[user->number]);
    message.usage = &sum;
    grpc_call_send(building->call.call, &message.base);
}

static void report_build(Building *building, const BuildingUser *user, const UserReply *reply)
{
    Rpmd__V1__BuildResponse progress = building->progress;
    Rpmd__V1__Usage usage = RPMD__V1__USAGE__INIT, sum;
    char message[STATUS_MESSAGE_SIZE + 32];
    _cleanup_arena_ Arena arena = ARENA_INIT;
    progress.user = convert_text(&arena, building->names.texts[user->number]);
    if (reply->report)
        fill_report(&arena, reply->report, &progress, &usage);
    add_usage(&building->usage, &usage);
    sum_usage(building, &sum);
    progress.usage = &sum;
    const UserModel *model = reply->user.model;
    if (model) {
        progress.model_version = model->version;
        progress.factors = model->factor_count;
        progress.items_failed = model->failed_count;
        progress.features_dropped = model->features_dropped;
    }
    if (!status_is_ok(&reply->status)) {
        snprintf(message, sizeof(message), "%s: %s", status_code_name(reply->status.code),
                 reply->status.message);
        progress.error = message;
    }
    grpc_call_send(building->call.call, &progress.base);
}

static void on_built(const UserReply *reply, void *data)
{
    BuildingUser *user = data;
    Building *building = user->building;
    building->running--;
    building->progress.users_done++;
    LIST_REMOVE(user, link);
    if (reply->user.model)
        building->progress.items_done += reply->user.model->entry_count;
    /* One user alone: an error is the call's own. */
    if (!building->all && !status_is_ok(&reply->status)) {
        free(user);
        grpc_call_finish(building->call.call, &reply->status);
        return;
    }
    report_build(building, user, reply);
    free(user);
    build_more(building);
}

static bool is_build_held(const Building *building)
{
    return grpc_call_pending_bytes(building->call.call) >=
           grpc_server_limits(building->call.context->grpc)->write_high_bytes;
}

static void build_more(Building *building)
{
    const Status done = STATUS_INIT;
    const Caller caller = service_caller(building->call.call);
    while (building->next < building->names.count && building->running < PARALLEL_BUILDS &&
           !is_build_held(building)) {
        BuildingUser *user = NEW(BuildingUser);
        *user =
            (BuildingUser){.building = building, .number = building->next++, .usage = RPMD__V1__USAGE__INIT};
        LIST_INSERT_HEAD(&building->users, user, link);
        const UserName name = {text_of(building->task), building->names.texts[user->number]};
        building->running++;
        user->build =
            users_build(building->call.context->users, &name, &building->settings, &caller, on_built, user);
    }
    if (building->running == 0 && building->next == building->names.count)
        grpc_call_finish(building->call.call, &done);
}

static void on_users_listed(StoreReply *reply, void *data)
{
    Building *building = data;
    ServiceCall *call = &building->call;
    call->store = NULL;
    if (!status_is_ok(&reply->status)) {
        grpc_call_finish(call->call, &reply->status);
        return;
    }
    for (size_t i = 0; i < reply->users.count; i++)
        intern_add(&building->names, reply->users.users[i].user);
    if (reply->users.more) {
        arena_finish(&building->last_user);
        building->request.after =
            arena_text(&building->last_user, reply->users.users[reply->users.count - 1].user);
        call->store = store_list_users(call->context->store, &building->request, on_users_listed, building);
        return;
    }
    if (building->names.count == 0) {
        grpc_call_refuse(
            call->call, STATUS_FAILED_PRECONDITION,
            "the task %s has no histories yet; import some: rpmctl history import --task %s FILE",
            building->task, building->task);
        return;
    }
    building->progress.users_total = building->names.count;
    build_more(building);
}

static UsersPool pool_of(Rpmd__V1__PoolMembership membership)
{
    if (membership == RPMD__V1__POOL_MEMBERSHIP__POOL_MEMBERSHIP_IN)
        return USERS_POOL_IN;
    return membership == RPMD__V1__POOL_MEMBERSHIP__POOL_MEMBERSHIP_OUT ? USERS_POOL_OUT : USERS_POOL_KEEP;
}

void building_begin(GrpcCall *call, const void *message)
{
    const Rpmd__V1__BuildRequest *request = message;
    ServiceContext *context = grpc_call_service(call);
    Status status = STATUS_INIT;
    if (request->all_users == (request->user[0] != '\0'))
        status_refuse(&status, STATUS_INVALID_ARGUMENT, "set either user or all_users");
    else if (!check_task(context->plugins, request->task, &status) && !request->all_users)
        check_user(request->user, &status);
    if (!status_is_ok(&status)) {
        grpc_call_finish(call, &status);
        return;
    }
    Building *building = service_call_new(call, sizeof(Building), release_building);
    building->task = arena_format(&building->call.arena, "%s", request->task);
    building->all = request->all_users;
    building->settings = (BuildRequest){
        .pool = pool_of(request->pool),
        .is_estimate = request->estimate,
        .budget_micros = request->max_cost_micros,
        .progress = on_build_progress,
    };
    building->usage = (Rpmd__V1__Usage)RPMD__V1__USAGE__INIT;
    LIST_INIT(&building->users);
    building->request = (StoreListUsers){.task = text_of(building->task)};
    rpmd__v1__build_response__init(&building->progress);
    if (building->all) {
        building->call.store =
            store_list_users(context->store, &building->request, on_users_listed, building);
        return;
    }
    intern_add(&building->names, text_of(request->user));
    building->progress.users_total = 1;
    build_more(building);
}

void building_on_writable(GrpcCall *call)
{
    Building *building = grpc_call_context(call);
    /* While the users are being listed, that reply goes on. */
    if (building && building->progress.users_total > 0)
        build_more(building);
}
