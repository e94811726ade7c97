/* SPDX-License-Identifier: MIT */
#include "tests/simulation/checker.h"

#include "daemon/users/task.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/item_record.h"
#include "tests/simulation/cells.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/core.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/same_model.h"
#include "tests/simulation/world.h"

#define USER_LIMIT 3

/* ---- after each step ------------------------------------------------------------------------------------
 */

static const User *find_user(const char *name)
{
    return user_table_find(&core.users->table, &(UserName){text_of(TASK), text_of(name)});
}

static bool had_model[USER_LIMIT];

static void check_user(const char *name, size_t index)
{
    const User *user = find_user(name);
    if (had_model[index] && !user)
        mark(MARK_MODEL_FORGOTTEN);
    had_model[index] = user && user->model;
    const StoredUser *stored = user ? stored_user(user->number) : NULL;
    if (!stored)
        return;
    HOLDS(user->seen_revision <= stored->user.history_revision,
          "revision %lu of user %s was seen, and the history is at %lu", (unsigned long)user->seen_revision,
          name, (unsigned long)stored->user.history_revision);
    HOLDS(user->model_revision <= user->seen_revision, "the model of user %s is of revision %lu of %lu", name,
          (unsigned long)user->model_revision, (unsigned long)user->seen_revision);
    if (!user_is_current(user) || stored->is_erased)
        return;
    const Promise promise = ledger_promise(text_of(name));
    HOLDS(promise.user_number != user->number || promise.revision <= user->model_revision,
          "the model of user %s passes for the newest at revision %lu, but %lu was acknowledged", name,
          (unsigned long)user->model_revision, (unsigned long)promise.revision);
}

static ModelItem *read_record(const StoreItem *item, const StoreRecord *record)
{
    return model_item_read(&(ModelItemSource){.id = item->id,
                                              .query = item->query,
                                              .response = item->response,
                                              .number = item->number,
                                              .revision = record->revision,
                                              .order_us = item->order_us,
                                              .time_us = item->time_us,
                                              .extractor_version = record->extractor_version,
                                              .content = record->content,
                                              .is_outdated = record->revision != item->revision});
}

/* The model as it was published: of each item what its record says, which may be older than its text. */
static UserModel *make_published(const StoredUser *user)
{
    Arena arena = ARENA_INIT;
    const StoredVersion *version = stored_version(user, user->user.model_version);
    ModelTask task = task_of_plugin(&arena, plugin_registry_find(core.plugins, TASK, NULL));
    ModelItem **items = NEW_ARRAY(ModelItem *, user->item_count);
    FactorSet *factors = factor_set_read(version->factors);
    size_t count = 0;
    for (size_t i = 0; i < user->item_count; i++) {
        const StoreRecord *record = stored_record(user, &user->items[i]);
        if (record)
            items[count++] = read_record(&user->items[i].item, record);
    }
    UserModel *made = user_model_build(&task, items, count, factors);
    for (size_t i = 0; i < count; i++)
        model_item_unref(items[i]);
    free(items);
    factor_set_unref(factors);
    arena_finish(&arena);
    return made;
}

/* What a user fed in so far is what the published model makes. */
static void check_share(const StoredUser *user)
{
    Cells log = {0}, share = {0};
    Buffer bytes = BUFFER_INIT;
    UserModel *made = user->user.model_version && !user->is_erased ? make_published(user) : NULL;
    for (size_t i = 0; i < disk.change_count; i++)
        if (disk.changes[i].user == user->user.number)
            cells_apply(&log, user->user.number, disk.changes[i].bytes);
    if (made && user->user.feeds_pool)
        contribution_change_write(&bytes, NULL, made);
    cells_apply(&share, user->user.number, (rpmd_text){buffer_string(&bytes), bytes.length});
    cells_compare(&log, &share, "the published model");
    cells_finish(&log);
    cells_finish(&share);
    buffer_finish(&bytes);
    user_model_unref(made);
}

static void check_shares(void)
{
    for (size_t i = 0; i < disk.user_count; i++) {
        StoredUser *user = disk.users[i];
        uint64_t state = user->user.model_version * 2 + user->is_erased;
        if (user->checked != state)
            check_share(user);
        user->checked = state;
    }
}

void check_step(void)
{
    check_shares();
    const char *name;
    for (size_t i = 0; (name = clients_user(i)); i++)
        check_user(name, i);
}

/* ---- a user at rest -------------------------------------------------------------------------------------
 */

