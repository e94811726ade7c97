/* SPDX-License-Identifier: MIT */
#include "client/plugin_check.h"

#include "lib/base/text.h"
#include "tests/unit/plugin/fixture_files.h"
#include "tests/unit/unit.h"

/* Every fixture that vetting lets through, and what is said of it behind its path. NULL: nothing. */
static const struct {
    const char *fixture;
    const char *refusal;
} fixtures[] = {
    {"good", NULL},
    {"good_v2", NULL},
    {"bad_evidence", NULL},
    {"million_features", NULL},
    {"slow", NULL},
    {"options", NULL},
    {"wrong_major",
     ": vet: the ABI note says major 99, expected 1: build the plugin against this rpmd's plugin.h"},
    {"wrong_descriptor_major",
     ": descriptor: abi_major is 99, expected 1: build the plugin against this rpmd's plugin.h"},
    {"no_entry",
     ": load: it has no function rpmd_plugin_entry; write RPMD_PLUGIN_EXPORT(descriptor) once in the plugin"},
    {"null_descriptor", ": descriptor: rpmd_plugin_entry returned NULL, expected a descriptor"},
    {"bad_size",
     ": descriptor: plugin.struct_size is 8, expected 144: set it to sizeof, and build against this rpmd's "
     "plugin.h"},
    {"bad_name",
     ": descriptor: name is \"Bad-Name\", expected lower-case letters, digits and _, a letter first"},
    {"bad_kind", ": descriptor: answer_kind is 9, expected 1 (labels) to 4 (text)"},
    {"no_parse_answer", ": descriptor: parse_answer is NULL, expected a function: the answers are closed"},
    {"no_extract", ": descriptor: extract is NULL, expected a function"},
    {"self_test_fails",
     ": self-test 1: extract did not emit the feature \"second word\"; it emitted \"first word\""},
};

static int run(const char *fixture, PluginCheck *check, Status *status)
{
    const char *build = getenv("BUILD");
    _cleanup_buffer_ Buffer worker = BUFFER_INIT;
    _cleanup_free_ char *path = fixture_path(fixture);
    buffer_append_format(&worker, "%s/rpmd-worker", build && build[0] ? build : "build");
    check->file = path;
    check->worker_program = worker.data;
    int result = plugin_check_run(check, status);
    check->file = check->worker_program = NULL;
    return result;
}

START_TEST(says_what_is_wrong)
{
    for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
        _cleanup_free_ char *path = fixture_path(fixtures[i].fixture);
        _cleanup_(plugin_check_finish) PluginCheck check = {0};
        _cleanup_buffer_ Buffer expected = BUFFER_INIT;
        Status status = STATUS_INIT;
        int result = run(fixtures[i].fixture, &check, &status);
        if (fixtures[i].refusal)
            buffer_append_format(&expected, "%s%s", path, fixtures[i].refusal);
        ck_assert_str_eq(status.message, buffer_string(&expected));
        ck_assert_int_eq(result, fixtures[i].refusal ? STATUS_REFUSED : 0);
    }
}
END_TEST

START_TEST(reports_each_step)
{
    _cleanup_(plugin_check_finish) PluginCheck good = {0};
    _cleanup_(plugin_check_finish) PluginCheck broken = {0};
    Status status = STATUS_INIT;
    ck_assert_int_eq(run("good", &good, &status), 0);
    ck_assert_ptr_nonnull(strstr(good.report.data, "vet        ok: ABI 1.0, "));
    ck_assert_ptr_nonnull(strstr(good.report.data,
                                 "\ncopy       ok\nload       ok: task fixture, version 1, answers: labels\n"
                                 "self-test  ok: 2 passed\n"));
    ck_assert_int_eq(run("undefined_symbol", &broken, &status), STATUS_REFUSED);
    ck_assert_ptr_nonnull(
        strstr(status.message, "undefined_symbol.so: load: undefined symbol: missing_from_everywhere"));
    ck_assert_ptr_nonnull(strstr(broken.report.data, "copy       ok\n"));
    ck_assert_ptr_null(strstr(broken.report.data, "load "));
}
END_TEST

START_TEST(tries_a_text)
{
    static const struct {
        const char *fixture;
        const char *query;
        const char *error; /* behind the path; NULL: none */
    } cases[] = {
        {"good", "Is it so?", NULL},
        {"good", "", ": try: the query is empty"},
        {"crashes", "trigger", ": try: the plugin crashed in extract (SIGSEGV)"},
        {"failing", "trigger",
         ": try: plugin fixture failed in extract: the word \"trigger\"?is not liked ?"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AnalysisRequest tried = {.query = text_of(cases[i].query)};
        _cleanup_(plugin_check_finish) PluginCheck check = {.tried = &tried};
        Status status = STATUS_INIT;
        int result = run(cases[i].fixture, &check, &status);
        ck_assert_int_eq(result, cases[i].error ? STATUS_REFUSED : 0);
        if (cases[i].error) {
            ck_assert_msg(strstr(status.message, cases[i].error) != NULL, "%s", status.message);
            continue;
        }
        ck_assert_uint_eq(check.analysis->feature_count, 1);
        ck_assert_str_eq(check.analysis->features[0].name.data, "first word");
        ck_assert_ptr_nonnull(strstr(check.report.data, "try        ok: 1 features, 0 dropped\n"));
    }
}
END_TEST

UNIT_TESTS("client/plugin_check", says_what_is_wrong, reports_each_step, tries_a_text)
