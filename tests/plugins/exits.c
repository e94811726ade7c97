/* SPDX-License-Identifier: MIT */
/* Ends its process. */
#define _GNU_SOURCE
#include <stdlib.h>

#define ON_TRIGGER exit(3)
#include "fixture.h"
