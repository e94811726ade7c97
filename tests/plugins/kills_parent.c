/* SPDX-License-Identifier: MIT */
/* Wants to end rpmd. */
#define _GNU_SOURCE
#include <signal.h>
#include <unistd.h>

#define ON_TRIGGER kill(getppid(), SIGKILL)
#include "fixture.h"
