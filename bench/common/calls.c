/* SPDX-License-Identifier: MIT */
#include "bench/common/calls.h"

#include "bench/common/films.h"
#include "bench/common/report.h"

#include "rpmd/v1/admin.pb-c.h"
#include "rpmd/v1/history.pb-c.h"
#include "rpmd/v1/models.pb-c.h"
#include "rpmd/v1/personalizer.pb-c.h"

#include <string.h>

#define BATCH 1000 /* the daemon's limit of items in one message */

static char task[] = BENCH_TASK;

Channel *open_channel(const char *socket)
{
    Channel *channel = NULL;
    Status status = STATUS_INIT;
    if (channel_open(&channel, socket, &status))
        bench_fail("connecting", &status);
    return channel;
}

char *user_name(Arena *arena, const char *group, uint64_t number)
{
    return arena_format(arena, "%s-%lu", group, (unsigned long)number);
}

const ProtobufCMessage *make_prompt(Arena *arena, char *user, uint64_t film)
{
    Rpmd__V1__ConstructPromptRequest *request = ARENA_NEW(arena, Rpmd__V1__ConstructPromptRequest);
    rpmd__v1__construct_prompt_request__init(request);
    request->query = ARENA_NEW(arena, Rpmd__V1__Query);
    rpmd__v1__query__init(request->query);
    request->query->task = task;
    request->query->user = user;
    request->query->text = film_draw(arena, user, film).description;
    return &request->base;
}

static Rpmd__V1__HistoryItem *make_item(Arena *arena, const char *user, uint64_t number)
{
    Rpmd__V1__HistoryItem *item = ARENA_NEW(arena, Rpmd__V1__HistoryItem);
    Film film = film_draw(arena, user, number);
    rpmd__v1__history_item__init(item);
    item->id = arena_format(arena, "i%lu", (unsigned long)number);
    item->query = film.description;
    item->response = film.tag;
    return item;
}

const ProtobufCMessage *make_append(Arena *arena, char *user, uint64_t film)
{
    Rpmd__V1__AppendRequest *request = ARENA_NEW(arena, Rpmd__V1__AppendRequest);
    rpmd__v1__append_request__init(request);
    request->task = task;
    request->user = user;
    request->item = make_item(arena, user, film);
    return &request->base;
}

static void send_import(ChannelStream *stream, Rpmd__V1__ImportRequest *request)
{
    Status status = STATUS_INIT;
    if (request->n_items > 0 && channel_stream_send(stream, &request->base, &status))
        bench_fail("Import", &status);
    request->n_items = 0;
}

static void import_items(ChannelStream *stream, const char *group, uint64_t first, uint64_t users,
                         uint64_t items)
{
    Rpmd__V1__ImportItem *entries[BATCH], storage[BATCH];
    Rpmd__V1__ImportRequest request = RPMD__V1__IMPORT_REQUEST__INIT;
    request.task = task;
    request.items = entries;
    for (uint64_t done = 0; done < users * items;) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        for (; request.n_items < BATCH && done < users * items; done++) {
            Rpmd__V1__ImportItem *entry = entries[request.n_items] = &storage[request.n_items];
            rpmd__v1__import_item__init(entry);
            entry->user = user_name(&arena, group, first + done / items);
            entry->item = make_item(&arena, entry->user, done % items);
            request.n_items++;
        }
        send_import(stream, &request);
    }
}

void import_users(Channel *channel, const char *group, uint64_t first, uint64_t users, uint64_t items)
{
    ChannelStream *stream = NULL;
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    if (channel_stream_open(channel, "/rpmd.v1.History/Import", &stream, &status))
        bench_fail("Import", &status);
    import_items(stream, group, first, users, items);
    if (channel_stream_close_send(stream, &status) ||
        channel_stream_receive(stream, &rpmd__v1__import_response__descriptor, &message, &status) || !message)
        bench_fail("Import", &status);
    const Rpmd__V1__ImportResponse *response = (const Rpmd__V1__ImportResponse *)message;
    if (response->accepted != users * items)
        bench_fail("Import: not every item was accepted", NULL);
    protobuf_c_message_free_unpacked(message, NULL);
    channel_stream_free(stream);
}

/* STATUS_REFUSED with the status when it ended early, or with the first user whose model could not be built.
 */
static int build(Channel *channel, const Rpmd__V1__BuildRequest *request, Status *status)
{
    ChannelStream *stream = NULL;
    ProtobufCMessage *message = NULL;
    int r = channel_stream_open(channel, "/rpmd.v1.Models/Build", &stream, status);
    r = r ? r : channel_stream_send(stream, &request->base, status);
    r = r ? r : channel_stream_close_send(stream, status);
    while (r == 0) {
        r = channel_stream_receive(stream, &rpmd__v1__build_response__descriptor, &message, status);
        if (r || !message)
            break;
        const Rpmd__V1__BuildResponse *response = (const Rpmd__V1__BuildResponse *)message;
        if (response->error[0])
            r = status_refuse(status, STATUS_INTERNAL, "%s: %s", response->user, response->error);
        protobuf_c_message_free_unpacked(TAKE_PTR(message), NULL);
    }
    channel_stream_free(stream);
    return r;
}

