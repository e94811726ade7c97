/* SPDX-License-Identifier: MIT */

/*
 * rpmd-worker: one plugin in a process of its own, that has given up all it does not need. rpmd and rpmctl
 * start it (lib/worker/launch.h); by hand it says so and ends.
 */

#include "lib/worker/launch.h"
#include "worker/fault.h"
#include "worker/sandbox.h"
#include "worker/serve.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
/* The search for leaks starts a thread, which the sandbox forbids. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

/* The terminal's Ctrl-C and a service manager's SIGTERM reach workers too; rpmd decides when they end. */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
}

int main(int count, char **words)
{
    WorkerBoard *board = count == WORKER_ARGUMENTS ? mmap(NULL, sizeof(WorkerBoard), PROT_READ | PROT_WRITE,
                                                          MAP_SHARED, WORKER_BOARD, 0)
                                                   : MAP_FAILED;
    if (board == MAP_FAILED) {
        fprintf(stderr,
                "rpmd-worker runs one plugin for rpmd, which starts it; it is not for use by hand.\n");
        return 2;
    }
    /* What rpmd itself inherited, and everything of rpmd's that was not closed on the way here. */
    close_range(WORKER_BOARD, ~0U, 0);
    ignore_signals();
    int memory_file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    Status ready = STATUS_INIT;
    if (fault_handlers_install(board) < 0)
        status_refuse(&ready, STATUS_INTERNAL, "%s: load: the worker cannot catch signals", words[1]);
    else
        sandbox_enter(strtoull(words[2], NULL, 10), (pid_t)strtol(words[3], NULL, 10), &ready);
    int result = serve(words[1], memory_file, board, &ready);
    /* Not exit: what a plugin left for the end of its process is not run. */
    _exit(result < 0 ? WORKER_EXIT_LOST : 0);
}
