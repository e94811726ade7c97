/* SPDX-License-Identifier: MIT */
#include "lib/plugin/vet.h"

#include "lib/plugin/limits.h"
#include "tests/unit/plugin/fixture_files.h"
#include "tests/unit/unit.h"

/* What vetting a file says, with the directory's name replaced by "DIR". */
static StatusCode vet(const char *directory, const char *name, char *message)
{
    _cleanup_free_ char *path = path_in(directory, name);
    VettedPlugin vetted _cleanup_(plugin_vet_finish) = {0};
    Status status = STATUS_INIT;
    int result = plugin_vet(&vetted, path, &status);
    ck_assert_int_eq(result, status.code == STATUS_OK ? 0 : STATUS_REFUSED);
    _cleanup_buffer_ Buffer shown = BUFFER_INIT;
    const char *rest = status.message;
    for (const char *found; (found = strstr(rest, directory)); rest = found + strlen(directory)) {
        buffer_append(&shown, rest, (size_t)(found - rest));
        buffer_append_string(&shown, "DIR");
    }
    buffer_append_string(&shown, rest);
    snprintf(message, STATUS_MESSAGE_SIZE, "%s", buffer_string(&shown));
    return status.code;
}

static void expect(const char *directory, const char *name, StatusCode code, const char *expected)
{
    char message[STATUS_MESSAGE_SIZE];
    ck_assert_int_eq(vet(directory, name, message), code);
    ck_assert_str_eq(message, expected);
}

START_TEST(accepts_and_copies)
{
    char *directory = make_directory();
    _cleanup_free_ char *path = path_in(directory, "good.so");
    copy_fixture("good", path);
    VettedPlugin vetted;
    Status status = STATUS_INIT;
    ck_assert_int_eq(plugin_vet(&vetted, path, &status), 0);
    ck_assert_uint_eq(strlen(vetted.sha256), 64);
    char *copy = NULL;
    ck_assert_int_eq(plugin_copy(&vetted, path, directory, &copy, &status), 0);
    ck_assert_ptr_nonnull(strstr(copy, vetted.sha256));
    struct stat info;
    ck_assert_int_eq(stat(copy, &info), 0);
    ck_assert_uint_eq(info.st_mode & 07777, 0500);
    ck_assert_uint_eq((size_t)info.st_size, vetted.bytes.length);
    /* The same content again is the same file. */
    char *again = NULL;
    ck_assert_int_eq(plugin_copy(&vetted, path, directory, &again, &status), 0);
    ck_assert_str_eq(copy, again);
    free(copy);
    free(again);
    ck_assert_int_eq(plugin_copy(&vetted, "f.so", "/nonexistent", &copy, &status), STATUS_REFUSED);
    ck_assert_int_eq(status.code, STATUS_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(status.message, "f.so: copy: /nonexistent/."));
    plugin_vet_finish(&vetted);
    remove_directory(directory);
}
END_TEST

