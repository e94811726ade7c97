/* SPDX-License-Identifier: MIT */
/* Frees what it was not given. */
#include <stdlib.h>

static void corrupt(void)
{
    static char not_from_malloc[64];
    char *volatile pointer = not_from_malloc + 16;
    free(pointer);
}

#define ON_TRIGGER corrupt()
#include "fixture.h"
