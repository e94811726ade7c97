/* SPDX-License-Identifier: MIT */
#include "tests/simulation/ledger.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/method/model.h"
#include "tests/simulation/llm.h"
#include "tests/simulation/world.h"

#define SERIAL_WORD "item"

/* An item as it was from one commit to the next. */
typedef struct Writing {
    uint64_t user_number;
    uint64_t number;
    uint64_t revision;
    uint64_t end_revision; /* of the change that took its place; 0: it is there */
    uint64_t ended;        /* time of the ledger; 0: it is there */
    rpmd_text user;
    rpmd_text id;
    rpmd_text query;
    rpmd_text response;
} Writing;

typedef struct Erasure {
    uint64_t user_number;
    uint64_t begun;        /* time of the ledger */
    uint64_t acknowledged; /* 0: not yet */
} Erasure;

static struct Ledger {
    uint64_t time; /* counts what happens */
    Arena arena;
    Wish *wishes;
    Writing *writings;
    size_t writing_count;
    size_t writing_capacity;
    uint64_t *acknowledged; /* by user number: the newest revision that a client knows of */
    size_t acknowledged_count;
    Erasure *erasures;
    size_t erasure_count;
    size_t erasure_capacity;
} ledger;

/* ---- life ---------------------------------------------------------------------------------------------- */

void ledger_begin(void)
{
    ledger = (struct Ledger){.time = 1};
}

void ledger_end(void)
{
    free(ledger.writings);
    free(ledger.acknowledged);
    free(ledger.erasures);
    arena_finish(&ledger.arena);
}

/* ---- wishes -------------------------------------------------------------------------------------------- */

Wish *wish_new(WishKind kind, rpmd_text user, rpmd_text id, rpmd_text query, rpmd_text response)
{
    Wish *wish = ARENA_NEW(&ledger.arena, Wish);
    *wish = (Wish){.next = ledger.wishes,
                   .kind = kind,
                   .user = arena_text(&ledger.arena, user),
                   .id = arena_text(&ledger.arena, id),
                   .query = arena_text(&ledger.arena, query),
                   .response = arena_text(&ledger.arena, response),
                   .begun = ++ledger.time,
                   .is_open = true};
    ledger.wishes = wish;
    return wish;
}

static bool is_same(const Wish *wish, WishKind kind, rpmd_text user, rpmd_text id, rpmd_text query,
                    rpmd_text response)
{
    if (wish->kind != kind || !text_equal(wish->user, user))
        return false;
    if (kind != WISH_ERASE && !text_equal(wish->id, id))
        return false;
    return kind != WISH_PUT || (text_equal(wish->query, query) && text_equal(wish->response, response));
}

/* Wishes for the same are granted in no order: the one that was told the other's news has them. */
static void exchange(Wish *wish, bool is_granted)
{
    for (Wish *other = ledger.wishes; other; other = other->next) {
        bool is_like = other != wish && other->is_granted == is_granted && (other->is_open || is_granted) &&
                       is_same(other, wish->kind, wish->user, wish->id, wish->query, wish->response);
        if (!is_like || other->is_acknowledged)
            continue;
        other->is_granted = wish->is_granted;
        wish->is_granted = is_granted;
        uint64_t number = other->user_number, revision = other->revision;
        other->user_number = wish->user_number;
        other->revision = wish->revision;
        wish->user_number = number;
        wish->revision = revision;
        return;
    }
}

static void know(uint64_t user_number, uint64_t revision)
{
    size_t before = ledger.acknowledged_count;
    if (user_number >= before) {
        ledger.acknowledged_count = user_number + 8;
        ledger.acknowledged = memory_resize(ledger.acknowledged, ledger.acknowledged_count, sizeof(uint64_t));
        memset(ledger.acknowledged + before, 0, (ledger.acknowledged_count - before) * sizeof(uint64_t));
    }
    ledger.acknowledged[user_number] = MAX(ledger.acknowledged[user_number], revision);
}