START_TEST(refuses_with_a_reason)
{
    char *directory = make_directory();
    _cleanup_free_ char *path = path_in(directory, "p.so");
    _cleanup_free_ char *link = path_in(directory, "link.so");
    expect(directory, "p.so", STATUS_NOT_FOUND,
           "DIR/p.so: vet: it cannot be opened: No such file or directory");
    copy_fixture("good", path);
    ck_assert_int_eq(symlink(path, link), 0);
    expect(directory, "link.so", STATUS_FAILED_PRECONDITION,
           "DIR/link.so: vet: it is a symbolic link, expected a regular file; name the file itself");
    expect(directory, "../", STATUS_FAILED_PRECONDITION,
           "DIR/../: vet: it is a directory, expected a regular file");
    chmod(path, 0646);
    expect(directory, "p.so", STATUS_PERMISSION_DENIED,
           "DIR/p.so: vet: it has mode 0646: others can write to it; run chmod go-w on it");
    chmod(path, 0664);
    expect(directory, "p.so", STATUS_PERMISSION_DENIED,
           "DIR/p.so: vet: it has mode 0664: its group can write to it; run chmod go-w on it");
    chmod(path, 0644);
    chmod(directory, 0777);
    expect(directory, "p.so", STATUS_PERMISSION_DENIED,
           "DIR/p.so: vet: its directory DIR has mode 0777: others can write to it, so anybody of them could "
           "exchange "
           "the file; run chmod go-w on the directory");
    chmod(directory, 0700);
    /* Only root can give files away. */
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(path, 4321, 4321), 0);
        expect(
            directory, "p.so", STATUS_PERMISSION_DENIED,
            "DIR/p.so: vet: it belongs to user 4321, expected root or user 0, who loads it; run chown on it");
        ck_assert_int_eq(chown(path, 0, 0), 0);
        ck_assert_int_eq(chown(directory, 4321, 4321), 0);
        expect(
            directory, "p.so", STATUS_PERMISSION_DENIED,
            "DIR/p.so: vet: its directory belongs to user 4321, expected root or user 0, who loads it; run "
            "chown on it");
        ck_assert_int_eq(chown(directory, 0, 0), 0);
    }
    write_file(path, "#!/bin/sh\n", 10, 0755);
    expect(directory, "p.so", STATUS_FAILED_PRECONDITION,
           "DIR/p.so: vet: it is not an ELF file: it does not begin with the bytes 7F \"ELF\"");
    write_file(path, "", 0, 0755);
    expect(directory, "p.so", STATUS_FAILED_PRECONDITION,
           "DIR/p.so: vet: it is not an ELF file: it does not begin with the bytes 7F \"ELF\"");
    ck_assert_int_eq(truncate(path, (off_t)PLUGIN_FILE_LIMIT + 1), 0);
    expect(directory, "p.so", STATUS_FAILED_PRECONDITION,
           "DIR/p.so: vet: it has 67108865 bytes, expected at most 67108864");
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    expect(directory, "p.so", STATUS_FAILED_PRECONDITION,
           "DIR/p.so: vet: it is a special file, expected a regular file");
    copy_fixture("wrong_major", path);
    expect(directory, "p.so", STATUS_FAILED_PRECONDITION,
           "DIR/p.so: vet: the ABI note says major 99, expected 1: build the plugin against this rpmd's "
           "plugin.h");
    copy_fixture("newer_minor", path);
    expect(directory, "p.so", STATUS_FAILED_PRECONDITION,
           "DIR/p.so: vet: the ABI note says minor 999, expected at most 0: the plugin needs a newer rpmd");
    copy_fixture("no_note", path);
    expect(directory, "p.so", STATUS_FAILED_PRECONDITION,
           "DIR/p.so: vet: it has no ABI note \"rpmd\": it is no rpmd plugin, or RPMD_PLUGIN_EXPORT is "
           "missing in it");
    remove_directory(directory);
}
END_TEST

/* Nobody can exchange the file through a directory above it; /tmp itself has the sticky bit. */
START_TEST(directories_above)
{
    char *above = make_directory();
    _cleanup_free_ char *directory = path_in(above, "plugins");
    _cleanup_free_ char *path = path_in(directory, "p.so");
    ck_assert_int_eq(mkdir(directory, 0755), 0);
    copy_fixture("good", path);
    chmod(above, 0777);
    VettedPlugin vetted;
    Status status = STATUS_INIT;
    _cleanup_buffer_ Buffer expected = BUFFER_INIT;
    ck_assert_int_eq(plugin_vet(&vetted, path, &status), STATUS_REFUSED);
    buffer_append_format(
        &expected,
        "%s: vet: the directory %s above it has mode 0777: others can write to it; run chmod "
        "o-w on the directory",
        path, above);
    ck_assert_str_eq(status.message, expected.data);
    chmod(above, 01777);
    ck_assert_int_eq(plugin_vet(&vetted, path, &status), 0);
    plugin_vet_finish(&vetted);
    remove_directory(above);
}
END_TEST

/* What is loaded is what was vetted, whatever happens to the file. */
START_TEST(replaced_behind_the_vetting)
{
    char *directory = make_directory();
    _cleanup_free_ char *path = path_in(directory, "p.so");
    _cleanup_free_ char *copy = NULL;
    _cleanup_buffer_ Buffer copied = BUFFER_INIT;
    copy_fixture("good", path);
    VettedPlugin vetted;
    Status status = STATUS_INIT;
    ck_assert_int_eq(plugin_vet(&vetted, path, &status), 0);
    copy_fixture("crashes_in_init", path);
    ck_assert_int_eq(plugin_copy(&vetted, path, directory, &copy, &status), 0);
    read_file(copy, &copied);
    ck_assert_uint_eq(copied.length, vetted.bytes.length);
    ck_assert_mem_eq(copied.data, vetted.bytes.data, copied.length);
    plugin_vet_finish(&vetted);
    remove_directory(directory);
}
END_TEST

UNIT_TESTS("plugin/vet", directories_above, replaced_behind_the_vetting, accepts_and_copies,
           refuses_with_a_reason)
