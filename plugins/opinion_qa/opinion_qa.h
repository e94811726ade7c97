/* SPDX-License-Identifier: MIT */
#ifndef OPINION_QA_H
#define OPINION_QA_H

#include <rpmd/plugin.h>

/* features.c: topic, dimension, scope and target of a question. */
int opinion_extract(rpmd_call *call, const rpmd_query *query);

/* scale.c: what an option stands for, across questions. */
int opinion_option_class(rpmd_call *call, const rpmd_query *query, size_t index, rpmd_option_class *result);

/* answer.c: which option a reply means. */
int opinion_parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply);

/* lexicon.c: a word (or phrase, words separated by one blank) and the concept it is evidence of. */
typedef struct opinion_entry {
    const char *words;
    const char *name;
    const char *context;
} opinion_entry;

extern const opinion_entry opinion_topics[];
extern const size_t opinion_topic_count;
extern const opinion_entry opinion_dimensions[];
extern const size_t opinion_dimension_count;
extern const opinion_entry opinion_scopes[];
extern const size_t opinion_scope_count;

#endif
