/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * An rpmd of any build folder with a socket and a state directory of its own, in a scratch directory under
 * TMPDIR (else /tmp). What cannot be done ends the program; the daemon dies with it, and the
 * directory stays, with rpmd's log.
 *
 * Threads: the one that started it.
 */

#include <stdint.h>
#include <sys/types.h>

typedef struct PrivateDaemon {
    const char *build; /* borrowed */
    char place[96];    /* the scratch directory */
    char socket[128];
    pid_t pid; /* 0: it does not run */
} PrivateDaemon;

/* Makes the scratch directory and starts rpmd with the settings (the text of a rpmd.conf; "": the defaults).
 */
void daemon_start(PrivateDaemon *daemon, const char *build, const char *settings);

/* Ends it as systemd would and starts it again on the same state. */
void daemon_restart(PrivateDaemon *daemon, const char *settings);

/* Ends it and removes the scratch directory. A daemon that does not run is fine. */
void daemon_stop(PrivateDaemon *daemon);

/* Memory of rpmd alone. */
uint64_t daemon_resident_bytes(const PrivateDaemon *daemon);

/* CPU time so far, user and system, in seconds; the kernel counts it in ticks of 10 ms. */
typedef struct DaemonCpu {
    double daemon;
    double workers; /* of the workers that live */
} DaemonCpu;

DaemonCpu daemon_cpu(const PrivateDaemon *daemon);
