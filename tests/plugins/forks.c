/* SPDX-License-Identifier: MIT */
/* Starts a process. */
#define _GNU_SOURCE
#include <unistd.h>

#define ON_TRIGGER                                                                                           \
    if (fork() == 0)                                                                                         \
    _exit(0)
#include "fixture.h"
