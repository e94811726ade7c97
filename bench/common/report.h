/* SPDX-License-Identifier: MIT */
#pragma once

/* The clock, latencies and lines of a measurement. */

#include "lib/base/macros.h"
#include "lib/base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Monotonic. */
double now_seconds(void);

/* Says what went wrong and ends the program. status: NULL for "failed". */
_Noreturn void bench_fail(const char *what, const Status *status);

/* Latencies, in seconds, in the order in which they were measured. */
typedef struct Times {
    double *values; /* owned */
    size_t count;
    size_t capacity;
} Times;

#define TIMES_INIT ((Times){0})

void times_finish(Times *times);
void times_add(Times *times, double seconds);

/* Of at least one; sorts the times. */
double times_median(Times *times);

#define _cleanup_times_ _cleanup_(times_finish)

/* One line of the table: the row's name, what was measured, the figures with their units. */
void report(const char *row, const char *what, const char *format, ...) _printf_(3, 4);

/* A line with the count, the median, p99, p999 and the longest, in milliseconds. Sorts the times. */
void report_times(const char *row, const char *what, Times *times);
