/* SPDX-License-Identifier: MIT */
#include "lib/method/pool_change.h"

#include "lib/base/intern.h"
#include "lib/base/memory.h"

#define POOL_CHANGE_FORMAT 1
#define CELL_BYTES 11 /* of a cell and of a vote, at least */
#define VOTE_BYTES 9

void pool_change_write(Buffer *bytes, const PoolCellChange *cells, size_t cell_count,
                       const PoolVoteChange *votes, size_t vote_count)
{
    if (cell_count == 0 && vote_count == 0)
        return;
    _cleanup_intern_ Intern classes = INTERN_INIT;
    for (size_t i = 0; i < cell_count; i++)
        intern_add(&classes, cells[i].answer_class);
    bytes_write_number(bytes, POOL_CHANGE_FORMAT);
    bytes_write_number(bytes, classes.count);
    for (uint32_t i = 0; i < classes.count; i++)
        bytes_write_text(bytes, classes.texts[i]);
    bytes_write_number(bytes, cell_count);
    for (size_t i = 0; i < cell_count; i++) {
        bytes_write_u64(bytes, cells[i].key);
        bytes_write_number(bytes, intern_find(&classes, cells[i].answer_class));
        bytes_write_signed(bytes, cells[i].count);
        bytes_write_signed(bytes, cells[i].users);
    }
    bytes_write_number(bytes, vote_count);
    for (size_t i = 0; i < vote_count; i++) {
        bytes_write_u64(bytes, votes[i].question);
        bytes_write_text(bytes, votes[i].answer);
    }
}

bool pool_change_begin(PoolChangeReader *reader, rpmd_text bytes)
{
    *reader = (PoolChangeReader){.bytes = byte_reader(bytes)};
    ByteReader *from = &reader->bytes;
    from->is_broken |= bytes_read_number(from) != POOL_CHANGE_FORMAT;
    reader->class_count = bytes_read_count(from, 1);
    reader->classes = NEW_ARRAY(rpmd_text, reader->class_count);
    for (size_t i = 0; i < reader->class_count; i++)
        reader->classes[i] = bytes_read_text(from);
    reader->cells = bytes_read_count(from, CELL_BYTES);
    if (reader->cells == 0)
        reader->votes = bytes_read_count(from, VOTE_BYTES);
    reader->is_broken = from->is_broken;
    if (reader->is_broken)
        pool_change_finish(reader);
    return !reader->is_broken;
}

bool pool_change_next_cell(PoolChangeReader *reader, PoolCellChange *cell)
{
    ByteReader *from = &reader->bytes;
    if (reader->is_broken || reader->cells == 0)
        return false;
    *cell = (PoolCellChange){.key = bytes_read_u64(from)};
    uint64_t number = bytes_read_number(from);
    cell->count = bytes_read_signed(from);
    int64_t users = bytes_read_signed(from);
    from->is_broken |= number >= reader->class_count || users < -1 || users > 1;
    if (!from->is_broken) {
        cell->answer_class = reader->classes[number];
        cell->users = (int)users;
    }
    if (--reader->cells == 0)
        reader->votes = bytes_read_count(from, VOTE_BYTES);
    reader->is_broken = from->is_broken;
    return !reader->is_broken;
}

bool pool_change_next_vote(PoolChangeReader *reader, PoolVoteChange *vote)
{
    if (reader->is_broken || reader->cells > 0 || reader->votes == 0)
        return false;
    *vote = (PoolVoteChange){.question = bytes_read_u64(&reader->bytes)};
    vote->answer = bytes_read_text(&reader->bytes);
    reader->votes--;
    reader->is_broken = reader->bytes.is_broken;
    return !reader->is_broken;
}

void pool_change_finish(PoolChangeReader *reader)
{
    free(TAKE_PTR(reader->classes));
    reader->class_count = reader->cells = reader->votes = 0;
}

PoolChangePlace pool_change_place(const PoolChangeReader *reader, rpmd_text bytes)
{
    return (PoolChangePlace){(size_t)(reader->bytes.at - (const uint8_t *)bytes.data), reader->cells,
                             reader->votes};
}

void pool_change_go_to(PoolChangeReader *reader, rpmd_text bytes, PoolChangePlace place)
{
    reader->bytes.at = (const uint8_t *)bytes.data + MIN(place.offset, bytes.length);
    reader->cells = place.cells;
    reader->votes = place.votes;
}
