/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include "lib/base/buffer.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Writes a configuration file, reads it, removes it. */
static int read_text(Config *config, const char *text, Status *status)
{
    char path[] = "/tmp/rpmd-config-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int r = config_read(config, path, status);
    unlink(path);
    /* The name is made up: cut it off the sentence. */
    char *behind = strstr(status->message, ", line ");
    if (behind)
        memmove(status->message, behind + 2, strlen(behind + 2) + 1);
    return r;
}

START_TEST(test_defaults)
{
    Config config;
    config_init(&config);
    ck_assert_str_eq(config.socket, "/run/rpmd/rpmd.sock");
    ck_assert_uint_eq(config.plugin_dir_count, 1);
    ck_assert_uint_eq(config.socket_mode, 0660);
    ck_assert_uint_eq(config.cache_bytes, 512 << 20);
    ck_assert_uint_eq(config.method.examples, 3);
    ck_assert_uint_eq(config.method.minimum_users, 3);
    ck_assert(config.method.population);
    config_finish(&config);
}
END_TEST

START_TEST(test_values)
{
    Config config;
    Status status = STATUS_INIT;
    config_init(&config);
    ck_assert_int_eq(
        read_text(
            &config,
            "; a comment\n[task special]\nexamples = 5\n[daemon]\nplugin_dir = /a\nplugin_dir = /b\n"
            "cache_bytes=2G\nsocket_mode = 0600\nverbose = yes\n[method]\nsmoothing = 0.5\nexamples=2\n",
            &status),
        0);
    ck_assert_uint_eq(config.plugin_dir_count, 2);
    ck_assert_str_eq(config.plugin_dirs[0], "/a");
    ck_assert_str_eq(config.plugin_dirs[1], "/b");
    ck_assert_uint_eq(config.cache_bytes, 2ull << 30);
    ck_assert_uint_eq(config.socket_mode, 0600);
    ck_assert(config.verbose);
    ck_assert_uint_eq(config_task(&config, "other")->examples, 2);
    /* A task starts from [method], wherever that stands in the file. */
    ck_assert_uint_eq(config_task(&config, "special")->examples, 5);
    ck_assert_double_eq(config_task(&config, "special")->smoothing, 0.5);
    config_finish(&config);
}
END_TEST

START_TEST(test_refusals)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[daemon]\nsokcet = /x\n",
         "line 2: [daemon] has no key 'sokcet'; `rpmd --help` lists the keys there are"},
        {"[demon]\nsocket = /x\n", "line 2: there is no section [demon]; the sections are [daemon], "
                                   "[plugins], [llm], [method], [task NAME] and [backend NAME]"},
        {"[method]\nexamples = 17\n",
         "line 2: examples = 17 is not possible; write a whole number from 0 to 16"},
        {"[method]\nexamples = 1.5\n",
         "line 2: examples = 1.5 is not possible; write a whole number from 0 to 16"},
        {"[method]\nsmoothing = nan\n",
         "line 2: smoothing = nan is not possible; write a number from 0 to 1000"},
        {"[method]\n\npopulation = maybe\n", "line 3: population = maybe is not possible; write on or off"},
        {"[daemon]\ncache_bytes = 1T\n",
         "line 2: cache_bytes = 1T is not possible; write a whole number from 1048576 to 1099511627776"},
        {"[daemon]\nsocket_mode = 0999\n",
         "line 2: socket_mode = 0999 is not possible; write an octal number up to 0777"},
        {"[daemon]\nsocket =\n", "line 2: socket =  is not possible; write a path"},
        {"[daemon]\nnonsense\n", "line 2: this is neither a [section] nor key = value"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Config config;
        Status status = STATUS_INIT;
        config_init(&config);
        ck_assert_int_eq(read_text(&config, cases[i].text, &status), STATUS_REFUSED);
        ck_assert_str_eq(status.message, cases[i].message);
        config_finish(&config);
    }
}
END_TEST

START_TEST(test_backends)
{
    static const struct {
        const char *text, *message; /* NULL: fine */
    } cases[] = {
        {"[method]\nrespond = a\n[backend a]\nbase_url = http://x/v1\n", NULL},
        {"[task t]\nextract = a\n[backend a]\nbase_url = HTTPS://x/v1\nshape = anthropic\n", NULL},
        {"[method]\nrespond = b\n[backend a]\n",
         "respond = b names no backend; write native, or add [backend b]"},
        {"[backend a]\nbase_url = ftp://x\n",
         "[backend a] has base_url = ftp://x; write http://HOST/v1 or https://HOST/v1"},
        {"[backend a]\nbase_url = x:80/v1\n", "write http://HOST/v1 or https://HOST/v1"},
        {"[backend native]\nbase_url = http://x/v1\n", "a backend cannot be called native"},
        {"[backend a]\nkey_file = /k\nkey_variable = K\n", "[backend a] has its key in more than one place"},
        {"[backend a]\nheader = none\n", "header = none is not possible; write Name: value"},
        {"[method]\nembed = a\n[backend a]\nshape = anthropic\n", "which has no embeddings"},
        {"[backend a]\nprice_cached = -2\n", "price_cached = -2 is not possible"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Config config;
        Status status = STATUS_INIT;
        config_init(&config);
        int r = read_text(&config, cases[i].text, &status);
        ck_assert_msg((r == 0) == !cases[i].message, "%s: %s", cases[i].text, status.message);
        ck_assert_msg(!cases[i].message || strstr(status.message, cases[i].message), "%s: %s", cases[i].text,
                      status.message);
        config_finish(&config);
    }
}
END_TEST

START_TEST(test_missing_file)
{
    Config config;
    Status status = STATUS_INIT;
    config_init(&config);
    ck_assert_int_eq(config_read(&config, "/nowhere/rpmd.conf", &status), STATUS_REFUSED);
    ck_assert_str_eq(status.message, "/nowhere/rpmd.conf cannot be read: No such file or directory; "
                                     "give the right path with --config");
    config_finish(&config);
}
END_TEST

START_TEST(test_describe_has_every_key)
{
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    config_describe(&text);
    ck_assert_ptr_nonnull(strstr(buffer_string(&text), "[daemon]\n  socket = /run/rpmd/rpmd.sock\n"));
    ck_assert_ptr_nonnull(
        strstr(buffer_string(&text), "[method]  and, for one task, [task NAME]\n  examples = 3\n"));
}
END_TEST

UNIT_TESTS("config", test_defaults, test_values, test_refusals, test_backends, test_missing_file,
           test_describe_has_every_key)
