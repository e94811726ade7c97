/* SPDX-License-Identifier: MIT */
#define FIXTURE_EXTRACT NULL
#include "fixture.h"
