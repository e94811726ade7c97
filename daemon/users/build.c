/* SPDX-License-Identifier: MIT */
#include "daemon/users/draft.h"
#include "daemon/users/refresh.h"
#include "daemon/users/task.h"
#include "daemon/users/users.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

/*
 * Out of the user's line, while the present model serves; one build of a user at a time:
 *
 *     LOADING all --> ASSEMBLING: what this version of the extractor analysed is read -->
 *     [ANALYSING: what LLMs contribute, draft.h] --> ANALYSING the others, whose records are staged -->
 *     ASSEMBLING the model
 *
 * In its turn:
 *
 *     refresh the present model --> ASSEMBLING: what the history has by now --> PUBLISHING
 */
typedef enum BuildPhase {
    BUILD_IN_LINE, /* another build of the user is at work */
    BUILD_LOADING,
    BUILD_READING,
    BUILD_DRAFTING,
    BUILD_DRAFTED,
    BUILD_PREPARING,
    BUILD_MAKING,
    BUILD_REFRESHING, /* from here on in its turn */
    BUILD_CATCHING_UP,
    BUILD_PUBLISHING,
} BuildPhase;

typedef struct BuildOperation {
    Operation operation;
    BuildRequest request;
    BuildPhase phase;
    StoreModel loaded;
    Arena loaded_arena;
    uint64_t deletions; /* of the user, when it was loaded */
    ModelItem **read;   /* read[i] of loaded.items[i]; references */
    Draft *draft;       /* NULL: native */
    FreshItem *fresh;   /* in the arena */
    size_t fresh_count;
    Preparation *preparation;
    uint64_t generation; /* of the staged records; 0: none */
    Status status;       /* of the draft, or of the preparation */
    UserModel *built;    /* of the history as it was loaded; a reference */
    Refresh refresh;
} BuildOperation;

static BuildOperation *build_of(const Operation *operation)
{
    return (BuildOperation *)operation;
}

static bool is_waiting(const Operation *operation)
{
    const BuildOperation *build = build_of(operation);
    return build->phase == BUILD_DRAFTING || build->preparation || refresh_is_waiting(&build->refresh);
}

/* The next build of the user, the oldest one, may begin. */
static void let_next_build(Operation *operation)
{
    User *user = operation->user;
    Operation *other, *oldest = NULL;
    if (user->builder != operation)
        return;
    LIST_FOREACH(other, &operation->users->operations, link)
    if (other != operation && other->state == OPERATION_WAITING && other->user == user &&
        other->kind == operation->kind && build_of(other)->phase == BUILD_IN_LINE)
        oldest = other;
    user->builder = oldest; /* at once: it may leave before it takes its step */
    if (oldest)
        operation_wake(oldest);
}

static void cancel(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    if (build->preparation)
        preparation_cancel(TAKE_PTR(build->preparation));
    if (build->phase == BUILD_DRAFTING) {
        draft_free(TAKE_PTR(build->draft));
        build->phase = BUILD_DRAFTED;
    }
    refresh_cancel(&build->refresh);
    let_next_build(operation);
}

/* Frees what was made of the loaded history. */
static void forget_loaded(BuildOperation *build)
{
    draft_free(TAKE_PTR(build->draft));
    for (size_t i = 0; build->read && i < build->loaded.item_count; i++)
        model_item_unref(build->read[i]);
    for (size_t i = 0; i < build->fresh_count; i++)
        model_item_unref(build->fresh[i].made);
    user_model_unref(TAKE_PTR(build->built));
    arena_finish(&build->loaded_arena);
    build->operation.reply.report = NULL;
    build->read = NULL;
    build->fresh_count = 0;
    build->loaded = (StoreModel){0};
}

static void release(Operation *operation)
{
    forget_loaded(build_of(operation));
    refresh_finish(&build_of(operation)->refresh);
}

/* The extractor's version that the build's analyses are to have. */
static rpmd_text wanted_version(Operation *operation, Arena *arena)
{
    const UsersContext *context = &operation->users->context;
    const rpmd_plugin *plugin = operation_plugin(operation, NULL);
    return plugin ? task_extractor_version(arena, plugin, context->config, context->stages) : (rpmd_text){0};
}

/* An assembly of the build; NULL: the operation is refused. */
static Assembly *begin_assembly(Operation *operation, AssemblyKind kind)
{
    Assembly *assembly = assembly_new(kind);
    if (!publication_begin_assembly(operation, assembly)) {
        assembly_free(assembly);
        return NULL;
    }
    assembly->task.extractor_version = wanted_version(operation, &assembly->arena);
    return assembly;
}

/* ---- out of line -------------------------------------------------------------------------------------- */

