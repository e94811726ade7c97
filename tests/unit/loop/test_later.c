/* SPDX-License-Identifier: MIT */
#include "daemon/loop/later.h"

#include "daemon/loop/loop.h"
#include "lib/base/macros.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* Calls write their letter; a test says what they do beside. */

static uv_loop_t loop;
static char said[64];

typedef struct Call {
    Later later;
    char letter;
    struct Call *begins;  /* NULL: none */
    struct Call *cancels; /* NULL: none */
} Call;

static void run(Later *later)
{
    Call *call = CONTAINER_OF(later, Call, later);
    size_t length = strlen(said);
    ck_assert(!later_is_waiting(later));
    snprintf(said + length, sizeof(said) - length, "%c", call->letter);
    if (call->begins)
        later_call(&loop, &call->begins->later, run);
    if (call->cancels)
        later_cancel(&call->cancels->later);
}

static void begin(void)
{
    said[0] = '\0';
    ck_assert_int_eq(uv_loop_init(&loop), 0);
}

static void end(void)
{
    loop_close(&loop);
    ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}

START_TEST(calls_come_once_and_in_their_order)
{
    Call a = {.letter = 'a'}, b = {.letter = 'b'}, c = {.letter = 'c'};
    begin();
    later_call(&loop, &a.later, run);
    later_call(&loop, &b.later, run);
    later_call(&loop, &c.later, run);
    ck_assert(later_is_waiting(&b.later));
    ck_assert_str_eq(said, "");
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_str_eq(said, "abc");
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_str_eq(said, "abc");
    end();
}
END_TEST

START_TEST(a_call_that_is_cancelled_does_not_come)
{
    Call a = {.letter = 'a'}, b = {.letter = 'b'}, c = {.letter = 'c'}, d = {.letter = 'd'};
    begin();
    later_cancel(&a.later); /* harmless */
    later_call(&loop, &a.later, run);
    later_call(&loop, &b.later, run);
    later_call(&loop, &c.later, run);
    later_cancel(&c.later);
    later_cancel(&a.later);
    later_call(&loop, &d.later, run);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_str_eq(said, "bd");
    later_call(&loop, &a.later, run);
    later_cancel(&a.later);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_str_eq(said, "bd");
    end();
}
END_TEST

/* Also the ones of the same turn, before it and behind it. */
START_TEST(a_call_can_cancel_any_other)
{
    Call a = {.letter = 'a'}, b = {.letter = 'b'}, c = {.letter = 'c'}, d = {.letter = 'd'};
    begin();
    a.cancels = &b;
    c.cancels = &d;
    later_call(&loop, &a.later, run);
    later_call(&loop, &b.later, run);
    later_call(&loop, &c.later, run);
    later_call(&loop, &d.later, run);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_str_eq(said, "ac");
    end();
}
END_TEST

START_TEST(what_a_call_begins_comes_on_another_turn)
{
    Call a = {.letter = 'a'}, b = {.letter = 'b'};
    begin();
    a.begins = &a;
    later_call(&loop, &b.later, run);
    later_call(&loop, &a.later, run);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_str_eq(said, "ba");
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_str_eq(said, "baa");
    a.begins = &b;
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_str_eq(said, "baaab");
    ck_assert(!later_is_waiting(&a.later));
    end();
}
END_TEST

START_TEST(the_loop_stays_awake_for_a_call_and_ends_without)
{
    Call a = {.letter = 'a'};
    begin();
    ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    later_call(&loop, &a.later, run);
    uv_run(&loop, UV_RUN_ONCE); /* does not sleep */
    ck_assert_str_eq(said, "a");
    ck_assert_int_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    end();
}
END_TEST

UNIT_TESTS("later", calls_come_once_and_in_their_order, a_call_that_is_cancelled_does_not_come,
           a_call_can_cancel_any_other, what_a_call_begins_comes_on_another_turn,
           the_loop_stays_awake_for_a_call_and_ends_without)
