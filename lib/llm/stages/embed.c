/* SPDX-License-Identifier: MIT */
#include "lib/llm/stages/embed.h"

#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/llm/embedding.h"
#include "lib/llm/reply_json.h"
#include "lib/text/utf8.h"

/* "slow pace: the first hour drags; tense ending" */
static void append_features(Buffer *text, const Analysis *analysis)
{
    for (size_t f = 0; f < analysis->feature_count; f++) {
        const AnalyzedFeature *feature = &analysis->features[f];
        buffer_append_format(text, "%s%.*s%s%.*s", f ? "; " : "", TEXT_ARGS(feature->name),
                             feature->context.length ? ": " : "", TEXT_ARGS(feature->context));
    }
}

void embed_ask(StageAsk *ask, const Analysis *const *analyses, size_t count)
{
    _cleanup_json_ json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        append_features(&text, analyses[i]);
        rpmd_text cut = text_cut((rpmd_text){buffer_string(&text), text.length}, EMBED_TEXT_BYTES);
        json_array_append_new(list, json_stringn(cut.data, cut.length));
    }
    char *written = json_dumps(list, JSON_COMPACT);
    buffer_append_string(&ask->prompt, written ? written : "[]");
    free(written);
}

const char *embed_parse(rpmd_text reply, const char *model, size_t count, Arena *arena, Embedding *embeddings)
{
    for (size_t i = 0; i < count; i++) {
        Embedding *embedding = &embeddings[i];
        embedding->values = llm_embedding_next(arena, &reply, &embedding->count);
        embedding->space = hash_bytes(model, strlen(model));
        if (!embedding->values || embedding->count != embeddings[0].count)
            return "it has not one vector for each text";
    }
    return reply.length == 0 ? NULL : "it has more vectors than there are texts";
}
