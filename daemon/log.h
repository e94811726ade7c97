/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The daemon's log: lines on standard error. Under systemd they carry the journal's level prefix, elsewhere
 * the level's name. A text that came from outside is shortened and cleaned of control characters.
 */

#include "lib/base/macros.h"

typedef enum LogLevel {
    LOG_LEVEL_ERROR = 3,   /* something failed that should not; the process goes on */
    LOG_LEVEL_WARNING = 4, /* an administrator should look at it */
    LOG_LEVEL_NOTICE = 5,  /* start, stop, plugins coming and going */
    LOG_LEVEL_DEBUG = 7    /* each call; only with `verbose` */
} LogLevel;

/* Before the first line; verbose lets LOG_LEVEL_DEBUG through. */
void log_configure(int verbose);

void log_write(LogLevel level, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
