/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A server of an LLM on the test's own loop. It answers the requests that come with the turns of a script, in
 * their order, and the requests behind the script with the last turn.
 */

#include "lib/base/buffer.h"
#include "lib/base/macros.h"
#include "lib/base/memory.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define LLM_SERVER_TURNS 64

/* One answer. */
typedef struct LlmTurn {
    int status;        /* 0: nothing is answered; the request stays open */
    const char *text;  /* of a reply: sent in one event. Of an error: its body */
    const char *more;  /* a second event with text; NULL: none */
    bool is_left_open; /* neither a finish reason nor an end follows the text */
    bool breaks_off;   /* the connection is closed behind the text */
    bool is_whole;     /* the reply is no stream */
    bool is_strange;   /* the text is sent as it is, in an event */
    const char *head;  /* one more header with its end of line; NULL: none */
} LlmTurn;

typedef struct LlmConnection LlmConnection;

typedef struct LlmServer {
    uv_tcp_t listener;
    char url[64];
    LlmTurn turns[LLM_SERVER_TURNS];
    size_t turn_count;
    size_t begin;                /* the request that the first turn is for */
    size_t requests;             /* that were read whole */
    Buffer last_body;            /* of the last request */
    LlmConnection *last_request; /* the connection that it came on; NULL: that is closed */
    size_t connections;          /* open ones */
    LlmConnection *all[256];
} LlmServer;

struct LlmConnection {
    uv_tcp_t tcp;
    LlmServer *server;
    Buffer input;
};

static inline void llm_server_connection_closed(uv_handle_t *handle)
{
    LlmConnection *connection = handle->data;
    buffer_finish(&connection->input);
    free(connection);
}

static inline void llm_server_drop(LlmConnection *connection)
{
    LlmServer *server = connection->server;
    if (uv_is_closing((uv_handle_t *)&connection->tcp))
        return;
    for (size_t i = 0; i < server->connections; i++) {
        if (server->all[i] == connection) {
            server->all[i] = server->all[--server->connections];
            break;
        }
    }
    if (server->last_request == connection)
        server->last_request = NULL;
    uv_close((uv_handle_t *)&connection->tcp, llm_server_connection_closed);
}

/* Sends at once; what is sent is short. */
static inline void llm_server_send(LlmConnection *connection, const char *bytes)
{
    uv_buf_t piece = uv_buf_init((char *)bytes, (unsigned)strlen(bytes));
    ck_assert_int_eq(uv_try_write((uv_stream_t *)&connection->tcp, &piece, 1), (int)strlen(bytes));
}

/* One chunk with one event. */
static inline void llm_server_event(LlmConnection *connection, const char *data)
{
    _cleanup_buffer_ Buffer chunk = BUFFER_INIT;
    buffer_append_format(&chunk, "%zx\r\ndata: %s\n\n\r\n", strlen(data) + 8, data);
    llm_server_send(connection, buffer_string(&chunk));
}

static inline void llm_server_text(LlmConnection *connection, const char *text)
{
    _cleanup_buffer_ Buffer event = BUFFER_INIT;
    buffer_append_format(&event, "{\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}", text);
    llm_server_event(connection, buffer_string(&event));
}

/* The model is done; the stream ends with `llm_server_finish` only. */
static inline void llm_server_stop(LlmConnection *connection)
{
    llm_server_event(connection, "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
                                 "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}");
}

static inline void llm_server_finish(LlmConnection *connection)
{
    llm_server_stop(connection);
    llm_server_event(connection, "[DONE]");
    llm_server_send(connection, "0\r\n\r\n");
}

static inline void llm_server_answer_whole(LlmConnection *connection, const LlmTurn *turn)
{
    _cleanup_buffer_ Buffer answer = BUFFER_INIT;
    _cleanup_buffer_ Buffer body = BUFFER_INIT;
    if (turn->status == 200)
        buffer_append_format(&body,
                             "{\"choices\":[{\"message\":{\"content\":\"%s\"},\"finish_reason\":\"stop\"}]}",
                             turn->text);
    else
        buffer_append_string(&body, turn->text ? turn->text : "");
    buffer_append_format(&answer, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s", turn->status,
                         body.length, turn->head ? turn->head : "", buffer_string(&body));
    llm_server_send(connection, buffer_string(&answer));
}

