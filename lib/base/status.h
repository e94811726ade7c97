/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is told to whoever asked: a gRPC status code and a sentence that says what to do.
 * Plain data without ownership: copied by assignment.
 */

#include "lib/base/macros.h"

#include <stdbool.h>

/* The codes and names of gRPC (grpc/grpc, doc/statuscodes.md). */
typedef enum StatusCode {
    STATUS_OK = 0,
    STATUS_CANCELLED = 1,
    STATUS_UNKNOWN = 2,
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_DEADLINE_EXCEEDED = 4,
    STATUS_NOT_FOUND = 5,
    STATUS_ALREADY_EXISTS = 6,
    STATUS_PERMISSION_DENIED = 7,
    STATUS_RESOURCE_EXHAUSTED = 8,
    STATUS_FAILED_PRECONDITION = 9,
    STATUS_ABORTED = 10,
    STATUS_OUT_OF_RANGE = 11,
    STATUS_UNIMPLEMENTED = 12,
    STATUS_INTERNAL = 13,
    STATUS_UNAVAILABLE = 14,
    STATUS_DATA_LOSS = 15,
    STATUS_UNAUTHENTICATED = 16,
    STATUS_CODE_COUNT
} StatusCode;

/* A sentence or two; longer ones are cut. */
#define STATUS_MESSAGE_SIZE 512

typedef struct Status {
    StatusCode code;
    char message[STATUS_MESSAGE_SIZE]; /* UTF-8, NUL-terminated; "" when OK */
} Status;

#define STATUS_INIT ((Status){.code = STATUS_OK})

/* The positive return value of a function that filled a Status. */
#define STATUS_REFUSED 1

/* Fills *status and returns STATUS_REFUSED: `return status_refuse(status, STATUS_NOT_FOUND, "…", …);` */
int status_refuse(Status *status, StatusCode code, const char *format, ...) _printf_(3, 4);

/* "NOT_FOUND" for STATUS_NOT_FOUND; "CODE_77" never: an unknown code is "UNKNOWN". */
const char *status_code_name(StatusCode code);

static inline bool status_is_ok(const Status *status)
{
    return status->code == STATUS_OK;
}
