/* SPDX-License-Identifier: MIT */
#include "lib/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int error_origin_at(int error, const char *file, int line, const char *function)
{
    int number = error < 0 ? -error : error;
    if (number == 0)
        number = ENOTRECOVERABLE;
    return error_trace_at(-number, file, line, function);
}

int error_trace_at(int error, const char *file, int line, const char *function)
{
    if (error < 0)
        fprintf(stderr, "<7>error %d (%s) in %s, %s:%d\n", -error, strerrordesc_np(-error), function, file,
                line);
    return error;
}
