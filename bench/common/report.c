/* SPDX-License-Identifier: MIT */
#include "bench/common/report.h"

#include "lib/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void bench_fail(const char *what, const Status *status)
{
    fprintf(stderr, "bench: %s: %s\n", what, status ? status->message : "failed");
    exit(1);
}

void times_finish(Times *times)
{
    free(times->values);
    *times = TIMES_INIT;
}

void times_add(Times *times, double seconds)
{
    GROW(times->values, times->count, times->capacity);
    times->values[times->count++] = seconds;
}

static int compare_times(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static void sort(Times *times)
{
    qsort(times->values, times->count, sizeof(times->values[0]), compare_times);
}

double times_median(Times *times)
{
    sort(times);
    return times->values[times->count / 2];
}

void report(const char *row, const char *what, const char *format, ...)
{
    va_list arguments;
    printf("%-17s %-48s ", row, what);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
}

static double milliseconds(const Times *times, size_t per_mille)
{
    return times->values[MIN(times->count * per_mille / 1000, times->count - 1)] * 1e3;
}

void report_times(const char *row, const char *what, Times *times)
{
    if (times->count == 0) {
        report(row, what, "no call ended");
        return;
    }
    sort(times);
    report(row, what, "p50 %.2f  p99 %.2f  p999 %.2f  max %.2f ms  (%zu calls)", milliseconds(times, 500),
           milliseconds(times, 990), milliseconds(times, 999), milliseconds(times, 1000), times->count);
}
