/* SPDX-License-Identifier: MIT */
#include "lib/base/text.h"
#include "lib/grpc/encoding.h"
#include "lib/grpc/frame.h"
#include "lib/grpc/limits.h"
#include "lib/grpc/metadata.h"
#include "tests/unit/unit.h"

static rpmd_text text_in(const Buffer *buffer)
{
    return (rpmd_text){.data = buffer_string(buffer), .length = buffer->length};
}

START_TEST(percent_encoding_keeps_printable_ascii_only)
{
    _cleanup_buffer_ Buffer encoded = BUFFER_INIT;
    _cleanup_buffer_ Buffer decoded = BUFFER_INIT;
    const char *text = "100% of \"caf\xc3\xa9\"\n";
    grpc_percent_encode(&encoded, text_of(text));
    ck_assert_str_eq(buffer_string(&encoded), "100%25 of \"caf%C3%A9\"%0A");
    grpc_percent_decode(&decoded, text_in(&encoded));
    ck_assert_str_eq(buffer_string(&decoded), text);
}
END_TEST

START_TEST(percent_decoding_leaves_what_is_no_escape)
{
    _cleanup_buffer_ Buffer decoded = BUFFER_INIT;
    grpc_percent_decode(&decoded, text_of("50% %zz %4 %e2%82%AC%"));
    ck_assert_str_eq(buffer_string(&decoded), "50% %zz %4 \xe2\x82\xac%");
}
END_TEST

START_TEST(base64_goes_both_ways_for_every_length)
{
    unsigned char bytes[67];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 37 + 200);
    for (size_t length = 0; length <= sizeof(bytes); length++) {
        _cleanup_buffer_ Buffer encoded = BUFFER_INIT;
        _cleanup_buffer_ Buffer decoded = BUFFER_INIT;
        grpc_base64_encode(&encoded, (rpmd_text){.data = (char *)bytes, .length = length});
        ck_assert_uint_eq(encoded.length, (length * 4 + 2) / 3);
        ck_assert(grpc_base64_decode(&decoded, text_in(&encoded)));
        ck_assert_uint_eq(decoded.length, length);
        ck_assert_int_eq(length ? memcmp(decoded.data, bytes, length) : 0, 0);
    }
}
END_TEST

START_TEST(base64_takes_padding_and_refuses_the_rest)
{
    static const struct {
        const char *text;
        const char *bytes; /* NULL: refused */
    } cases[] = {{"", ""},       {"YQ", "a"},     {"YQ==", "a"},
                 {"YWI=", "ab"}, {"YWJj", "abc"}, {"+/+/", "\xfb\xff\xbf"},
                 {"Y", NULL},    {"Y===", NULL},  {"YQ-_", NULL},
                 {"Y Q", NULL},  {"=", ""},       {"YWJjZ", NULL}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_buffer_ Buffer decoded = BUFFER_INIT;
        bool taken = grpc_base64_decode(&decoded, text_of(cases[i].text));
        ck_assert_msg(taken == (cases[i].bytes != NULL), "'%s'", cases[i].text);
        if (taken)
            ck_assert_str_eq(buffer_string(&decoded), cases[i].bytes);
    }
}
END_TEST

START_TEST(timeouts_are_read_in_every_unit)
{
    static const struct {
        const char *text;
        uint64_t nanoseconds;
    } good[] = {{"1n", 1},
                {"2u", 2000},
                {"3m", 3000000},
                {"4S", 4000000000},
                {"5M", 300000000000},
                {"1H", 3600000000000},
                {"99999999n", 99999999},
                {"99999999H", UINT64_MAX},
                {"0S", 0}};
    static const char *const bad[] = {"", "S", "1", "1x", "-1S", "1.5S", "123456789S", "1SS", " 1S"};
    uint64_t nanoseconds = 0;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        ck_assert_msg(grpc_timeout_parse(text_of(good[i].text), &nanoseconds), "%s", good[i].text);
        ck_assert_uint_eq(nanoseconds, good[i].nanoseconds);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        ck_assert_msg(!grpc_timeout_parse(text_of(bad[i]), &nanoseconds), "'%s'", bad[i]);
}
END_TEST

START_TEST(timeouts_are_written_rounded_up)
{
    static const struct {
        uint64_t nanoseconds;
        const char *text;
    } cases[] = {{0, "0n"},
                 {99999999, "99999999n"},
                 {100000000, "100000u"},
                 {100000001, "100001u"},
                 {1500000000, "1500000u"},
                 {86400000000000, "86400000m"},
                 {UINT64_MAX, "5124096H"}};
    char text[GRPC_TIMEOUT_SIZE];
    uint64_t back = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        grpc_timeout_format(text, cases[i].nanoseconds);
        ck_assert_str_eq(text, cases[i].text);
        ck_assert(grpc_timeout_parse(text_of(text), &back));
        ck_assert_uint_ge(back, cases[i].nanoseconds);
    }
}
END_TEST

