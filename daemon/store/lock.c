/* SPDX-License-Identifier: MIT */
#include "daemon/store/lock.h"

#include "lib/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PROCESS_ID_SIZE 24

int lock_refuse_directory(const char *directory, int error, Status *status)
{
    switch (error) {
    case ENOENT:
        return status_refuse(status, STATUS_NOT_FOUND,
                             "The state directory %s does not exist. Create it, or name another with "
                             "--state-dir.",
                             directory);
    case ENOTDIR:
        return status_refuse(status, STATUS_FAILED_PRECONDITION,
                             "%s is not a directory. Name a directory with --state-dir.", directory);
    case EACCES:
    case EPERM:
        return status_refuse(
            status, STATUS_PERMISSION_DENIED,
            "The state directory %s cannot be written by this user. Give rpmd's user the right "
            "to write it, or name another with --state-dir.",
            directory);
    case EROFS:
        return status_refuse(status, STATUS_PERMISSION_DENIED,
                             "The state directory %s is on a read-only file system. Name another with "
                             "--state-dir.",
                             directory);
    case ENOSPC:
    case EDQUOT:
        return status_refuse(status, STATUS_RESOURCE_EXHAUSTED,
                             "The disk of the state directory %s is full. Free some space and start again.",
                             directory);
    default:
        return status_refuse(status, STATUS_UNAVAILABLE, "The state directory %s cannot be used: %s.",
                             directory, strerrordesc_np(error));
    }
}

static int refuse_held(const char *directory, int lock, Status *status)
{
    char process[PROCESS_ID_SIZE] = "";
    ssize_t length = pread(lock, process, sizeof(process) - 1, 0);
    process[length > 0 ? strspn(process, "0123456789") : 0] = '\0';
    return status_refuse(status, STATUS_FAILED_PRECONDITION,
                         "Another rpmd%s%s%s uses the state directory %s. Stop it, or name another directory "
                         "with --state-dir.",
                         process[0] ? " (process " : "", process, process[0] ? ")" : "", directory);
}

/* The id is there for people only: a failure to write it is not one of the lock. */
static void write_process_id(int lock)
{
    char process[PROCESS_ID_SIZE];
    int length = snprintf(process, sizeof(process), "%d\n", (int)getpid());
    if (ftruncate(lock, 0) == 0 && pwrite(lock, process, (size_t)length, 0) != length)
        (void)!ftruncate(lock, 0);
}

int lock_take(const char *directory, int *lock, Status *status)
{
    size_t size = strlen(directory) + sizeof("/" LOCK_FILE);
    _cleanup_free_ char *path = NEW_ARRAY(char, size);
    snprintf(path, size, "%s/" LOCK_FILE, directory);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return lock_refuse_directory(directory, errno, status);
    if (flock(file, LOCK_EX | LOCK_NB) < 0) {
        int error = errno;
        int r = error == EWOULDBLOCK ? refuse_held(directory, file, status)
                                     : lock_refuse_directory(directory, error, status);
        close(file);
        return r;
    }
    write_process_id(file);
    *lock = file;
    return 0;
}

void lock_release(int lock)
{
    if (lock >= 0)
        close(lock);
}
