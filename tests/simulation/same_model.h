/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/method/model.h"

/* Fails the simulation where the model of a user differs from the one that the history makes. */
void same_model(const UserModel *model, const UserModel *made, const char *user);
