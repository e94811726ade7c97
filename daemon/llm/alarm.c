/* SPDX-License-Identifier: MIT */
#include "daemon/llm/alarm.h"

#include "lib/base/memory.h"

#define NANOSECONDS_PER_MILLISECOND 1000000u

struct Alarm {
    uv_timer_t timer;
    AlarmSet *set;
    void (*ring)(void *owner);
    void *owner;
};

Alarm *alarm_new(AlarmSet *set, void (*ring)(void *owner), void *owner)
{
    Alarm *alarm = NEW(Alarm);
    *alarm = (Alarm){.set = set, .ring = ring, .owner = owner};
    uv_timer_init(set->loop, &alarm->timer);
    set->count++;
    return alarm;
}

static void on_timer(uv_timer_t *timer)
{
    Alarm *alarm = CONTAINER_OF(timer, Alarm, timer);
    alarm->ring(alarm->owner);
}

void alarm_set(Alarm *alarm, uint64_t moment_ns)
{
    if (moment_ns == ALARM_NEVER) {
        uv_timer_stop(&alarm->timer);
        return;
    }
    uint64_t now = uv_hrtime();
    uint64_t wait_ms = moment_ns > now ? (moment_ns - now) / NANOSECONDS_PER_MILLISECOND + 1 : 0;
    uv_update_time(alarm->set->loop);
    uv_timer_start(&alarm->timer, on_timer, wait_ms, 0);
}

static void on_closed(uv_handle_t *handle)
{
    Alarm *alarm = CONTAINER_OF(handle, Alarm, timer);
    AlarmSet *set = alarm->set;
    free(alarm);
    if (--set->count == 0)
        set->emptied(set);
}

void alarm_free(Alarm *alarm)
{
    uv_close((uv_handle_t *)&alarm->timer, on_closed);
}
