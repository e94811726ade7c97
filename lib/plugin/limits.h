/* SPDX-License-Identifier: MIT */
#pragma once

/* What a plugin may be given and may hand over. All at one door: lib/plugin/call.c and analyze.c check them.
 */

#define PLUGIN_QUERY_LIMIT (128 * 1024)    /* bytes of a query; a long review or abstract has 20 KiB */
#define PLUGIN_RESPONSE_LIMIT (128 * 1024) /* bytes of a response or a reply of an LLM */
#define PLUGIN_OPTION_LIMIT 64             /* options of one query; surveys have up to twenty */
#define PLUGIN_OPTION_BYTES_LIMIT 1024     /* bytes of one option */

#define PLUGIN_FEATURE_LIMIT 256 /* features of one query; an abstract yields about forty */
#define PLUGIN_TRAIT_LIMIT 64    /* traits of one response */
#define PLUGIN_NAME_LIMIT 96     /* bytes of a feature's or trait's name: a short label */
#define PLUGIN_CONTEXT_LIMIT 320 /* bytes of a feature's context or a trait's meaning: a phrase */
#define PLUGIN_CLASS_LIMIT 96    /* bytes of an answer class */
#define PLUGIN_ANSWER_LIMIT                                                                                  \
    (8 * 1024) /* bytes of a canonical answer; open answers are titles or paragraphs */

#define PLUGIN_CALL_MEMORY_LIMIT                                                                             \
    (64 * 1024 * 1024) /* bytes that one callback may allocate, tokens included */
#define PLUGIN_TOKENIZE_LIMIT                                                                                \
    (256 * 1024)                  /* bytes of one text to tokenize: twice a query; 56 bytes a token */
#define PLUGIN_LOG_LINE_LIMIT 16  /* log lines of one callback; more would flood the log */
#define PLUGIN_SENTENCE_LIMIT 256 /* bytes of a `fail` sentence or a log line; longer is cut */

#define PLUGIN_TASK_NAME_LIMIT 63   /* bytes; as in the header */
#define PLUGIN_STRING_LIMIT 1024    /* bytes of any string of a descriptor */
#define PLUGIN_LABEL_LIMIT 256      /* labels or categories of a plugin; a prompt lists them */
#define PLUGIN_ORDINAL_LIMIT 101    /* values of an ordinal range: 0 to 100; each has statistics of its own */
#define PLUGIN_SELF_TEST_LIMIT 1000 /* cases; they run at each load */
#define PLUGIN_FILE_LIMIT (64 * 1024 * 1024) /* bytes of a plugin file */
