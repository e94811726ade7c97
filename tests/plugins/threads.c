/* SPDX-License-Identifier: MIT */
/* Starts a thread. */
#define _GNU_SOURCE
#include <pthread.h>

static void *work(void *data)
{
    return data;
}

#define ON_TRIGGER                                                                                           \
    pthread_t thread;                                                                                        \
    pthread_create(&thread, NULL, work, NULL)
#include "fixture.h"
