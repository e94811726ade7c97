/* SPDX-License-Identifier: MIT */
#pragma once

/* Who waits for an answer, and until when: goes with a request from the socket to the last door. */

#include <stdint.h>

typedef struct Caller {
    uint64_t deadline_ns; /* on the clock of uv_hrtime; 0: waits for ever */
    int64_t uid;          /* of the process at the other end of the socket; -1: the daemon itself */
} Caller;

#define CALLER_DAEMON ((Caller){.uid = -1})

/* The earlier of the caller's deadline and `limit_ns` from now. */
static inline uint64_t caller_deadline(const Caller *caller, uint64_t now_ns, uint64_t limit_ns)
{
    uint64_t own = now_ns + limit_ns;
    return caller->deadline_ns != 0 && caller->deadline_ns < own ? caller->deadline_ns : own;
}
