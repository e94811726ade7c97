/* SPDX-License-Identifier: MIT */
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/pool_change.h"
#include "tests/simulation/cells.h"
#include "tests/simulation/stored.h"
#include "tests/simulation/world.h"

/* The user of a request; NULL: refused. */
static StoredUser *find(rpmd_text name, StoreReply *reply)
{
    StoredUser *user = stored_find(name);
    if (!user)
        status_refuse(&reply->status, STATUS_NOT_FOUND, "There is no history of user \"%.*s\".",
                      TEXT_ARGS(name));
    return user;
}

/* ---- items --------------------------------------------------------------------------------------------- */

static StoreItem read_item(const StoredUser *user, const StoredItem *stored_item, Arena *arena)
{
    StoreItem item = stored_item->item;
    const StoreRecord *record = stored_record(user, stored_item);
    item.id = arena_text(arena, item.id);
    item.query = arena_text(arena, item.query);
    item.response = arena_text(arena, item.response);
    item.meta = arena_text(arena, item.meta);
    if (record) {
        item.record = *record;
        item.record.extractor_version = arena_text(arena, record->extractor_version);
        item.record.error = arena_text(arena, record->error);
        item.record.content = arena_text(arena, record->content);
    }
    return item;
}

static int compare_items(const void *a, const void *b)
{
    const StoreItem *first = a, *second = b;
    if (first->order_us != second->order_us)
        return first->order_us < second->order_us ? -1 : 1;
    return (first->number > second->number) - (first->number < second->number);
}

/* Those of a later revision, in order. */
static StoreItem *read_items(const StoredUser *user, uint64_t since_revision, Arena *arena, size_t *count)
{
    StoreItem *items = ARENA_ARRAY(arena, StoreItem, user->item_count);
    *count = 0;
    for (size_t i = 0; i < user->item_count; i++)
        if (user->items[i].item.revision > since_revision)
            items[(*count)++] = read_item(user, &user->items[i], arena);
    if (*count > 0)
        qsort(items, *count, sizeof(StoreItem), compare_items);
    return items;
}

static bool is_behind(const StoreItem *item, const StoreCursor *cursor)
{
    return !cursor->started || item->order_us > cursor->order_us ||
           (item->order_us == cursor->order_us && item->number > cursor->number);
}

void stored_list_items(const StoreListItems *request, StoreReply *reply)
{
    const StoredUser *user = find(request->user, reply);
    StoreItems *list = &reply->items;
    size_t count, limit = request->limit ? request->limit : STORE_LIST_LIMIT;
    if (!user)
        return;
    StoreItem *items = read_items(user, 0, &reply->arena, &count);
    *list = (StoreItems){.items = ARENA_ARRAY(&reply->arena, StoreItem, count)};
    for (size_t i = 0; i < count; i++) {
        if (!is_behind(&items[i], &request->from))
            continue;
        if (list->count == limit) {
            list->more = true;
            break;
        }
        if (!request->with_records)
            items[i].record.content = (rpmd_text){0};
        if (items[i].record.revision != items[i].revision)
            items[i].record = (StoreRecord){0};
        list->items[list->count++] = items[i];
        list->next = (StoreCursor){true, items[i].order_us, items[i].number};
    }
}

/* ---- users --------------------------------------------------------------------------------------------- */

static int compare_users(const void *a, const void *b)
{
    return text_compare(((const StoreUser *)a)->user, ((const StoreUser *)b)->user);
}

void stored_list_users(const StoreListUsers *request, StoreReply *reply)
{
    StoreUsers *list = &reply->users;
    size_t limit = request->limit ? request->limit : STORE_LIST_LIMIT;
    list->users = ARENA_ARRAY(&reply->arena, StoreUser, disk.user_count);
    for (size_t i = 0; i < disk.user_count; i++) {
        const StoredUser *user = disk.users[i];
        if (user->is_erased || text_compare(user->user.user, request->after) <= 0)
            continue;
        list->users[list->count] = user->user;
        list->users[list->count++].user = arena_text(&reply->arena, user->user.user);
    }
    if (list->count > 0)
        qsort(list->users, list->count, sizeof(StoreUser), compare_users);
    list->more = list->count > limit;
    list->count = MIN(list->count, limit);
}

