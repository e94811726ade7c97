/* SPDX-License-Identifier: MIT */
#pragma once

/* The tables that several commands print on standard output. */

#include "client/session.h"
#include "rpmd/v1/common.pb-c.h"

/* "2025-06-01 12:00:00" and a NUL. */
#define TABLE_TIME_SIZE 20

/* In UTC; "-" where the time is not known. */
void table_format_time(int64_t time_us, char text[TABLE_TIME_SIZE]);

/* The answer distribution as bars, with counts; nothing where there are no answers. */
void table_print_answers(Session *session, const char *title, Rpmd__V1__AnswerShare **answers, size_t count,
                         uint32_t items);

/* What responses have in common; nothing where there are no traits. */
void table_print_traits(Session *session, Rpmd__V1__TraitShare **traits, size_t count);

/* A row a factor: its name, n, and the answer distribution or coverage, influence and polarity. */
void table_print_factors(Session *session, Rpmd__V1__Factor **factors, size_t count);
