/* SPDX-License-Identifier: MIT */
/* Uses what the C library does with system calls of its own, and is none the worse for it. */
#define _GNU_SOURCE
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void use(void)
{
    static int numbers[100000];
    char text[64];
    time_t now = time(NULL);
    for (int i = 0; i < 100000; i++)
        numbers[i] = rand() % 1000;
    qsort(numbers, 100000, sizeof(int), compare);
    setlocale(LC_ALL, "");
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", localtime(&now));
    printf("%s %d %f %ld %ld\n", text, numbers[0], sqrt((double)numbers[99999]),
           sysconf(_SC_NPROCESSORS_ONLN), sysconf(_SC_OPEN_MAX));
    fflush(stdout);
    fprintf(stderr, "%s\n", getenv("HOME") ? getenv("HOME") : "no home");
    free(realloc(malloc(1000000), 2000000));
    FILE *file = fopen("/etc/passwd", "r");
    if (file)
        fclose(file);
    nanosleep(&(struct timespec){.tv_nsec = 10}, NULL);
}

#define ON_TRIGGER use()
#include "fixture.h"
