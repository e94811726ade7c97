/* SPDX-License-Identifier: MIT */
#define FIXTURE_NAME "other_fixture"
#include "fixture.h"