/* The record that the extractor would make of it. */
static void check_record(const StoredUser *user, const StoreItem *item, const StoreRecord *record)
{
    Arena arena = ARENA_INIT;
    Tokenizer *tokenizer = tokenizer_new();
    Buffer content = BUFFER_INIT;
    ModelItem *made =
        model_item_new(&(ModelItemInput){.id = item->id,
                                         .query = item->query,
                                         .response = item->response,
                                         .number = item->number,
                                         .revision = item->revision,
                                         .order_us = item->order_us,
                                         .time_us = item->time_us,
                                         .analysis = plugins_analysis(item->query, item->response, &arena),
                                         .extractor_version = record->extractor_version},
                       tokenizer);
    item_record_write(&content, made);
    HOLDS(text_equal(record->content, (rpmd_text){buffer_string(&content), content.length}),
          "the record of item %.*s of user %.*s is not what its text makes", TEXT_ARGS(item->id),
          TEXT_ARGS(user->user.user));
    model_item_unref(made);
    buffer_finish(&content);
    tokenizer_free(tokenizer);
    arena_finish(&arena);
}

static ModelItem *read_item(const StoredUser *user, const StoredItem *stored)
{
    const StoreItem *item = &stored->item;
    const StoreRecord *record = stored_record(user, stored);
    HOLDS(record && record->revision == item->revision,
          "item %.*s of user %.*s has no record of its revision %lu", TEXT_ARGS(item->id),
          TEXT_ARGS(user->user.user), (unsigned long)item->revision);
    if (!core_has_llm())
        check_record(user, item, record);
    return read_record(item, record);
}

/* The model that the history makes, with these factors. */
static UserModel *make_model(const StoredUser *user, const UserModel *model)
{
    Arena arena = ARENA_INIT;
    ModelTask task = task_of_plugin(&arena, plugin_registry_find(core.plugins, TASK, NULL));
    ModelItem **items = NEW_ARRAY(ModelItem *, user->item_count);
    task.extractor_version = model->extractor_version;
    for (size_t i = 0; i < user->item_count; i++)
        items[i] = read_item(user, &user->items[i]);
    UserModel *made = user_model_build(&task, items, user->item_count, model->factors);
    for (size_t i = 0; i < user->item_count; i++)
        model_item_unref(items[i]);
    free(items);
    arena_finish(&arena);
    return made;
}

static void check_factors(const StoredVersion *version, const UserModel *model, const char *name)
{
    FactorSet *factors = factor_set_read(version->factors);
    HOLDS(factors && factor_set_count(factors) == factor_set_count(model->factors),
          "user %s has another number of factors in memory than in the store", name);
    for (size_t f = 0; f < factor_set_count(factors); f++) {
        const Factor *factor = factor_set_get(factors, f), *other = factor_set_get(model->factors, f);
        bool is_same = text_equal(factor->name, other->name) && factor->member_count == other->member_count;
        for (size_t m = 0; is_same && m < factor->member_count; m++)
            is_same = text_equal(factor->members[m], other->members[m]);
        HOLDS(is_same, "factor %zu of user %s is another in memory than in the store", f, name);
    }
    factor_set_unref(factors);
}

/* What memory and the store say of the user. */
static void check_numbers(const StoredUser *stored, const User *user, const char *name)
{
    const StoredVersion *version = stored_version(stored, stored->user.model_version);
    HOLDS(user && user->model, "there is no model of user %s in memory", name);
    HOLDS(user->number == stored->user.number, "user %s has number %lu instead of %lu", name,
          (unsigned long)user->number, (unsigned long)stored->user.number);
    HOLDS(user->model_revision == stored->user.history_revision &&
              user->seen_revision == stored->user.history_revision,
          "the model of user %s is of revision %lu, %lu was seen, and the history is at %lu", name,
          (unsigned long)user->model_revision, (unsigned long)user->seen_revision,
          (unsigned long)stored->user.history_revision);
    HOLDS(user->model->version == version->version.number, "version %lu of user %s serves instead of %lu",
          (unsigned long)user->model->version, name, (unsigned long)version->version.number);
    HOLDS(user->last_item == stored->user.last_item, "user %s has item %lu as the last one instead of %lu",
          name, (unsigned long)user->last_item, (unsigned long)stored->user.last_item);
    HOLDS(user->feeds_pool == stored->user.feeds_pool, "user %s feeds the pool in memory or in the store",
          name);
    HOLDS(version->version.items == stored->item_count, "version %lu of user %s has %lu items of %zu",
          (unsigned long)version->version.number, name, (unsigned long)version->version.items,
          stored->item_count);
    check_factors(version, user->model, name);
}

