/* SPDX-License-Identifier: MIT */
/* Another version of slow.c: models of the first are built again, and a build hangs at "trigger". */
#define FIXTURE_VERSION "2"
#include "slow.c"
