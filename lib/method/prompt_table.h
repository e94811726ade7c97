/* SPDX-License-Identifier: MIT */
#pragma once

/* The part of a prompt that is the same for all queries of a user. */

#include "lib/base/buffer.h"
#include "lib/method/prompt.h"

/* Factors in the order of what they tell: how far their answers are from the user's usual ones, over how many
 * items; open answers: how often they influenced them. `order` has room for model->factor_count. */
void prompt_table_order(const UserModel *model, uint32_t *order);

/* "[crime] n=12: "classic" 58% (7 of 12), … - features: "crime, murder"\n" */
void prompt_table_row(Buffer *buffer, const UserModel *model, uint32_t factor, double smoothing);

/* "## This user": items, usual answers or traits. */
void prompt_table_overall(Buffer *buffer, const PromptRequest *request);

/*
 * The section with as many rows as fit in `limit` bytes. shown[f] says for each factor whether it stands
 * there. Returns how many do.
 */
size_t prompt_table(Buffer *buffer, const PromptRequest *request, size_t limit, bool *shown);
