/* SPDX-License-Identifier: MIT */
/* Closes what it did not open. */
#define _GNU_SOURCE
#include <unistd.h>

#define ON_TRIGGER                                                                                           \
    for (int file = 0; file < 32; file++)                                                                    \
    close(file)
#include "fixture.h"
