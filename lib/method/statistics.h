/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The statistics of a factor (the paper's step 3), from the raw counts of a model:
 *
 *     Propensity(y, F) = #(a_i = y and G_i meets F) / n_F
 *     smoothed           (n_yF + alpha * pi_y) / (n_F + alpha),  pi the user's overall answer distribution
 *     Coverage(F)      = n_F
 *     Influence(F)     = (feature, item) pairs judged to have influenced the answer
 *     Polarity(F)      = shares of positive / neutral / negative among those
 *
 * Leave-one-out: with `without` set, the numbers are those of the history without that item, so that the
 * answer of an item is no evidence for itself. NULL: over all items.
 */

#include "lib/method/model.h"

/* Stands for all items instead of a factor's. */
#define FACTOR_ALL (UINT32_MAX - 1)

/* n_F; with FACTOR_ALL, the items that take part. */
uint32_t statistics_items(const UserModel *model, uint32_t factor, const ModelEntry *without);

/* #(a_i = answer_class and G_i meets factor). */
uint32_t statistics_count(const UserModel *model, uint32_t factor, uint32_t answer_class,
                          const ModelEntry *without);

/*
 * 0 .. 1. With alpha 0, the paper's formula. Where nothing is known (n_F + alpha is 0) it is pi, and where pi
 * is not known either (no item), every class is alike.
 */
double statistics_propensity(const UserModel *model, uint32_t factor, uint32_t answer_class, double alpha,
                             const ModelEntry *without);

/* Coverage (as items), influence and polarity of a factor. */
FactorCounts statistics_factor(const UserModel *model, uint32_t factor, const ModelEntry *without);
