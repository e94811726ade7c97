/* SPDX-License-Identifier: MIT */
#include "tests/simulation/clients.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "tests/simulation/core.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/world.h"

#include <stdio.h>

#define USER_LIMIT 3
#define IMPORT_LIMIT 5
#define BULK_ITEMS 540 /* more than are published at once */
#define PAGE_LIMIT 3
#define TEXT_SIZE 160

typedef enum Action {
    APPEND,
    IMPORT,
    BULK, /* an import of many items of one user */
    DELETE,
    BUILD,
    ROLLBACK,
    ERASE,
    GET,
    EXPORT,
    QUERY,
    ACTION_COUNT
} Action;

static const char *const action_names[ACTION_COUNT] = {
    "append", "import", "bulk import", "delete", "build", "rollback", "erase", "get", "export", "query"};

typedef enum ClientState { CLIENT_BEGINNING, CLIENT_AT_WORK, CLIENT_TOLD, CLIENT_LEFT } ClientState;

typedef struct Client {
    LIST_ENTRY(Client) link; /* of those at work */
    struct Client *next;     /* of all */
    size_t number;
    Action action;
    ClientState state;
    const char *user;
    UserCall *call;
    StoreCall *listing; /* an export's */
    Query *query;
    size_t serial;  /* in the query's text */
    size_t written; /* replies; on another thread */
    Wish **wishes;  /* owned */
    size_t wish_count;
    Promise promise;
} Client;

static const char *const user_names[USER_LIMIT] = {"ann", "bob", "eve"};

/* An item as a client sends it. */
typedef struct Draft {
    char id[24];
    char query[TEXT_SIZE];
    char response[16];
    int64_t time_us;
} DrawnItem;

static struct Clients {
    size_t users;
    bool has_bulk; /* one is still to come */
    LIST_HEAD(, Client) at_work;
    Client *all;
    size_t count_at_work;
    size_t count;
    size_t last_serial;
    size_t last_query;               /* serial of the newest query */
    DrawnItem last_item[USER_LIMIT]; /* to be sent again */
} clients;

const char *clients_user(size_t index)
{
    return index < clients.users ? user_names[index] : NULL;
}

size_t clients_at_work(void)
{
    return clients.count_at_work;
}

void clients_begin(const Profile *profile)
{
    clients = (struct Clients){.users = profile->users, .has_bulk = profile->has_bulk};
    LIST_INIT(&clients.at_work);
}

void clients_end(void)
{
    HOLDS(clients.count_at_work == 0, "%zu clients are at work at the end", clients.count_at_work);
    for (Client *client = clients.all, *next; client; client = next) {
        next = client->next;
        free(client->wishes);
        free(client);
    }
}

/* ---- the life of a call -------------------------------------------------------------------------------- */

static Client *client_new(Action action, const char *user)
{
    Client *client = NEW(Client);
    *client = (Client){.next = clients.all,
                       .number = ++clients.count,
                       .action = action,
                       .user = user,
                       .wishes = NEW_ARRAY(Wish *, action == BULK ? BULK_ITEMS : IMPORT_LIMIT),
                       .promise = ledger_promise(text_of(user))};
    clients.all = client;
    clients.count_at_work++;
    LIST_INSERT_HEAD(&clients.at_work, client, link);
    trace("client %zu asks: %s of %s", client->number, action_names[action], user);
    return client;
}

static void begun(Client *client)
{
    HOLDS(client->state == CLIENT_BEGINNING, "client %zu was answered before its call had begun",
          client->number);
    client->state = CLIENT_AT_WORK;
}

static void over(Client *client, ClientState state)
{
    client->state = state;
    client->call = NULL;
    client->listing = NULL;
    client->query = NULL;
    clients.count_at_work--;
    LIST_REMOVE(client, link);
}

static void leave(Client *client)
{
    trace("client %zu leaves: %s of %s", client->number, action_names[client->action], client->user);
    for (size_t i = 0; i < client->wish_count; i++)
        wish_left(client->wishes[i]);
    UserCall *call = client->call;
    StoreCall *listing = client->listing;
    Query *query = client->query;
    over(client, CLIENT_LEFT);
    if (call)
        users_cancel(call);
    if (listing)
        store_cancel(listing);
    if (query)
        query_cancel(query);
}

