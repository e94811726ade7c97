/* SPDX-License-Identifier: MIT */
/*
 * FROZEN: the public header of ABI 1.0, as plugins in the field were built with it. Never change it: the test
 * compares the current header with it, so that a plugin built then still runs now. From here on it is a copy
 * of include/rpmd/plugin.h.
 */
#ifndef RPMD_PLUGIN_H
#define RPMD_PLUGIN_H

/*
 * The interface between rpmd and a task plugin: the only header a plugin includes. Clean C11 and C++.
 *
 * A task plugin knows one kind of (query, response) pair. It finds the features of a query, says how
 * answers compare across queries, and supplies the texts that prompts are made of. It links to nothing
 * of rpmd: what it needs arrives as a table of functions, rpmd_host.
 *
 *     #include <rpmd/plugin.h>
 *     static int extract(rpmd_call *call, const rpmd_query *query) { ... }
 *     static const rpmd_plugin plugin = { RPMD_PLUGIN_GUARD, .name = "my_task", ... };
 *     RPMD_PLUGIN_EXPORT(plugin)
 *
 * ABI rules
 *   major  changes when a plugin built against the older header can no longer run. rpmd refuses a
 *          plugin of another major.
 *   minor  changes when something is added at the end of a structure or a new constant appears. rpmd
 *          accepts every minor up to its own, and reads what lies beyond a structure's struct_size as
 *          zero. A plugin that needs a newer minor than the daemon has is refused.
 *   Fields are never removed, reordered or given another meaning within a major.
 *
 * ABI change log
 *   1.0    first version.
 *
 * Threads: rpmd may call extract, option_class, parse_answer, judge and describe_answer from several
 * threads at once, each with a call of its own. A plugin keeps no mutable global state.
 *
 * Memory: everything a plugin is given is borrowed until the callback returns. Everything it hands over
 * is copied before the host function returns; results of host->allocate live until the callback returns.
 * Nothing is ever freed by a plugin.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RPMD_ABI_MAJOR 1
#define RPMD_ABI_MINOR 0

/* UTF-8 text, not NUL-terminated. data may be NULL only where length is 0. */
typedef struct rpmd_text {
    const char *data;
    size_t length; /* bytes */
} rpmd_text;

/* A run of bytes of the query's text: [begin, end), both on code point boundaries. */
typedef struct rpmd_span {
    uint32_t begin;
    uint32_t end;
} rpmd_span;

/* What a callback returns. Anything else counts as RPMD_FAILED. */
enum {
    RPMD_DONE = 0,
    RPMD_FAILED = 1,   /* this call failed; say why with host->fail */
    RPMD_NO_MATCH = 2, /* parse_answer, option_class: the text is not an answer of this task */
    RPMD_STOPPED = 3   /* host->expired said so */
};

/* How answers of the task look. Closed kinds have statistics per answer class and a native response. */
typedef enum rpmd_answer_kind {
    RPMD_ANSWER_LABELS = 1,  /* one of `labels` */
    RPMD_ANSWER_ORDINAL = 2, /* a whole number in [ordinal_min, ordinal_max] */
    RPMD_ANSWER_OPTIONS = 3, /* one of the options that the query brings */
    RPMD_ANSWER_TEXT = 4     /* free text (open) */
} rpmd_answer_kind;

/* A query as the plugin sees it. */
typedef struct rpmd_query {
    size_t struct_size;
    rpmd_text text;           /* valid UTF-8, never empty */
    const rpmd_text *options; /* the query's own answer options, in the caller's order */
    size_t option_count;      /* 0 where the task's kind is not RPMD_ANSWER_OPTIONS */
} rpmd_query;

/*
 * A response-influential feature of a query (the paper's (name, context, factor); the factor is rpmd's
 * to find). A feature must be supported by the text: rpmd drops one whose evidence is empty or outside
 * the query and counts it.
 */
typedef struct rpmd_feature {
    size_t struct_size;
    rpmd_text name;     /* short label, lower case: "battery life" */
    rpmd_text context;  /* phrase that tells what it means here: "how long the product runs on a charge" */
    rpmd_text category; /* the plugin's own group: "genre", "aspect". One of the descriptor's categories. */
    float polarity;     /* what the query says of it, -1 (bad) .. +1 (good); 0: neutral or not applicable */
    float strength;     /* how strongly the query says it, 0 .. 1 */
    rpmd_span evidence; /* where in the query it is said */
} rpmd_feature;

/* A property of a response: "two-part title", "at most eight words". Shown to the LLM with its share. */
typedef struct rpmd_trait {
    size_t struct_size;
    rpmd_text name;    /* stable short label: "colon" */
    rpmd_text meaning; /* as a person would say it: "the title has a colon" */
} rpmd_trait;

