/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a task plugin finds in one item, as plain data: the only thing about plugins that the method, the
 * store and the services consume. Everything was checked (UTF-8, spans inside the query, lengths under
 * lib/plugin/limits.h, finite numbers in range) and copied: nothing points into a plugin. All texts are
 * NUL-terminated behind their length and live in one arena, the caller's of plugin_analyze.
 */

#include "lib/base/status.h"
#include "rpmd/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a feature influenced the response, and how. Open answers only; the numbers are stored. */
typedef enum FeatureJudgement {
    FEATURE_NOT_JUDGED = 0,
    FEATURE_NOT_INFLUENTIAL = 1,
    FEATURE_INFLUENTIAL_NEGATIVE = 2,
    FEATURE_INFLUENTIAL_NEUTRAL = 3,
    FEATURE_INFLUENTIAL_POSITIVE = 4,
} FeatureJudgement;

typedef struct AnalyzedFeature {
    rpmd_text name;     /* never empty */
    rpmd_text context;  /* may be empty */
    rpmd_text category; /* one of the plugin's categories; empty where it has none */
    float polarity;     /* -1 .. +1 */
    float strength;     /* 0 .. 1 */
    rpmd_span evidence; /* in the query's bytes: not empty, on code point boundaries */
    FeatureJudgement judgement;
} AnalyzedFeature;

/* What an answer option stands for, so that answers compare across queries. */
typedef struct AnswerClass {
    rpmd_text name; /* never empty */
    float position; /* -1 negative end .. +1 positive end of the query's scale; NaN: off the scale */
} AnswerClass;

typedef struct AnalyzedTrait {
    rpmd_text name;
    rpmd_text meaning;
} AnalyzedTrait;

/* The features' text as a dense vector, where an embedder is configured; see lib/llm/stages/embed.h. */
typedef struct Embedding {
    const float *values; /* their squares sum to 1 */
    uint32_t count;      /* 0: none */
    uint64_t space;      /* vectors of another space or count do not compare: another embedder made them */
} Embedding;

/* One item to analyse. Everything is borrowed until the analysis is there. */
typedef struct AnalysisRequest {
    rpmd_text query;
    const rpmd_text *options; /* the query's own answer options; read where the kind is RPMD_ANSWER_OPTIONS */
    size_t option_count;
    rpmd_text response; /* the stored response, or the reply of an LLM; read where has_response is set */
    bool has_response;
    bool answer_only; /* only parses the response: no features, judgements or traits */
} AnalysisRequest;

#define ANALYSIS_NO_OPTION SIZE_MAX

typedef struct Analysis {
    /* What went wrong with this item: OK, or a code and a sentence; what was found before it is still there.
     * INVALID_ARGUMENT: the query, its options or its response are at fault; INTERNAL: the plugin is;
     * CANCELLED, DEADLINE_EXCEEDED: nobody waited any more. */
    StatusCode code;
    rpmd_text error; /* empty with STATUS_OK */

    AnalyzedFeature *features; /* in the plugin's order */
    size_t feature_count;
    uint32_t features_dropped; /* emitted but not supported by the text or over a limit */
    rpmd_text drop_reason;     /* a sentence about the first one dropped; empty when none was */

    AnswerClass *option_classes; /* option_classes[i] for options[i]; RPMD_ANSWER_OPTIONS only */
    size_t option_class_count;

    bool has_answer;        /* the response was parsed */
    rpmd_text answer;       /* canonical: a label, "4", an option's exact text, the trimmed text */
    rpmd_text answer_class; /* LABELS, ORDINAL: the answer; OPTIONS: the class of that option; TEXT: empty */
    size_t answer_option;   /* index into the options, or the labels; else ANALYSIS_NO_OPTION */

    AnalyzedTrait *traits; /* of the response, where the plugin describes responses */
    size_t trait_count;

    Embedding embedding; /* no plugin's: made from the features behind it */
} Analysis;
