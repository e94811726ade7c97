/* SPDX-License-Identifier: MIT */
#include "lib/llm/template.h"

#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/text/utf8.h"

#define OPEN "{{"
#define CLOSE "}}"
#define COMMENT "##"

static unsigned line_of(rpmd_text source, const char *place)
{
    unsigned line = 1;
    for (const char *byte = source.data; byte < place; byte++)
        line += *byte == '\n';
    return line;
}

static void append_names(Buffer *text, const PromptPlace *places, size_t place_count)
{
    for (size_t i = 0; i < place_count; i++)
        buffer_append_format(text, "%s{{%s}}", i == 0 ? "" : ", ", places[i].name);
}

/* Where the comments at the beginning end. */
static size_t comments_length(rpmd_text source)
{
    size_t end = 0;
    while (end + strlen(COMMENT) <= source.length &&
           memcmp(source.data + end, COMMENT, strlen(COMMENT)) == 0) {
        const char *line_end = memchr(source.data + end, '\n', source.length - end);
        end = line_end ? (size_t)(line_end - source.data) + 1 : source.length;
    }
    return end;
}

static const char *find(const char *from, const char *end, const char *mark)
{
    size_t room = (size_t)(end - from);
    return room > 0 ? memmem(from, room, mark, strlen(mark)) : NULL;
}

static size_t find_place(const PromptPlace *places, size_t place_count, const char *name, size_t length)
{
    size_t i = 0;
    while (i < place_count &&
           !(strlen(places[i].name) == length && memcmp(places[i].name, name, length) == 0))
        i++;
    return i;
}

/* Cuts the source at its places. */
static int cut(PromptTemplate *prompt, rpmd_text source, const char *origin, const PromptPlace *places,
               size_t place_count, Status *status)
{
    const char *from = source.data + comments_length(source), *end = source.data + source.length;
    size_t capacity = 0;
    _cleanup_buffer_ Buffer names = BUFFER_INIT;
    append_names(&names, places, place_count);
    for (const char *open; (open = find(from, end, OPEN));) {
        const char *name = open + strlen(OPEN), *close = find(name, end, CLOSE);
        const char *line_end = memchr(name, '\n', (size_t)(end - name));
        if (!close || (line_end && line_end < close))
            return status_refuse(status, STATUS_INVALID_ARGUMENT,
                                 "%s, line %u: {{ is not closed by }} on its line", origin,
                                 line_of(source, open));
        size_t place = find_place(places, place_count, name, (size_t)(close - name));
        if (place == place_count)
            return status_refuse(
                status, STATUS_INVALID_ARGUMENT, "%s, line %u: there is no {{%.*s}}; there are %s", origin,
                line_of(source, open), (int)MIN(close - name, (ptrdiff_t)64), name, buffer_string(&names));
        GROW(prompt->parts, prompt->part_count, capacity);
        prompt->parts[prompt->part_count++] = (PromptPart){{from, (size_t)(open - from)}, place};
        from = close + strlen(CLOSE);
    }
    prompt->rest = (rpmd_text){from, (size_t)(end - from)};
    return 0;
}

static bool has_place(const PromptTemplate *prompt, size_t place)
{
    for (size_t i = 0; i < prompt->part_count; i++)
        if (prompt->parts[i].place == place)
            return true;
    return false;
}

int prompt_template_read(PromptTemplate *prompt, rpmd_text source, const char *origin,
                         const PromptPlace *places, size_t place_count, Status *status)
{
    if (source.length > PROMPT_TEMPLATE_LIMIT)
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "%s is longer than %d bytes; shorten it",
                             origin, PROMPT_TEMPLATE_LIMIT);
    if (memchr(source.data, '\0', source.length) || !text_is_utf8(source))
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "%s is not UTF-8 text; save it as UTF-8",
                             origin);
    PromptTemplate read = {.source = memory_copy_text(source.data, source.length),
                           .fingerprint = (uint32_t)hash_bytes(source.data, source.length)};
    int r = cut(&read, (rpmd_text){read.source, source.length}, origin, places, place_count, status);
    for (size_t i = 0; i < place_count && r == 0; i++)
        if (places[i].is_required && !has_place(&read, i))
            r = status_refuse(status, STATUS_INVALID_ARGUMENT,
                              "%s has no {{%s}}, without which it cannot work", origin, places[i].name);
    if (r)
        prompt_template_finish(&read);
    else
        *prompt = read;
    return r;
}

void prompt_template_append(Buffer *text, const PromptTemplate *prompt, const rpmd_text *values)
{
    for (size_t i = 0; i < prompt->part_count; i++) {
        const PromptPart *part = &prompt->parts[i];
        buffer_append(text, part->text.data, part->text.length);
        buffer_append(text, values[part->place].data, values[part->place].length);
    }
    buffer_append(text, prompt->rest.data, prompt->rest.length);
}

void prompt_template_finish(PromptTemplate *prompt)
{
    free(prompt->source);
    free(prompt->parts);
    *prompt = (PromptTemplate){0};
}
