/* SPDX-License-Identifier: MIT */

/* The skeletons that `rpmctl plugin new` writes: built outside the tree, against the public header alone. */

#include "lib/plugin/check_file.h"

#include "tests/unit/plugin/fixture_files.h"
#include "tests/unit/unit.h"

static void copy_file(const char *from, const char *directory, const char *to)
{
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    _cleanup_free_ char *path = path_in(directory, to);
    read_file(from, &bytes);
    write_file(path, bytes.data, bytes.length, 0644);
}

static int run(const char *directory, const char *command)
{
    _cleanup_buffer_ Buffer line = BUFFER_INIT;
    buffer_append_format(&line, "cd %s && %s", directory, command);
    return system(line.data); // NOLINT(cert-env33-c): the command is ours
}

static void build_and_check(const char *compiler, const char *language, const char *skeleton)
{
    _cleanup_buffer_ Buffer command = BUFFER_INIT;
    buffer_append_format(&command, "command -v %s >/dev/null", compiler);
    if (run("/", command.data) != 0)
        return; /* not on this machine */
    char *directory = make_directory();
    ck_assert_int_eq(run(directory, "mkdir -p include/rpmd"), 0);
    copy_file("include/rpmd/plugin.h", directory, "include/rpmd/plugin.h");
    copy_file("plugins/template/features.h", directory, "features.h");
    buffer_clear(&command);
    buffer_append_format(&command, "plugins/template/%s.c", skeleton);
    copy_file(command.data, directory, "plugin.c");
    buffer_clear(&command);
    buffer_append_format(&command,
                         "%s -x %s -O2 -Wall -Wextra -Wpedantic -Werror -fPIC -shared -fvisibility=hidden "
                         "-Iinclude plugin.c -o my_task.so",
                         compiler, language);
    ck_assert_msg(run(directory, command.data) == 0, "%s failed: %s", skeleton, command.data);
    _cleanup_free_ char *file = path_in(directory, "my_task.so");
    _cleanup_buffer_ Buffer report = BUFFER_INIT;
    Status status = STATUS_INIT;
    PluginImage *image = NULL;
    plugin_check_file(file, &report, &image, &status);
    ck_assert_str_eq(status.message, "");
    ck_assert_str_eq(image->descriptor.plugin.name, "my_task");
    plugin_image_free(image);
    remove_directory(directory);
}

START_TEST(as_c11_and_cpp20)
{
    static const char *const skeletons[] = {"labels", "ordinal", "options", "text"};
    for (size_t i = 0; i < ARRAY_SIZE(skeletons); i++) {
        build_and_check("gcc", "c -std=c11", skeletons[i]);
        build_and_check("g++", "c++ -std=c++20", skeletons[i]);
        build_and_check("clang", "c -std=c11", skeletons[i]);
        build_and_check("clang", "c++ -std=c++20", skeletons[i]);
    }
}
END_TEST

UNIT_TESTS("plugin/template", as_c11_and_cpp20)