static OperationState load(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    User *user = operation->user;
    if (user->builder && user->builder != operation)
        return OPERATION_WAITING;
    user->builder = operation;
    build->deletions = user->deletions; /* before the store is asked: its answer may come behind a later's */
    build->phase = BUILD_LOADING;
    return operation_load(operation, STORE_LOAD_ALL, 0);
}

static OperationState begin_reading(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    User *user = operation->user;
    const StoreModel *stored = &operation->answer.model;
    if (!status_is_ok(&operation->answer.status))
        return operation_refuse(operation, &operation->answer.status);
    /* Who was erased while the store read is not the one who has the name now. */
    if (user->number == stored->user.number)
        user_saw(user, stored->user.history_revision);
    build->phase = BUILD_READING;
    Assembly *assembly = begin_assembly(operation, ASSEMBLY_READ);
    if (!assembly)
        return OPERATION_DONE;
    assembly->stored = *stored;
    assembly->stored_arena = operation->answer.arena;
    operation->answer.arena = ARENA_INIT;
    return publication_assemble(operation, assembly, &assembly_build_work);
}

static void take_read(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    Assembly *assembled = &operation->assembled;
    build->loaded = assembled->stored;
    build->loaded_arena = assembled->stored_arena;
    assembled->stored_arena = ARENA_INIT;
    build->read = ARENA_ARRAY(&build->loaded_arena, ModelItem *, assembled->item_count);
    for (size_t i = 0; i < assembled->item_count; i++)
        build->read[i] = assembled->items[i];
    assembled->item_count = 0;
    assembly_finish(assembled);
}

static void on_drafted(void *data, const Status *status)
{
    Operation *operation = data;
    BuildOperation *build = build_of(operation);
    build->phase = BUILD_DRAFTED;
    build->status = *status;
    operation_go_on(operation);
}

static OperationState begin_drafting(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    const DraftRequest request = {
        .name = operation->name,
        .user_number = build->loaded.user.number,
        .texts = operation->user->task->texts,
        .items = build->loaded.items,
        .read = build->read,
        .count = build->loaded.item_count,
        .build = build->request,
        .progress_data = operation->data,
    };
    build->phase = BUILD_DRAFTING;
    build->draft = draft_begin(&operation->users->context, &request, on_drafted, operation);
    operation->reply.report = draft_report(build->draft);
    return OPERATION_ANALYSING;
}

/* What is to be analysed, or has a new path. */
static void find_fresh(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    Arena *arena = &build->loaded_arena;
    const DraftItem *drafted = build->draft ? draft_items(build->draft) : NULL;
    rpmd_text native = wanted_version(operation, arena);
    build->fresh = ARENA_ARRAY(arena, FreshItem, build->loaded.item_count);
    for (size_t i = 0; i < build->loaded.item_count; i++) {
        FreshItem *fresh = &build->fresh[build->fresh_count];
        *fresh = (FreshItem){.item = &build->loaded.items[i], .version = native};
        if (drafted) {
            fresh->analysis = drafted[i].analysis;
            fresh->version = draft_version(build->draft, drafted[i].has_version);
            fresh->path = drafted[i].path;
        }
        if (build->read[i] && fresh->path.length > 0) {
            fresh->analysis = model_item_analysis(build->read[i], arena);
            fresh->version = arena_text(arena, build->read[i]->extractor_version);
        }
        build->fresh_count += !build->read[i] || fresh->path.length > 0;
    }
}

static void on_prepared(void *data, const Status *status, uint64_t generation)
{
    Operation *operation = data;
    BuildOperation *build = build_of(operation);
    build->preparation = NULL;
    build->status = *status;
    build->generation = generation;
    operation_go_on(operation);
}

static OperationState prepare(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    find_fresh(operation);
    const PreparationRequest request = {
        .items = build->fresh,
        .count = build->fresh_count,
        .texts = operation->user->task->texts,
        .urgency = PLUGIN_BACKGROUND,
        .is_staged = true,
        .user_number = build->loaded.user.number,
    };
    build->phase = BUILD_PREPARING;
    build->preparation =
        preparation_begin(&operation->users->context, &operation->name, &request, on_prepared, operation);
    return OPERATION_ANALYSING;
}

static OperationState make(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    Assembly *assembly = begin_assembly(operation, ASSEMBLY_NEW);
    if (!assembly)
        return OPERATION_DONE;
    assembly->items = ARENA_ARRAY(&assembly->arena, ModelItem *, build->loaded.item_count);
    for (size_t i = 0, f = 0; i < build->loaded.item_count; i++) {
        bool is_fresh = f < build->fresh_count && build->fresh[f].item == &build->loaded.items[i];
        ModelItem **item = is_fresh ? &build->fresh[f].made : &build->read[i];
        assembly->items[assembly->item_count++] = TAKE_PTR(*item);
        f += is_fresh;
    }
    if (build->draft)
        assembly->given = draft_factors(build->draft, &assembly->arena, &assembly->given_count);
    build->phase = BUILD_MAKING;
    return publication_assemble(operation, assembly, &assembly_build_work);
}

