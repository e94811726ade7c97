/* SPDX-License-Identifier: MIT */
/* Keeps 8 MiB of each call. */
#include <stdlib.h>
#include <string.h>

/* Volatile, so that the compiler does not see that nothing comes of it. */
static char *volatile kept;

static void leak(void)
{
    kept = malloc(8 * 1024 * 1024);
    if (kept)
        memset(kept, 1, 8 * 1024 * 1024);
}

#define ON_TRIGGER leak()
#include "fixture.h"
