/* SPDX-License-Identifier: MIT */
#define FIXTURE_KIND ((rpmd_answer_kind)9)
#include "fixture.h"
