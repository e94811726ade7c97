/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * HTTP requests on the loop: libcurl's multi interface over libuv. Connections are kept and reused, HTTP/2
 * where a server offers it. Everything runs on the loop's thread; callbacks come from the loop, never from
 * within these functions. A callback may make and cancel calls.
 */

#include "lib/base/macros.h"
#include "lib/base/text.h"

#include <stdint.h>
#include <uv.h>

typedef struct HttpClient HttpClient;
typedef struct HttpCall HttpCall;

/* How a call ended. */
typedef struct HttpResult {
    long status;          /* 0: there was no reply */
    const char *error;    /* why the connection failed, or was lost in the middle; NULL: the reply is whole */
    uint64_t retry_after; /* seconds; 0: none */
} HttpResult;

typedef struct HttpHandlers {
    /* Bytes of the reply's body, decoded. status is the reply's. */
    void (*on_bytes)(void *data, long status, rpmd_text bytes);
    void (*on_end)(void *data, const HttpResult *result);
} HttpHandlers;

typedef struct HttpRequest {
    const char *url;
    const char *unix_socket;    /* NULL: the URL's host */
    const char *ca_file;        /* NULL: the system's certificates */
    const char *key_header;     /* "Authorization: Bearer ...": never shown anywhere; NULL: none */
    const char *const *headers; /* NULL-terminated, more of them */
    rpmd_text body;             /* JSON, for POST */
    uint64_t connect_ms;
} HttpRequest;

HttpClient *http_client_new(uv_loop_t *loop);

/* Cancels what is at work, and calls closed when the loop has nothing of it any more. NULL is fine. Not from
 * within on_bytes. */
void http_client_close(HttpClient *client, void (*closed)(void *data), void *data);

/* Everything is copied. */
HttpCall *http_post(HttpClient *client, const HttpRequest *request, const HttpHandlers *handlers, void *data);

/* Closes its connection or stream at once; no callback comes any more. */
void http_cancel(HttpCall *call);