static void mark_state(const Operation *operation)
{
    static const Mark marks[] = {[OPERATION_LOADING] = MARK_CANCELLED_LOADING,
                                 [OPERATION_ANALYSING] = MARK_CANCELLED_ANALYSING,
                                 [OPERATION_ASSEMBLING] = MARK_CANCELLED_ASSEMBLING,
                                 [OPERATION_PUBLISHING] = MARK_CANCELLED_PUBLISHING};
    if (operation && operation->state != OPERATION_WAITING)
        mark(marks[operation->state]);
}

static Client *draw_client(void)
{
    size_t drawn = clients.count_at_work ? draw_below(clients.count_at_work) : 0;
    Client *client = LIST_FIRST(&clients.at_work);
    while (client && drawn-- > 0)
        client = LIST_NEXT(client, link);
    return client;
}

void clients_cancel_one(void)
{
    Client *client = draw_client();
    if (!client)
        return;
    mark_state(client->call);
    if (client->query)
        mark(MARK_QUERY_CANCELLED);
    leave(client);
}

void clients_leave(bool is_crash)
{
    bool all = is_crash || draw_chance(2);
    Client *client, *next;
    if (clients.count_at_work > 0)
        mark(is_crash ? MARK_CRASHED_AT_WORK : MARK_STOPPED_AT_WORK);
    for (client = LIST_FIRST(&clients.at_work); client; client = next) {
        next = LIST_NEXT(client, link);
        if (all || client->listing || client->query)
            leave(client);
    }
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static void check_status(const Client *client, const Status *status)
{
    switch (status->code) {
    case STATUS_INVALID_ARGUMENT: /* of an item that is no good by itself */
    case STATUS_INTERNAL:
        HOLDS(client->action == APPEND || client->action == QUERY, "client %zu is refused with %s",
              client->number, status->message);
        return;
    case STATUS_OK:
    case STATUS_UNAVAILABLE:
    case STATUS_RESOURCE_EXHAUSTED:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_ABORTED:
    case STATUS_NOT_FOUND:
    case STATUS_FAILED_PRECONDITION:
        HOLDS(status->code == STATUS_OK || status->message[0], "client %zu is refused without a sentence",
              client->number);
        return;
    default:
        world_fail("client %zu (%s of %s) is refused with %s: %s", client->number,
                   action_names[client->action], client->user, status_code_name(status->code),
                   status->message);
    }
}

static void take_puts(Client *client, const UserReply *reply)
{
    HOLDS(reply->puts.count == client->wish_count, "an import of %zu items is answered with %zu",
          client->wish_count, reply->puts.count);
    for (size_t i = 0; i < client->wish_count; i++) {
        if (reply->puts.puts[i].outcome == STORE_UNCHANGED)
            wish_unchanged(client->wishes[i]);
        else
            wish_acknowledged(client->wishes[i]);
    }
}

static bool builds_beside(const Client *client)
{
    const User *user = user_table_find(&core.users->table, &(UserName){text_of(TASK), text_of(client->user)});
    return user && user->builder;
}

/* It is done. */
static void take_success(Client *client, const UserReply *reply)
{
    switch (client->action) {
    case APPEND:
        if (builds_beside(client))
            mark(MARK_APPENDED_BESIDE_BUILD);
        HOLDS(text_equal(reply->id, client->wishes[0]->id), "an append is answered with another id");
        if (reply->outcome == STORE_UNCHANGED)
            wish_unchanged(client->wishes[0]);
        else
            wish_acknowledged(client->wishes[0]);
        break;
    case IMPORT:
    case BULK:
        if (builds_beside(client))
            mark(MARK_IMPORTED_BESIDE_BUILD);
        take_puts(client, reply);
        break;
    case DELETE:
    case ERASE:
        wish_acknowledged(client->wishes[0]);
        break;
    case BUILD:
    case ROLLBACK:
    case GET:
        HOLDS(reply->user.model, "client %zu has no model", client->number);
        break;
    default:
        break;
    }
    if (reply->user.model)
        ledger_check_model(&client->promise, text_of(client->user), reply->user.user_number,
                           reply->user.model);
}

static void take_refusal(Client *client, const Status *status)
{
    for (size_t i = 0; i < client->wish_count; i++)
        wish_refused(client->wishes[i]);
    if (status->code == STATUS_ABORTED)
        mark(MARK_ERASED_WHILE_AT_WORK);
    if (status->code == STATUS_NOT_FOUND && client->action != ROLLBACK && client->action != DELETE)
        ledger_check_missing(&client->promise, false);
    if (status->code == STATUS_FAILED_PRECONDITION && client->action == GET)
        ledger_check_missing(&client->promise, true);
}

static void on_reply(const UserReply *reply, void *data)
{
    Client *client = data;
    HOLDS(client->state != CLIENT_BEGINNING, "client %zu is answered from within its own beginning",
          client->number);
    HOLDS(client->state != CLIENT_LEFT, "client %zu (%s) is answered although it left", client->number,
          action_names[client->action]);
    HOLDS(client->state != CLIENT_TOLD, "client %zu (%s) is answered twice", client->number,
          action_names[client->action]);
    over(client, CLIENT_TOLD);
    trace("client %zu is answered: %s %.100s", client->number, status_code_name(reply->status.code),
          reply->status.message);
    check_status(client, &reply->status);
    if (status_is_ok(&reply->status))
        take_success(client, reply);
    else
        take_refusal(client, &reply->status);
}

/* ---- what is asked for --------------------------------------------------------------------------------- */

static size_t draw_user(void)
{
    return draw_below(clients.users);
}

static UserName name_of(const char *user)
{
    return (UserName){text_of(TASK), text_of(user)};
}

static Caller draw_caller(void)
{
    return (Caller){.deadline_ns = draw_chance(3) ? world_now() + draw_between(1, 10000) * MILLISECOND : 0,
                    .uid = 1000};
}

static DrawnItem draw_item(size_t user)
{
    DrawnItem *last = &clients.last_item[user];
    if (last->query[0] && draw_chance(8))
        return *last;
    DrawnItem item = {.time_us = draw_chance(4) ? (int64_t)draw_between(1, 1000) : 0};
    if (!draw_chance(4))
        snprintf(item.id, sizeof(item.id), "i%zu", draw_between(1, 12));
    /* Some ask what others asked: their answers are votes. */
    bool is_common = draw_chance(5);
    int length = is_common ? snprintf(item.query, sizeof(item.query), "common question %zu", draw_below(3))
                           : snprintf(item.query, sizeof(item.query), "item%zu", ++clients.last_serial);
    for (size_t words = is_common ? 0 : draw_between(0, 5); words > 0; words--)
        length += snprintf(item.query + length, sizeof(item.query) - (size_t)length, " %s",
                           plugins_word(draw_below(PLUGINS_WORDS)));
    if (draw_chance(30))
        snprintf(item.query + length, sizeof(item.query) - (size_t)length, " %s", PLUGINS_BROKEN_WORD);
    size_t answer = draw_chance(10) ? PLUGINS_ANSWERS - 1 : draw_below(PLUGINS_ANSWERS - 1);
    snprintf(item.response, sizeof(item.response), "%s", plugins_answer(answer));
    *last = item;
    return item;
}

static StoreNewItem sent_item(const DrawnItem *item, const char *user)
{
    return (StoreNewItem){.user = text_of(user),
                          .id = text_of(item->id),
                          .query = text_of(item->query),
                          .response = text_of(item->response),
                          .time_us = item->time_us};
}

static void wish_item(Client *client, const StoreNewItem *item)
{
    char derived[STORE_DERIVED_ID_SIZE];
    rpmd_text id = item->id;
    if (id.length == 0) {
        store_derive_id(item, derived);
        id = text_of(derived);
    }
    client->wishes[client->wish_count++] = wish_new(WISH_PUT, item->user, id, item->query, item->response);
}

static void ask_append(Client *client, size_t user, const Caller *caller)
{
    const DrawnItem item = draw_item(user);
    const StoreNewItem sent = sent_item(&item, client->user);
    const UserName name = name_of(client->user);
    wish_item(client, &sent);
    trace("    item '%s': %s = %s", item.id, item.query, item.response);
    client->call = users_append(core.users, &name, &sent, caller, on_reply, client);
}

static void ask_import(Client *client, size_t index, const Caller *caller)
{
    Arena arena = ARENA_INIT;
    size_t count = client->action == BULK ? BULK_ITEMS : draw_between(1, IMPORT_LIMIT);
    StoreNewItem *items = ARENA_ARRAY(&arena, StoreNewItem, count);
    for (size_t i = 0; i < count; i++) {
        size_t user = client->action == BULK ? index : draw_user();
        DrawnItem item = draw_item(user);
        if (client->action == BULK)
            snprintf(item.id, sizeof(item.id), "b%zu", i);
        items[i] = sent_item(&item, user_names[user]);
        items[i].id = arena_text(&arena, items[i].id);
        items[i].query = arena_text(&arena, items[i].query);
        items[i].response = arena_text(&arena, items[i].response);
        wish_item(client, &items[i]);
        trace("    item '%s' of %s: %s = %s", item.id, user_names[user], item.query, item.response);
    }
    client->call = users_import(core.users, text_of(TASK), items, count, &arena, caller, on_reply, client);
}

/* An item that is there, or was. */
static void ask_delete(Client *client, const Caller *caller)
{
    const StoredUser *user = stored_find(text_of(client->user));
    const UserName name = name_of(client->user);
    rpmd_text id = text_of("i1");
    if (user && user->item_count > 0)
        id = user->items[draw_below(user->item_count)].item.id;
    client->wishes[client->wish_count++] =
        wish_new(WISH_DELETE, text_of(client->user), id, (rpmd_text){0}, (rpmd_text){0});
    trace("    item %.*s", TEXT_ARGS(id));
    client->call = users_delete(core.users, &name, id, caller, on_reply, client);
}

static void ask_build(Client *client, const Caller *caller)
{
    const UserName name = name_of(client->user);
    const BuildRequest request = {.pool = draw_chance(3)   ? USERS_POOL_OUT
                                          : draw_chance(2) ? USERS_POOL_IN
                                                           : USERS_POOL_KEEP};
    client->call = users_build(core.users, &name, &request, caller, on_reply, client);
}

static void ask_rollback(Client *client, const Caller *caller)
{
    const StoredUser *user = stored_find(text_of(client->user));
    const UserName name = name_of(client->user);
    size_t version = draw_below((user ? user->version_count : 0) + 2);
    client->call = users_rollback(core.users, &name, version, caller, on_reply, client);
}

static void ask_erase(Client *client, const Caller *caller)
{
    const UserName name = name_of(client->user);
    client->wishes[client->wish_count++] =
        wish_new(WISH_ERASE, text_of(client->user), (rpmd_text){0}, (rpmd_text){0}, (rpmd_text){0});
    client->call = users_erase(core.users, &name, caller, on_reply, client);
}

static void ask_get(Client *client, const Caller *caller)
{
    const UserName name = name_of(client->user);
    client->call = users_get(core.users, &name, caller, on_reply, client);
}

/* ---- an export: page by page ----------------------------------------------------------------------------
 */

static void list_page(Client *client, const StoreCursor *from);

static void on_page(StoreReply *reply, void *data)
{
    Client *client = data;
    HOLDS(client->state == CLIENT_AT_WORK && client->listing, "client %zu is sent a page although it left",
          client->number);
    client->listing = NULL;
    check_status(client, &reply->status);
    if (status_is_ok(&reply->status) && reply->items.more)
        list_page(client, &reply->items.next);
    else
        over(client, CLIENT_TOLD);
}

static void list_page(Client *client, const StoreCursor *from)
{
    const StoreListItems request = {.task = text_of(TASK),
                                    .user = text_of(client->user),
                                    .from = *from,
                                    .limit = PAGE_LIMIT,
                                    .with_records = true};
    client->listing = store_list_items(core.store, &request, on_page, client);
}

/* ---- a query ------------------------------------------------------------------------------------------- */

static void write_query_reply(const QueryAnswer *answer, Buffer *reply)
{
    HOLDS(answer->model, "a query is answered without a model");
    buffer_append_format(reply, "%.*s", TEXT_ARGS(answer->answer));
}

static void check_at_work(const Client *client, const char *what)
{
    HOLDS(client->state != CLIENT_BEGINNING, "query %zu is told %s from within its own beginning",
          client->number, what);
    HOLDS(client->state == CLIENT_AT_WORK, "query %zu is told %s although it is over", client->number, what);
}

/* A caller may leave while it is told something. */
static void on_delta(void *data, rpmd_text reasoning, rpmd_text answer)
{
    Client *client = data;
    (void)reasoning, (void)answer;
    check_at_work(client, "a piece");
    if (draw_chance(20))
        leave(client);
}

static void on_query_end(void *data, const Status *status, rpmd_text reply)
{
    Client *client = data;
    (void)reply;
    check_at_work(client, "its end");
    over(client, CLIENT_TOLD);
    trace("client %zu is answered: %s %.100s", client->number, status_code_name(status->code),
          status->message);
    check_status(client, status);
    if (status->code == STATUS_NOT_FOUND)
        ledger_check_missing(&client->promise, false);
}

/* Some ask the same, so that they may share what an LLM writes. */
static void ask_query(Client *client, const Caller *caller)
{
    static const QueryHandlers handlers = {write_query_reply, on_delta, on_query_end};
    char text[TEXT_SIZE];
    client->serial = draw_chance(3) && clients.last_query ? clients.last_query : ++clients.last_serial;
    clients.last_query = client->serial;
    snprintf(text, sizeof(text), "item%zu %s %s", client->serial,
             plugins_word(client->serial % PLUGINS_WORDS), plugins_word(client->serial / 3 % PLUGINS_WORDS));
    const QueryRequest request = {.kind = (QueryKind)draw_below(3),
                                  .name = name_of(client->user),
                                  .query = text_of(text),
                                  .caller = *caller};
    client->query = query_begin(core.queries, &request, &handlers, client);
}

/* ---- one of them ----------------------------------------------------------------------------------------
 */

static Action draw_action(void)
{
    static const unsigned char weights[ACTION_COUNT] = {30, 12, 0, 8, 14, 4, 3, 16, 4, 20};
    size_t sum = 0;
    for (size_t i = 0; i < ACTION_COUNT; i++)
        sum += weights[i];
    size_t drawn = draw_below(sum), action = 0;
    while (drawn >= weights[action])
        drawn -= weights[action++];
    return (Action)action;
}

static void ask(Action action, size_t user, Caller caller)
{
    Client *client = client_new(action, user_names[user]);
    switch (action) {
    case APPEND:
        ask_append(client, user, &caller);
        break;
    case IMPORT:
    case BULK:
        ask_import(client, user, &caller);
        break;
    case DELETE:
        ask_delete(client, &caller);
        break;
    case BUILD:
        ask_build(client, &caller);
        break;
    case ROLLBACK:
        ask_rollback(client, &caller);
        break;
    case ERASE:
        ask_erase(client, &caller);
        break;
    case GET:
        ask_get(client, &caller);
        break;
    case QUERY:
        ask_query(client, &caller);
        break;
    case EXPORT:
    case ACTION_COUNT:
        list_page(client, &(StoreCursor){0});
        break;
    }
    begun(client);
}

void clients_ask(void)
{
    bool is_bulk = clients.has_bulk && draw_chance(60);
    Action action = is_bulk ? BULK : draw_action();
    clients.has_bulk &= !is_bulk;
    ask(action, draw_user(), draw_caller());
}

void clients_get(const char *user)
{
    for (size_t i = 0; i < USER_LIMIT; i++)
        if (user_names[i] == user)
            ask(GET, i, CALLER_DAEMON);
}

static bool wants(const Client *client, rpmd_text prompt)
{
    size_t at = 0, serial, own = client->serial, own_at = 0;
    bool has_serial = false;
    if (client->action != BUILD && client->action != APPEND && client->action != QUERY)
        return false;
    if (client->action == APPEND && !serial_next(client->wishes[0]->query, &own_at, &own))
        return true;
    while (serial_next(prompt, &at, &serial)) {
        has_serial = true;
        if (client->action == BUILD ? text_equal_string(ledger_owner(serial), client->user) : serial == own)
            return true;
    }
    return !has_serial; /* features alone: whose they are cannot be told */
}

bool clients_want(rpmd_text prompt)
{
    const Client *client;
    LIST_FOREACH(client, &clients.at_work, link)
    if (wants(client, prompt))
        return true;
    return false;
}
