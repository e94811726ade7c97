/* SPDX-License-Identifier: MIT */
/* Becomes another program. */
#define _GNU_SOURCE
#include <unistd.h>

#define ON_TRIGGER execl("/bin/true", "true", (char *)NULL)
#include "fixture.h"
