/* SPDX-License-Identifier: MIT */
#include "lib/plugin/judge_by_words.h"

#include "lib/base/intern.h"
#include "lib/base/memory.h"

static bool is_content(const rpmd_token *token)
{
    return token->flags & (RPMD_TOKEN_WORD | RPMD_TOKEN_NUMBER) && !(token->flags & RPMD_TOKEN_STOPWORD);
}

void judge_by_words(Tokenizer *tokenizer, Arena *scratch, rpmd_text query, Analysis *analysis)
{
    _cleanup_intern_ Intern answer_words = INTERN_INIT;
    const rpmd_token *tokens;
    size_t count;
    text_tokenize(scratch, tokenizer, analysis->answer, &tokens, &count);
    for (size_t i = 0; i < count; i++)
        if (is_content(&tokens[i]))
            intern_add(&answer_words, tokens[i].stem);
    text_tokenize(scratch, tokenizer, query, &tokens, &count);
    uint32_t *used = ARENA_ARRAY(scratch, uint32_t, query.length + 1);
    for (size_t i = 0; i < count; i++)
        if (is_content(&tokens[i]) && intern_find(&answer_words, tokens[i].stem) != INTERN_NONE)
            used[tokens[i].span.begin]++;
    /* From here on used[b] is the number of used words that begin at or before byte b. */
    for (size_t byte = 1; byte <= query.length; byte++)
        used[byte] += used[byte - 1];
    for (size_t i = 0; i < analysis->feature_count; i++) {
        AnalyzedFeature *feature = &analysis->features[i];
        uint32_t before = feature->evidence.begin > 0 ? used[feature->evidence.begin - 1] : 0;
        feature->judgement =
            used[feature->evidence.end - 1] > before ? FEATURE_INFLUENTIAL_NEUTRAL : FEATURE_NOT_INFLUENTIAL;
    }
}
