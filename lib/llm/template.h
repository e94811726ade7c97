/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Prompts that a person can read and change: text with named places, {{query_noun}}. A template is checked
 * when it is read, so that a misspelt name is an error then and not a strange prompt later.
 */

#include "lib/base/buffer.h"
#include "lib/base/status.h"
#include "lib/base/text.h"

#define PROMPT_TEMPLATE_LIMIT (64 * 1024) /* bytes of a file; what an LLM reads as instructions is a page */

/* A name that a template may use. */
typedef struct PromptPlace {
    const char *name;
    bool is_required; /* a template without it could not work */
} PromptPlace;

/* A text behind which a place stands; the last one has none. */
typedef struct PromptPart {
    rpmd_text text; /* points into the template's source */
    size_t place;   /* index into the places */
} PromptPart;

typedef struct PromptTemplate {
    char *source;         /* owned */
    uint32_t fingerprint; /* of the source: tells one prompt from another */
    PromptPart *parts;
    size_t part_count;
    rpmd_text rest; /* what follows the last part's place */
} PromptTemplate;

/*
 * Reads a template. Lines at its beginning that begin with "##" are comments for whoever edits it and are
 * left out. STATUS_REFUSED (INVALID_ARGUMENT) with a sentence that names `origin` (a file), the line, and the
 * names that there are: an unknown name, a place that is not closed, a required one that is missing, a NUL,
 * not UTF-8, too long. *prompt is then untouched.
 */
int prompt_template_read(PromptTemplate *prompt, rpmd_text source, const char *origin,
                         const PromptPlace *places, size_t place_count, Status *status);

/* Appends the text with values[i] for places[i]. Values are not looked into: "{{" in them is text. */
void prompt_template_append(Buffer *text, const PromptTemplate *prompt, const rpmd_text *values);

void prompt_template_finish(PromptTemplate *prompt);
