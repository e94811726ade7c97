/* SPDX-License-Identifier: MIT */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LOG_LINE_LIMIT 2048 /* a line that a person still reads */

static int log_verbose;

void log_configure(int verbose)
{
    log_verbose = verbose;
}

static const char *level_prefix(LogLevel level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error: ";
    case LOG_LEVEL_WARNING:
        return "warning: ";
    case LOG_LEVEL_NOTICE:
        return "";
    case LOG_LEVEL_DEBUG:
        return "debug: ";
    }
    return "";
}

void log_write(LogLevel level, const char *format, ...)
{
    if (level == LOG_LEVEL_DEBUG && !log_verbose)
        return;
    char line[LOG_LINE_LIMIT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (char *byte = line; *byte; byte++)
        if ((unsigned char)*byte < ' ' || *byte == 0x7f)
            *byte = ' ';
    if (getenv("JOURNAL_STREAM"))
        fprintf(stderr, "<%d>%s\n", (int)level, line);
    else
        fprintf(stderr, "rpmd: %s%s\n", level_prefix(level), line);
}
