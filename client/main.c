/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include <signal.h>

int main(int argc, char **argv)
{
    /* A daemon that goes away shows as an error of the write, a reader of our output as a failed flush. */
    signal(SIGPIPE, SIG_IGN);
    return command_main(argc - 1, argv + 1);
}
