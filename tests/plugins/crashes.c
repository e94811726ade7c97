/* SPDX-License-Identifier: MIT */
/* Writes where nothing may be written. */
#define _GNU_SOURCE

#define ON_TRIGGER crash()
#include "fixture.h"
