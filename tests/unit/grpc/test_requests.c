/* SPDX-License-Identifier: MIT */

/* Requests as stock clients write them, and as nobody should: the headers and bytes are made by hand. */
#include "tests/unit/grpc/pair.h"

#include <nghttp2/nghttp2.h>

/* ---- a client that sends any headers ---- */

typedef struct RawClient {
    Pair pair;
    nghttp2_session *http;
    rpmd_text data; /* what is sent behind the headers */
    bool ends;      /* with END_STREAM */
    char http_status[8];
    char grpc_status[8];
    char message[256];
    char accept_encoding[32];
    uint32_t reset; /* the code of RST_STREAM, or 0 */
    bool has_closed;
} RawClient;

static int raw_on_header(nghttp2_session *http, const nghttp2_frame *frame, const uint8_t *name,
                         size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                         void *userdata)
{
    RawClient *raw = userdata;
    const struct {
        const char *name;
        char *value;
        size_t size;
    } wanted[] = {
        {":status", raw->http_status, sizeof(raw->http_status)},
        {"grpc-status", raw->grpc_status, sizeof(raw->grpc_status)},
        {"grpc-message", raw->message, sizeof(raw->message)},
        {"grpc-accept-encoding", raw->accept_encoding, sizeof(raw->accept_encoding)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        if (strcmp((const char *)name, wanted[i].name) == 0)
            snprintf(wanted[i].value, wanted[i].size, "%s", (const char *)value);
    return 0;
}

static int raw_on_frame(nghttp2_session *http, const nghttp2_frame *frame, void *userdata)
{
    RawClient *raw = userdata;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        raw->reset = frame->rst_stream.error_code;
    return 0;
}

static int raw_on_close(nghttp2_session *http, int32_t stream, uint32_t error, void *userdata)
{
    ((RawClient *)userdata)->has_closed = true;
    return 0;
}

static ssize_t raw_read(nghttp2_session *http, int32_t stream, uint8_t *out, size_t length, uint32_t *flags,
                        nghttp2_data_source *source, void *userdata)
{
    RawClient *raw = userdata;
    length = MIN(length, raw->data.length);
    if (length > 0)
        memcpy(out, raw->data.data, length);
    raw->data.data += length;
    raw->data.length -= length;
    if (raw->data.length == 0 && raw->ends)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (length == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)length;
}

static void raw_init(RawClient *raw, const GrpcLimits *limits)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *options = NULL;
    *raw = (RawClient){.ends = true};
    pair_init(&raw->pair, limits);
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, raw_on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, raw_on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, raw_on_close);
    nghttp2_option_new(&options);
    nghttp2_option_set_no_http_messaging(options, 1);
    nghttp2_session_client_new2(&raw->http, callbacks, raw, options);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
    nghttp2_submit_settings(raw->http, NGHTTP2_FLAG_NONE, NULL, 0);
}

static void raw_finish(RawClient *raw)
{
    nghttp2_session_del(raw->http);
    pair_finish(&raw->pair);
}

static void raw_run(RawClient *raw)
{
    for (bool has_moved = true; has_moved;) {
        const uint8_t *data = NULL;
        _cleanup_buffer_ Buffer output = BUFFER_INIT;
        ssize_t length = nghttp2_session_mem_send(raw->http, &data);
        if (length > 0)
            grpc_server_session_receive(raw->pair.server, data, (size_t)length, raw->pair.now);
        grpc_server_session_output(raw->pair.server, &output, SIZE_MAX);
        if (output.length > 0)
            nghttp2_session_mem_recv(raw->http, (const uint8_t *)output.data, output.length);
        has_moved = length > 0 || output.length > 0;
    }
}

typedef struct Header {
    const char *name;
    const char *value;
} Header;

/* Sends headers (until a NULL name) and data, and waits for the answer. */
static void raw_request(RawClient *raw, const Header *headers, rpmd_text data)
{
    nghttp2_nv fields[16];
    size_t count = 0;
    raw->data = data;
    raw->has_closed = false;
    raw->reset = 0;
    raw->http_status[0] = raw->grpc_status[0] = raw->message[0] = raw->accept_encoding[0] = '\0';
    for (; headers[count].name; count++)
        fields[count] = (nghttp2_nv){.name = (uint8_t *)headers[count].name,
                                     .value = (uint8_t *)headers[count].value,
                                     .namelen = strlen(headers[count].name),
                                     .valuelen = strlen(headers[count].value),
                                     .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME /* copies would be lower case */};
    nghttp2_data_provider provider = {.read_callback = raw_read};
    ck_assert_int_gt(nghttp2_submit_request(raw->http, NULL, fields, count, &provider, NULL), 0);
    raw_run(raw);
}

