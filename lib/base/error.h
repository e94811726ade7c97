/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Two kinds of error.
 *
 *   negative  Fatal for the operation: a negative errno from a system call or a library. A caller does
 *             not interpret it; it forwards it with error_trace, and each hop is printed.
 *   positive  A documented condition of *this* function, handled by its caller. A function that refuses
 *             something a person asked for returns STATUS_REFUSED and fills a Status (lib/base/status.h).
 *
 *     r = file_read(path, &text);
 *     if (r < 0)
 *         return error_trace(r);
 */

/* The place where a fatal error enters the program: turns any non-zero errno into its negative. */
#define error_origin(error) error_origin_at((error), __FILE__, __LINE__, __func__)

/* Forwards: prints a line of the backtrace when the error is negative, and returns it. */
#define error_trace(error) error_trace_at((error), __FILE__, __LINE__, __func__)

int error_origin_at(int error, const char *file, int line, const char *function);
int error_trace_at(int error, const char *file, int line, const char *function);