/* ---- frames ---- */

static Buffer frames_of(const char *const *messages, size_t count)
{
    GrpcWriter writer = GRPC_WRITER_INIT;
    for (size_t i = 0; i < count; i++)
        grpc_writer_add(&writer, text_of(messages[i]));
    return writer.bytes;
}

START_TEST(frames_are_found_wherever_the_bytes_are_cut)
{
    static const char *const messages[] = {"one", "", "three", "a message that is a little longer"};
    _cleanup_buffer_ Buffer bytes = frames_of(messages, ARRAY_SIZE(messages));
    for (size_t cut = 0; cut <= bytes.length; cut++) {
        GrpcReader reader = GRPC_READER_INIT;
        rpmd_text pieces[] = {{.data = bytes.data, .length = cut},
                              {.data = bytes.data + cut, .length = bytes.length - cut}};
        rpmd_text message;
        size_t found = 0;
        for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
            grpc_reader_begin(&reader, pieces[i]);
            while (grpc_reader_next(&reader, 100, &message) == GRPC_READ_MESSAGE)
                ck_assert(text_equal_string(message, messages[found++]));
            grpc_reader_end(&reader);
        }
        ck_assert_uint_eq(found, ARRAY_SIZE(messages));
        ck_assert_uint_eq(grpc_reader_held(&reader), 0);
        grpc_reader_finish(&reader);
    }
}
END_TEST

START_TEST(a_reader_that_stops_early_keeps_the_rest)
{
    static const char *const messages[] = {"one", "two"};
    _cleanup_buffer_ Buffer bytes = frames_of(messages, ARRAY_SIZE(messages));
    GrpcReader reader = GRPC_READER_INIT;
    rpmd_text message;
    grpc_reader_begin(&reader, text_in(&bytes));
    ck_assert_int_eq(grpc_reader_next(&reader, 100, &message), GRPC_READ_MESSAGE);
    grpc_reader_end(&reader);
    ck_assert_uint_eq(grpc_reader_held(&reader), GRPC_FRAME_HEAD + 3);
    grpc_reader_begin(&reader, (rpmd_text){0});
    ck_assert_int_eq(grpc_reader_next(&reader, 100, &message), GRPC_READ_MESSAGE);
    ck_assert(text_equal_string(message, "two"));
    ck_assert_int_eq(grpc_reader_next(&reader, 100, &message), GRPC_READ_MORE);
    grpc_reader_end(&reader);
    grpc_reader_finish(&reader);
}
END_TEST

START_TEST(frames_that_are_compressed_or_too_long_are_told)
{
    GrpcReader reader = GRPC_READER_INIT;
    rpmd_text message;
    grpc_reader_begin(&reader, (rpmd_text){.data = "\1\0\0\0\1x", .length = 6});
    ck_assert_int_eq(grpc_reader_next(&reader, 100, &message), GRPC_READ_COMPRESSED);
    grpc_reader_end(&reader);
    grpc_reader_finish(&reader);
    grpc_reader_begin(&reader, (rpmd_text){.data = "\0\0\0\0\x65", .length = 5});
    ck_assert_int_eq(grpc_reader_next(&reader, 100, &message), GRPC_READ_TOO_LONG);
    ck_assert_int_eq(grpc_reader_next(&reader, 101, &message), GRPC_READ_MORE);
    grpc_reader_end(&reader);
    grpc_reader_finish(&reader);
    grpc_reader_begin(&reader, (rpmd_text){.data = "\0\xff\xff\xff\xff", .length = 5});
    ck_assert_int_eq(grpc_reader_next(&reader, SIZE_MAX, &message), GRPC_READ_MORE);
    grpc_reader_end(&reader);
    grpc_reader_finish(&reader);
}
END_TEST

START_TEST(a_writer_gives_its_bytes_in_any_portion)
{
    static const char *const messages[] = {"one", "two", "three"};
    _cleanup_buffer_ Buffer bytes = frames_of(messages, ARRAY_SIZE(messages));
    for (size_t portion = 1; portion <= bytes.length; portion++) {
        GrpcWriter writer = GRPC_WRITER_INIT;
        _cleanup_buffer_ Buffer out = BUFFER_INIT;
        for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
            /* In between, so that the front is dropped while there is more behind. */
            grpc_writer_add(&writer, text_of(messages[i]));
            out.length += grpc_writer_take(&writer, buffer_reserve(&out, portion), portion);
        }
        while (grpc_writer_pending(&writer) > 0)
            out.length += grpc_writer_take(&writer, buffer_reserve(&out, portion), portion);
        ck_assert(text_equal(text_in(&out), text_in(&bytes)));
        grpc_writer_finish(&writer);
    }
}
END_TEST