#define RAW_MESSAGE(bytes) ((rpmd_text){.data = (bytes), .length = sizeof(bytes) - 1})
#define HELLO RAW_MESSAGE("\0\0\0\0\5hello")

#define raw_assert_status(raw, expected_code, expected_message)                                              \
    do {                                                                                                     \
        ck_assert_str_eq((raw)->message, (expected_message));                                                \
        ck_assert_str_eq((raw)->grpc_status, (expected_code));                                               \
        ck_assert_str_eq((raw)->http_status, "200");                                                         \
        ck_assert((raw)->has_closed);                                                                        \
    } while (0)

#define METHOD                                                                                               \
    {                                                                                                        \
        ":method", "POST"                                                                                    \
    }
#define SCHEME                                                                                               \
    {                                                                                                        \
        ":scheme", "http"                                                                                    \
    }
#define PATH                                                                                                 \
    {                                                                                                        \
        ":path", "/test.Test/Echo"                                                                           \
    }
#define TYPE                                                                                                 \
    {                                                                                                        \
        "content-type", "application/grpc"                                                                   \
    }
#define TE                                                                                                   \
    {                                                                                                        \
        "te", "trailers"                                                                                     \
    }

/* ---- what must be taken ---- */

START_TEST(every_stock_clients_authority_is_taken)
{
    static const char *const authorities[] = {
        "/run/rpmd/rpmd.sock",       /* grpc-java: the raw path */
        "",                          /* old grpc-go */
        NULL,                        /* none at all */
        "localhost",                 /* grpc-go, curl, our own */
        "%2Frun%2Frpmd%2Frpmd.sock", /* grpc-core: C++, Python */
    };
    RawClient raw;
    raw_init(&raw, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(authorities); i++) {
        Header headers[] = {METHOD, SCHEME, PATH, TYPE, TE, {":authority", authorities[i]}, {NULL, NULL}};
        if (!authorities[i]) {
            headers[5].name = NULL;
        } else { /* pseudo-headers come first */
            Header authority = headers[5];
            memmove(&headers[4], &headers[3], 2 * sizeof(Header));
            headers[3] = authority;
        }
        raw_request(&raw, headers, HELLO);
        raw_assert_status(&raw, "0", "");
    }
    raw_finish(&raw);
}
END_TEST

START_TEST(variants_of_headers_are_taken)
{
    static const Header variants[][10] = {
        {METHOD, SCHEME, PATH, {"content-type", "application/grpc+proto"}, TE},
        {METHOD, SCHEME, PATH, {"content-type", "application/grpc;charset=utf-8"}, TE},
        {METHOD, {":scheme", "https"}, PATH, TYPE, TE, {"user-agent", "x"}, {"grpc-accept-encoding", "gzip"}},
        {METHOD, SCHEME, PATH, TYPE, TE, {"grpc-encoding", "identity"}, {"x-any", ""}, {"x-any", "again"}},
        {PATH, SCHEME, METHOD, TE, TYPE, {"grpc-encoding", "gzip"}}, /* declared, and not used */
    };
    RawClient raw;
    raw_init(&raw, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
        raw_request(&raw, variants[i], HELLO);
        raw_assert_status(&raw, "0", "");
    }
    raw_finish(&raw);
}
END_TEST

/* ---- what must be refused with a sentence ---- */

START_TEST(what_is_not_grpc_is_refused_in_http)
{
    static const Header get[] = {{":method", "GET"}, SCHEME, PATH, TYPE, TE, {0}};
    static const Header html[] = {METHOD, SCHEME, PATH, {"content-type", "text/html"}, TE, {0}};
    static const Header close[] = {METHOD, SCHEME, PATH, {"content-type", "application/grpcweb"}, TE, {0}};
    static const Header untyped[] = {METHOD, SCHEME, PATH, TE, {0}};
    RawClient raw;
    raw_init(&raw, NULL);
    raw_request(&raw, get, HELLO);
    ck_assert_str_eq(raw.http_status, "405");
    ck_assert_str_eq(raw.message, "gRPC uses the HTTP method POST, not 'GET'");
    raw_request(&raw, html, HELLO);
    ck_assert_str_eq(raw.http_status, "415");
    ck_assert_str_eq(raw.message, "the content-type is 'text/html'; gRPC's is application/grpc");
    raw_request(&raw, close, HELLO);
    ck_assert_str_eq(raw.http_status, "415");
    raw_request(&raw, untyped, HELLO);
    ck_assert_str_eq(raw.http_status, "415");
    ck_assert_uint_eq(grpc_server_live_calls(raw.pair.grpc), 0);
    raw_finish(&raw);
}
END_TEST

