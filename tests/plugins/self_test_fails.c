/* SPDX-License-Identifier: MIT */
#define FIXTURE_EXPECTED "second word"
#include "fixture.h"
