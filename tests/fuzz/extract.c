/* SPDX-License-Identifier: MIT */
/* A reply to an extraction, behind the query it is of ("query\0reply"): every feature that is kept is fit for
 * use. */
#include "lib/llm/stages/extract.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/plugin/verify.h"
#include "lib/text/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    if (!end)
        return 0;
    _cleanup_arena_ Arena arena = ARENA_INIT;
    rpmd_text query = {(const char *)data, (size_t)(end - data)};
    rpmd_text reply = {(const char *)end + 1, size - query.length - 1};
    if (query.length == 0 || !text_is_utf8(query))
        return 0;
    const ExtractQuery asked = {.text = query};
    const rpmd_plugin anything = {.categories = NULL};
    ExtractResult result;
    extract_parse(reply, &asked, 1, &arena, &result);
    for (size_t f = 0; f < result.feature_count; f++)
        if (plugin_feature_fault(&anything, query, &result.features[f]))
            abort();
    return 0;
}
