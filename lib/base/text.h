/* SPDX-License-Identifier: MIT */
#pragma once

/* Borrowed texts (rpmd_text of the public header) and what is asked of them everywhere. */

#include "rpmd/plugin.h"

#include <stdbool.h>
#include <string.h>

static inline rpmd_text text_of(const char *string)
{
    return (rpmd_text){.data = string, .length = string ? strlen(string) : 0};
}

static inline rpmd_text text_slice(rpmd_text text, rpmd_span span)
{
    return (rpmd_text){.data = text.data + span.begin, .length = span.end - span.begin};
}

static inline bool text_equal(rpmd_text a, rpmd_text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool text_equal_string(rpmd_text a, const char *b)
{
    return text_equal(a, text_of(b));
}

/* Orders by bytes: negative, 0, positive. */
static inline int text_compare(rpmd_text a, rpmd_text b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

/* For printf's "%.*s". */
#define TEXT_ARGS(text) (int)(text).length, (text).data
