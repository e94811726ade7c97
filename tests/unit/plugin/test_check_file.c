/* SPDX-License-Identifier: MIT */
#include "lib/plugin/check_file.h"

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

START_TEST(says_what_is_wrong)
{
    for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
        _cleanup_free_ char *path = fixture_path(fixtures[i].fixture);
        _cleanup_buffer_ Buffer report = BUFFER_INIT;
        _cleanup_buffer_ Buffer expected = BUFFER_INIT;
        Status status = STATUS_INIT;
        PluginImage *image = NULL;
        int result = plugin_check_file(path, &report, &image, &status);
        if (fixtures[i].refusal)
            buffer_append_format(&expected, "%s%s", path, fixtures[i].refusal);
        ck_assert_str_eq(status.message, buffer_string(&expected));
        ck_assert_int_eq(result, fixtures[i].refusal ? STATUS_REFUSED : 0);
        ck_assert_int_eq(image != NULL, fixtures[i].refusal == NULL);
        plugin_image_free(image);
    }
}
END_TEST

START_TEST(reports_each_step)
{
    _cleanup_free_ char *path = fixture_path("good");
    _cleanup_buffer_ Buffer report = BUFFER_INIT;
    Status status = STATUS_INIT;
    ck_assert_int_eq(plugin_check_file(path, &report, NULL, &status), 0);
    ck_assert_ptr_nonnull(strstr(report.data, "vet        ok: ABI 1.0, "));
    ck_assert_ptr_nonnull(strstr(report.data,
                                 "\ncopy       ok\nload       ok: task fixture, version 1, answers: labels\n"
                                 "self-test  ok: 2 passed\n"));
    _cleanup_free_ char *broken = fixture_path("undefined_symbol");
    buffer_clear(&report);
    ck_assert_int_eq(plugin_check_file(broken, &report, NULL, &status), STATUS_REFUSED);
    ck_assert_ptr_nonnull(strstr(status.message, "undefined_symbol.so: load: "));
    ck_assert_ptr_nonnull(strstr(status.message, "undefined symbol: missing_from_everywhere"));
    ck_assert_ptr_nonnull(strstr(report.data, "copy       ok\n"));
    ck_assert_ptr_null(strstr(report.data, "load "));
}
END_TEST

UNIT_TESTS("plugin/check_file", says_what_is_wrong, reports_each_step)
