/* SPDX-License-Identifier: MIT */
#pragma once

/* What has to hold whatever happened: after each step, and when everything has come to rest. */

void check_step(void);

/*
 * Lets everything happen that waits, and looks at all that is there: each user's model in memory is the one
 * that its history makes with its factors, in the store it says so too, and the pooled counts are the sums of
 * what the users feed in.
 */
void check_rest(void);