static inline void llm_server_answer(LlmConnection *connection, const LlmTurn *turn)
{
    if (turn->status == 0)
        return;
    if (turn->status != 200 || turn->is_whole) {
        llm_server_answer_whole(connection, turn);
        return;
    }
    llm_server_send(connection, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n");
    if (turn->is_strange)
        llm_server_event(connection, turn->text);
    else if (turn->text)
        llm_server_text(connection, turn->text);
    if (turn->more)
        llm_server_text(connection, turn->more);
    if (turn->breaks_off)
        llm_server_drop(connection);
    else if (!turn->is_left_open)
        llm_server_finish(connection);
}

/* A whole request: its heading and as many bytes as that says. False: more has to come. */
static inline bool llm_server_take(LlmConnection *connection)
{
    LlmServer *server = connection->server;
    const char *input = buffer_string(&connection->input);
    const char *heading_end = strstr(input, "\r\n\r\n"), *length = strcasestr(input, "content-length:");
    if (!heading_end || !length)
        return false;
    size_t body = strtoul(length + strlen("content-length:"), NULL, 10);
    size_t heading = (size_t)(heading_end - input) + 4;
    if (connection->input.length < heading + body)
        return false;
    buffer_clear(&server->last_body);
    buffer_append(&server->last_body, input + heading, body);
    buffer_drop(&connection->input, heading + body);
    return true;
}

static inline void llm_server_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *piece)
{
    LlmConnection *connection = stream->data;
    LlmServer *server = connection->server;
    if (length > 0)
        buffer_append(&connection->input, piece->base, (size_t)length);
    free(piece->base);
    if (length < 0) {
        llm_server_drop(connection);
        return;
    }
    if (!llm_server_take(connection))
        return;
    size_t turn = MIN(server->requests - server->begin, server->turn_count - 1);
    server->requests++;
    server->last_request = connection;
    llm_server_answer(connection, &server->turns[turn]);
}

static inline void llm_server_allocate(uv_handle_t *handle, size_t size, uv_buf_t *piece)
{
    (void)handle;
    *piece = uv_buf_init(memory_allocate(1, size), (unsigned)size);
}

static inline void llm_server_accept(uv_stream_t *listener, int status)
{
    LlmServer *server = listener->data;
    LlmConnection *connection = NEW(LlmConnection);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_lt(server->connections, ARRAY_SIZE(server->all));
    connection->server = server;
    uv_tcp_init(listener->loop, &connection->tcp);
    connection->tcp.data = connection;
    ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)&connection->tcp), 0);
    server->all[server->connections++] = connection;
    uv_read_start((uv_stream_t *)&connection->tcp, llm_server_allocate, llm_server_read);
}

static inline void llm_server_open(LlmServer *server, uv_loop_t *loop)
{
    struct sockaddr_in address;
    int size = sizeof(address);
    *server = (LlmServer){0};
    uv_tcp_init(loop, &server->listener);
    server->listener.data = server;
    uv_ip4_addr("127.0.0.1", 0, &address);
    ck_assert_int_eq(uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0), 0);
    ck_assert_int_eq(uv_listen((uv_stream_t *)&server->listener, 128, llm_server_accept), 0);
    uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &size);
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d/v1", ntohs(address.sin_port));
}

/* What the requests from the next one on get. */
static inline void llm_server_set(LlmServer *server, LlmTurn turn)
{
    server->turns[0] = turn;
    server->turn_count = 1;
    server->begin = server->requests;
}

/* What the request behind those of the script gets, and all that follow it. */
static inline void llm_server_add(LlmServer *server, LlmTurn turn)
{
    ck_assert_uint_lt(server->turn_count, LLM_SERVER_TURNS);
    server->turns[server->turn_count++] = turn;
}

/* Nobody listens any more: connections are refused. */
static inline void llm_server_close(LlmServer *server)
{
    if (!uv_is_closing((uv_handle_t *)&server->listener))
        uv_close((uv_handle_t *)&server->listener, NULL);
    while (server->connections > 0)
        llm_server_drop(server->all[0]);
    buffer_finish(&server->last_body);
}