/* ---- metadata ---- */

START_TEST(metadata_keeps_order_and_finds_the_first)
{
    _cleanup_grpc_metadata_ GrpcMetadata metadata = GRPC_METADATA_INIT;
    Status status = STATUS_INIT;
    ck_assert_int_eq(grpc_metadata_add(&metadata, text_of("x-a"), text_of("1"), &status), 0);
    ck_assert_int_eq(grpc_metadata_add(&metadata, text_of("x-a"), text_of("2"), &status), 0);
    ck_assert_int_eq(grpc_metadata_add(&metadata, text_of("x-bin"), text_of("\n"), &status), 0);
    ck_assert_uint_eq(metadata.count, 3);
    ck_assert(text_equal_string(*grpc_metadata_find(&metadata, "x-a"), "1"));
    ck_assert_ptr_null(grpc_metadata_find(&metadata, "x"));
}
END_TEST

START_TEST(metadata_that_may_not_be_sent_is_refused)
{
    static const struct {
        const char *name;
        const char *value;
        const char *sentence;
    } cases[] = {
        {"X-Upper", "", "'X-Upper' is no name of metadata: use a-z, 0-9, '-', '_' and '.'"},
        {"", "", "'' is no name of metadata: use a-z, 0-9, '-', '_' and '.'"},
        {":path", "", "':path' is no name of metadata: use a-z, 0-9, '-', '_' and '.'"},
        {"grpc-status", "0", "the metadata name 'grpc-status' is gRPC's own"},
        {"te", "trailers", "the metadata name 'te' is gRPC's own"},
        {"x", "a\nb", "the value of 'x' is not printable ASCII: give it a name that ends in '-bin'"},
    };
    _cleanup_grpc_metadata_ GrpcMetadata metadata = GRPC_METADATA_INIT;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Status status = STATUS_INIT;
        ck_assert_int_eq(
            grpc_metadata_add(&metadata, text_of(cases[i].name), text_of(cases[i].value), &status),
            STATUS_REFUSED);
        ck_assert_int_eq(status.code, STATUS_INVALID_ARGUMENT);
        ck_assert_str_eq(status.message, cases[i].sentence);
    }
    ck_assert_uint_eq(metadata.count, 0);
}
END_TEST

START_TEST(received_binary_metadata_may_hold_several_values)
{
    _cleanup_grpc_metadata_ GrpcMetadata metadata = GRPC_METADATA_INIT;
    ck_assert(grpc_metadata_receive(&metadata, text_of("x-bin"), text_of("YQ,YWI=,")));
    ck_assert_uint_eq(metadata.count, 3);
    ck_assert(text_equal_string(metadata.entries[0].value, "a"));
    ck_assert(text_equal_string(metadata.entries[1].value, "ab"));
    ck_assert(text_equal_string(metadata.entries[2].value, ""));
    ck_assert(!grpc_metadata_receive(&metadata, text_of("x-bin"), text_of("?")));
    ck_assert(grpc_metadata_receive(&metadata, text_of("x"), text_of("a,b")));
    ck_assert_uint_eq(metadata.count, 4);
}
END_TEST

START_TEST(every_limit_can_be_shown)
{
    GrpcLimits limits = grpc_limits_default();
    limits.max_message_bytes = 17;
    bool found = false;
    for (size_t i = 0; i < grpc_limits_count(); i++) {
        GrpcLimit limit = grpc_limits_get(&limits, i);
        ck_assert_uint_gt(limit.value, 0);
        ck_assert(limit.name[0] && limit.unit[0] && limit.reason[0]);
        if (strcmp(limit.name, "max_message_bytes") == 0) {
            found = true;
            ck_assert_uint_eq(limit.value, 17);
            ck_assert_str_eq(limit.unit, "bytes");
        }
    }
    ck_assert(found);
}
END_TEST

UNIT_TESTS("encoding", percent_encoding_keeps_printable_ascii_only, percent_decoding_leaves_what_is_no_escape,
           base64_goes_both_ways_for_every_length, base64_takes_padding_and_refuses_the_rest,
           timeouts_are_read_in_every_unit, timeouts_are_written_rounded_up,
           frames_are_found_wherever_the_bytes_are_cut, a_reader_that_stops_early_keeps_the_rest,
           frames_that_are_compressed_or_too_long_are_told, a_writer_gives_its_bytes_in_any_portion,
           metadata_keeps_order_and_finds_the_first, metadata_that_may_not_be_sent_is_refused,
           received_binary_metadata_may_hold_several_values, every_limit_can_be_shown)
