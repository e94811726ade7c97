/* SPDX-License-Identifier: MIT */
#include "daemon/service_manager.h"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#define WATCHDOG_SHARE 3 /* pings per watchdog interval: two may come late */

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    sd_notify(0, "WATCHDOG=1");
}

void service_manager_init(ServiceManager *manager, uv_loop_t *loop)
{
    uint64_t interval_us = 0;
    *manager = (ServiceManager){0};
    if (sd_watchdog_enabled(0, &interval_us) <= 0)
        return;
    uint64_t period_ms = MAX(interval_us / 1000 / WATCHDOG_SHARE, (uint64_t)1);
    uv_timer_init(loop, &manager->watchdog);
    uv_timer_start(&manager->watchdog, on_watchdog, 0, period_ms);
    uv_unref((uv_handle_t *)&manager->watchdog);
    manager->watchdog_active = true;
}

void service_manager_close(ServiceManager *manager)
{
    if (manager->watchdog_active)
        uv_close((uv_handle_t *)&manager->watchdog, NULL);
    manager->watchdog_active = false;
}

int service_manager_take_socket(int *fd, Status *status)
{
    *fd = -1;
    int count = sd_listen_fds(1);
    if (count <= 0)
        return 0;
    if (count > 1)
        return status_refuse(
            status, STATUS_INVALID_ARGUMENT,
            "socket activation handed over %d sockets; rpmd.socket needs exactly one ListenStream=", count);
    if (sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0)
        return status_refuse(
            status, STATUS_INVALID_ARGUMENT,
            "socket activation handed over something other than a listening Unix stream socket; "
            "set ListenStream= in rpmd.socket to an absolute path");
    *fd = SD_LISTEN_FDS_START;
    return 0;
}

void service_manager_ready(const char *summary)
{
    sd_notifyf(0, "READY=1\nSTATUS=%s", summary);
}

void service_manager_stopping(const char *summary)
{
    sd_notifyf(0, "STOPPING=1\nSTATUS=%s", summary);
}
