/* SPDX-License-Identifier: MIT */
/* Calls itself without end. */
#define _GNU_SOURCE

static int deeper(volatile int depth)
{
    volatile char frame[4096];
    frame[0] = (char)depth;
    return depth > 0 ? deeper(depth + 1) + frame[0] : 0;
}

#define ON_TRIGGER (void)!deeper(1)
#include "fixture.h"
