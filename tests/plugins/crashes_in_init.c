/* SPDX-License-Identifier: MIT */
/* Crashes as soon as it is mapped. */
#include "fixture.h"

__attribute__((constructor)) static void begin(void)
{
    crash();
}
