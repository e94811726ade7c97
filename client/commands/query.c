/* SPDX-License-Identifier: MIT */
#include "client/commands/query.h"

#include "lib/base/buffer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/history/time.h"

#include <errno.h>
#include <unistd.h>

/* All of standard input, without the line breaks at its end. */
static int read_standard_input(Buffer *text, Status *status)
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
        if (text->length > QUERY_INPUT_LIMIT)
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

int query_read(Session *session, const Arguments *arguments, Rpmd__V1__Query *query, char **text)
{
    Status status = STATUS_INIT;
    _cleanup_buffer_ Buffer input = BUFFER_INIT;
    if (arguments->time)
        history_time_parse(text_of(arguments->time), &query->time_us);
    if (arguments->word_count == 1 && strcmp(arguments->words[0], "-") != 0)
        buffer_append_string(&input, arguments->words[0]);
    else if (read_standard_input(&input, &status))
        return session_report(session, &status);
    *text = buffer_take(&input);
    query->task = (char *)arguments->task;
    query->user = (char *)arguments->user;
    query->text = *text;
    query->options = arguments->options;
    query->n_options = arguments->option_count;
    return 0;
}
