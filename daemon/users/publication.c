/* SPDX-License-Identifier: MIT */
#include "daemon/users/publication.h"

#include "daemon/users/task.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <time.h>

int64_t publication_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* ---- assembling --------------------------------------------------------------------------------------- */

static void begin(Operation *operation, Assembly *assembly)
{
    const User *user = operation->user;
    assembly->texts = feature_texts_ref(user->task->texts);
    assembly->fed_pool = assembly->feeds_pool = user->model && user->feeds_pool;
    if (assembly->kind != ASSEMBLY_LOAD && assembly->kind != ASSEMBLY_READ && assembly->kind != ASSEMBLY_NEW)
        assembly->before = user_model_ref(user->model);
}

bool publication_begin_assembly(Operation *operation, Assembly *assembly)
{
    Status status = STATUS_INIT;
    const rpmd_plugin *plugin = operation_plugin(operation, &status);
    const UserModel *model = operation->user->model;
    if (!plugin) {
        operation_refuse(operation, &status);
        return false;
    }
    begin(operation, assembly);
    assembly->task = task_of_plugin(&assembly->arena, plugin);
    /* A model keeps the version that it was built with, however new the items are that came since. */
    if (model)
        assembly->task.extractor_version = arena_text(&assembly->arena, model->extractor_version);
    return true;
}

void publication_begin_without_plugin(Operation *operation, Assembly *assembly, rpmd_answer_kind answer_kind)
{
    begin(operation, assembly);
    assembly->task.answer_kind = answer_kind;
}

static void take(Operation *operation, void *job)
{
    Assembly *assembly = job;
    assembly_finish(&operation->assembled);
    operation->assembled = *assembly;
    *assembly = (Assembly){0};
}

OperationState publication_assemble(Operation *operation, Assembly *assembly, const WorkKind *work)
{
    return operation_assemble(operation, work, assembly, take);
}

/* ---- publishing --------------------------------------------------------------------------------------- */

OperationState publication_publish(Operation *operation, StorePublish *change, uint64_t revision)
{
    Assembly *assembled = &operation->assembled;
    const User *user = operation->user;
    const UserModel *after = assembled->after;
    if (!after)
        return operation_refuse_with(
            operation, STATUS_DATA_LOSS,
            "the factors of the model of the user %s in the task %s cannot be read; build "
            "it again: rpmctl model build --task %s --user %s",
            user->name, user->task->name, user->task->name, user->name);
    operation->next_revision = revision;
    operation->next_created_us = change->created_us = publication_now_us();
    buffer_clear(&operation->pool_change);
    buffer_append(&operation->pool_change, assembled->pool_change.data, assembled->pool_change.length);
    change->task = operation->name.task;
    change->user = operation->name.user;
    change->user_number = user->number;
    change->base_version = user->model ? user->model->version : 0;
    change->extractor_version = after->extractor_version;
    change->answer_kind = after->answer_kind;
    change->item_count = after->entry_count;
    change->factor_count = after->factor_count;
    if (assembled->factors_changed && change->from_version == 0)
        change->factors = &assembled->factors_written;
    change->feature_count = after->features;
    change->reasoning_count = after->paths;
    change->feeds_pool = assembled->feeds_pool;
    change->pool_change = assembled->pool_change;
    change->arena = &assembled->arena;
    assembly_drop_items(assembled);
    return operation_publish(operation, change);
}

static void adopt(Operation *operation, uint64_t version, int64_t created_us, uint64_t revision)
{
    Users *users = operation->users;
    UserModel *after = operation->assembled.after;
    size_t before_bytes = operation->user->bytes;
    after->version = version;
    after->created_us = created_us;
    user_set_model(&users->table, operation->user, after, revision);
    users_note_freed(users, MAX(before_bytes, user_model_bytes(after)));
}

PublicationOutcome publication_take(Operation *operation)
{
    Users *users = operation->users;
    User *user = operation->user;
    const StoreReply *answer = &operation->answer;
    if (!status_is_ok(&answer->status)) {
        /* What is in the store is not known to be what is in memory: it is read again. */
        user_forget(&users->table, user);
        if (answer->status.code == STATUS_ABORTED && ++operation->attempts < OPERATION_ATTEMPT_LIMIT)
            return PUBLICATION_AGAIN;
        operation_refuse(operation, &answer->status);
        return PUBLICATION_REFUSED;
    }
    user->feeds_pool = operation->assembled.feeds_pool;
    adopt(operation, answer->published.version, operation->next_created_us, operation->next_revision);
    user_saw(user, answer->published.history_revision);
    task_pool_change(user->task->pool, answer->published.last_change, user->number,
                     (rpmd_text){operation->pool_change.data, operation->pool_change.length});
    assembly_finish(&operation->assembled);
    return PUBLICATION_MADE;
}

void publication_adopt_loaded(Operation *operation, uint64_t revision)
{
    const StoreVersion *version = &operation->assembled.stored.version;
    adopt(operation, version->number, version->created_us, revision);
    operation->users->metrics.loads++;
}
