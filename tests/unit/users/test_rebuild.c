/* SPDX-License-Identifier: MIT */
#include "daemon/users/rebuild.h"

#include "tests/unit/unit.h"
#include "tests/unit/users/users_fixture.h"

/* A new version of an extractor, and the models that the old one made. */

static const char *const names[] = {"ann", "bob", "cat", "dan", "eve"};

static Rebuild *open_with_models(Fixture *fixture)
{
    fixture_open(fixture, "good");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        import(fixture, names[i], "a", 3);
        build(fixture, names[i]);
    }
    import(fixture, "none", "n", 2); /* who has no model gets none */
    UsersContext context = users_context(fixture);
    return rebuild_new(&context, fixture->users);
}

/* How many models are of the version. */
static size_t models_of(Fixture *fixture, const char *version)
{
    size_t count = 0;
    store_list_users(fixture->store, &(StoreListUsers){.task = T(TASK)}, note_answer, fixture);
    const StoreUsers *users = &wait_for_store(fixture)->users;
    for (size_t i = 0; i < users->count; i++)
        count += users->users[i].model_version > 0 &&
                 text_equal_string(users->users[i].extractor_version, version);
    return count;
}

static uint64_t builds(Fixture *fixture)
{
    UsersMetrics metrics;
    users_metrics(fixture->users, &metrics);
    return metrics.builds;
}

START_TEST(models_of_an_older_version_are_built_again)
{
    Fixture fixture;
    Rebuild *rebuild = open_with_models(&fixture);
    fixture.config.method.rebuild = true;
    ck_assert_uint_eq(models_of(&fixture, "1"), ARRAY_SIZE(names));
    serve(&fixture, "good_v2");
    while (models_of(&fixture, "2") < ARRAY_SIZE(names))
        uv_run(&fixture.loop, UV_RUN_NOWAIT);
    settle(&fixture);
    ck_assert_uint_eq(builds(&fixture), 2 * ARRAY_SIZE(names));
    /* The same version again: there is nothing to do. */
    serve(&fixture, "good_v2");
    settle(&fixture);
    ck_assert_uint_eq(builds(&fixture), 2 * ARRAY_SIZE(names));
    ck_assert_uint_eq(models_of(&fixture, "1"), 0);
    rebuild_close(rebuild);
    fixture_close(&fixture);
}
END_TEST

START_TEST(they_stay_where_the_configuration_says_so)
{
    Fixture fixture;
    Rebuild *rebuild = open_with_models(&fixture);
    fixture.config.method.rebuild = false;
    serve(&fixture, "good_v2");
    settle(&fixture);
    ck_assert_uint_eq(models_of(&fixture, "1"), ARRAY_SIZE(names));
    ck_assert_uint_eq(builds(&fixture), ARRAY_SIZE(names));
    rebuild_close(rebuild);
    fixture_close(&fixture);
}
END_TEST

START_TEST(closing_ends_it_at_any_time)
{
    for (unsigned turns = 0; turns < 24; turns += 2) {
        Fixture fixture;
        Rebuild *rebuild = open_with_models(&fixture);
        fixture.config.method.rebuild = true;
        serve(&fixture, "good_v2");
        for (unsigned i = 0; i < turns; i++)
            uv_run(&fixture.loop, UV_RUN_NOWAIT);
        rebuild_close(rebuild);
        settle(&fixture);
        ck_assert_uint_eq(models_of(&fixture, "1") + models_of(&fixture, "2"), ARRAY_SIZE(names));
        fixture_close(&fixture);
    }
}
END_TEST

UNIT_TESTS("rebuild", models_of_an_older_version_are_built_again, they_stay_where_the_configuration_says_so,
           closing_ends_it_at_any_time)
