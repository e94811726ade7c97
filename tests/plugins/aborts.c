/* SPDX-License-Identifier: MIT */
/* Calls abort. */
#define _GNU_SOURCE
#include <stdlib.h>

#define ON_TRIGGER abort()
#include "fixture.h"
