/* SPDX-License-Identifier: MIT */
#include "opinion_qa.h"

#include <string.h>

#define NAME_TOKENS 5      /* words of a name: "the President of the United States" is cut to its last part */
#define FEATURES_OF_KIND 6 /* of topics, and of targets: a question has no more that matter */

/* The words of a question, without punctuation. */
typedef struct question_words {
    const rpmd_token *tokens;
    size_t count;
} question_words;

/* How many tokens the entry's stems match from here; 0: none. */
static size_t match_entry(const question_words *question, size_t at, const char *words)
{
    size_t used = 0;
    while (*words) {
        size_t length = strcspn(words, " ");
        if (at + used >= question->count)
            return 0;
        const rpmd_token *token = &question->tokens[at + used];
        int same_stem = token->stem.length == length && memcmp(token->stem.data, words, length) == 0;
        int same_word = token->lower.length == length && memcmp(token->lower.data, words, length) == 0;
        if (!same_stem && !same_word)
            return 0;
        used++;
        words += length + (words[length] == ' ');
    }
    return used;
}

static int emit(rpmd_call *call, const char *name, size_t name_length, const char *context,
                const char *category, rpmd_span evidence)
{
    rpmd_feature feature;
    memset(&feature, 0, sizeof(feature));
    feature.struct_size = sizeof(feature);
    feature.name.data = name;
    feature.name.length = name_length;
    feature.context.data = context;
    feature.context.length = strlen(context);
    feature.category.data = category;
    feature.category.length = strlen(category);
    feature.strength = 1.0F;
    feature.evidence = evidence;
    return call->host->emit_feature(call, &feature);
}

/* Emits each concept of a table once, where it is first said; the longest match at a place wins. */
static void emit_table(rpmd_call *call, const question_words *question, const opinion_entry *entries,
                       size_t entry_count, const char *category, size_t limit)
{
    const char *seen[FEATURES_OF_KIND];
    size_t emitted = 0;
    for (size_t at = 0; at < question->count && emitted < limit; at++) {
        const opinion_entry *best = NULL;
        size_t longest = 0;
        for (size_t e = 0; e < entry_count; e++) {
            size_t used = match_entry(question, at, entries[e].words);
            if (used > longest) {
                longest = used;
                best = &entries[e];
            }
        }
        if (!best)
            continue;
        int is_new = 1;
        for (size_t s = 0; s < emitted && is_new; s++)
            is_new = strcmp(seen[s], best->name) != 0;
        rpmd_span evidence = {question->tokens[at].span.begin, question->tokens[at + longest - 1].span.end};
        at += longest - 1;
        if (!is_new)
            continue;
        if (emit(call, best->name, strlen(best->name), best->context, category, evidence) != RPMD_DONE)
            return;
        seen[emitted++] = best->name;
    }
}

/* A name of somebody or something: capitalized words in the middle of a sentence. */
static void emit_targets(rpmd_call *call, const question_words *question)
{
    size_t emitted = 0;
    for (size_t at = 0; at < question->count && emitted < FEATURES_OF_KIND; at++) {
        size_t end = at;
        while (end < question->count && end - at < NAME_TOKENS &&
               question->tokens[end].flags & RPMD_TOKEN_CAPITALIZED &&
               (end == at || question->tokens[end].span.begin == question->tokens[end - 1].span.end + 1))
            end++;
        if (end == at ||
            (question->tokens[at].flags & (RPMD_TOKEN_SENTENCE_START | RPMD_TOKEN_STOPWORD) &&
             end - at < 2) ||
            question->tokens[at].flags & RPMD_TOKEN_STOPWORD)
            continue;
        rpmd_text name;
        size_t length = 0;
        for (size_t i = at; i < end; i++)
            length += question->tokens[i].lower.length + 1;
        char *joined = call->host->allocate(call, length);
        if (!joined)
            return;
        name.data = joined;
        name.length = length - 1;
        for (size_t i = at; i < end; i++) {
            memcpy(joined, question->tokens[i].lower.data, question->tokens[i].lower.length);
            joined += question->tokens[i].lower.length;
            *joined++ = ' ';
        }
        rpmd_span evidence = {question->tokens[at].span.begin, question->tokens[end - 1].span.end};
        if (name.length > 60 ||
            emit(call, name.data, name.length, "what the question names", "target", evidence) != RPMD_DONE)
            return;
        emitted++;
        at = end - 1;
    }
}

int opinion_extract(rpmd_call *call, const rpmd_query *query)
{
    const rpmd_token *tokens = NULL;
    size_t count = 0;
    question_words question = {NULL, 0};
    if (call->host->tokenize(call, query->text, &tokens, &count) != RPMD_DONE)
        return RPMD_FAILED;
    rpmd_token *words = call->host->allocate(call, (count ? count : 1) * sizeof(*words));
    if (!words)
        return RPMD_FAILED;
    for (size_t i = 0; i < count; i++)
        if (!(tokens[i].flags & RPMD_TOKEN_PUNCTUATION))
            words[question.count++] = tokens[i];
    question.tokens = words;
    emit_table(call, &question, opinion_dimensions, opinion_dimension_count, "dimension", 2);
    emit_table(call, &question, opinion_topics, opinion_topic_count, "topic", FEATURES_OF_KIND);
    emit_table(call, &question, opinion_scopes, opinion_scope_count, "scope", 2);
    emit_targets(call, &question);
    return RPMD_DONE;
}