double build_user(Channel *channel, char *user)
{
    Rpmd__V1__BuildRequest request = RPMD__V1__BUILD_REQUEST__INIT;
    Status status = STATUS_INIT;
    double begin = now_seconds();
    request.task = task;
    request.user = user;
    if (build(channel, &request, &status))
        bench_fail("Build", &status);
    return now_seconds() - begin;
}

double build_all(Channel *channel, double max_seconds)
{
    Rpmd__V1__BuildRequest request = RPMD__V1__BUILD_REQUEST__INIT;
    Status status = STATUS_INIT;
    double begin = now_seconds();
    request.task = task;
    request.all_users = true;
    channel_set_timeout(channel, (uint64_t)(max_seconds * 1e9));
    if (build(channel, &request, &status) && (max_seconds <= 0 || status.code != STATUS_DEADLINE_EXCEEDED))
        bench_fail("Build", &status);
    channel_set_timeout(channel, 0);
    return now_seconds() - begin;
}

void import_and_build(Channel *channel, const char *group, uint64_t first, uint64_t users, uint64_t items)
{
    import_users(channel, group, first, users, items);
    for (uint64_t number = first; number < first + users; number++) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        build_user(channel, user_name(&arena, group, number));
    }
}

/* The caller's to free. */
static ProtobufCMessage *call(Channel *channel, const char *method, const ProtobufCMessage *request,
                              const ProtobufCMessageDescriptor *type, double *seconds)
{
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    double begin = now_seconds();
    if (channel_call_unary(channel, method, request, type, &message, &status))
        bench_fail(method, &status);
    *seconds = now_seconds() - begin;
    return message;
}

double call_prompt(Channel *channel, char *user, uint64_t film)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    double seconds = 0;
    protobuf_c_message_free_unpacked(call(channel, "/rpmd.v1.Personalizer/ConstructPrompt",
                                          make_prompt(&arena, user, film),
                                          &rpmd__v1__construct_prompt_response__descriptor, &seconds),
                                     NULL);
    return seconds;
}

double call_append(Channel *channel, char *user, uint64_t film)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    double seconds = 0;
    protobuf_c_message_free_unpacked(call(channel, "/rpmd.v1.History/Append", make_append(&arena, user, film),
                                          &rpmd__v1__append_response__descriptor, &seconds),
                                     NULL);
    return seconds;
}

double call_delete(Channel *channel, char *user, uint64_t film)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    Rpmd__V1__DeleteRequest request = RPMD__V1__DELETE_REQUEST__INIT;
    double seconds = 0;
    request.task = task;
    request.user = user;
    request.id = arena_format(&arena, "i%lu", (unsigned long)film);
    protobuf_c_message_free_unpacked(call(channel, "/rpmd.v1.History/Delete", &request.base,
                                          &rpmd__v1__delete_response__descriptor, &seconds),
                                     NULL);
    return seconds;
}

double call_erase(Channel *channel, char *user)
{
    Rpmd__V1__EraseUserRequest request = RPMD__V1__ERASE_USER_REQUEST__INIT;
    double seconds = 0;
    request.task = task;
    request.user = user;
    protobuf_c_message_free_unpacked(call(channel, "/rpmd.v1.Models/EraseUser", &request.base,
                                          &rpmd__v1__erase_user_response__descriptor, &seconds),
                                     NULL);
    return seconds;
}

size_t prompt_reply_bytes(Channel *channel, char *user, uint64_t film)
{
    _cleanup_arena_ Arena arena = ARENA_INIT;
    double seconds = 0;
    ProtobufCMessage *message =
        call(channel, "/rpmd.v1.Personalizer/ConstructPrompt", make_prompt(&arena, user, film),
             &rpmd__v1__construct_prompt_response__descriptor, &seconds);
    size_t bytes = protobuf_c_message_get_packed_size(message);
    protobuf_c_message_free_unpacked(message, NULL);
    return bytes;
}

double metric(Channel *channel, const char *name)
{
    Rpmd__V1__GetMetricsRequest request = RPMD__V1__GET_METRICS_REQUEST__INIT;
    double seconds = 0, value = 0;
    ProtobufCMessage *message = call(channel, "/rpmd.v1.Admin/GetMetrics", &request.base,
                                     &rpmd__v1__get_metrics_response__descriptor, &seconds);
    const Rpmd__V1__GetMetricsResponse *response = (const Rpmd__V1__GetMetricsResponse *)message;
    for (size_t i = 0; i < response->n_metrics; i++)
        if (strcmp(response->metrics[i]->name, name) == 0)
            value = response->metrics[i]->value;
    protobuf_c_message_free_unpacked(message, NULL);
    return value;
}
