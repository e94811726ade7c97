/* SPDX-License-Identifier: MIT */
/* Opens a socket. */
#define _GNU_SOURCE
#include <sys/socket.h>

#define ON_TRIGGER (void)!socket(AF_INET, SOCK_STREAM, 0)
#include "fixture.h"
