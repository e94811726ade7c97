/* SPDX-License-Identifier: MIT */
#include "lib/plugin/vet.h"

#include "lib/base/memory.h"
#include "lib/plugin/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_file(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
}
#define _cleanup_close_ _cleanup_(close_file)

static int refuse_error(Status *status, const char *file, const char *step, const char *what)
{
    int error = errno;
    StatusCode code = error == ENOENT || error == ENOTDIR                   ? STATUS_NOT_FOUND
                      : error == EACCES || error == EPERM || error == EROFS ? STATUS_PERMISSION_DENIED
                                                                            : STATUS_FAILED_PRECONDITION;
    return status_refuse(status, code, "%s: %s: %s: %s", file, step, what, strerror(error));
}

/* Who besides the owner may write: NULL for nobody. */
static const char *other_writers(mode_t mode)
{
    return mode & S_IWOTH ? "others" : mode & S_IWGRP ? "its group" : NULL;
}

/* Whoever owns a file or directory can make it writable at any time. */
static int check_owner(const char *file, const char *what, uid_t owner, Status *status)
{
    if (owner == 0 || owner == geteuid())
        return 0;
    return status_refuse(
        status, STATUS_PERMISSION_DENIED,
        "%s: vet: %s belongs to user %u, expected root or user %u, who loads it; run chown on it", file, what,
        (unsigned)owner, (unsigned)geteuid());
}

static int check_directory(const char *file, const char *directory, Status *status)
{
    struct stat info;
    if (stat(directory, &info) != 0)
        return refuse_error(status, file, "vet", "its directory cannot be examined");
    const char *writers = other_writers(info.st_mode);
    if (writers)
        return status_refuse(
            status, STATUS_PERMISSION_DENIED,
            "%s: vet: its directory %s has mode %04o: %s can write to it, so anybody of them could "
            "exchange the file; run chmod go-w on the directory",
            file, directory, info.st_mode & 07777, writers);
    return check_owner(file, "its directory", info.st_uid, status);
}

/* In a directory above that all can write, the one below could be exchanged, unless only owners may do that
 * (the sticky bit, as on /tmp). */
static int check_directories(const char *file, Status *status)
{
    const char *slash = strrchr(file, '/');
    _cleanup_free_ char *named =
        slash ? memory_copy_text(file, slash == file ? 1 : (size_t)(slash - file)) : memory_copy_text(".", 1);
    _cleanup_free_ char *path = realpath(named, NULL);
    if (!path)
        return refuse_error(status, file, "vet", "its directory cannot be examined");
    int result = check_directory(file, path, status);
    while (result == 0 && path[1]) {
        char *last = strrchr(path, '/');
        last[last == path] = '\0';
        struct stat info;
        if (stat(path, &info) != 0)
            return refuse_error(status, file, "vet", "a directory above it cannot be examined");
        if (info.st_mode & S_IWOTH && !(info.st_mode & S_ISVTX))
            return status_refuse(
                status, STATUS_PERMISSION_DENIED,
                "%s: vet: the directory %s above it has mode %04o: others can write to it; run "
                "chmod o-w on the directory",
                file, path, info.st_mode & 07777);
    }
    return result;
}

/* Opens without following a symbolic link, and not a device or pipe. */
static int open_file(const char *file, int *descriptor, struct stat *info, Status *status)
{
    *descriptor = open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*descriptor < 0 && errno == ELOOP)
        return status_refuse(status, STATUS_FAILED_PRECONDITION,
                             "%s: vet: it is a symbolic link, expected a regular file; name the file itself",
                             file);
    if (*descriptor < 0)
        return refuse_error(status, file, "vet", "it cannot be opened");
    if (fstat(*descriptor, info) != 0)
        return refuse_error(status, file, "vet", "it cannot be examined");
    if (!S_ISREG(info->st_mode))
        return status_refuse(status, STATUS_FAILED_PRECONDITION,
                             "%s: vet: it is a %s, expected a regular file", file,
                             S_ISDIR(info->st_mode) ? "directory" : "special file");
    const char *writers = other_writers(info->st_mode);
    if (writers)
        return status_refuse(status, STATUS_PERMISSION_DENIED,
                             "%s: vet: it has mode %04o: %s can write to it; run chmod go-w on it", file,
                             info->st_mode & 07777, writers);
    if (check_owner(file, "it", info->st_uid, status))
        return STATUS_REFUSED;
    if (info->st_size > PLUGIN_FILE_LIMIT)
        return status_refuse(status, STATUS_FAILED_PRECONDITION,
                             "%s: vet: it has %lld bytes, expected at most %d", file,
                             (long long)info->st_size, PLUGIN_FILE_LIMIT);
    return 0;
}