/* What an answer option stands for, so that answers compare across queries. */
typedef struct rpmd_option_class {
    size_t struct_size;
    rpmd_text answer_class; /* "agrees strongly", "no answer"; short, the same text for the same class */
    float position; /* place on the query's scale: -1 negative end .. +1 positive end; NaN: off the scale */
} rpmd_option_class;

/* Whether one feature of the query influenced the response, and how (the paper's influence and polarity). */
typedef struct rpmd_judgement {
    size_t struct_size;
    int influenced; /* 0 or 1 */
    int polarity;   /* -1 negative, 0 neutral, +1 positive; read only where influenced is 1 */
} rpmd_judgement;

enum {
    RPMD_TOKEN_WORD = 1u << 0,        /* letters (and digits among them: "b2b") */
    RPMD_TOKEN_NUMBER = 1u << 1,      /* digits: "1941", "3.5" */
    RPMD_TOKEN_PUNCTUATION = 1u << 2, /* one punctuation mark or symbol */
    RPMD_TOKEN_CAPITALIZED = 1u << 3, /* "Paris" */
    RPMD_TOKEN_UPPER = 1u << 4,       /* "NASA": two or more letters, all upper case */
    RPMD_TOKEN_STOPWORD = 1u << 5,    /* English function word */
    RPMD_TOKEN_SENTENCE_START = 1u << 6
};

/* A token of a text. Apostrophes and hyphens inside a word stay in it ("don't", "low-budget"). */
typedef struct rpmd_token {
    rpmd_span span;    /* in the text that was tokenized */
    uint32_t flags;    /* RPMD_TOKEN_* */
    uint32_t sentence; /* 0, 1, ... */
    rpmd_text lower;   /* case-folded, compatibility-normalized (NFKC), typographic quotes made plain */
    rpmd_text stem;    /* English (Porter2) stem of lower; equal to lower for numbers and punctuation */
} rpmd_token;

typedef enum rpmd_log_level { RPMD_LOG_DEBUG = 0, RPMD_LOG_INFO = 1, RPMD_LOG_WARNING = 2 } rpmd_log_level;

typedef struct rpmd_host rpmd_host;

/* One call of a callback: what the host functions work on. Opaque but for the first two fields. */
typedef struct rpmd_call {
    size_t struct_size;
    const rpmd_host *host;
} rpmd_call;

/* The functions rpmd lends to a plugin. Each works on the call it was given and nothing else. */
struct rpmd_host {
    size_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;

    /* Zeroed memory, aligned for any type, until the callback returns. NULL past the call's memory limit. */
    void *(*allocate)(rpmd_call *call, size_t size);

    /* extract: hands over one feature. RPMD_DONE, or RPMD_FAILED when the call has reached its limit of
     * features (extract may then return RPMD_DONE). */
    int (*emit_feature)(rpmd_call *call, const rpmd_feature *feature);

    /* describe_answer: hands over one trait. */
    int (*emit_trait)(rpmd_call *call, const rpmd_trait *trait);

    /* parse_answer: hands over the canonical answer ("4", "sci-fi", the option's exact text). */
    int (*set_answer)(rpmd_call *call, rpmd_text answer);

    /* Splits a text into tokens, in text order. The array lives until the callback returns. */
    int (*tokenize)(rpmd_call *call, rpmd_text text, const rpmd_token **tokens, size_t *count);

    /* Says why the callback is about to return RPMD_FAILED: one sentence, shown to the person who asked. */
    void (*fail)(rpmd_call *call, const char *sentence);

    /* A line in the daemon's log, with the plugin's name before it. */
    void (*log)(rpmd_call *call, rpmd_log_level level, const char *line);

    /* Not 0 when nobody waits for this call any more (cancelled, deadline): return RPMD_STOPPED soon. */
    int (*expired)(rpmd_call *call);
};

/* Where the LaMP benchmark's files keep what this task needs. NULL: the task has no such field. */
typedef struct rpmd_lamp {
    size_t struct_size;
    const char *query_field;    /* in a profile entry: "description" */
    const char *response_field; /* in a profile entry: "tag" */
    const char *options_field;  /* in a profile entry and in a question: "options" */
    /* A question's "input" is an instruction around the query. Text that begins with input_begin is cut
     * behind the first input_end; a list behind the last input_options ("[a; b; c]") is cut off and, where
     * the task takes options, read as the query's options. */
    const char *input_begin;
    const char *input_end;
    const char *input_options;
} rpmd_lamp;

/* Texts that prompts are made of; plain English, no line breaks. */
typedef struct rpmd_prompt_texts {
    size_t struct_size;
    const char *task;          /* what is asked: "Choose the tag that this user would give to the movie." */
    const char *query_noun;    /* "movie description" */
    const char *response_noun; /* "tag" */
    const char *answer_format; /* "exactly one of the tags listed, and nothing else" */
} rpmd_prompt_texts;

