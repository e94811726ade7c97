/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Respond: an LLM reasons in the user's way and answers, streamed as it writes; or the native prediction
 * does, where the task is configured so, or where the LLM does not answer and nothing of its reasoning was
 * sent yet.
 *
 *     prompt --> the LLM --> reasoning, streamed; answer --> parsed by the plugin --> the gate's verdict -->
 * final
 *                                                       '-- no answer in it: asked for once more --> parsed
 */

#include "daemon/services/query.h"

void respond_answer(QueryCall *query);
