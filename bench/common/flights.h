/* SPDX-License-Identifier: MIT */
#pragma once

/* Many unary calls in flight over one connection: as soon as one ends, the next begins. */

#include "bench/common/report.h"
#include "lib/base/arena.h"

#include <protobuf-c/protobuf-c.h>

typedef struct FlightPlan {
    const char *socket;
    const char *method; /* "/rpmd.v1.History/Append" */
    unsigned in_flight;
    uint64_t calls; /* at most so many; 0: no limit */
    double seconds; /* no call begins later; 0: no limit */
    /* The request of call `number` (0, 1, ...); it lives in the arena. */
    const ProtobufCMessage *(*make)(Arena *arena, uint64_t number, void *context);
    void *context;
} FlightPlan;

/* Makes the calls on this thread and returns how many ended a second. A call that fails ends the program. */
double fly(const FlightPlan *plan);
