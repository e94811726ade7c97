/* SPDX-License-Identifier: MIT */
/* Another file that serves the task of good.c. */
#define FIXTURE_FEATURE "other word"
#include "fixture.h"
