/* SPDX-License-Identifier: MIT */
#include "client/commands/query.h"

#include "client/input.h"
#include "lib/base/buffer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/history/time.h"

int query_read(Session *session, const Arguments *arguments, Rpmd__V1__Query *query, char **text)
{
    Status status = STATUS_INIT;
    _cleanup_buffer_ Buffer input = BUFFER_INIT;
    if (arguments->time)
        history_time_parse(text_of(arguments->time), &query->time_us);
    if (arguments->word_count == 1 && strcmp(arguments->words[0], "-") != 0)
        buffer_append_string(&input, arguments->words[0]);
    else if (input_read(&input, &status))
        return session_report(session, &status);
    *text = buffer_take(&input);
    query->task = (char *)arguments->task;
    query->user = (char *)arguments->user;
    query->text = *text;
    query->options = arguments->options;
    query->n_options = arguments->option_count;
    return 0;
}
