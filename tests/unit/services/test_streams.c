/* SPDX-License-Identifier: MIT */
#include "tests/unit/services/services_fixture.h"
#include "tests/unit/unit.h"

/* Long streams: exports and lists whose client reads slowly or not at all, imports that the store holds up.
 */

#define MANY 12000 /* items: several pages, and more bytes than a call may have unsent */

static char task[] = TASK, many[] = "many";

typedef struct Stream {
    const char *path;
    const ProtobufCMessage *request;
    size_t messages;
} Stream;

/* In the order of the calls that use it. */
static void with_streams(void (*check)(ServicesFixture *fixture, const Stream *stream))
{
    Rpmd__V1__ExportUserRequest export = RPMD__V1__EXPORT_USER_REQUEST__INIT;
    export.user = many;
    Rpmd__V1__ListRequest list = RPMD__V1__LIST_REQUEST__INIT;
    list.task = task;
    list.user = many;
    const Stream streams[] = {{"/rpmd.v1.Models/ExportUser", &export.base, MANY + 1},
                              {"/rpmd.v1.History/List", &list.base, MANY}};
    ServicesFixture fixture;
    services_open(&fixture, "good");
    import(&fixture.query.base, "many", "m", MANY);
    build(&fixture.query.base, "many");
    for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
        check(&fixture, &streams[i]);
    services_close(&fixture);
}

/* While nobody reads, no more is read from the store than a call may have unsent, and a page. */
static void read_late(ServicesFixture *fixture, const Stream *stream)
{
    Client client;
    fixture->is_silent = true;
    client_ask(fixture, &client, stream->path, stream->request);
    /* Each of these is read behind a page, where one is being read. */
    for (unsigned i = 0; i < 2 * MANY / STORE_LIST_LIMIT; i++) {
        settle_calls(fixture);
        history_items(&fixture->query.base, "many");
    }
    ck_assert_uint_eq(client.messages, 0);
    ck_assert_uint_eq(grpc_server_live_calls(fixture->grpc), 1);
    fixture->is_silent = false;
    exchange(fixture);
    ck_assert_uint_gt(client.messages, 0);
    ck_assert_uint_lt(client.messages, stream->messages);
    client_expect_ok(fixture, &client);
    ck_assert_uint_eq(client.messages, stream->messages);
    client_leave(&client);
}

START_TEST(a_slow_reader_holds_the_pages_back)
{
    with_streams(read_late);
}
END_TEST

static void leave_unread(ServicesFixture *fixture, const Stream *stream)
{
    for (unsigned turns = 1; turns < 60; turns += 7) {
        Client client;
        fixture->is_silent = true;
        client_ask(fixture, &client, stream->path, stream->request);
        for (unsigned i = 0; i < turns; i++)
            turn(fixture);
        client_leave(&client);
        turn(fixture);
        fixture->is_silent = false;
        settle_calls(fixture);
        ck_assert_uint_eq(grpc_server_live_calls(fixture->grpc), 0);
    }
}

START_TEST(a_reader_can_leave_between_pages)
{
    with_streams(leave_unread);
}
END_TEST

/* ---- imports ---- */

#define PART 500

/* One message with new items of the user "new"; the texts are the arena's. */
static void send_part(Client *client, const char *prefix)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    const StoreNewItem *items = make_items(&arena, "new", prefix, PART);
    Rpmd__V1__ImportRequest message = RPMD__V1__IMPORT_REQUEST__INIT;
    message.task = task;
    message.n_items = PART;
    message.items = ARENA_ARRAY(&arena, Rpmd__V1__ImportItem *, PART);
    for (size_t i = 0; i < PART; i++) {
        Rpmd__V1__HistoryItem *item = ARENA_NEW(&arena, Rpmd__V1__HistoryItem);
        rpmd__v1__history_item__init(item);
        item->id = (char *)items[i].id.data;
        item->query = (char *)items[i].query.data;
        item->response = (char *)items[i].response.data;
        message.items[i] = ARENA_NEW(&arena, Rpmd__V1__ImportItem);
        rpmd__v1__import_item__init(message.items[i]);
        message.items[i]->user = (char *)items[i].user.data;
        message.items[i]->item = item;
    }
    grpc_client_call_send(client->call, &message.base);
}

static size_t answered;

static void count_answer(StoreReply *reply, void *data)
{
    (void)reply;
    (void)data;
    answered++;
}

/* More requests than the store calls busy. */
static void flood(ServicesFixture *fixture)
{
    answered = 0;
    for (size_t i = 0; i < STORE_BUSY_REQUESTS + 500; i++)
        store_usage_add(fixture->query.base.store,
                        &(StoreUsage){.task = T("x"), .stage = T("x"), .backend = T("x")}, count_answer,
                        NULL);
    ck_assert(store_is_busy(fixture->query.base.store));
}

START_TEST(an_import_goes_on_when_the_store_has_room)
{
    for (unsigned is_flooded = 0; is_flooded < 2; is_flooded++) {
        ServicesFixture fixture;
        Client client;
        services_open(&fixture, "good");
        client_open(&fixture, &client, "/rpmd.v1.History/Import");
        static const char *const prefixes[] = {"p", "q", "r", "s"};
        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
            if (is_flooded && i == 2)
                flood(&fixture);
            send_part(&client, prefixes[i]);
            turn(&fixture);
        }
        grpc_client_call_half_close(client.call);
        client_expect_ok(&fixture, &client);
        Rpmd__V1__ImportResponse *response =
            rpmd__v1__import_response__unpack(NULL, client.last.length, (const uint8_t *)client.last.data);
        ck_assert_ptr_nonnull(response);
        ck_assert_uint_eq(response->accepted, PART * ARRAY_SIZE(prefixes));
        ck_assert_uint_eq(response->rejected, 0);
        rpmd__v1__import_response__free_unpacked(response, NULL);
        client_leave(&client);
        settle_calls(&fixture);
        ck_assert_uint_eq(history_items(&fixture.query.base, "new"), PART * ARRAY_SIZE(prefixes));
        services_close(&fixture);
    }
}
END_TEST

START_TEST(an_importer_can_leave_at_any_time)
{
    ServicesFixture fixture;
    services_open(&fixture, "good");
    for (unsigned turns = 0; turns < 24; turns += 2) {
        Client client;
        client_open(&fixture, &client, "/rpmd.v1.History/Import");
        send_part(&client, "p");
        if (turns % 4 == 0)
            flood(&fixture);
        send_part(&client, "q");
        for (unsigned i = 0; i < turns; i++)
            turn(&fixture);
        client_leave(&client);
        exchange(&fixture);
        ck_assert_uint_eq(grpc_server_live_calls(fixture.grpc), 0);
        settle_calls(&fixture);
        ck_assert_uint_eq(history_items(&fixture.query.base, "new") % PART, 0);
    }
    services_close(&fixture);
}
END_TEST

UNIT_TESTS("streams", a_slow_reader_holds_the_pages_back, a_reader_can_leave_between_pages,
           an_import_goes_on_when_the_store_has_room, an_importer_can_leave_at_any_time)
