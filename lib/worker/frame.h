/* SPDX-License-Identifier: MIT */
#pragma once

/* Messages on the socket: four bytes of length, least significant first, and that many bytes. Sans-IO. */

#include "lib/base/buffer.h"
#include "lib/plugin/analysis.h"

#define WORKER_FRAME_HEAD 4

/*
 * One request carries items up to these limits, so that packing and checking one never keeps the loop long;
 * the rest of a call follows in further requests. A single item may be larger than WORKER_CHUNK_BYTES.
 */
#define WORKER_CHUNK_ITEMS 16
#define WORKER_CHUNK_BYTES (64 * 1024)

/* A reply to WORKER_CHUNK_ITEMS items, each with the most features, traits and the longest answer, has less.
 */
#define WORKER_REPLY_LIMIT (8 * 1024 * 1024)

/* Appends the head of a message of the given length. */
void frame_append_head(Buffer *buffer, uint32_t length);

/* 1: a whole message stands at the begin of the buffer, behind its head, of *length bytes. 0: not yet.
 * Negative: it would be longer than limit. */
int frame_peek(const Buffer *buffer, uint32_t limit, uint32_t *length);
