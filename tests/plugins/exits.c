/* SPDX-License-Identifier: MIT */
/* Ends its process. */
#define _GNU_SOURCE
#include <unistd.h>

#define ON_TRIGGER _exit(3)
#include "fixture.h"
