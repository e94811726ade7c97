/* SPDX-License-Identifier: MIT */
#pragma once

/* The simulated LLM: replies in pieces, of use or not, errors, silence. Each call is paid for. */

#include "daemon/llm/llm.h"

#define LLM_BACKEND "drawn"

/* Of a new world. */
void llm_reset(void);

/* One call of so many fails, is silent, or says nonsense; 0: none. */
Llm *llm_begin(size_t failure_one_of);
void llm_end(Llm *llm);

/* The prompt that a reply of this text answered; empty: none did. Lives as long as the world. */
rpmd_text llm_prompt_of(rpmd_text reply);
