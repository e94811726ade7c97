/* SPDX-License-Identifier: MIT */
#include "daemon/store/scrub.h"

#include "lib/base/macros.h"
#include "lib/base/memory.h"

#include <stddef.h>
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

/* Whether something was not zero. */
static bool zero(unsigned char *begin, size_t length)
{
    if (length == 0 || (begin[0] == 0 && memcmp(begin, begin + 1, length - 1) == 0))
        return false;
    memset(begin, 0, length);
    return true;
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

/* ---- the file system ---------------------------------------------------------------------------------- */

typedef struct ScrubFile {
    sqlite3_file base;
    unsigned char *page; /* owned: where a page is copied to be changed */
    size_t page_size;
    sqlite3_file inner; /* followed by what the default file system keeps; 8 bytes of alignment are enough */
} ScrubFile;

static sqlite3_vfs *default_system;

static ScrubFile *scrub_file(sqlite3_file *file)
{
    return (ScrubFile *)file;
}

#define INNER(file) (&scrub_file(file)->inner)
#define FORWARD(file, method, ...) INNER(file)->pMethods->method(INNER(file), ##__VA_ARGS__)

static int file_close(sqlite3_file *file)
{
    free(TAKE_PTR(scrub_file(file)->page));
    return FORWARD(file, xClose);
}

static int file_read(sqlite3_file *file, void *to, int length, sqlite3_int64 offset)
{
    return FORWARD(file, xRead, to, length, offset);
}

/* SQLite writes a database a page at a time. */
static int file_write(sqlite3_file *file, const void *from, int length, sqlite3_int64 offset)
{
    ScrubFile *ours = scrub_file(file);
    size_t size = (size_t)length;
    if (size < 512 || (size & (size - 1)) != 0 || offset % length != 0)
        return FORWARD(file, xWrite, from, length, offset);
    if (ours->page_size < size) {
        ours->page = memory_resize(ours->page, 1, size);
        ours->page_size = size;
    }
    memcpy(ours->page, from, size);
    scrub_page(ours->page, size, offset == 0);
    return FORWARD(file, xWrite, ours->page, length, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return FORWARD(file, xTruncate, size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    return FORWARD(file, xSync, flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return FORWARD(file, xFileSize, size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return FORWARD(file, xLock, level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return FORWARD(file, xUnlock, level);
}

static int file_check_lock(sqlite3_file *file, int *result)
{
    return FORWARD(file, xCheckReservedLock, result);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return FORWARD(file, xFileControl, operation, argument);
}

static int file_sector(sqlite3_file *file)
{
    return FORWARD(file, xSectorSize);
}

static int file_characteristics(sqlite3_file *file)
{
    return FORWARD(file, xDeviceCharacteristics);
}

static int file_map(sqlite3_file *file, int region, int size, int extend, void volatile **memory)
{
    return FORWARD(file, xShmMap, region, size, extend, memory);
}

static int file_lock_map(sqlite3_file *file, int offset, int count, int flags)
{
    return FORWARD(file, xShmLock, offset, count, flags);
}

static void file_barrier(sqlite3_file *file)
{
    FORWARD(file, xShmBarrier);
}

static int file_unmap(sqlite3_file *file, int remove)
{
    return FORWARD(file, xShmUnmap, remove);
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 2, /* without mapped pages: an error of the disk would end the process */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_map,
    .xShmLock = file_lock_map,
    .xShmBarrier = file_barrier,
    .xShmUnmap = file_unmap,
};

static int open_file(sqlite3_vfs *system, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return default_system->xOpen(default_system, name, file, flags, out_flags);
    ScrubFile *ours = scrub_file(file);
    memset(ours, 0, sizeof(*ours));
    int r = default_system->xOpen(default_system, name, &ours->inner, flags, out_flags);
    if (ours->inner.pMethods)
        ours->base.pMethods = &file_methods;
    return r;
}

const char *scrub_file_system(void)
{
    static sqlite3_vfs system;
    if (default_system)
        return system.zName;
    default_system = sqlite3_vfs_find(NULL);
    if (!default_system)
        return NULL;
    system = *default_system;
    system.pNext = NULL;
    system.zName = "rpmd-scrub";
    system.szOsFile = (int)offsetof(ScrubFile, inner) + default_system->szOsFile;
    system.xOpen = open_file;
    sqlite3_vfs_register(&system, 0);
    return system.zName;
}