START_TEST(wrong_headers_are_refused_with_a_sentence)
{
    static const struct {
        Header headers[8];
        const char *code;
        const char *message;
    } cases[] = {
        {{METHOD, SCHEME, PATH, TYPE},
         "13",
         "the request lacks the header 'te: trailers': something on the way does not pass trailers on"},
        {{METHOD, SCHEME, PATH, TYPE, TE, {"grpc-timeout", "soon"}},
         "13",
         "the grpc-timeout 'soon' is malformed: up to 8 digits and one of H M S m u n"},
        {{METHOD, SCHEME, PATH, TYPE, TE, {"x-bin", "!"}},
         "13",
         "the value of the metadata 'x-bin' is no base64"},
        {{METHOD, SCHEME, {":path", "/test.Test/Nothing"}, TYPE, TE},
         "12",
         "the service test.Test has no method 'Nothing'"},
        {{METHOD, SCHEME, {":path", "/test.Tes/Echo"}, TYPE, TE}, "12", "there is no service 'test.Tes'"},
        {{METHOD, SCHEME, {":path", "/"}, TYPE, TE}, "12", "there is no service ''"},
        {{METHOD, SCHEME, {":path", "/test.Test"}, TYPE, TE}, "12", "there is no service 'test.Test'"},
    };
    RawClient raw;
    raw_init(&raw, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        raw_request(&raw, cases[i].headers, HELLO);
        raw_assert_status(&raw, cases[i].code, cases[i].message);
    }
    GrpcMethodCount unknown = grpc_server_method(raw.pair.grpc, grpc_server_method_count(raw.pair.grpc) - 1);
    ck_assert_str_eq(unknown.method, "");
    ck_assert_uint_eq(unknown.ended[STATUS_UNIMPLEMENTED], 4);
    raw_finish(&raw);
}
END_TEST

START_TEST(headers_against_http2_reset_the_stream)
{
    static const Header cases[][8] = {
        {SCHEME, PATH, TYPE, TE},                                  /* no method */
        {METHOD, PATH, TYPE, TE},                                  /* no scheme */
        {METHOD, SCHEME, TYPE, TE},                                /* no path */
        {METHOD, SCHEME, {":path", "test.Test/Echo"}, TYPE, TE},   /* no '/' */
        {METHOD, METHOD, SCHEME, PATH, TYPE, TE},                  /* twice */
        {METHOD, SCHEME, TYPE, PATH, TE},                          /* behind a regular one */
        {METHOD, SCHEME, PATH, {":what", "x"}, TYPE, TE},          /* unknown */
        {METHOD, SCHEME, PATH, TYPE, TE, {"Upper", "x"}},          /* upper case */
        {METHOD, SCHEME, PATH, TYPE, TE, {"x", "a\nb"}},           /* a line break */
        {METHOD, SCHEME, PATH, TYPE, TE, {"connection", "close"}}, /* of the connection */
    };
    RawClient raw;
    raw_init(&raw, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        raw_request(&raw, cases[i], HELLO);
        ck_assert_msg(raw.reset == NGHTTP2_PROTOCOL_ERROR, "case %zu", i);
        ck_assert(raw.has_closed);
        ck_assert_str_eq(raw.http_status, "");
    }
    ck_assert_uint_eq(grpc_server_session_calls(raw.pair.server), 0);
    raw_finish(&raw);
}
END_TEST

START_TEST(long_headers_are_refused)
{
    RawClient raw;
    GrpcLimits limits = grpc_limits_default();
    limits.max_header_bytes = 1000;
    raw_init(&raw, &limits);
    char value[900] = {0};
    memset(value, 'x', 600);
    Header headers[] = {METHOD, SCHEME, PATH, TYPE, TE, {"x", value}, {NULL, NULL}};
    raw_request(&raw, headers, HELLO);
    raw_assert_status(&raw, "0", "");
    memset(value, 'x', sizeof(value) - 1);
    raw_request(&raw, headers, HELLO);
    raw_assert_status(&raw, "8", "the headers are longer than 1000 bytes (limit max_header_bytes)");
    raw_finish(&raw);
}
END_TEST

