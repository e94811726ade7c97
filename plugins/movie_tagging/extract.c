/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "movie_tagging.h"

static const float MENTION_STRENGTH = 0.1f; /* what each further mention adds */

static int finding_compare(const void *a, const void *b)
{
    const Finding *left = a, *right = b;

    if (left->evidence.begin != right->evidence.begin)
        return left->evidence.begin < right->evidence.begin ? -1 : 1;
    if (left->evidence.end != right->evidence.end)
        return left->evidence.end > right->evidence.end ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* Adds what a rule found to the lexicon's finding of the same name, or as a new one. */
static size_t findings_merge(Finding *findings, size_t count, const Finding *found)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(findings[i].name, found->name) != 0)
            continue;
        findings[i].mentions += found->mentions;
        if (found->evidence.begin < findings[i].evidence.begin)
            findings[i].evidence = found->evidence;
        return count;
    }
    findings[count] = *found;
    return count + 1;
}

static int finding_emit(rpmd_call *call, const Finding *finding)
{
    float strength = finding->strength + MENTION_STRENGTH * (float)(finding->mentions - 1);
    rpmd_feature feature = {
        .struct_size = sizeof(feature),
        .name = {finding->name, strlen(finding->name)},
        .context = {finding->context, strlen(finding->context)},
        .category = {finding->category, strlen(finding->category)},
        .strength = strength < 1.0f ? strength : 1.0f,
        .evidence = finding->evidence,
    };

    return call->host->emit_feature(call, &feature);
}

int movie_extract(rpmd_call *call, const rpmd_query *query)
{
    Words words;
    Finding *findings, rules[RULE_FINDINGS_MAX], *all;
    size_t count, rule_count, lexicon_count;
    int result = words_read(call, query->text, &words);

    if (result != RPMD_DONE)
        return result;
    result = lexicon_match(call, &words, &findings, &lexicon_count);
    if (result != RPMD_DONE)
        return result;
    rule_count = rules_match(&words, rules);
    all = call->host->allocate(call, (lexicon_count + rule_count + 1) * sizeof(*all));
    if (all == NULL)
        return RPMD_FAILED;
    memcpy(all, findings, lexicon_count * sizeof(*all));
    count = lexicon_count;
    for (size_t i = 0; i < rule_count; i++)
        count = findings_merge(all, count, &rules[i]);
    qsort(all, count, sizeof(*all), finding_compare);
    for (size_t i = 0; i < count; i++)
        if (finding_emit(call, &all[i]) != RPMD_DONE)
            break;
    return RPMD_DONE;
}
