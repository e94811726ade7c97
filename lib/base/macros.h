/* SPDX-License-Identifier: MIT */
#pragma once

/* Small helpers that every file uses. */

#include <stddef.h>

#define _fallthrough_ __attribute__((fallthrough))
#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(text, first) __attribute__((__format__(__printf__, text, first)))
#define _unused_ __attribute__((unused))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Each use gets names of its own, so that uses can be nested. */
#define MIN(a, b) LESSER_OR_GREATER(a, b, <, __COUNTER__)
#define MAX(a, b) LESSER_OR_GREATER(a, b, >, __COUNTER__)
#define LESSER_OR_GREATER(a, b, order, unique) CHOOSE_NUMBER(a, b, order, unique)
#define CHOOSE_NUMBER(a, b, order, unique)                                                                   \
    ({                                                                                                       \
        __typeof__(a) first_##unique = (a);                                                                  \
        __typeof__(b) second_##unique = (b);                                                                 \
        first_##unique order second_##unique ? first_##unique : second_##unique;                             \
    })

/* Takes a pointer out of a variable that a cleanup attribute would otherwise free. */
#define TAKE_PTR(pointer)                                                                                    \
    ({                                                                                                       \
        __typeof__(pointer) _taken = (pointer);                                                              \
        (pointer) = NULL;                                                                                    \
        _taken;                                                                                              \
    })

/* The object that contains a member. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Defines `NAME_cleanup`, for _cleanup_, from a destructor that accepts NULL. */
#define DEFINE_CLEANUP(type, destructor)                                                                     \
    static inline _unused_ void destructor##_cleanup(type **pointer)                                         \
    {                                                                                                        \
        destructor(*pointer);                                                                                \
    }