static const char *wish_name(WishKind kind)
{
    static const char *const names[] = {
        [WISH_PUT] = "put", [WISH_DELETE] = "deleted", [WISH_ERASE] = "erased"};
    return names[kind];
}

void wish_acknowledged(Wish *wish)
{
    ledger.time++;
    if (!wish->is_granted)
        exchange(wish, true);
    HOLDS(wish->is_granted,
          "the item %.*s of user %.*s is acknowledged as %s, but the store never heard of it",
          TEXT_ARGS(wish->id), TEXT_ARGS(wish->user), wish_name(wish->kind));
    wish->is_open = false;
    wish->is_acknowledged = true;
    know(wish->user_number, wish->revision);
    if (wish->kind != WISH_ERASE)
        return;
    for (size_t i = 0; i < ledger.erasure_count; i++)
        if (ledger.erasures[i].user_number == wish->user_number && ledger.erasures[i].acknowledged == 0)
            ledger.erasures[i].acknowledged = ledger.time;
}

/* It was there at some time since the wish. */
void wish_unchanged(Wish *wish)
{
    ledger.time++;
    if (wish->is_granted)
        exchange(wish, false);
    wish->is_open = false;
    for (size_t i = 0; i < ledger.writing_count; i++) {
        const Writing *writing = &ledger.writings[i];
        bool was_there = writing->ended == 0 || writing->ended > wish->begun;
        if (was_there &&
            is_same(wish, WISH_PUT, writing->user, writing->id, writing->query, writing->response))
            return;
    }
    world_fail("the item %.*s of user %.*s is said to be there already, and was not", TEXT_ARGS(wish->id),
               TEXT_ARGS(wish->user));
}

void wish_refused(Wish *wish)
{
    ledger.time++;
    wish->is_open = false;
}

void wish_left(Wish *wish)
{
    wish->is_left = true;
}

void ledger_rest(void)
{
    for (Wish *wish = ledger.wishes; wish; wish = wish->next)
        wish->is_open = false;
}

static Wish *grant(WishKind kind, rpmd_text user, rpmd_text id, rpmd_text query, rpmd_text response)
{
    Wish *found = NULL;
    for (Wish *wish = ledger.wishes; wish; wish = wish->next)
        if (wish->is_open && !wish->is_granted && is_same(wish, kind, user, id, query, response) &&
            (!found || !wish->is_left))
            found = wish;
    HOLDS(found, "the item %.*s of user %.*s is %s, and nobody asked for it", TEXT_ARGS(id), TEXT_ARGS(user),
          wish_name(kind));
    if (found->is_left)
        mark(MARK_WRITTEN_FOR_NOBODY);
    found->is_granted = true;
    return found;
}

/* ---- what the store tells ------------------------------------------------------------------------------ */

/* What was written of the item before is over. */
static void end_writing(const StoredUser *user, uint64_t number, uint64_t revision)
{
    for (size_t i = 0; i < ledger.writing_count; i++) {
        Writing *writing = &ledger.writings[i];
        if (writing->user_number != user->user.number || writing->ended != 0 ||
            (number != 0 && writing->number != number))
            continue;
        writing->ended = ledger.time;
        writing->end_revision = revision;
    }
}

void ledger_put(const StoredUser *user, const StoreItem *item, bool is_correction)
{
    ledger.time++;
    Wish *wish = grant(WISH_PUT, user->user.user, item->id, item->query, item->response);
    wish->user_number = user->user.number;
    wish->revision = item->revision;
    if (is_correction)
        end_writing(user, item->number, item->revision);
    GROW(ledger.writings, ledger.writing_count, ledger.writing_capacity);
    ledger.writings[ledger.writing_count++] = (Writing){.user_number = user->user.number,
                                                        .number = item->number,
                                                        .revision = item->revision,
                                                        .user = wish->user,
                                                        .id = wish->id,
                                                        .query = wish->query,
                                                        .response = wish->response};
    trace("    item %.*s of user %.*s (%lu) is written: revision %lu, %.*s", TEXT_ARGS(item->id),
          TEXT_ARGS(user->user.user), (unsigned long)user->user.number, (unsigned long)item->revision,
          TEXT_ARGS(item->query));
}

