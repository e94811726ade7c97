/* SPDX-License-Identifier: MIT */
#pragma once

/* The main function of a unit test program: `UNIT_TESTS("name", test_a, test_b)`. */

#include <check.h>
#include <stdlib.h>

#define UNIT_TEST_SECONDS 60 /* a test that takes longer hangs; sanitizers and valgrind are slow */

static inline int unit_run(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, UNIT_TEST_SECONDS);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define UNIT_TESTS(name, ...)                                                                                \
    int main(void)                                                                                           \
    {                                                                                                        \
        const TTest *const tests[] = {__VA_ARGS__};                                                          \
        return unit_run(name, tests, sizeof(tests) / sizeof(tests[0]));                                      \
    }
