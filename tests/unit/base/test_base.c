/* SPDX-License-Identifier: MIT */
#include "lib/base/arena.h"
#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/intern.h"
#include "lib/base/memory.h"
#include "lib/base/status.h"
#include "lib/base/text.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>

START_TEST(test_buffer)
{
    _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
    ck_assert_str_eq(buffer_string(&buffer), "");
    buffer_append_string(&buffer, "ab");
    buffer_append_format(&buffer, "%d-%s", 7, "x");
    ck_assert_str_eq(buffer_string(&buffer), "ab7-x");
    buffer_drop(&buffer, 3);
    ck_assert_str_eq(buffer_string(&buffer), "-x");
    buffer_drop(&buffer, 99);
    ck_assert_uint_eq(buffer.length, 0);
    for (int i = 0; i < 1000; i++)
        buffer_append(&buffer, "0123456789", 10);
    ck_assert_uint_eq(buffer.length, 10000);
    _cleanup_free_ char *taken = buffer_take(&buffer);
    ck_assert_uint_eq(strlen(taken), 10000);
    ck_assert_ptr_null(buffer.data);
    _cleanup_free_ char *nothing = buffer_take(&buffer);
    ck_assert_str_eq(nothing, "");
}
END_TEST

START_TEST(test_arena)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *memory = arena_allocate(&arena, size);
        ck_assert_uint_eq((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            ck_assert_uint_eq(memory[i], 0);
        memset(memory, 0xFF, size);
    }
    char *large = arena_allocate(&arena, 1 << 20);
    large[(1 << 20) - 1] = 1;
    ck_assert_str_eq(arena_format(&arena, "%s=%d", "a", 5), "a=5");
    ck_assert_str_eq(arena_copy(&arena, "abcdef", 3), "abc");
}
END_TEST

START_TEST(test_intern_numbers_in_order)
{
    _cleanup_intern_ Intern intern = INTERN_INIT;
    char word[16];
    ck_assert_uint_eq(intern_find(&intern, text_of("none")), INTERN_NONE);
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(word, sizeof(word), "word %u", i);
        ck_assert_uint_eq(intern_add(&intern, text_of(word)), i);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(word, sizeof(word), "word %u", i);
        ck_assert_uint_eq(intern_find(&intern, text_of(word)), i);
        ck_assert_uint_eq(intern_add(&intern, text_of(word)), i);
        ck_assert(text_equal_string(intern.texts[i], word));
    }
    ck_assert_uint_eq(intern_add(&intern, (rpmd_text){0}), 5000);
}
END_TEST

START_TEST(test_hash_is_stable)
{
    /* Stored on disk: another value would orphan what is there. */
    ck_assert_uint_eq(hash_bytes("", 0), 0x2d06800538d394c2ull);
    ck_assert_uint_ne(hash_bytes("a", 1), hash_bytes("b", 1));
    ck_assert_uint_ne(hash_bytes_seeded("a", 1, 1), hash_bytes_seeded("a", 1, 2));
}
END_TEST

START_TEST(test_status)
{
    Status status = STATUS_INIT;
    ck_assert(status_is_ok(&status));
    ck_assert_int_eq(status_refuse(&status, STATUS_NOT_FOUND, "no %s", "task"), STATUS_REFUSED);
    ck_assert_str_eq(status.message, "no task");
    ck_assert_str_eq(status_code_name(status.code), "NOT_FOUND");
    ck_assert_str_eq(status_code_name((StatusCode)77), "UNKNOWN");
}
END_TEST

START_TEST(test_status_is_cut_between_characters)
{
    char long_text[2 * STATUS_MESSAGE_SIZE + 2] = "";
    for (size_t offset = 0; offset < 3; offset++) {
        Status status = STATUS_INIT;
        memset(long_text, 'x', offset);
        for (size_t i = offset; i + 2 < sizeof(long_text); i += 2)
            memcpy(long_text + i, "\xC3\xA9", 2);
        long_text[sizeof(long_text) - 2] = '\0';
        status_refuse(&status, STATUS_INTERNAL, "%s", long_text);
        size_t length = strlen(status.message);
        ck_assert_uint_ge(length, STATUS_MESSAGE_SIZE - 3);
        ck_assert_uint_eq((length - offset) % 2, 0);
    }
}
END_TEST

START_TEST(test_error)
{
    ck_assert_int_eq(error_trace(0), 0);
    ck_assert_int_eq(error_trace(3), 3);
    ck_assert_int_eq(error_origin(ENOENT), -ENOENT);
    ck_assert_int_eq(error_origin(-ENOENT), -ENOENT);
    ck_assert_int_eq(error_origin(0), -ENOTRECOVERABLE);
}
END_TEST

START_TEST(test_text)
{
    ck_assert(text_equal((rpmd_text){0}, text_of("")));
    ck_assert(!text_equal(text_of("a"), text_of("ab")));
    ck_assert_int_lt(text_compare(text_of("a"), text_of("ab")), 0);
    ck_assert_int_gt(text_compare(text_of("b"), text_of("ab")), 0);
    ck_assert_int_eq(text_compare((rpmd_text){0}, text_of("")), 0);
    ck_assert(text_equal_string(text_slice(text_of("abcd"), (rpmd_span){1, 3}), "bc"));
}
END_TEST

START_TEST(test_nested_minimum)
{
    ck_assert_int_eq(MAX(MIN(5, 3), MIN(2, 9)), 3);
}
END_TEST

UNIT_TESTS("base", test_buffer, test_arena, test_intern_numbers_in_order, test_hash_is_stable, test_status,
           test_status_is_cut_between_characters, test_error, test_text, test_nested_minimum)