void ledger_deleted(const StoredUser *user, const StoreItem *item)
{
    ledger.time++;
    Wish *wish = grant(WISH_DELETE, user->user.user, item->id, (rpmd_text){0}, (rpmd_text){0});
    wish->user_number = user->user.number;
    wish->revision = user->user.history_revision;
    end_writing(user, item->number, user->user.history_revision);
    trace("    item %.*s of user %.*s (%lu) is deleted: revision %lu", TEXT_ARGS(item->id),
          TEXT_ARGS(user->user.user), (unsigned long)user->user.number,
          (unsigned long)user->user.history_revision);
}

void ledger_erased(const StoredUser *user)
{
    ledger.time++;
    Wish *wish = grant(WISH_ERASE, user->user.user, (rpmd_text){0}, (rpmd_text){0}, (rpmd_text){0});
    wish->user_number = user->user.number;
    end_writing(user, 0, user->user.history_revision + 1);
    GROW(ledger.erasures, ledger.erasure_count, ledger.erasure_capacity);
    ledger.erasures[ledger.erasure_count++] =
        (Erasure){.user_number = user->user.number, .begun = wish->begun};
    trace("    user %.*s (%lu) is erased", TEXT_ARGS(user->user.user), (unsigned long)user->user.number);
}

/* Whether a client sent the item, or asked with it, since it was asked to erase the user of
 * this name. */
static bool was_sent_since(rpmd_text user, size_t serial)
{
    uint64_t erased = 0;
    for (size_t i = 0; i < ledger.erasure_count; i++)
        if (text_equal(stored_user(ledger.erasures[i].user_number)->user.user, user))
            erased = ledger.erasures[i].begun;
    for (const Wish *wish = ledger.wishes; wish && wish->begun > erased; wish = wish->next) {
        size_t at = 0, found;
        if (text_equal(wish->user, user) && serial_next(wish->query, &at, &found) && found == serial)
            return true;
    }
    return false;
}

void ledger_kept_reply(const StoredUser *user, rpmd_text text)
{
    size_t at = 0, serial;
    rpmd_text prompt = llm_prompt_of(text);
    while (serial_next(prompt, &at, &serial))
        HOLDS(ledger_owner(serial).length == 0 || ledger_owns(user->user.number, serial) ||
                  was_sent_since(user->user.user, serial),
              "a reply of an LLM about item%zu is kept for user %.*s (%lu), who never had it", serial,
              TEXT_ARGS(user->user.user), (unsigned long)user->user.number);
}

/* ---- what is asked ------------------------------------------------------------------------------------- */

Promise ledger_promise(rpmd_text name)
{
    Promise promise = {.begun = ++ledger.time};
    const StoredUser *user = stored_find(name);
    if (user && user->user.number < ledger.acknowledged_count) {
        promise.revision = ledger.acknowledged[user->user.number];
        promise.user_number = promise.revision ? user->user.number : 0;
        promise.has_model = user->user.model_version != 0;
    }
    return promise;
}

static const Writing *find_writing(uint64_t user_number, uint64_t number, uint64_t revision)
{
    for (size_t i = 0; i < ledger.writing_count; i++) {
        const Writing *writing = &ledger.writings[i];
        if (writing->user_number == user_number && writing->number == number && writing->revision == revision)
            return writing;
    }
    return NULL;
}

static const ModelItem *find_in_model(const UserModel *model, uint64_t number)
{
    for (uint32_t e = 0; e < model->entry_count; e++)
        if (model->entries[e]->item->number == number)
            return model->entries[e]->item;
    return NULL;
}

