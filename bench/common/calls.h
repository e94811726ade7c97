/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The daemon's calls for the task movie_tagging, over a channel that waits. A call that fails ends the
 * program. Users are named GROUP-NUMBER; their items i0, i1, ... are the films of film_draw.
 */

#include "client/channel.h"
#include "lib/base/arena.h"

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#define BENCH_TASK "movie_tagging"

Channel *open_channel(const char *socket);

char *user_name(Arena *arena, const char *group, uint64_t number);

/* Requests; they live as long as the arena. */
const ProtobufCMessage *make_prompt(Arena *arena, char *user, uint64_t film);
const ProtobufCMessage *make_append(Arena *arena, char *user, uint64_t film);

/* Imports `items` items for each of the group's users first .. first + users - 1. */
void import_users(Channel *channel, const char *group, uint64_t first, uint64_t users, uint64_t items);

/* Builds a user's model. Returns the seconds it took. */
double build_user(Channel *channel, char *user);

/* Builds the models of all users. Returns the seconds it took; when it was given up, max_seconds (0: never).
 */
double build_all(Channel *channel, double max_seconds);

void import_and_build(Channel *channel, const char *group, uint64_t first, uint64_t users, uint64_t items);

/* Each returns the seconds it took. */
double call_prompt(Channel *channel, char *user, uint64_t film);
double call_append(Channel *channel, char *user, uint64_t film);
double call_delete(Channel *channel, char *user, uint64_t film);
double call_erase(Channel *channel, char *user);

/* The bytes of a ConstructPrompt's reply. */
size_t prompt_reply_bytes(Channel *channel, char *user, uint64_t film);

/* Of Admin.GetMetrics; 0 when there is no such metric. */
double metric(Channel *channel, const char *name);
