/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Films that nobody made: descriptions of about 240 bytes, and the tag (of movie_tagging's fifteen) that a
 * user gives. The same user and number give the same film. Each user has two favourite tags; a third of the
 * tags are one of these, most others are the film's own.
 */

#include "lib/base/arena.h"

#include <stdint.h>

typedef struct Film {
    char *description;
    char *tag;
} Film;

/* Lives as long as the arena. */
Film film_draw(Arena *arena, const char *user, uint64_t number);
