/* SPDX-License-Identifier: MIT */
#define FIXTURE_SIZE 8
#include "fixture.h"
