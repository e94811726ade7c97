/* SPDX-License-Identifier: MIT */
/* Takes memory of its own until there is none, and uses what it does not get. */
#define _GNU_SOURCE
#include <stdlib.h>

#define ON_TRIGGER                                                                                           \
    for (;;)                                                                                                 \
    memset(malloc(1024 * 1024), 1, 1024 * 1024)
#include "fixture.h"