/* As many bytes as fstat said, or fewer; what is appended meanwhile is not read. */
static int read_bytes(Buffer *bytes, const char *file, int descriptor, size_t size, Status *status)
{
    buffer_reserve(bytes, size);
    while (bytes->length < size) {
        ssize_t length = read(descriptor, bytes->data + bytes->length, size - bytes->length);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return refuse_error(status, file, "vet", "it cannot be read");
        if (length == 0)
            break;
        bytes->length += (size_t)length;
    }
    return 0;
}

static void compute_sha256(VettedPlugin *vetted)
{
    struct sha256_ctx context;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&context);
    sha256_update(&context, vetted->bytes.length, (const uint8_t *)buffer_string(&vetted->bytes));
    sha256_digest(&context, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(vetted->sha256 + 2 * i, 3, "%02x", digest[i]);
}

static int vet(VettedPlugin *vetted, const char *file, Status *status)
{
    _cleanup_close_ int descriptor = -1;
    struct stat info = {0};
    int result = open_file(file, &descriptor, &info, status);
    if (result == 0)
        result = check_directories(file, status);
    if (result == 0)
        result = read_bytes(&vetted->bytes, file, descriptor, (size_t)info.st_size, status);
    if (result == 0)
        result = plugin_note_read(&vetted->note, file, vetted->bytes.data, vetted->bytes.length, status);
    if (result == 0)
        result = plugin_note_check(&vetted->note, file, status);
    return result;
}

int plugin_vet(VettedPlugin *vetted, const char *file, Status *status)
{
    *vetted = (VettedPlugin){0};
    int result = vet(vetted, file, status);
    if (result != 0)
        plugin_vet_finish(vetted);
    else
        compute_sha256(vetted);
    return result;
}

void plugin_vet_finish(VettedPlugin *vetted)
{
    buffer_finish(&vetted->bytes);
    *vetted = (VettedPlugin){0};
}

static int write_bytes(int descriptor, const Buffer *bytes)
{
    for (size_t offset = 0; offset < bytes->length;) {
        ssize_t length = write(descriptor, bytes->data + offset, bytes->length - offset);
        if (length < 0 && errno != EINTR)
            return -1;
        offset += length > 0 ? (size_t)length : 0;
    }
    return fchmod(descriptor, 0500);
}

int plugin_copy(const VettedPlugin *vetted, const char *file, const char *directory, char **path,
                Status *status)
{
    _cleanup_buffer_ Buffer target = BUFFER_INIT;
    _cleanup_buffer_ Buffer temporary = BUFFER_INIT;
    buffer_append_format(&target, "%s/%s.so", directory, vetted->sha256);
    buffer_append_format(&temporary, "%s/.%s.XXXXXX", directory, vetted->sha256);
    struct stat info;
    /* Renamed into place, so whole; its name is its content. */
    if (lstat(target.data, &info) != 0 || !S_ISREG(info.st_mode) ||
        (size_t)info.st_size != vetted->bytes.length) {
        _cleanup_close_ int descriptor = mkostemp(temporary.data, O_CLOEXEC);
        if (descriptor < 0)
            return refuse_error(status, file, "copy", temporary.data);
        if (write_bytes(descriptor, &vetted->bytes) != 0 || rename(temporary.data, target.data) != 0) {
            int result = refuse_error(status, file, "copy", target.data);
            unlink(temporary.data);
            return result;
        }
    }
    *path = buffer_take(&target);
    return 0;
}