/* ---- what is wrong behind the headers ---- */

START_TEST(wrong_bodies_are_refused_with_a_sentence)
{
    static const struct {
        const char *path;
        rpmd_text data;
        const char *code;
        const char *message;
    } cases[] = {
        {"/test.Test/Echo", {0}, "13", "/test.Test/Echo takes one request message, and none came"},
        {"/test.Test/Echo",
         {"\0\0\0\0\1a\0\0\0\0\1b", 12},
         "13",
         "/test.Test/Echo takes one request message, not more"},
        {"/test.Test/Echo", {"\0\0\0\0\5hel", 8}, "13", "the request ended in the middle of a message"},
        {"/test.Test/Echo", {"\0\0", 2}, "13", "the request ended in the middle of a message"},
        {"/test.Test/Collect", {"\0\0\0\0\5hel", 8}, "13", "the request ended in the middle of a message"},
        {"/test.Test/Echo",
         {"\1\0\0\0\1x", 6},
         "12",
         "the request is compressed; this server takes the grpc-encoding identity only"},
        {"/test.Test/Echo",
         {"\0\0\0\1\1", 5},
         "8",
         "the request message is longer than 256 bytes (limit max_message_bytes)"},
        {"/test.Test/Item",
         {"\0\0\0\0\1\xff", 6},
         "13",
         "the request is no valid message of type rpmd.v1.DeleteRequest"},
    };
    RawClient raw;
    GrpcLimits limits = grpc_limits_default();
    limits.max_message_bytes = 256;
    raw_init(&raw, &limits);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Header headers[] = {METHOD, SCHEME, {":path", cases[i].path}, TYPE, TE, {NULL, NULL}};
        raw_request(&raw, headers, cases[i].data);
        raw_assert_status(&raw, cases[i].code, cases[i].message);
        ck_assert_str_eq(raw.accept_encoding, strcmp(cases[i].code, "12") == 0 ? "identity" : "");
    }
    ck_assert_uint_eq(grpc_server_live_calls(raw.pair.grpc), 0);
    raw_finish(&raw);
}
END_TEST

START_TEST(an_answer_before_the_end_of_the_request_stops_the_client)
{
    static const Header headers[] = {METHOD, SCHEME, {":path", "/test.Test/Nothing"}, TYPE, TE, {0}};
    RawClient raw;
    raw_init(&raw, NULL);
    raw.ends = false;
    raw_request(&raw, headers, HELLO);
    raw_assert_status(&raw, "12", "the service test.Test has no method 'Nothing'");
    ck_assert_uint_eq(raw.reset, NGHTTP2_NO_ERROR);
    ck_assert_uint_eq(grpc_server_session_calls(raw.pair.server), 0);
    raw_finish(&raw);
}
END_TEST

START_TEST(too_much_work_is_refused)
{
    Pair pair;
    Reply replies[4];
    GrpcLimits limits = grpc_limits_default();
    GrpcCall *late[3];
    limits.max_calls = 3;
    pair_init(&pair, &limits);
    for (size_t i = 0; i < 3; i++) {
        reply_open(&replies[i], &pair, "Late", "");
        pair_run(&pair);
        late[i] = pair.late;
    }
    reply_finish(&replies[0]); /* given up, and still at work */
    reply_open(&replies[3], &pair, "Echo", "");
    pair_run(&pair);
    reply_assert_status(&replies[3], STATUS_RESOURCE_EXHAUSTED,
                        "3 calls are at work already (limit max_calls): try again in a moment");
    reply_finish(&replies[3]);
    grpc_call_finish(late[0], &STATUS_INIT);
    reply_open(&replies[3], &pair, "Echo", "now");
    pair_run(&pair);
    reply_assert_text(&replies[3], "now");
    for (size_t i = 1; i < 4; i++) {
        if (i < 3)
            grpc_call_finish(late[i], &STATUS_INIT);
        reply_finish(&replies[i]);
    }
    pair_finish(&pair);
}
END_TEST

START_TEST(streams_over_the_limit_wait_at_the_client)
{
    Pair pair;
    Reply replies[10];
    GrpcLimits limits = grpc_limits_default();
    limits.max_streams_per_connection = 4;
    pair_init(&pair, &limits);
    pair_run(&pair);
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++)
        reply_open(&replies[i], &pair, "Collect", NULL);
    pair_run(&pair);
    ck_assert_uint_eq(grpc_server_session_calls(pair.server), 4);
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        grpc_client_call_half_close(replies[i].call);
        pair_run(&pair);
        reply_assert_text(&replies[i], "0 messages, 0 bytes");
        reply_finish(&replies[i]);
    }
    pair_finish(&pair);
}
END_TEST