/* What a model has was written for its user, and not deleted when the promise was made. */
static void check_entries(const Promise *promise, uint64_t user_number, const UserModel *model)
{
    for (uint32_t e = 0; e < model->entry_count; e++) {
        const ModelItem *item = model->entries[e]->item;
        const Writing *writing = find_writing(user_number, item->number, item->revision);
        HOLDS(writing && text_equal(writing->query, item->query) &&
                  text_equal(writing->response, item->response) && text_equal(writing->id, item->id),
              "a model of user number %lu has an item %.*s (%lu of revision %lu) that was not written like "
              "that",
              (unsigned long)user_number, TEXT_ARGS(item->id), (unsigned long)item->number,
              (unsigned long)item->revision);
        HOLDS(promise->user_number != user_number || writing->ended == 0 ||
                  writing->end_revision > promise->revision,
              "a model of user number %lu has the item %.*s of revision %lu, which was gone at revision %lu",
              (unsigned long)user_number, TEXT_ARGS(item->id), (unsigned long)item->revision,
              (unsigned long)writing->end_revision);
    }
}

void ledger_check_model(const Promise *promise, rpmd_text name, uint64_t user_number, const UserModel *model)
{
    const StoredUser *user = stored_user(user_number);
    HOLDS(user && text_equal(user->user.user, name), "a model of user %.*s is of user number %lu",
          TEXT_ARGS(name), (unsigned long)user_number);
    for (size_t i = 0; i < ledger.erasure_count; i++) {
        const Erasure *erasure = &ledger.erasures[i];
        HOLDS(erasure->user_number != user_number || erasure->acknowledged == 0 ||
                  erasure->acknowledged > promise->begun,
              "a model of user number %lu is given out, who was erased before", (unsigned long)user_number);
    }
    check_entries(promise, user_number, model);
    const StoredUser *promised = stored_user(promise->user_number);
    if (!promised || promised->is_erased)
        return;
    HOLDS(promised == user, "a model is of user number %lu instead of %lu", (unsigned long)user_number,
          (unsigned long)promise->user_number);
    for (size_t i = 0; i < user->item_count; i++) {
        const StoreItem *item = &user->items[i].item;
        const ModelItem *found = find_in_model(model, item->number);
        HOLDS(item->revision > promise->revision || (found && found->revision == item->revision),
              "item %.*s of user %.*s was acknowledged at revision %lu, and the model does not have it",
              TEXT_ARGS(item->id), TEXT_ARGS(name), (unsigned long)item->revision);
    }
}

void ledger_check_missing(const Promise *promise, bool is_model)
{
    const StoredUser *user = stored_user(promise->user_number);
    if (!user || user->is_erased)
        return;
    HOLDS(is_model, "user %.*s is said to have no history", TEXT_ARGS(user->user.user));
    HOLDS(!promise->has_model, "user %.*s is said to have no model", TEXT_ARGS(user->user.user));
}

/* ---- serial numbers ------------------------------------------------------------------------------------ */

bool serial_next(rpmd_text text, size_t *at, size_t *serial)
{
    const size_t length = strlen(SERIAL_WORD);
    for (size_t i = *at; i + length < text.length; i++) {
        const char *digits = text.data + i + length;
        if (memcmp(text.data + i, SERIAL_WORD, length) != 0 || *digits < '0' || *digits > '9')
            continue;
        *serial = 0;
        for (i += length; i < text.length && text.data[i] >= '0' && text.data[i] <= '9'; i++)
            *serial = *serial * 10 + (size_t)(text.data[i] - '0');
        *at = i;
        return true;
    }
    return false;
}

static bool has_serial(const Writing *writing, size_t serial)
{
    size_t at = 0, found;
    return serial_next(writing->query, &at, &found) && found == serial;
}

bool ledger_owns(uint64_t user_number, size_t serial)
{
    for (size_t i = 0; i < ledger.writing_count; i++)
        if (ledger.writings[i].user_number == user_number && has_serial(&ledger.writings[i], serial))
            return true;
    return false;
}

rpmd_text ledger_owner(size_t serial)
{
    for (size_t i = 0; i < ledger.writing_count; i++)
        if (has_serial(&ledger.writings[i], serial))
            return ledger.writings[i].user;
    return (rpmd_text){0};
}
