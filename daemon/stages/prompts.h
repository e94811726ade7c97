/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The prompts of the stages: those that rpmd was built with, unless the prompt directory has files in their
 * place:
 *
 *     DIRECTORY/extract.txt                 for all tasks
 *     DIRECTORY/movie_tagging/extract.txt   for one, before the other
 */

#include "lib/llm/stages/stage.h"

typedef struct Prompts Prompts;

/*
 * Reads and checks all of them. directory: NULL, or a directory that need not be there. STATUS_REFUSED with a
 * sentence that names the file and what is wrong in it; *prompts is then NULL.
 */
int prompts_read(Prompts **prompts, const char *directory, Status *status);
void prompts_free(Prompts *prompts);

/* The prompt of a stage. Borrowed. */
const PromptTemplate *prompts_find(const Prompts *prompts, const char *task, Stage stage);
