/* SPDX-License-Identifier: MIT */
#define FIXTURE_PARSE NULL
#include "fixture.h"