/* ---- in turn ------------------------------------------------------------------------------------------ */

/* Whether the user's counts help the others of the task from now on. */
static bool feeds_pool(const Operation *operation)
{
    const BuildOperation *build = build_of(operation);
    const User *user = operation->user;
    bool did =
        user->model ? user->feeds_pool : build->loaded.version.number == 0 || build->loaded.user.feeds_pool;
    bool wanted = build->request.pool == USERS_POOL_KEEP ? did : build->request.pool == USERS_POOL_IN;
    return wanted && operation_settings(operation)->population;
}

static OperationState catch_up(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    const User *user = operation->user;
    if (user->number != build->loaded.user.number)
        return operation_refuse_with(operation, STATUS_ABORTED, "the user was erased in the meantime");
    /* What was deleted from a history without a model is in nobody's model: the build has to see it itself.
     */
    if (!user->model && user->deletions != build->deletions) {
        if (++operation->attempts == OPERATION_ATTEMPT_LIMIT)
            return operation_refuse_with(operation, STATUS_ABORTED,
                                         "items of the user %s were deleted all the time; build again",
                                         user->name);
        forget_loaded(build);
        operation_leave_line(operation);
        return load(operation);
    }
    Assembly *assembly = begin_assembly(operation, ASSEMBLY_BUILD);
    if (!assembly)
        return OPERATION_DONE;
    assembly->built = user_model_ref(build->built);
    assembly->since_revision = build->loaded.user.history_revision;
    assembly->feeds_pool = feeds_pool(operation);
    build->phase = BUILD_CATCHING_UP;
    return publication_assemble(operation, assembly, &assembly_build_work);
}

static OperationState refresh(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    OperationState next = refresh_step(operation, &build->refresh);
    return build->refresh.is_over ? catch_up(operation) : next;
}

static OperationState publish(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    const User *user = operation->user;
    uint64_t revision = user->model ? user->model_revision : build->loaded.user.history_revision;
    StorePublish request = {
        .base_revision = revision, .generation = build->generation, .reason = text_of("build")};
    build->phase = BUILD_PUBLISHING;
    return publication_publish(operation, &request, revision);
}

static OperationState take_published(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    switch (publication_take(operation)) {
    case PUBLICATION_MADE:
        operation->users->metrics.builds++;
        operation_fill_snapshot(operation);
        break;
    case PUBLICATION_AGAIN:
        build->phase = BUILD_REFRESHING;
        return refresh_begin(operation, &build->refresh);
    case PUBLICATION_REFUSED:
        break;
    }
    return OPERATION_DONE;
}

static OperationState take_read_and_go_on(Operation *operation)
{
    const BuildOperation *build = build_of(operation);
    take_read(operation);
    bool is_drafted = build->request.is_estimate ||
                      draft_is_wanted(&operation->users->context, operation->user->task->name);
    return is_drafted ? begin_drafting(operation) : prepare(operation);
}

static OperationState step(Operation *operation)
{
    BuildOperation *build = build_of(operation);
    if (!status_is_ok(&build->status))
        return operation_refuse(operation, &build->status);
    switch (build->phase) {
    case BUILD_IN_LINE:
        return load(operation);
    case BUILD_LOADING:
        return begin_reading(operation);
    case BUILD_READING:
        return take_read_and_go_on(operation);
    case BUILD_DRAFTED:
        return build->request.is_estimate ? OPERATION_DONE : prepare(operation);
    case BUILD_PREPARING:
        return make(operation);
    case BUILD_MAKING:
        build->built = TAKE_PTR(operation->assembled.after);
        assembly_finish(&operation->assembled);
        build->phase = BUILD_REFRESHING;
        return operation_wait_for_turn(operation);
    case BUILD_REFRESHING:
        return refresh(operation);
    case BUILD_CATCHING_UP:
        return publish(operation);
    case BUILD_DRAFTING:
    case BUILD_PUBLISHING:
        break;
    }
    return take_published(operation);
}

UserCall *users_build(Users *users, const UserName *name, const BuildRequest *request, const Caller *caller,
                      UserCallback callback, void *data)
{
    static const OperationKind kind = {.name = "build",
                                       .size = sizeof(BuildOperation),
                                       .step = step,
                                       .is_waiting = is_waiting,
                                       .cancel = cancel,
                                       .release = release};
    Operation *operation = operation_new(users, &kind, name, caller, callback, data);
    build_of(operation)->request = *request;
    build_of(operation)->status = STATUS_INIT;
    return operation;
}
