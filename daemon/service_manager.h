/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the daemon and systemd tell each other: inherited sockets, readiness, the watchdog. Without systemd
 * every function does nothing.
 */

#include "lib/base/status.h"

#include <uv.h>

typedef struct ServiceManager {
    uv_timer_t watchdog;
    bool watchdog_active;
} ServiceManager;

/* Starts answering the watchdog from the loop, where the service manager wants it: a loop that hangs is
 * restarted. */
void service_manager_init(ServiceManager *manager, uv_loop_t *loop);

/* Stops the watchdog's timer; the loop must run once more before it is closed. */
void service_manager_close(ServiceManager *manager);

/*
 * The listening Unix socket handed over by socket activation, or -1 when there is none. STATUS_REFUSED when
 * what was handed over is not one listening stream socket.
 */
int service_manager_take_socket(int *fd, Status *status);

void service_manager_ready(const char *summary);
void service_manager_stopping(const char *summary);
