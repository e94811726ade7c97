/* SPDX-License-Identifier: MIT */
/* Reads a file, and says what came of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>

#define ON_TRIGGER                                                                                           \
    if (open("/etc/passwd", O_RDONLY) < 0) {                                                                 \
        call->host->fail(call, strerror(errno));                                                             \
        return RPMD_FAILED;                                                                                  \
    }
#include "fixture.h"
