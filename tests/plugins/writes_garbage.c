/* SPDX-License-Identifier: MIT */
/* Speaks on its worker's socket. */
#define _GNU_SOURCE
#include <unistd.h>

#define ON_TRIGGER (void)!write(3, "\4\0\0\0abcd", 8)
#include "fixture.h"
