/* SPDX-License-Identifier: MIT */
#define FIXTURE_VERSION "2"
#define FIXTURE_FEATURE "opening word"
#include "fixture.h"
