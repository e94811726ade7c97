/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The JSON in a reply of an LLM, which may be pure, fenced by Markdown, surrounded by talk, or cut in the
 * middle because the reply was too long.
 */

#include "lib/base/text.h"

#include <jansson.h>

static inline void json_release(json_t **json)
{
    json_decref(*json);
}
#define _cleanup_json_ __attribute__((cleanup(json_release)))

/*
 * The first JSON object in the reply that is whole, or, where the text ends inside one, that object with what
 * was complete of it: elements and members that ended. NULL where there is none, or where it is nested deeper
 * than any that is asked for, or is not UTF-8. The caller's (json_decref).
 */
json_t *reply_json(rpmd_text reply);
