/* SPDX-License-Identifier: MIT */
#include "lib/method/pool_change.h"

#include "lib/base/intern.h"
#include "lib/base/memory.h"

#define POOL_CHANGE_FORMAT 1

/* ---- writing ------------------------------------------------------------------------------------------ */

static void write_number(Buffer *bytes, uint64_t number)
{
    uint8_t encoded[10];
    size_t length = 0;
    do {
        encoded[length++] = (uint8_t)((number & 0x7F) | (number > 0x7F ? 0x80 : 0));
        number >>= 7;
    } while (number > 0);
    buffer_append(bytes, encoded, length);
}

/* Small numbers of either sign are short. */
static void write_signed(Buffer *bytes, int64_t number)
{
    write_number(bytes, ((uint64_t)number << 1) ^ (uint64_t)(number >> 63));
}

static void write_key(Buffer *bytes, uint64_t key)
{
    uint8_t encoded[8];
    for (int i = 0; i < 8; i++)
        encoded[i] = (uint8_t)(key >> (8 * i));
    buffer_append(bytes, encoded, sizeof(encoded));
}

static void write_text(Buffer *bytes, rpmd_text text)
{
    write_number(bytes, text.length);
    buffer_append(bytes, text.data, text.length);
}

void pool_change_write(Buffer *bytes, const PoolCellChange *cells, size_t cell_count,
                       const PoolVoteChange *votes, size_t vote_count)
{
    if (cell_count == 0 && vote_count == 0)
        return;
    _cleanup_intern_ Intern classes = INTERN_INIT;
    for (size_t i = 0; i < cell_count; i++)
        intern_add(&classes, cells[i].answer_class);
    write_number(bytes, POOL_CHANGE_FORMAT);
    write_number(bytes, classes.count);
    for (uint32_t i = 0; i < classes.count; i++)
        write_text(bytes, classes.texts[i]);
    write_number(bytes, cell_count);
    for (size_t i = 0; i < cell_count; i++) {
        write_key(bytes, cells[i].key);
        write_number(bytes, intern_find(&classes, cells[i].answer_class));
        write_signed(bytes, cells[i].count);
        write_signed(bytes, cells[i].users);
    }
    write_number(bytes, vote_count);
    for (size_t i = 0; i < vote_count; i++) {
        write_key(bytes, votes[i].question);
        write_text(bytes, votes[i].answer);
    }
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static uint64_t read_number(PoolChangeReader *reader)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reader->at == reader->end)
            break;
        uint8_t byte = *reader->at++;
        number |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return number;
    }
    reader->is_broken = true;
    return 0;
}

static int64_t read_signed(PoolChangeReader *reader)
{
    uint64_t number = read_number(reader);
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

static uint64_t read_key(PoolChangeReader *reader)
{
    uint64_t key = 0;
    if (reader->end - reader->at < 8) {
        reader->is_broken = true;
        return 0;
    }
    for (int i = 0; i < 8; i++)
        key |= (uint64_t)reader->at[i] << (8 * i);
    reader->at += 8;
    return key;
}

static rpmd_text read_text(PoolChangeReader *reader)
{
    uint64_t length = read_number(reader);
    if (length > (uint64_t)(reader->end - reader->at)) {
        reader->is_broken = true;
        return (rpmd_text){0};
    }
    rpmd_text text = {(const char *)reader->at, (size_t)length};
    reader->at += length;
    return text;
}

/* How many elements follow; each has at least `size` bytes. */
static size_t read_count(PoolChangeReader *reader, size_t size)
{
    uint64_t count = read_number(reader);
    if (count <= (uint64_t)(reader->end - reader->at) / size)
        return (size_t)count;
    reader->is_broken = true;
    return 0;
}

bool pool_change_begin(PoolChangeReader *reader, rpmd_text bytes)
{
    *reader = (PoolChangeReader){.at = (const uint8_t *)bytes.data,
                                 .end = (const uint8_t *)bytes.data + bytes.length};
    reader->is_broken = read_number(reader) != POOL_CHANGE_FORMAT;
    if (!reader->is_broken)
        reader->class_count = read_count(reader, 1);
    reader->classes = NEW_ARRAY(rpmd_text, reader->class_count);
    for (size_t i = 0; i < reader->class_count; i++)
        reader->classes[i] = read_text(reader);
    if (!reader->is_broken)
        reader->cells = read_count(reader, 11);
    if (!reader->is_broken && reader->cells == 0)
        reader->votes = read_count(reader, 9);
    if (reader->is_broken)
        pool_change_finish(reader);
    return !reader->is_broken;
}

bool pool_change_next_cell(PoolChangeReader *reader, PoolCellChange *cell)
{
    if (reader->is_broken || reader->cells == 0)
        return false;
    *cell = (PoolCellChange){.key = read_key(reader)};
    uint64_t number = read_number(reader);
    if (number >= reader->class_count)
        reader->is_broken = true;
    else
        cell->answer_class = reader->classes[number];
    cell->count = read_signed(reader);
    int64_t users = read_signed(reader);
    reader->is_broken |= users < -1 || users > 1;
    cell->users = (int)users;
    if (--reader->cells == 0 && !reader->is_broken)
        reader->votes = read_count(reader, 9);
    return !reader->is_broken;
}

bool pool_change_next_vote(PoolChangeReader *reader, PoolVoteChange *vote)
{
    if (reader->is_broken || reader->cells > 0 || reader->votes == 0)
        return false;
    *vote = (PoolVoteChange){.question = read_key(reader)};
    vote->answer = read_text(reader);
    reader->votes--;
    return !reader->is_broken;
}

void pool_change_finish(PoolChangeReader *reader)
{
    free(TAKE_PTR(reader->classes));
    reader->class_count = reader->cells = reader->votes = 0;
}

PoolChangePlace pool_change_place(const PoolChangeReader *reader, rpmd_text bytes)
{
    return (PoolChangePlace){(size_t)(reader->at - (const uint8_t *)bytes.data), reader->cells,
                             reader->votes};
}

void pool_change_go_to(PoolChangeReader *reader, rpmd_text bytes, PoolChangePlace place)
{
    reader->at = (const uint8_t *)bytes.data + MIN(place.offset, bytes.length);
    reader->cells = place.cells;
    reader->votes = place.votes;
}
