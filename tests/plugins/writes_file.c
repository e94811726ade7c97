/* SPDX-License-Identifier: MIT */
/* Writes a file. */
#define _GNU_SOURCE
#include <fcntl.h>

#define ON_TRIGGER (void)!open("/tmp/rpmd-fixture-was-here", O_WRONLY | O_CREAT, 0600)
#include "fixture.h"
