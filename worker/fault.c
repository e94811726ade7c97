/* SPDX-License-Identifier: MIT */
#include "worker/fault.h"

#include "lib/base/error.h"
#include "lib/base/macros.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define STACK_GUARD (1024 * 1024) /* how far below its stack one frame of a full stack may reach */
#define PROBE_BYTES (1024 * 1024) /* when not even this is given, memory is what is missing */

/* For the handlers, which are given nothing. */
static WorkerBoard *the_board;
static char *stack_top;
static char *stack_end;

static _Alignas(16) char handler_stack[16 * 1024];

static bool memory_is_out(void)
{
    void *probe = mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return probe == MAP_FAILED;
}

/* Only calls that are allowed in a signal handler. Returning repeats what raised the signal, or raises it
 * again, now without a handler. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    char *address = info->si_addr;
    WorkerFault fault = WORKER_FAULT_SIGNAL;
    if (number == SIGSYS) {
        fault = WORKER_FAULT_FORBIDDEN;
        atomic_store(&the_board->fault_call, (unsigned)info->si_syscall);
    } else if (number == SIGSEGV && address >= stack_end && address < stack_top) {
        fault = WORKER_FAULT_STACK;
    } else if (memory_is_out()) {
        fault = WORKER_FAULT_MEMORY;
    }
    atomic_store(&the_board->fault, fault);
    raise(number);
}

int fault_handlers_install(WorkerBoard *board)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP, SIGXFSZ};
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) != 0)
        return error_origin(errno);
    the_board = board;
    stack_top = __builtin_frame_address(0);
    stack_end = stack_top - stack.rlim_cur - STACK_GUARD;
    if (sigaltstack(&(stack_t){.ss_sp = handler_stack, .ss_size = sizeof(handler_stack)}, NULL) != 0)
        return error_origin(errno);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        if (sigaction(signals[i], &action, NULL) != 0)
            return error_origin(errno);
    return 0;
}
