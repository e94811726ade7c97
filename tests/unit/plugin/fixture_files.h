/* SPDX-License-Identifier: MIT */
#pragma once

/* Where the fixture plugins are, and a private directory to break copies of them in. */

#include "lib/base/buffer.h"
#include "lib/base/memory.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The path of a built fixture; freed by the caller. */
static inline char *fixture_path(const char *name)
{
    const char *build = getenv("BUILD");
    Buffer path = BUFFER_INIT;
    buffer_append_format(&path, "%s/tests/plugins/%s.so", build && build[0] ? build : "build", name);
    return buffer_take(&path);
}

static inline void read_file(const char *path, Buffer *bytes)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    for (size_t length; (length = fread(buffer_reserve(bytes, 65536), 1, 65536, file)) > 0;)
        bytes->length += length;
    fclose(file);
}

static inline void write_file(const char *path, const void *bytes, size_t length, mode_t mode)
{
    unlink(path);
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_msg(descriptor >= 0, "cannot create %s", path);
    ck_assert_int_eq(write(descriptor, bytes, length), (ssize_t)length);
    ck_assert_int_eq(fchmod(descriptor, mode), 0);
    close(descriptor);
}

/* Copies a fixture to a path. */
static inline void copy_fixture(const char *name, const char *path)
{
    _cleanup_free_ char *source = fixture_path(name);
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    read_file(source, &bytes);
    write_file(path, bytes.data, bytes.length, 0644);
}

/* A new directory, mode 0700; freed by the caller with remove_directory. */
static inline char *make_directory(void)
{
    char path[] = "/tmp/rpmd-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(path));
    return memory_copy_text(path, sizeof(path) - 1);
}

static inline int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline void remove_directory(char *path)
{
    chmod(path, 0700);
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(path);
}

static inline char *path_in(const char *directory, const char *name)
{
    Buffer path = BUFFER_INIT;
    buffer_append_format(&path, "%s/%s", directory, name);
    return buffer_take(&path);
}