/* ---- noise ---- */

START_TEST(what_is_no_http2_ends_the_session)
{
    static const char *const noise[] = {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r",
                                        "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"};
    for (size_t i = 0; i < ARRAY_SIZE(noise); i++) {
        Pair pair;
        _cleanup_buffer_ Buffer output = BUFFER_INIT;
        pair_init(&pair, NULL);
        grpc_server_session_receive(pair.server, noise[i], strlen(noise[i]), pair.now);
        grpc_server_session_receive(pair.server, noise[i], strlen(noise[i]), pair.now);
        grpc_server_session_output(pair.server, &output, SIZE_MAX);
        ck_assert(grpc_server_session_is_done(pair.server));
        pair_finish(&pair);
    }
}
END_TEST

/* A conversation in which one byte after the other is wrong, in several ways: no crash, no call left behind.
 */
START_TEST(wrong_bytes_anywhere_do_no_harm)
{
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    Pair pair;
    Reply echo, collect;
    static const unsigned char flips[] = {0x01, 0x80, 0xff};
    pair_init(&pair, NULL);
    reply_open(&echo, &pair, "Echo", "hello");
    reply_open(&collect, &pair, "Collect", "hello");
    grpc_client_session_output(pair.client, &bytes, SIZE_MAX);
    reply_finish(&echo);
    reply_finish(&collect);
    pair_finish(&pair);
    for (size_t i = 0; i < bytes.length * ARRAY_SIZE(flips); i++) {
        _cleanup_buffer_ Buffer output = BUFFER_INIT;
        size_t at = i / ARRAY_SIZE(flips);
        unsigned char flip = flips[i % ARRAY_SIZE(flips)];
        pair_init(&pair, NULL);
        bytes.data[at] = (char)((unsigned char)bytes.data[at] ^ flip);
        grpc_server_session_receive(pair.server, bytes.data, bytes.length, pair.now);
        grpc_server_session_output(pair.server, &output, SIZE_MAX);
        bytes.data[at] = (char)((unsigned char)bytes.data[at] ^ flip);
        grpc_server_session_free(pair.server);
        pair.server = NULL;
        ck_assert_uint_eq(grpc_server_live_calls(pair.grpc), 0);
        pair_finish(&pair);
    }
}
END_TEST

START_TEST(wrong_bytes_from_a_server_do_no_harm)
{
    _cleanup_buffer_ Buffer bytes = BUFFER_INIT;
    Pair pair;
    Reply reply;
    pair_init(&pair, NULL);
    reply_open(&reply, &pair, "Fail", "5 not found");
    pair_to_server(&pair);
    grpc_server_session_output(pair.server, &bytes, SIZE_MAX);
    reply_finish(&reply);
    pair_finish(&pair);
    for (size_t i = 0; i < bytes.length; i++) {
        _cleanup_buffer_ Buffer output = BUFFER_INIT;
        pair_init(&pair, NULL);
        reply_open(&reply, &pair, "Fail", "5 not found");
        grpc_client_session_output(pair.client, &output, SIZE_MAX);
        bytes.data[i] = (char)((unsigned char)bytes.data[i] ^ 0xff);
        grpc_client_session_receive(pair.client, bytes.data, bytes.length);
        bytes.data[i] = (char)((unsigned char)bytes.data[i] ^ 0xff);
        grpc_client_session_disconnect(pair.client, "over");
        ck_assert(reply.has_ended);
        reply_finish(&reply);
        pair_finish(&pair);
    }
}
END_TEST

UNIT_TESTS("requests", every_stock_clients_authority_is_taken, variants_of_headers_are_taken,
           what_is_not_grpc_is_refused_in_http, wrong_headers_are_refused_with_a_sentence,
           headers_against_http2_reset_the_stream, long_headers_are_refused,
           wrong_bodies_are_refused_with_a_sentence, an_answer_before_the_end_of_the_request_stops_the_client,
           too_much_work_is_refused, streams_over_the_limit_wait_at_the_client,
           what_is_no_http2_ends_the_session, wrong_bytes_anywhere_do_no_harm,
           wrong_bytes_from_a_server_do_no_harm)