/* ---- models -------------------------------------------------------------------------------------------- */

static StoreVersion read_version(const StoredUser *user, const StoredVersion *from, Arena *arena)
{
    StoreVersion version = from->version;
    version.reason = arena_text(arena, version.reason);
    version.extractor_version = arena_text(arena, version.extractor_version);
    version.current = version.number == user->user.model_version;
    return version;
}

void stored_load(const StoreLoadModel *request, StoreReply *reply)
{
    const StoredUser *user = find(request->user, reply);
    StoreModel *model = &reply->model;
    if (!user)
        return;
    model->user = user->user;
    model->user.user = arena_text(&reply->arena, user->user.user);
    model->user.extractor_version = (rpmd_text){0};
    const StoredVersion *version = stored_version(user, user->user.model_version);
    if (version)
        model->version = read_version(user, version, &reply->arena);
    bool has_items = request->scope == STORE_LOAD_ALL || (request->scope == STORE_LOAD_MODEL && version);
    if (!has_items)
        return;
    model->items = read_items(user, request->since_revision, &reply->arena, &model->item_count);
    if (version && request->since_revision == 0)
        model->factors = arena_text(&reply->arena, version->factors);
}

void stored_list_versions(const StoreUserName *request, StoreReply *reply)
{
    const StoredUser *user = find(request->user, reply);
    StoreVersions *list = &reply->versions;
    if (!user)
        return;
    list->versions = ARENA_ARRAY(&reply->arena, StoreVersion, user->version_count);
    for (size_t i = user->version_count; i > 0; i--)
        list->versions[list->count++] = read_version(user, &user->versions[i - 1], &reply->arena);
}

void stored_load_factors(const StoreLoadFactorSet *request, StoreReply *reply)
{
    const StoredUser *user = find(request->user, reply);
    const StoredVersion *version = user ? stored_version(user, request->version) : NULL;
    if (version)
        reply->factors = arena_text(&reply->arena, version->factors);
    else if (user)
        status_refuse(&reply->status, STATUS_NOT_FOUND, "The version is not kept.");
}

/* ---- what users have in common ------------------------------------------------------------------------- */

/* The sum of all changes. */
void stored_load_population(StoreReply *reply)
{
    StorePopulation *population = &reply->population;
    Cells cells = {0};
    for (size_t i = 0; i < disk.change_count; i++)
        cells_apply(&cells, disk.changes[i].user, disk.changes[i].bytes);
    population->cells = ARENA_ARRAY(&reply->arena, StoreCell, cells.cell_count);
    population->votes = ARENA_ARRAY(&reply->arena, StoreVote, cells.vote_count);
    for (size_t i = 0; i < cells.cell_count; i++) {
        const Cell *cell = &cells.cells[i];
        if (cell->count > 0)
            population->cells[population->cell_count++] =
                (StoreCell){cell->key, arena_text(&reply->arena, cell->answer_class), (uint64_t)cell->count,
                            (uint64_t)cell->users};
    }
    for (size_t i = 0; i < cells.vote_count; i++) {
        const Vote *vote = &cells.votes[i];
        if (vote->answer.length > 0)
            population->votes[population->vote_count++] =
                (StoreVote){vote->question, vote->user, arena_text(&reply->arena, vote->answer)};
    }
    population->last_change = disk.change_count;
    cells_finish(&cells);
}

/* ---- replies of LLMs ----------------------------------------------------------------------------------- */

void stored_find_reply(const StoreFindReply *request, StoreReply *reply)
{
    for (size_t i = disk.reply_count; i > 0; i--) {
        const StoredReply *found = &disk.replies[i - 1];
        if (found->is_gone || memcmp(found->key, request->key.data, STORE_REPLY_KEY_SIZE) != 0)
            continue;
        mark(MARK_REPLY_REUSED);
        reply->found = (StoreFoundReply){true, arena_text(&reply->arena, found->text)};
        return;
    }
}
