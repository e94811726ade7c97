/* SPDX-License-Identifier: MIT */
#include "lib/llm/reply_json.h"

#include "lib/base/buffer.h"

#define DEPTH_LIMIT 16 /* of objects and lists; what is asked for has four */

/* What a scan of a JSON text needs to know. */
typedef struct Scan {
    char open[DEPTH_LIMIT]; /* '{' or '[' */
    size_t depth;
    bool in_string;
    bool is_escaped;
} Scan;

/* One more byte. False: this is no JSON object. */
static bool step(Scan *scan, char byte)
{
    if (scan->in_string) {
        scan->in_string = scan->is_escaped || byte != '"';
        scan->is_escaped = !scan->is_escaped && byte == '\\';
        return true;
    }
    switch (byte) {
    case '"':
        scan->in_string = true;
        return true;
    case '{':
    case '[':
        if (scan->depth == DEPTH_LIMIT)
            return false;
        scan->open[scan->depth++] = byte;
        return true;
    case '}':
    case ']':
        return scan->depth > 0 && scan->open[--scan->depth] == (byte == '}' ? '{' : '[');
    default:
        return true;
    }
}

static json_t *parse(const char *bytes, size_t length)
{
    return json_loadb(bytes, length, 0, NULL);
}

/* A value that is complete may be cut off behind: where it ends, and what is open there. */
typedef struct Cut {
    size_t length;
    Scan scan;
} Cut;

/*
 * Mends an object whose end is missing: keeps what stands before the last comma or bracket at which
 * everything was complete, and closes what is open.
 */
static json_t *mend(const char *bytes, const Cut *cuts, size_t cut_count)
{
    for (size_t i = cut_count; i-- > 0;) {
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        buffer_append(&text, bytes, cuts[i].length);
        for (size_t d = cuts[i].scan.depth; d-- > 0;)
            buffer_append_string(&text, cuts[i].scan.open[d] == '{' ? "}" : "]");
        json_t *value = parse(text.data, text.length);
        if (value)
            return value;
    }
    return NULL;
}

/* Cuts that are tried, from the last one on: a text that breaks off has its end in one of them. */
#define CUT_LIMIT 4

/* The object that begins here; NULL: none does. */
static json_t *object_at(const char *bytes, size_t length)
{
    Scan scan = {0};
    Cut cuts[CUT_LIMIT];
    size_t cut_count = 0;
    for (size_t i = 0; i < length; i++) {
        bool was_in_string = scan.in_string;
        Cut cut = {i, scan};
        if (!step(&scan, bytes[i]))
            return NULL;
        if (scan.depth == 0)
            return parse(bytes, i + 1);
        if (was_in_string || (bytes[i] != ',' && bytes[i] != '}' && bytes[i] != ']'))
            continue;
        if (bytes[i] != ',')
            cut = (Cut){i + 1, scan};
        if (cut_count == CUT_LIMIT)
            memmove(cuts, cuts + 1, (--cut_count) * sizeof(Cut));
        cuts[cut_count++] = cut;
    }
    return mend(bytes, cuts, cut_count);
}

json_t *reply_json(rpmd_text reply)
{
    /* Objects that are begun and are none: more is not a reply but noise, and each costs a scan. */
    enum { BEGINNING_LIMIT = 64 };
    const char *text = reply.data;
    size_t tried = 0;
    for (size_t i = 0; i < reply.length && tried < BEGINNING_LIMIT; i++) {
        if (text[i] != '{')
            continue;
        tried++;
        json_t *value = object_at(text + i, reply.length - i);
        if (value)
            return value;
    }
    return NULL;
}
