/* SPDX-License-Identifier: MIT */

/*
 * Keeps a daemon busy with queries of a user, some in flight at a time, half of them ConstructPrompt and half
 * Explain, and counts those that fail: every tenth query ends with "0", and is counted apart.
 *
 *     load SOCKET TASK USER SECONDS IN_FLIGHT
 *     1034 calls, 0 of 103 tenth failed, 0 of 931 others failed, 10340 calls/s
 *
 * The first failure among the others stands behind it. Exit status 0 when calls were made.
 */

#include "client/channel.h"
#include "lib/base/memory.h"

#include "rpmd/v1/personalizer.pb-c.h"

#include <stdio.h>
#include <time.h>

#define IN_FLIGHT_LIMIT 64

typedef struct Flight {
    ChannelStream *stream;
    const ProtobufCMessageDescriptor *type;
    bool is_tenth;
} Flight;

typedef struct Load {
    Channel *channel;
    char *task;
    char *user;
    unsigned long begun;
    unsigned long done[2]; /* others, tenth */
    unsigned long failed[2];
    Status first_failure;
} Load;

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void note(Load *load, bool is_tenth, const Status *status)
{
    load->done[is_tenth]++;
    if (status_is_ok(status))
        return;
    load->failed[is_tenth]++;
    if (!is_tenth && status_is_ok(&load->first_failure))
        load->first_failure = *status;
}

static void begin(Load *load, Flight *flight)
{
    char text[32];
    Status status = STATUS_INIT;
    Rpmd__V1__Query query = RPMD__V1__QUERY__INIT;
    Rpmd__V1__ConstructPromptRequest prompt = RPMD__V1__CONSTRUCT_PROMPT_REQUEST__INIT;
    Rpmd__V1__ExplainRequest explain = RPMD__V1__EXPLAIN_REQUEST__INIT;
    unsigned long number = ++load->begun;
    snprintf(text, sizeof(text), "item %lu", number);
    query.task = load->task;
    query.user = load->user;
    query.text = text;
    prompt.query = explain.query = &query;
    bool explains = number % 2;
    flight->type =
        explains ? &rpmd__v1__explain_response__descriptor : &rpmd__v1__construct_prompt_response__descriptor;
    flight->is_tenth = number % 10 == 0;
    if (channel_stream_open(load->channel,
                            explains ? "/rpmd.v1.Personalizer/Explain"
                                     : "/rpmd.v1.Personalizer/ConstructPrompt",
                            &flight->stream, &status) ||
        channel_stream_send(flight->stream, explains ? &explain.base : &prompt.base, &status) ||
        channel_stream_close_send(flight->stream, &status)) {
        note(load, flight->is_tenth, &status);
        channel_stream_free(TAKE_PTR(flight->stream));
    }
}

static void end(Load *load, Flight *flight)
{
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    if (!flight->stream)
        return;
    if (channel_stream_receive(flight->stream, flight->type, &message, &status) == 0 && message)
        protobuf_c_message_free_unpacked(message, NULL);
    note(load, flight->is_tenth, &status);
    channel_stream_free(TAKE_PTR(flight->stream));
}

int main(int count, char **words)
{
    Load load = {0};
    Status status = STATUS_INIT;
    Flight flights[IN_FLIGHT_LIMIT] = {0};
    unsigned in_flight = count == 6 ? (unsigned)strtoul(words[5], NULL, 10) : 0;
    if (in_flight == 0 || in_flight > IN_FLIGHT_LIMIT) {
        fprintf(stderr, "usage: load SOCKET TASK USER SECONDS IN_FLIGHT (at most %d)\n", IN_FLIGHT_LIMIT);
        return 2;
    }
    if (channel_open(&load.channel, words[1], &status)) {
        fprintf(stderr, "load: %s\n", status.message);
        return 1;
    }
    load.task = words[2];
    load.user = words[3];
    double seconds = strtod(words[4], NULL), start = now_seconds();
    for (unsigned i = 0; now_seconds() - start < seconds; i = (i + 1) % in_flight) {
        end(&load, &flights[i]);
        begin(&load, &flights[i]);
    }
    for (unsigned i = 0; i < in_flight; i++)
        end(&load, &flights[i]);
    double took = now_seconds() - start;
    channel_free(load.channel);
    unsigned long all = load.done[0] + load.done[1];
    printf("%lu calls, %lu of %lu tenth failed, %lu of %lu others failed, %.0f calls/s\n", all,
           load.failed[1], load.done[1], load.failed[0], load.done[0], (double)all / took);
    if (!status_is_ok(&load.first_failure))
        printf("%s: %s\n", status_code_name(load.first_failure.code), load.first_failure.message);
    return all == 0;
}
