/* SPDX-License-Identifier: MIT */
#include "daemon/plugins/generation.h"

#include "tests/unit/unit.h"

#include <signal.h>

START_TEST(names)
{
    ck_assert_str_eq(plugin_state_name(PLUGIN_VETTING), "vetting");
    ck_assert_str_eq(plugin_state_name(PLUGIN_FAILED), "failed");
    ck_assert_str_eq(plugin_state_name((PluginState)0), "new");
    ck_assert_str_eq(plugin_state_name((PluginState)99), "new");
}
END_TEST

START_TEST(failing_is_an_end)
{
    PluginGeneration *generation = generation_new(NULL, "/p.so");
    status_refuse(&generation->last_error, STATUS_FAILED_PRECONDITION, "broken");
    generation_move(generation, PLUGIN_FAILED);
    ck_assert_int_eq(generation->state, PLUGIN_FAILED);
    generation_free(generation);
    generation_free(NULL);
}
END_TEST

/* Not in the table. */
START_TEST(skipping_a_step_aborts)
{
    PluginGeneration *generation = generation_new(NULL, "/p.so");
    generation_move(generation, PLUGIN_SERVING);
}
END_TEST

/* In the table, but the invariant of the state does not hold: no copy yet, no reason. */
START_TEST(loading_without_a_copy_aborts)
{
    PluginGeneration *generation = generation_new(NULL, "/p.so");
    generation_move(generation, PLUGIN_LOADING);
}
END_TEST

START_TEST(failing_without_a_reason_aborts)
{
    PluginGeneration *generation = generation_new(NULL, "/p.so");
    generation_move(generation, PLUGIN_FAILED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugins/generation");
    TCase *tcase = tcase_create("plugins/generation");
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, failing_is_an_end);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    if (srunner_fork_status(runner) == CK_FORK) { /* an abort needs a process of its own */
        tcase_add_test_raise_signal(tcase, skipping_a_step_aborts, SIGABRT);
        tcase_add_test_raise_signal(tcase, loading_without_a_copy_aborts, SIGABRT);
        tcase_add_test_raise_signal(tcase, failing_without_a_reason_aborts, SIGABRT);
    }
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
