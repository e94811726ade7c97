/* SPDX-License-Identifier: MIT */
#pragma once

/* A task, and the prompts that rpmd brings. Tests run in the project's folder. */

#include "lib/base/text.h"
#include "lib/llm/stages/stage.h"

#include <check.h>
#include <stdio.h>

static const rpmd_prompt_texts stage_texts = {.struct_size = sizeof(stage_texts),
                                              .task = "Rate the product.",
                                              .query_noun = "product review",
                                              .response_noun = "rating",
                                              .answer_format = "a number"};
static const rpmd_plugin stage_plugin _unused_ = {.name = "task", .prompt_texts = &stage_texts};

/* The caller's (prompt_template_finish). */
static inline PromptTemplate stage_template(const char *stage, const PromptPlace *places, size_t place_count)
{
    char path[64], source[PROMPT_TEMPLATE_LIMIT];
    PromptTemplate prompt = {0};
    Status status = STATUS_INIT;
    snprintf(path, sizeof(path), "prompts/%s.txt", stage);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(source, 1, sizeof(source), file);
    fclose(file);
    ck_assert_msg(
        prompt_template_read(&prompt, (rpmd_text){source, length}, path, places, place_count, &status) == 0,
        "%s", status.message);
    return prompt;
}
