/* SPDX-License-Identifier: MIT */
#include "lib/grpc/encoding.h"

#include "lib/base/macros.h"

#include <stdio.h>

static const char hexadecimal[] = "0123456789ABCDEF";
static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void append_byte(Buffer *out, unsigned value)
{
    char byte = (char)value;
    buffer_append(out, &byte, 1);
}

void grpc_percent_encode(Buffer *out, rpmd_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte >= 0x20 && byte <= 0x7E && byte != '%') {
            append_byte(out, byte);
        } else {
            char escaped[3] = {'%', hexadecimal[byte >> 4], hexadecimal[byte & 15]};
            buffer_append(out, escaped, sizeof(escaped));
        }
    }
}

static int hexadecimal_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

void grpc_percent_decode(Buffer *out, rpmd_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        int high = -1, low = -1;
        if (text.data[i] == '%' && text.length - i > 2) {
            high = hexadecimal_value(text.data[i + 1]);
            low = hexadecimal_value(text.data[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            append_byte(out, (unsigned)(high << 4 | low));
            i += 2;
        } else {
            append_byte(out, (unsigned char)text.data[i]);
        }
    }
}

void grpc_base64_encode(Buffer *out, rpmd_text bytes)
{
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < bytes.length; i++) {
        bits = bits << 8 | (unsigned char)bytes.data[i];
        for (count += 8; count >= 6; count -= 6)
            append_byte(out, (unsigned char)base64_alphabet[bits >> (count - 6) & 63]);
    }
    if (count > 0)
        append_byte(out, (unsigned char)base64_alphabet[bits << (6 - count) & 63]);
}

static int base64_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

bool grpc_base64_decode(Buffer *out, rpmd_text text)
{
    uint32_t bits = 0;
    unsigned count = 0;
    for (unsigned padding = 0; padding < 2 && text.length > 0 && text.data[text.length - 1] == '='; padding++)
        text.length--;
    if (text.length % 4 == 1)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            append_byte(out, bits >> count & 255);
        }
    }
    return true;
}

static const struct {
    char unit;
    uint64_t nanoseconds;
} timeout_units[] = {
    {'n', 1}, {'u', 1000}, {'m', 1000000}, {'S', 1000000000}, {'M', 60000000000U}, {'H', 3600000000000U},
};

#define TIMEOUT_DIGITS 8
#define TIMEOUT_VALUES 100000000U /* 10 to the TIMEOUT_DIGITS */

bool grpc_timeout_parse(rpmd_text text, uint64_t *nanoseconds)
{
    uint64_t value = 0;
    if (text.length < 2 || text.length > TIMEOUT_DIGITS + 1)
        return false;
    for (size_t i = 0; i + 1 < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    for (size_t i = 0; i < ARRAY_SIZE(timeout_units); i++) {
        if (timeout_units[i].unit != text.data[text.length - 1])
            continue;
        if (__builtin_mul_overflow(value, timeout_units[i].nanoseconds, nanoseconds))
            *nanoseconds = UINT64_MAX;
        return true;
    }
    return false;
}

void grpc_timeout_format(char *out, uint64_t nanoseconds)
{
    size_t i = 0;
    uint64_t value = nanoseconds;
    while (value >= TIMEOUT_VALUES && i + 1 < ARRAY_SIZE(timeout_units)) {
        i++;
        value =
            nanoseconds / timeout_units[i].nanoseconds + (nanoseconds % timeout_units[i].nanoseconds != 0);
    }
    snprintf(out, GRPC_TIMEOUT_SIZE, "%u%c", (unsigned)MIN(value, (uint64_t)TIMEOUT_VALUES - 1),
             timeout_units[i].unit);
}
