/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/stage.h"

#include "lib/base/text.h"
#include "lib/text/utf8.h"

#include <ctype.h>

const char *stage_name(Stage stage)
{
    static const char *const names[STAGE_COUNT] = {
        [STAGE_EXTRACT] = "extract", [STAGE_CLUSTER] = "cluster", [STAGE_JUDGE] = "judge",
        [STAGE_EMBED] = "embed",     [STAGE_REASON] = "reason",   [STAGE_RESPOND] = "respond",
    };
    return names[stage];
}

void stage_ask_repair(StageAsk *ask, const char *fault)
{
    buffer_append_format(
        &ask->prompt,
        "\nA first answer could not be used: %s. Write the whole answer again, without that fault and "
        "in the shape above.\n",
        fault);
}

void stage_append_capital(Buffer *text, const char *noun)
{
    char first = (char)toupper((unsigned char)noun[0]);
    buffer_append(text, &first, noun[0] != '\0');
    buffer_append_string(text, noun + (noun[0] != '\0'));
}

int64_t stage_number(const json_t *value)
{
    char *end = NULL;
    if (json_is_integer(value))
        return json_integer_value(value) >= 0 ? json_integer_value(value) : -1;
    if (!json_is_string(value) || !isdigit((unsigned char)json_string_value(value)[0]))
        return -1;
    long number = strtol(json_string_value(value), &end, 10);
    return *end == '\0' ? number : -1;
}

rpmd_text stage_label(Arena *arena, const json_t *value, size_t limit, bool in_lower_case)
{
    if (!json_is_string(value))
        return (rpmd_text){"", 0};
    rpmd_text text = text_trim((rpmd_text){json_string_value(value), json_string_length(value)});
    text = text_trim(text_cut(text, limit));
    char *label = arena_copy(arena, text.data, text.length);
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)label[i];
        label[i] = byte < 0x20 || byte == 0x7F ? ' '
                   : byte == '['               ? '('
                   : byte == ']'               ? ')'
                   : in_lower_case             ? (char)tolower(byte)
                                               : (char)byte;
    }
    return (rpmd_text){label, text.length};
}
