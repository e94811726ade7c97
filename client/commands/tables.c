/* SPDX-License-Identifier: MIT */
#include "client/commands/tables.h"

#include "lib/base/buffer.h"

#include <stdio.h>
#include <time.h>

#define NAME_COLUMNS 34
#define ANSWER_COLUMNS 24
#define BAR_COLUMNS 24
#define SHOWN_ANSWERS 3 /* of each factor: the rest is small and fills the screen */

void table_format_time(int64_t time_us, char text[TABLE_TIME_SIZE])
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm parts;
    if (time_us == 0 || !gmtime_r(&seconds, &parts) ||
        strftime(text, TABLE_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(text, TABLE_TIME_SIZE, "-");
}

static void print_bar(Session *session, const char *label, double share, const char *counts)
{
    _cleanup_buffer_ Buffer bar = BUFFER_INIT;
    terminal_append_bar(&bar, share, BAR_COLUMNS);
    terminal_print_cell(label, ANSWER_COLUMNS);
    printf(" %s%s%s %3.0f%%  %s\n", terminal_accent(&session->terminal), buffer_string(&bar),
           terminal_reset(&session->terminal), share * 100, counts);
}

static void print_title(Session *session, const char *title)
{
    printf("\n%s%s%s\n", terminal_bold(&session->terminal), title, terminal_reset(&session->terminal));
}

void table_print_answers(Session *session, const char *title, Rpmd__V1__AnswerShare **answers, size_t count,
                         uint32_t items)
{
    if (count == 0)
        return;
    print_title(session, title);
    for (size_t i = 0; i < count; i++) {
        char counts[64];
        if (answers[i]->count == 0)
            continue;
        snprintf(counts, sizeof(counts), "%u of %u", answers[i]->count, items);
        printf("  ");
        print_bar(session, answers[i]->answer, items ? (double)answers[i]->count / items : 0, counts);
    }
}

void table_print_traits(Session *session, Rpmd__V1__TraitShare **traits, size_t count)
{
    if (count == 0)
        return;
    print_title(session, "The user's responses");
    for (size_t i = 0; i < count; i++) {
        char counts[64];
        snprintf(counts, sizeof(counts), "%u  %s", traits[i]->count, traits[i]->meaning);
        printf("  ");
        print_bar(session, traits[i]->name, traits[i]->share, counts);
    }
}

static void print_open_factor(const Rpmd__V1__Factor *factor)
{
    uint32_t judged = factor->influence ? factor->influence : 1;
    printf("influence %u, of these positive %.0f%%, neutral %.0f%%, negative %.0f%%\n", factor->influence,
           100.0 * factor->positive / judged, 100.0 * factor->neutral / judged,
           100.0 * factor->negative / judged);
}

static void print_factor(Session *session, const Rpmd__V1__Factor *factor)
{
    printf("  %s", terminal_bold(&session->terminal));
    terminal_print_cell(factor->name, NAME_COLUMNS);
    printf("%s n = %-4u ", terminal_reset(&session->terminal), factor->items);
    if (factor->n_answers == 0) {
        print_open_factor(factor);
        return;
    }
    for (size_t i = 0; i < factor->n_answers && i < SHOWN_ANSWERS; i++) {
        char counts[64];
        if (i > 0)
            printf("%*s", NAME_COLUMNS + 12, "");
        snprintf(counts, sizeof(counts), "%u", factor->answers[i]->count);
        print_bar(session, factor->answers[i]->answer, factor->answers[i]->share, counts);
    }
}

void table_print_factors(Session *session, Rpmd__V1__Factor **factors, size_t count)
{
    if (count == 0)
        return;
    print_title(session, "Factors");
    for (size_t i = 0; i < count; i++)
        print_factor(session, factors[i]);
}
