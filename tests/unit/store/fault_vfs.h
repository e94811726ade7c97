/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A SQLite file system whose n-th change of a file fails (writing, cutting, syncing), whose files cannot grow
 * beyond some size, or whose changes wait at a gate. It becomes the default one, so that the store opens its
 * files through it and knows nothing of it.
 */

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

typedef struct Fault {
    atomic_int countdown; /* changes until the failing one; 0: none fails */
    atomic_int code;      /* what it fails with: SQLITE_FULL, SQLITE_IOERR_WRITE, ... */
    atomic_bool lasting;  /* and all after it */
    atomic_int failures;
    atomic_llong room; /* bytes of a file at most; 0: no limit */
    atomic_bool gate;  /* closed: changes wait */
    atomic_bool held;  /* one does */
} Fault;

static Fault fault;

typedef struct FaultFile {
    sqlite3_file base;
    sqlite3_file *inner;
} FaultFile;

static inline sqlite3_file *fault_inner(sqlite3_file *file)
{
    return ((FaultFile *)file)->inner;
}

static inline int fault_next(void)
{
    while (fault.gate) {
        fault.held = true;
        usleep(100);
    }
    if (fault.countdown == 0 || (fault.countdown > 1 && fault.countdown--))
        return SQLITE_OK;
    if (!fault.lasting)
        fault.countdown = 0;
    fault.failures++;
    return fault.code;
}

static int fault_close(sqlite3_file *file)
{
    int r = fault_inner(file)->pMethods->xClose(fault_inner(file));
    sqlite3_free(fault_inner(file));
    return r;
}

static int fault_read(sqlite3_file *file, void *to, int length, sqlite3_int64 offset)
{
    return fault_inner(file)->pMethods->xRead(fault_inner(file), to, length, offset);
}

static int fault_write(sqlite3_file *file, const void *from, int length, sqlite3_int64 offset)
{
    int r = fault_next();
    if (fault.room && offset + length > fault.room)
        r = SQLITE_FULL;
    return r ? r : fault_inner(file)->pMethods->xWrite(fault_inner(file), from, length, offset);
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int r = fault_next();
    return r ? r : fault_inner(file)->pMethods->xTruncate(fault_inner(file), size);
}

static int fault_sync(sqlite3_file *file, int flags)
{
    int r = fault_next();
    if (r != SQLITE_OK) /* as SQLite's own file systems say it, whatever the reason */
        return SQLITE_IOERR_FSYNC;
    return fault_inner(file)->pMethods->xSync(fault_inner(file), flags);
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return fault_inner(file)->pMethods->xFileSize(fault_inner(file), size);
}

static int fault_lock(sqlite3_file *file, int level)
{
    return fault_inner(file)->pMethods->xLock(fault_inner(file), level);
}

static int fault_unlock(sqlite3_file *file, int level)
{
    return fault_inner(file)->pMethods->xUnlock(fault_inner(file), level);
}

static int fault_check_lock(sqlite3_file *file, int *result)
{
    return fault_inner(file)->pMethods->xCheckReservedLock(fault_inner(file), result);
}

static int fault_control(sqlite3_file *file, int operation, void *argument)
{
    return fault_inner(file)->pMethods->xFileControl(fault_inner(file), operation, argument);
}

static int fault_sector(sqlite3_file *file)
{
    return fault_inner(file)->pMethods->xSectorSize(fault_inner(file));
}

static int fault_characteristics(sqlite3_file *file)
{
    return fault_inner(file)->pMethods->xDeviceCharacteristics(fault_inner(file));
}

static int fault_map(sqlite3_file *file, int region, int size, int extend, void volatile **memory)
{
    return fault_inner(file)->pMethods->xShmMap(fault_inner(file), region, size, extend, memory);
}

static int fault_lock_map(sqlite3_file *file, int offset, int count, int flags)
{
    return fault_inner(file)->pMethods->xShmLock(fault_inner(file), offset, count, flags);
}

static void fault_barrier(sqlite3_file *file)
{
    fault_inner(file)->pMethods->xShmBarrier(fault_inner(file));
}

static int fault_unmap(sqlite3_file *file, int remove)
{
    return fault_inner(file)->pMethods->xShmUnmap(fault_inner(file), remove);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_lock,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_characteristics,
    .xShmMap = fault_map,
    .xShmLock = fault_lock_map,
    .xShmBarrier = fault_barrier,
    .xShmUnmap = fault_unmap,
};

static sqlite3_vfs *fault_system;

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    FaultFile *ours = (FaultFile *)file;
    ours->base.pMethods = NULL;
    ours->inner = sqlite3_malloc(fault_system->szOsFile);
    memset(ours->inner, 0, (size_t)fault_system->szOsFile);
    int r = fault_system->xOpen(fault_system, name, ours->inner, flags, out_flags);
    if (r != SQLITE_OK) {
        sqlite3_free(ours->inner);
        return r;
    }
    ours->base.pMethods = &fault_methods;
    return SQLITE_OK;
}

static inline void fault_install(void)
{
    static sqlite3_vfs vfs;
    fault_system = sqlite3_vfs_find(NULL);
    vfs = *fault_system;
    vfs.zName = "fault";
    vfs.szOsFile = sizeof(FaultFile);
    vfs.xOpen = fault_open;
    sqlite3_vfs_register(&vfs, 1);
}

static inline void fault_close_gate(void)
{
    fault.held = false;
    fault.gate = true;
}

/* Returns when a change waits at the gate. */
static inline void fault_await_held(void)
{
    while (!fault.held)
        usleep(100);
}

/* The n-th change from now on fails with the code; 0: none does. */
static inline void fault_set(int n, int code, bool lasting)
{
    fault.failures = 0;
    fault.code = code;
    fault.lasting = lasting;
    fault.countdown = n;
    fault.room = 0;
    fault.gate = false;
}
