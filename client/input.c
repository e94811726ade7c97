/* SPDX-License-Identifier: MIT */
#include "client/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int input_read(Buffer *text, Status *status)
{
    for (;;) {
        char *end = buffer_reserve(text, 65536);
        ssize_t length = read(STDIN_FILENO, end, 65536);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return status_refuse(status, STATUS_INVALID_ARGUMENT, "standard input cannot be read: %s",
                                 strerror(errno));
        if (length == 0)
            break;
        text->length += (size_t)length;
        if (text->length > INPUT_LIMIT)
            return status_refuse(status, STATUS_INVALID_ARGUMENT,
                                 "the query on standard input is longer than 4 MiB");
    }
    while (text->length > 0 && (text->data[text->length - 1] == '\n' || text->data[text->length - 1] == '\r'))
        text->length--;
    if (text->data)
        text->data[text->length] = '\0';
    if (text->length > 0 && memchr(text->data, '\0', text->length))
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the query on standard input has a NUL byte; give UTF-8 text");
    return 0;
}