/* One case of the plugin's own test, run before it serves. */
typedef struct rpmd_self_test {
    size_t struct_size;
    const char *query;
    const char *const *options;           /* NULL-terminated, or NULL */
    const char *const *expected_features; /* NULL-terminated names that extract must emit, or NULL */
    const char *reply;                    /* handed to parse_answer, or NULL */
    const char *expected_answer;          /* what it must set; NULL: it must say RPMD_NO_MATCH */
} rpmd_self_test;

/* The descriptor of a plugin. The guard fields come first and never move. */
typedef struct rpmd_plugin {
    size_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t reserved; /* 0 */

    const char *name;        /* the task's name: [a-z][a-z0-9_]*, at most 63 bytes */
    const char *version;     /* the extractor's version; a change makes built models stale */
    const char *description; /* one sentence, for lists */

    rpmd_answer_kind answer_kind;
    const char *const *labels; /* RPMD_ANSWER_LABELS: NULL-terminated, in the order to show */
    int32_t ordinal_min;       /* RPMD_ANSWER_ORDINAL */
    int32_t ordinal_max;
    const char *const *categories; /* NULL-terminated: every category that extract may name */

    /* Required. Finds the features of query->text, from the query alone. */
    int (*extract)(rpmd_call *call, const rpmd_query *query);

    /* Required for RPMD_ANSWER_OPTIONS: the class of query->options[index]. */
    int (*option_class)(rpmd_call *call, const rpmd_query *query, size_t index, rpmd_option_class *result);

    /* Required for closed kinds: finds the answer in a reply or in a stored response ("4.0", "Tag: sci-fi.")
     * and hands its canonical form to host->set_answer. Open kinds: trims what is not the answer; NULL: as
     * is. */
    int (*parse_answer)(rpmd_call *call, const rpmd_query *query, rpmd_text reply);

    /* Optional, open kinds: judgements[i] for features[i], given the response. NULL: a feature counts as
     * influential, neutral, when the response uses one of the words of its evidence. */
    int (*judge)(rpmd_call *call, const rpmd_query *query, rpmd_text response, const rpmd_feature *features,
                 size_t feature_count, rpmd_judgement *judgements);

    /* Optional: emits the traits of a response. */
    int (*describe_answer)(rpmd_call *call, const rpmd_query *query, rpmd_text response);

    const rpmd_prompt_texts *prompt_texts; /* required */
    const rpmd_lamp *lamp;                 /* optional */
    const rpmd_self_test *self_tests;      /* at least one */
    size_t self_test_count;
} rpmd_plugin;

#define RPMD_PLUGIN_GUARD                                                                                    \
    .struct_size = sizeof(rpmd_plugin), .abi_major = RPMD_ABI_MAJOR, .abi_minor = RPMD_ABI_MINOR

/* The name of the function that a plugin exports, and of the note by which rpmd knows a plugin without
 * running any of its code. */
#define RPMD_PLUGIN_ENTRY "rpmd_plugin_entry"
#define RPMD_PLUGIN_NOTE_NAME "rpmd"
#define RPMD_PLUGIN_NOTE_TYPE 1

/* The ELF note: name "rpmd", type 1, descriptor of two 32-bit words: ABI major, ABI minor. */
typedef struct rpmd_plugin_note {
    uint32_t name_size;
    uint32_t descriptor_size;
    uint32_t type;
    char name[8];
    uint32_t abi_major;
    uint32_t abi_minor;
} rpmd_plugin_note;

#ifdef __cplusplus
#define RPMD_EXTERN_C extern "C"
#else
#define RPMD_EXTERN_C
#endif

/* Exports the descriptor and writes the note. Once per plugin, at file scope. */
#define RPMD_PLUGIN_EXPORT(descriptor)                                                                       \
    RPMD_EXTERN_C __attribute__((used, visibility("hidden"), section(".note.rpmd"), aligned(4)))             \
    const rpmd_plugin_note rpmd_plugin_abi_note = {                                                          \
        sizeof(RPMD_PLUGIN_NOTE_NAME), 2 * sizeof(uint32_t), RPMD_PLUGIN_NOTE_TYPE,                          \
        RPMD_PLUGIN_NOTE_NAME,         RPMD_ABI_MAJOR,       RPMD_ABI_MINOR};                                \
    RPMD_EXTERN_C __attribute__((visibility("default"))) const rpmd_plugin *rpmd_plugin_entry(void);         \
    const rpmd_plugin *rpmd_plugin_entry(void)                                                               \
    {                                                                                                        \
        return &(descriptor);                                                                                \
    }

#ifdef __cplusplus
}
#endif

#endif
