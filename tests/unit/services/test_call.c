/* SPDX-License-Identifier: MIT */
#include "tests/unit/services/services_fixture.h"
#include "tests/unit/unit.h"

/* Callers who leave after so many turns of the loop, of each method: nothing of the call is left, and nothing
 * calls back into it. */

#define TURNS 14 /* at which a caller leaves; by then most calls are over */

static char task[] = TASK, ann[] = "ann", gone[] = "gone", robots[] = "Robots dream?", yes[] = "yes",
            id[] = "left";

typedef struct Method {
    const char *path;
    const ProtobufCMessage *request;
} Method;

static void leave_at_each_turn(ServicesFixture *fixture, const Method *method)
{
    Fixture *base = &fixture->query.base;
    UsersMetrics metrics;
    for (unsigned turns = 0; turns < TURNS; turns++) {
        Client client;
        import(base, "gone", "g", 3);
        client_ask(fixture, &client, method->path, method->request);
        for (unsigned i = 0; i < turns; i++)
            turn(fixture);
        client_leave(&client);
        exchange(fixture);
        ck_assert_msg(grpc_server_live_calls(fixture->grpc) == 0, "%s is still at work", method->path);
        settle_calls(fixture);
        users_metrics(base->users, &metrics);
        ck_assert_uint_eq(metrics.operations, 0);
    }
    /* Who stays is answered. */
    Client client;
    client_ask(fixture, &client, method->path, method->request);
    client_wait(fixture, &client);
    ck_assert_msg(status_is_ok(&client.status) || client.status.code == STATUS_NOT_FOUND, "%s: %s",
                  method->path, client.status.message);
    client_leave(&client);
}

START_TEST(whoever_leaves_a_query_leaves_nothing)
{
    Rpmd__V1__Query query = RPMD__V1__QUERY__INIT;
    query.task = task;
    query.user = ann;
    query.text = robots;
    Rpmd__V1__ConstructPromptRequest prompt = RPMD__V1__CONSTRUCT_PROMPT_REQUEST__INIT;
    Rpmd__V1__RespondRequest respond_request = RPMD__V1__RESPOND_REQUEST__INIT;
    Rpmd__V1__ExplainRequest explain = RPMD__V1__EXPLAIN_REQUEST__INIT;
    prompt.query = respond_request.query = explain.query = &query;
    const Method methods[] = {{"/rpmd.v1.Personalizer/ConstructPrompt", &prompt.base},
                              {"/rpmd.v1.Personalizer/Respond", &respond_request.base},
                              {"/rpmd.v1.Personalizer/Explain", &explain.base}};
    ServicesFixture fixture;
    services_open(&fixture, "good");
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        leave_at_each_turn(&fixture, &methods[i]);
    services_close(&fixture);
}
END_TEST

START_TEST(whoever_leaves_a_history_leaves_nothing)
{
    Rpmd__V1__HistoryItem item = RPMD__V1__HISTORY_ITEM__INIT;
    item.id = id;
    item.query = robots;
    item.response = yes;
    Rpmd__V1__AppendRequest append_request = RPMD__V1__APPEND_REQUEST__INIT;
    append_request.task = task;
    append_request.user = ann;
    append_request.item = &item;
    Rpmd__V1__ListRequest list = RPMD__V1__LIST_REQUEST__INIT;
    list.task = task;
    list.user = ann;
    Rpmd__V1__DeleteRequest deletion = RPMD__V1__DELETE_REQUEST__INIT;
    deletion.task = task;
    deletion.user = ann;
    deletion.id = id;
    const Method methods[] = {{"/rpmd.v1.History/Append", &append_request.base},
                              {"/rpmd.v1.History/List", &list.base},
                              {"/rpmd.v1.History/Delete", &deletion.base}};
    ServicesFixture fixture;
    services_open(&fixture, "good");
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        leave_at_each_turn(&fixture, &methods[i]);
    services_close(&fixture);
}
END_TEST

START_TEST(whoever_leaves_a_model_leaves_nothing)
{
    Rpmd__V1__BuildRequest one = RPMD__V1__BUILD_REQUEST__INIT, all = RPMD__V1__BUILD_REQUEST__INIT;
    one.task = all.task = task;
    one.user = ann;
    all.all_users = true;
    Rpmd__V1__GetRequest get = RPMD__V1__GET_REQUEST__INIT;
    get.task = task;
    get.user = ann;
    Rpmd__V1__ListVersionsRequest versions = RPMD__V1__LIST_VERSIONS_REQUEST__INIT;
    versions.task = task;
    versions.user = ann;
    Rpmd__V1__RollbackRequest rollback = RPMD__V1__ROLLBACK_REQUEST__INIT;
    rollback.task = task;
    rollback.user = ann;
    Rpmd__V1__ExportUserRequest export = RPMD__V1__EXPORT_USER_REQUEST__INIT;
    export.user = ann;
    Rpmd__V1__EraseUserRequest erase = RPMD__V1__ERASE_USER_REQUEST__INIT;
    erase.user = gone;
    const Method methods[] = {
        {"/rpmd.v1.Models/Build", &one.base},         {"/rpmd.v1.Models/Build", &all.base},
        {"/rpmd.v1.Models/Get", &get.base},           {"/rpmd.v1.Models/ListVersions", &versions.base},
        {"/rpmd.v1.Models/Rollback", &rollback.base}, {"/rpmd.v1.Models/ExportUser", &export.base},
        {"/rpmd.v1.Models/EraseUser", &erase.base}};
    ServicesFixture fixture;
    services_open(&fixture, "good");
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        leave_at_each_turn(&fixture, &methods[i]);
    expect_items(&fixture.query.base, "ann", HISTORY);
    services_close(&fixture);
}
END_TEST

/* The whole connection goes, with a call of each kind on it. */
START_TEST(a_connection_that_goes_takes_its_calls_with_it)
{
    Rpmd__V1__BuildRequest build_request = RPMD__V1__BUILD_REQUEST__INIT;
    build_request.task = task;
    build_request.all_users = true;
    Rpmd__V1__ExportUserRequest export = RPMD__V1__EXPORT_USER_REQUEST__INIT;
    export.user = ann;
    for (unsigned turns = 0; turns < TURNS; turns++) {
        ServicesFixture fixture;
        Client clients[2];
        services_open(&fixture, "good");
        client_ask(&fixture, &clients[0], "/rpmd.v1.Models/Build", &build_request.base);
        client_ask(&fixture, &clients[1], "/rpmd.v1.Models/ExportUser", &export.base);
        for (unsigned i = 0; i < turns; i++)
            turn(&fixture);
        for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
            client_leave(&clients[i]);
        services_close(&fixture);
    }
}
END_TEST

UNIT_TESTS("call", whoever_leaves_a_query_leaves_nothing, whoever_leaves_a_history_leaves_nothing,
           whoever_leaves_a_model_leaves_nothing, a_connection_that_goes_takes_its_calls_with_it)
