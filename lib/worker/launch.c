/* SPDX-License-Identifier: MIT */
#include "lib/worker/launch.h"

#include "lib/base/error.h"
#include "lib/base/memory.h"
#include "lib/plugin/call.h"
#include "lib/worker/board.h"

#include <errno.h>
#include <limits.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void worker_arguments(WorkerArguments *arguments, const char *file, uint64_t memory)
{
    snprintf(arguments->memory, sizeof(arguments->memory), "%llu", (unsigned long long)memory);
    snprintf(arguments->parent, sizeof(arguments->parent), "%d", (int)getpid());
    arguments->words[0] = "rpmd-worker";
    arguments->words[1] = (char *)file;
    arguments->words[2] = arguments->memory;
    arguments->words[3] = arguments->parent;
    arguments->words[4] = NULL;
}

int worker_find_program(Buffer *path, Status *status)
{
    static const char *const places[] = {"rpmd-worker", "../lib/rpmd/rpmd-worker"};
    char self[PATH_MAX] = "";
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash = length > 0 ? strrchr(self, '/') : NULL;
    if (!slash)
        return status_refuse(status, STATUS_FAILED_PRECONDITION,
                             "the program's own path cannot be read from /proc/self/exe: %s; mount /proc",
                             strerror(errno));
    *slash = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        buffer_clear(path);
        buffer_append_format(path, "%s/%s", self, places[i]);
        if (access(path->data, X_OK) == 0)
            return 0;
    }
    return status_refuse(
        status, STATUS_FAILED_PRECONDITION,
        "rpmd-worker, which runs plugins, is neither in %.200s nor in its ../lib/rpmd; install it", self);
}

int worker_board_new(WorkerBoard **board)
{
    *board = NULL;
    int descriptor = memfd_create("rpmd-worker", MFD_CLOEXEC);
    if (descriptor < 0)
        return error_origin(errno);
    if (ftruncate(descriptor, sizeof(WorkerBoard)) == 0) {
        void *page = mmap(NULL, sizeof(WorkerBoard), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (page != MAP_FAILED) {
            *board = page;
            return descriptor;
        }
    }
    int error = errno;
    close(descriptor);
    return error_origin(error);
}

void worker_board_free(WorkerBoard *board)
{
    if (board)
        munmap(board, sizeof(*board));
}

/* " in extract"; empty when nothing of the plugin was at work. */
static const char *place_of(const WorkerBoard *board)
{
    static const char *const callbacks[] = {" in extract", " in option_class", " in parse_answer",
                                            " in judge", " in describe_answer"};
    unsigned callback = atomic_load(&board->callback);
    switch (atomic_load(&board->step)) {
    case WORKER_STEP_LOADING:
        return " while it was loaded";
    case WORKER_STEP_SELF_TESTING:
    case WORKER_STEP_ANALYZING:
        return callback > 0 && callback <= ARRAY_SIZE(callbacks) ? callbacks[callback - 1] : "";
    default:
        return "";
    }
}

static void describe_forbidden(Buffer *sentence, const WorkerBoard *board)
{
    _cleanup_free_ char *name =
        seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)atomic_load(&board->fault_call));
    buffer_append_format(sentence, "called %s%s, which a plugin may not", name ? name : "the kernel",
                         place_of(board));
}

void worker_describe_end(Buffer *sentence, const WorkerBoard *board, int wait_status, uint64_t memory)
{
    const char *place = place_of(board);
    unsigned fault = atomic_load(&board->fault);
    int signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    const char *name = signal ? sigabbrev_np(signal) : NULL;
    if (signal == 0 && WEXITSTATUS(wait_status) == WORKER_EXIT_LOST)
        buffer_append_string(sentence, WORKER_LOST);
    else if (signal == 0)
        buffer_append_format(sentence, "ended its process%s, with exit status %d", place,
                             WEXITSTATUS(wait_status));
    else if (fault == WORKER_FAULT_FORBIDDEN)
        describe_forbidden(sentence, board);
    else if (signal == SIGSYS)
        /* No handler could run: the C library blocks signals while it starts a thread. */
        buffer_append_format(sentence, "asked the kernel%s for what a plugin may not have, such as a thread",
                             place);
    else if (fault == WORKER_FAULT_MEMORY)
        buffer_append_format(sentence, "needed more than its %llu MiB of memory%s",
                             (unsigned long long)memory / (1024 * 1024), place);
    else if (fault == WORKER_FAULT_STACK)
        buffer_append_format(sentence, "used up its stack%s", place);
    else if (signal == SIGKILL)
        buffer_append_format(
            sentence, "was killed%s from outside (SIGKILL): by the kernel, for want of memory, or by hand",
            place);
    else
        buffer_append_format(sentence, "crashed%s (SIG%s)", place, name ? name : "?");
}
