/* SPDX-License-Identifier: MIT */
#define FIXTURE_NAME "Bad-Name"
#include "fixture.h"