/* A version may be older than the history only by what its model does not feel. */
static void check_version(const StoredUser *stored, const char *name)
{
    const StoredVersion *version = stored_version(stored, stored->user.model_version);
    uint64_t revision = version->version.history_revision;
    for (size_t i = 0; i < stored->item_count; i++) {
        const StoreRecord *record = stored_record(stored, &stored->items[i]);
        HOLDS(stored->items[i].item.revision <= revision || record,
              "version %lu of user %s stands for revision %lu, and an item of revision %lu is not analysed",
              (unsigned long)version->version.number, name, (unsigned long)revision,
              (unsigned long)stored->items[i].item.revision);
    }
    HOLDS(revision == stored->user.history_revision, "version %lu of user %s stands for revision %lu of %lu",
          (unsigned long)version->version.number, name, (unsigned long)revision,
          (unsigned long)stored->user.history_revision);
}

static void check_user_at_rest(const char *name, Cells *sum, Buffer *shares)
{
    clients_get(name);
    core_settle();
    const StoredUser *stored = stored_find(text_of(name));
    if (!stored || stored->user.model_version == 0)
        return;
    const User *user = find_user(name);
    check_numbers(stored, user, name);
    check_version(stored, name);
    UserModel *made = make_model(stored, user->model);
    same_model(user->model, made, name);
    if (stored->user.feeds_pool)
        contribution_change_write(shares, NULL, made);
    cells_apply(sum, stored->user.number, (rpmd_text){buffer_string(shares), shares->length});
    user_model_unref(made);
}

/* ---- what users have in common --------------------------------------------------------------------------
 */

static void check_cells(const Population *population, const Cells *cells)
{
    for (size_t i = 0; i < cells->cell_count; i++) {
        const Cell *cell = &cells->cells[i];
        PopulationView view = {population, NULL, 0, 1};
        uint32_t count = population_count(&view, cell->key, cell->answer_class);
        HOLDS(count == cell->count, "a pooled cell (%016lx, %.*s) has %u in memory and %ld in the store",
              (unsigned long)cell->key, TEXT_ARGS(cell->answer_class), count, (long)cell->count);
        view.minimum_users = (uint32_t)cell->users;
        if (cell->users == 0)
            continue;
        HOLDS(population_count(&view, cell->key, cell->answer_class) == cell->count,
              "a pooled cell is fed by fewer than %ld users in memory", (long)cell->users);
        view.minimum_users++;
        HOLDS(population_count(&view, cell->key, cell->answer_class) == 0,
              "a pooled cell is fed by more than %ld users in memory", (long)cell->users);
    }
}

static size_t count_votes(const Cells *cells, uint64_t question)
{
    size_t count = 0;
    for (size_t i = 0; i < cells->vote_count; i++)
        count += cells->votes[i].question == question && cells->votes[i].answer.length > 0;
    return count;
}

static void check_votes(const Population *population, const Cells *cells)
{
    const PopulationView view = {population, NULL, 0, 1};
    for (size_t i = 0; i < cells->vote_count; i++) {
        const Vote *vote = &cells->votes[i];
        size_t count, expected = count_votes(cells, vote->question), found = 0;
        const PopulationVote *votes = population_votes(&view, vote->question, &count);
        HOLDS(count == expected, "a question has %zu votes in memory and %zu in the store", count, expected);
        for (size_t k = 0; k < count; k++)
            found +=
                votes[k].user == vote->user && votes[k].answer == population_answer(population, vote->answer);
        HOLDS(found == (vote->answer.length > 0), "the vote of user %lu is another in memory",
              (unsigned long)vote->user);
    }
}

static void check_pool(const Cells *cells)
{
    const UserTask *task = user_task_find(&core.users->table, text_of(TASK));
    if (!task || !task_pool_is_ready(task->pool))
        return;
    const Population *population = task_pool_read_begin(task->pool);
    check_cells(population, cells);
    check_votes(population, cells);
    task_pool_read_end(task->pool);
}

/* ---- everything at rest ---------------------------------------------------------------------------------
 */

void check_rest(void)
{
    Cells sum = {0}, log = {0};
    Buffer shares[USER_LIMIT] = {BUFFER_INIT};
    const char *name;
    trace("everything comes to rest");
    core_settle();
    ledger_rest();
    check_step();
    HOLDS(clients_at_work() == 0, "%zu clients are never answered", clients_at_work());
    world_set_faults(false);
    for (size_t i = 0; (name = clients_user(i)); i++)
        check_user_at_rest(name, &sum, &shares[i]);
    for (size_t i = 0; i < disk.change_count; i++)
        cells_apply(&log, disk.changes[i].user, disk.changes[i].bytes);
    cells_compare(&log, &sum, "the sum of what users feed in");
    check_pool(&log);
    world_set_faults(true);
    cells_finish(&sum);
    cells_finish(&log);
    for (size_t i = 0; i < USER_LIMIT; i++)
        buffer_finish(&shares[i]);
}
