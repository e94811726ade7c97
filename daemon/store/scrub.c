/* SPDX-License-Identifier: MIT */
#include "daemon/store/scrub.h"

#include "lib/base/macros.h"
#include "lib/base/memory.h"

#include <string.h>

/* The file format: https://www.sqlite.org/fileformat2.html, "B-tree Pages". */
#define FILE_HEADER_SIZE 100
#define LEAF_HEADER_SIZE 8
#define INNER_HEADER_SIZE 12
#define SCRUB_CHUNK (1u << 20) /* bytes read at a time */

enum { INNER_INDEX = 2, INNER_TABLE = 5, LEAF_INDEX = 10, LEAF_TABLE = 13 };

static size_t read_16(const unsigned char *bytes)
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

static bool zero(unsigned char *begin, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (begin[i]) {
            memset(begin + i, 0, length - i);
            return true;
        }
    return false;
}

bool scrub_page(unsigned char *page, size_t size, bool first)
{
    size_t start = first ? FILE_HEADER_SIZE : 0;
    unsigned char *header = page + start;
    bool leaf = header[0] == LEAF_INDEX || header[0] == LEAF_TABLE;
    if (!leaf && header[0] != INNER_INDEX && header[0] != INNER_TABLE)
        return false; /* overflow and free pages have no gap */

    size_t content = read_16(header + 5);
    if (content == 0)
        content = 65536;
    size_t pointers_end = start + (leaf ? LEAF_HEADER_SIZE : INNER_HEADER_SIZE) + 2 * read_16(header + 3);
    if (content > size || pointers_end > content)
        return false; /* not a page that SQLite wrote: not ours to change */
    bool changed = zero(page + pointers_end, content - pointers_end);

    /* Free blocks: a chain in ascending order, each of a next pointer, a size, and unused bytes. */
    size_t block = read_16(header + 1);
    while (block >= content && block + 4 <= size) {
        size_t next = read_16(page + block);
        size_t length = read_16(page + block + 2);
        if (length < 4 || block + length > size || (next != 0 && next < block + length))
            break;
        changed |= zero(page + block + 4, length - 4);
        block = next;
    }
    return changed;
}

static int scrub_chunk(sqlite3_file *file, unsigned char *chunk, sqlite3_int64 offset, size_t length,
                       size_t size)
{
    int r = file->pMethods->xRead(file, chunk, (int)length, offset);
    for (size_t at = 0; at < length && r == SQLITE_OK; at += size)
        if (scrub_page(chunk + at, size, offset == 0 && at == 0))
            r = file->pMethods->xWrite(file, chunk + at, (int)size, offset + (sqlite3_int64)at);
    return r;
}

int scrub_database(sqlite3 *handle)
{
    sqlite3_file *file = NULL;
    int r = sqlite3_file_control(handle, NULL, SQLITE_FCNTL_FILE_POINTER, &file);
    if (r != SQLITE_OK || !file || !file->pMethods)
        return r != SQLITE_OK ? r : SQLITE_ERROR;

    sqlite3_int64 end = 0;
    r = file->pMethods->xFileSize(file, &end);
    unsigned char header[FILE_HEADER_SIZE];
    if (r == SQLITE_OK && end >= FILE_HEADER_SIZE)
        r = file->pMethods->xRead(file, header, sizeof(header), 0);
    if (r != SQLITE_OK || end < FILE_HEADER_SIZE)
        return r;
    size_t size = read_16(header + 16);
    if (size == 1)
        size = 65536;
    if (size < 512 || SCRUB_CHUNK % size != 0)
        return SQLITE_CORRUPT;

    _cleanup_free_ unsigned char *chunk = memory_allocate(1, SCRUB_CHUNK);
    for (sqlite3_int64 offset = 0; offset < end && r == SQLITE_OK; offset += SCRUB_CHUNK) {
        size_t length = (size_t)MIN((sqlite3_int64)SCRUB_CHUNK, end - offset);
        r = scrub_chunk(file, chunk, offset, length - length % size, size);
    }
    if (r == SQLITE_OK)
        r = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    sqlite3_db_release_memory(handle);
    return r;
}
