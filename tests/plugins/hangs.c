/* SPDX-License-Identifier: MIT */
/* Never returns and never asks whether anybody waits. */
#define _GNU_SOURCE

#define ON_TRIGGER                                                                                           \
    for (volatile int on = 1; on;)                                                                           \
    continue
#include "fixture.h"
