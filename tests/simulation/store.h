/* SPDX-License-Identifier: MIT */
#pragma once

/* The simulated store's doors; what they write is stored.h's. */

#include "daemon/store/store.h"

/* A daemon opens it. One request of so many fails; 0: none. */
Store *store_begin(size_t failure_one_of);

/* The power is gone: what is not committed never will be, and nothing is answered with more than
 * UNAVAILABLE. The daemon then closes it all the same. */
void store_crash(Store *store);
