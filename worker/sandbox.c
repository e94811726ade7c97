/* SPDX-License-Identifier: MIT */
#include "worker/sandbox.h"

#include "lib/base/macros.h"
#include "lib/plugin/limits.h"
#include "lib/worker/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#define STACK_BYTES (8 * 1024 * 1024) /* the usual size; what recursion may use up */
#define OPEN_FILES 32                 /* a plugin, and the libraries it needs, one at a time */
#define MAPPED_CODE_BYTES                                                                                    \
    (PLUGIN_FILE_LIMIT + 128ull * 1024 * 1024) /* address space beyond data: plugin, libraries, stack */

#define REFUSE(rule)                                                                                         \
    status_refuse(status, STATUS_FAILED_PRECONDITION,                                                        \
                  "the sandbox cannot be set up: %s: %s; run a kernel that has it, or set isolation = none " \
                  "and trust the plugins",                                                                   \
                  rule, strerror(errno))

/* ---- limits ------------------------------------------------------------------------------------------- */

static int set_limits(uint64_t memory, Status *status)
{
    const struct {
        int resource;
        uint64_t limit;
        const char *rule;
    } limits[] = {
        {RLIMIT_CORE, 0, "RLIMIT_CORE"},
        {RLIMIT_FSIZE, 0, "RLIMIT_FSIZE"},
        {RLIMIT_NOFILE, OPEN_FILES, "RLIMIT_NOFILE"},
        {RLIMIT_MEMLOCK, 0, "RLIMIT_MEMLOCK"},
        {RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE"},
        {RLIMIT_STACK, STACK_BYTES, "RLIMIT_STACK"},
        {RLIMIT_DATA, memory, "RLIMIT_DATA"},
        {RLIMIT_AS, memory + MAPPED_CODE_BYTES, "RLIMIT_AS"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        bool counts_memory = limits[i].resource == RLIMIT_AS || limits[i].resource == RLIMIT_DATA;
        /* The sanitizers reserve terabytes of address space. */
        if (IS_SANITIZED && counts_memory)
            continue;
        struct rlimit now;
        if (getrlimit((__rlimit_resource_t)limits[i].resource, &now) != 0)
            return REFUSE(limits[i].rule);
        rlim_t limit = MIN((rlim_t)limits[i].limit, now.rlim_max);
        struct rlimit wanted = {limit, limit};
        if (setrlimit((__rlimit_resource_t)limits[i].resource, &wanted) != 0)
            return REFUSE(limits[i].rule);
    }
    return 0;
}

/* ---- files -------------------------------------------------------------------------------------------- */

#define HANDLED_ACCESS                                                                                       \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |             \
     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |          \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |              \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |           \
     LANDLOCK_ACCESS_FS_MAKE_SYM)

static int allow_reading(int ruleset, int descriptor)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE, .parent_fd = descriptor};
    return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* While the plugin is mapped only shared libraries and the plugin can be read. */
static int restrict_files(Status *status)
{
    static const char *const libraries[] = {"/lib",       "/lib64",         "/usr/lib",
                                            "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"};
    struct landlock_ruleset_attr attributes = {.handled_access_fs = HANDLED_ACCESS};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
    /* A kernel without it: the system call filter still lets nothing be written. */
    if (ruleset < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : REFUSE("landlock");
    int result = allow_reading(ruleset, WORKER_PLUGIN);
    for (size_t i = 0; i < ARRAY_SIZE(libraries) && result == 0; i++) {
        int descriptor = open(libraries[i], O_PATH | O_CLOEXEC);
        if (descriptor < 0)
            continue;
        result = allow_reading(ruleset, descriptor);
        close(descriptor);
    }
    if (result == 0)
        result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
    int error = errno;
    close(ruleset);
    errno = error;
    return result == 0 ? 0 : REFUSE("landlock");
}

/* ---- system calls ------------------------------------------------------------------------------------- */

/* What computing needs, and what the C library calls of its own accord: to map a library, to sort (sysinfo),
 * to say why it aborts (writev), to end a process. Nothing here changes anything outside the worker. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(pread64),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(mprotect),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getcpu),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(seccomp),
#if IS_SANITIZED
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(prctl),
    SCMP_SYS(getdents64),
    SCMP_SYS(kill),
    SCMP_SYS(tgkill),
    SCMP_SYS(prlimit64),
#endif
};

/* A call that the kernel lacks on this machine has no number; it needs no rule. */
static int allow(scmp_filter_ctx filter, int call)
{
    int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
    return result == -EDOM || result == -EFAULT ? 0 : result;
}

#define WRITING_FLAGS (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)

static int add_rules(scmp_filter_ctx filter)
{
    int result = 0;
    for (size_t i = 0; i < ARRAY_SIZE(allowed) && result == 0; i++)
        result = allow(filter, allowed[i]);
    /* Files are opened for reading alone. */
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, WRITING_FLAGS, 0));
    /* printf asks whether it writes to a terminal: it does not. */
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
    /* Limits are read, not set. */
    if (result == 0 && !IS_SANITIZED)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
    /* abort() sends a signal to itself, to nobody else. */
    if (result == 0 && !IS_SANITIZED)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    return result;
}

/* Traps: the process is ended, and the board says by which call. */
static int filter_calls(Status *status)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    int result = filter ? add_rules(filter) : -ENOMEM;
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    errno = -result;
    return result == 0 ? 0 : REFUSE("seccomp");
}

int sandbox_enter(uint64_t memory, pid_t parent, Status *status)
{
    /* Closing the socket ends a worker in any case; this ends one that does not read it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return REFUSE("PR_SET_PDEATHSIG");
    if (getppid() != parent)
        return status_refuse(status, STATUS_UNAVAILABLE, "the process that started the worker is gone");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return REFUSE("PR_SET_NO_NEW_PRIVS");
    int result = set_limits(memory, status);
    if (result == 0)
        result = restrict_files(status);
    return result == 0 ? filter_calls(status) : result;
}

int sandbox_seal(Status *status)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    /* no_new_privs is set already, and prctl is out of reach. */
    int result = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) : -ENOMEM;
    /* Refused, not trapped: the C library reads files of its own accord (locale, time zone) and does without.
     */
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0);
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_TRAP, SCMP_SYS(seccomp), 0);
    static const int mapping[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    for (size_t i = 0; i < ARRAY_SIZE(mapping) && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), mapping[i], 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    if (result == 0 && !IS_SANITIZED)
        result = seccomp_load(filter);
    seccomp_release(filter);
    errno = -result;
    return result == 0 ? 0 : REFUSE("seccomp");
}
