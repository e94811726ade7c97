/* SPDX-License-Identifier: MIT */
#include "daemon/llm/http.h"

#include "lib/base/memory.h"

#include <assert.h>
#include <curl/curl.h>
#include <sys/queue.h>

struct HttpCall {
    LIST_ENTRY(HttpCall) link;
    HttpClient *client;
    CURL *easy;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    bool is_added;     /* to the multi handle; while curl is at work, after it */
    bool is_cancelled; /* while curl is at work: freed after it */
    const HttpHandlers *handlers;
    void *data;
};

struct HttpClient {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    LIST_HEAD(, HttpCall) calls;
    unsigned sockets; /* watched, and being closed */
    bool is_in_curl;
    bool is_changed; /* meanwhile: there are calls to add or to free */
    bool is_closing;
    bool timer_is_closed;
    void (*closed)(void *data);
    void *closed_data;
};

/* A socket that curl wants to be watched. */
typedef struct Watched {
    uv_poll_t poll;
    HttpClient *client;
    curl_socket_t socket;
} Watched;

/* ---- the end ------------------------------------------------------------------------------------------ */

static void free_when_closed(HttpClient *client)
{
    if (!client->is_closing || !client->timer_is_closed || client->sockets > 0)
        return;
    void (*closed)(void *) = client->closed;
    void *data = client->closed_data;
    free(client);
    closed(data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    HttpClient *client = handle->data;
    client->timer_is_closed = true;
    free_when_closed(client);
}

static void call_free(HttpCall *call)
{
    LIST_REMOVE(call, link);
    if (call->is_added)
        curl_multi_remove_handle(call->client->multi, call->easy);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    free(call);
}

void http_cancel(HttpCall *call)
{
    call->is_cancelled = call->client->is_in_curl;
    if (call->is_cancelled)
        call->client->is_changed = true;
    else
        call_free(call);
}

/* curl cannot be changed from within its callbacks: what they asked for is done behind them. */
static void catch_up(HttpClient *client)
{
    if (!client->is_changed)
        return;
    client->is_changed = false;
    for (HttpCall *call = LIST_FIRST(&client->calls), *next; call; call = next) {
        next = LIST_NEXT(call, link);
        if (call->is_cancelled)
            call_free(call);
        else if (!call->is_added)
            call->is_added = curl_multi_add_handle(client->multi, call->easy) == CURLM_OK;
    }
}

void http_client_close(HttpClient *client, void (*closed)(void *data), void *data)
{
    if (!client) {
        closed(data);
        return;
    }
    assert(!client->is_in_curl);
    client->closed = closed;
    client->closed_data = data;
    for (HttpCall *call = LIST_FIRST(&client->calls), *next; call; call = next) {
        next = LIST_NEXT(call, link);
        call_free(call);
    }
    /* Closes kept connections, and asks to unwatch their sockets. */
    curl_multi_cleanup(client->multi);
    client->is_closing = true;
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}

/* ---- curl and the loop -------------------------------------------------------------------------------- */

static void finish_call(HttpCall *call, CURLcode code)
{
    HttpResult result = {0};
    curl_off_t retry_after = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &result.status);
    curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
    result.retry_after = retry_after > 0 ? (uint64_t)retry_after : 0;
    if (code != CURLE_OK)
        result.error = call->error[0] ? call->error : curl_easy_strerror(code);
    const HttpHandlers *handlers = call->handlers;
    void *data = call->data;
    char error[CURL_ERROR_SIZE];
    if (result.error) {
        memcpy(error, result.error, MIN(strlen(result.error) + 1, sizeof(error)));
        error[sizeof(error) - 1] = '\0';
        result.error = error;
    }
    call_free(call);
    handlers->on_end(data, &result);
}

/* Lets curl do what can be done, and takes the calls that ended by it. */
static void act(HttpClient *client, curl_socket_t socket, int flags)
{
    CURLMsg *message;
    int left;
    client->is_in_curl = true;
    curl_multi_socket_action(client->multi, socket, flags, &left);
    client->is_in_curl = false;
    catch_up(client);
    while (!client->is_closing && (message = curl_multi_info_read(client->multi, &left))) {
        HttpCall *call = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        finish_call(call, code);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    Watched *watched = poll->data;
    HttpClient *client = watched->client;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    act(client, watched->socket, flags);
}

static void on_poll_closed(uv_handle_t *handle)
{
    Watched *watched = handle->data;
    HttpClient *client = watched->client;
    client->sockets--;
    free(watched);
    free_when_closed(client);
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *assigned)
{
    (void)easy;
    HttpClient *client = user;
    Watched *watched = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (watched) {
            curl_multi_assign(client->multi, socket, NULL);
            uv_poll_stop(&watched->poll);
            uv_close((uv_handle_t *)&watched->poll, on_poll_closed);
        }
        return 0;
    }
    if (!watched) {
        watched = NEW(Watched);
        *watched = (Watched){.client = client, .socket = socket};
        if (uv_poll_init_socket(client->loop, &watched->poll, socket) < 0) {
            free(watched);
            return -1;
        }
        watched->poll.data = watched;
        client->sockets++;
        curl_multi_assign(client->multi, socket, watched);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watched->poll, events, on_poll);
    return 0;
}

static void on_timeout(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    HttpClient *client = user;
    if (client->is_closing)
        return 0;
    if (timeout_ms < 0)
        uv_timer_stop(&client->timer);
    else
        uv_timer_start(&client->timer, on_timeout, (uint64_t)timeout_ms, 0);
    return 0;
}

HttpClient *http_client_new(uv_loop_t *loop)
{
    HttpClient *client = NEW(HttpClient);
    client->loop = loop;
    LIST_INIT(&client->calls);
    uv_timer_init(loop, &client->timer);
    client->timer.data = client;
    client->multi = curl_multi_init();
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    return client;
}

/* ---- calls -------------------------------------------------------------------------------------------- */

static size_t on_bytes(char *bytes, size_t size, size_t count, void *user)
{
    HttpCall *call = user;
    long status = 0;
    if (call->is_cancelled)
        return CURL_WRITEFUNC_ERROR;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    /* A server that refuses a request may have left its body unread, and would take it for the next one. */
    if (status >= 400)
        curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 1L);
    call->handlers->on_bytes(call->data, status, (rpmd_text){bytes, size * count});
    return size * count;
}

HttpCall *http_post(HttpClient *client, const HttpRequest *request, const HttpHandlers *handlers, void *data)
{
    HttpCall *call = NEW(HttpCall);
    *call = (HttpCall){.client = client, .handlers = handlers, .data = data, .easy = curl_easy_init()};
    LIST_INSERT_HEAD(&client->calls, call, link);
    call->headers = curl_slist_append(NULL, "Content-Type: application/json");
    call->headers = curl_slist_append(call->headers, "Expect:");
    if (request->key_header)
        call->headers = curl_slist_append(call->headers, request->key_header);
    for (const char *const *header = request->headers; header && *header; header++)
        call->headers = curl_slist_append(call->headers, *header);
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
    if (request->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length);
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body.data);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_ms);
    /* An event has some hundred bytes, and a thousand streams may be open. */
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* What is configured is what is called, whatever proxy the environment names. */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    client->is_changed = true;
    if (!client->is_in_curl)
        catch_up(client);
    return call;
}
