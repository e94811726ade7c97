/* SPDX-License-Identifier: MIT */
#pragma once

/* A timer that can be given up at any time: what the loop still has of it is freed when the loop is done. */

#include "lib/base/macros.h" /* before uv.h, whose MIN would win */

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define ALARM_NEVER UINT64_MAX

typedef struct Alarm Alarm;

/* The alarms that the loop still has something of. */
typedef struct AlarmSet {
    uv_loop_t *loop;
    size_t count;
    void (*emptied)(struct AlarmSet *set); /* the last one of them is closed */
} AlarmSet;

/* ring comes from the loop, once for each time that the alarm is set. The set outlives the alarm's closing.
 */
Alarm *alarm_new(AlarmSet *set, void (*ring)(void *owner), void *owner);

/* Sets it, or sets it anew, to a moment on the clock of uv_hrtime; ALARM_NEVER: it does not ring. */
void alarm_set(Alarm *alarm, uint64_t moment_ns);

/* It does not ring any more. */
void alarm_free(Alarm *alarm);
