/* SPDX-License-Identifier: MIT */
#include "client/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <utf8proc.h>

#define PLAIN_WIDTH 100 /* of output that goes to a file or a pipe */
#define NARROWEST 40    /* a terminal that says less is not believed */
#define PROGRESS_COLUMNS 30
#define REDRAW_MS 50 /* more often only costs time */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void terminal_init(Terminal *terminal)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *kind = getenv("TERM");
    bool dumb = kind && strcmp(kind, "dumb") == 0;
    struct winsize size = {0};
    *terminal = (Terminal){
        .colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && !dumb,
        .live = isatty(STDERR_FILENO) && !dumb,
        .width = PLAIN_WIDTH,
    };
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= NARROWEST)
        terminal->width = size.ws_col;
}

const char *terminal_bold(const Terminal *terminal)
{
    return terminal->colour ? "\033[1m" : "";
}

const char *terminal_dim(const Terminal *terminal)
{
    return terminal->colour ? "\033[2m" : "";
}

const char *terminal_accent(const Terminal *terminal)
{
    return terminal->colour ? "\033[36m" : "";
}

const char *terminal_reset(const Terminal *terminal)
{
    return terminal->colour ? "\033[0m" : "";
}

static void draw_live(Terminal *terminal, const char *what, uint64_t done, uint64_t total)
{
    int64_t now = now_ms();
    bool last = total > 0 && done >= total;
    if (terminal->in_progress && !last && now - terminal->drawn_ms < REDRAW_MS)
        return;
    _cleanup_buffer_ Buffer line = BUFFER_INIT;
    buffer_append_format(&line, "\r%s ", what);
    if (total > 0) {
        terminal_append_bar(&line, (double)done / (double)total, PROGRESS_COLUMNS);
        buffer_append_format(&line, " %lu/%lu\033[K", (unsigned long)done, (unsigned long)total);
    } else {
        buffer_append_format(&line, "%lu\033[K", (unsigned long)done);
    }
    fputs(buffer_string(&line), stderr);
    terminal->in_progress = true;
    terminal->drawn_ms = now;
}

void terminal_progress(Terminal *terminal, const char *what, uint64_t done, uint64_t total)
{
    if (terminal->live) {
        draw_live(terminal, what, done, total);
        return;
    }
    uint64_t tenth = total > 0 ? done * 10 / total : 0;
    if (tenth <= terminal->last_tenth)
        return;
    terminal->last_tenth = tenth;
    fprintf(stderr, "%s: %lu of %lu\n", what, (unsigned long)done, (unsigned long)total);
}

void terminal_end_progress(Terminal *terminal)
{
    if (terminal->in_progress)
        fputs("\n", stderr);
    terminal->in_progress = false;
    terminal->last_tenth = 0;
}

void terminal_append_bar(Buffer *text, double share, unsigned width)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    unsigned eighths = (unsigned)(share * width * 8 + 0.5);
    for (unsigned i = 0; i < eighths / 8; i++)
        buffer_append_string(text, "█");
    buffer_append_string(text, parts[eighths % 8]);
    for (unsigned i = (eighths + 7) / 8; i < width; i++)
        buffer_append_string(text, " ");
}

/* The next character's length in bytes and its columns; a broken byte counts as one of each. */
static size_t next_character(const char *text, unsigned *columns)
{
    utf8proc_int32_t point = 0;
    utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)text, -1, &point);
    if (length <= 0) {
        *columns = 1;
        return 1;
    }
    int width = utf8proc_charwidth(point);
    *columns = width > 0 ? (unsigned)width : 0;
    return (size_t)length;
}

unsigned terminal_columns(const char *text)
{
    unsigned total = 0, columns = 0;
    for (; *text; total += columns)
        text += next_character(text, &columns);
    return total;
}

void terminal_print_cell(const char *text, unsigned width)
{
    unsigned whole = terminal_columns(text), printed = 0, columns = 0;
    unsigned room = whole > width && width > 0 ? width - 1 : width;
    while (*text) {
        size_t length = next_character(text, &columns);
        if (printed + columns > room)
            break;
        if ((unsigned char)*text < ' ')
            putchar(' ');
        else
            fwrite(text, 1, length, stdout);
        printed += columns;
        text += length;
    }
    if (whole > width && width > 0) {
        fputs("…", stdout);
        printed++;
    }
    printf("%*s", (int)(width - printed), "");
}

void terminal_print_wrapped(const Terminal *terminal, const char *text, unsigned indent, unsigned column)
{
    unsigned width = (unsigned)terminal->width;
    bool first = true;
    while (*text) {
        text += strspn(text, " \t\r\n");
        size_t length = strcspn(text, " \t\r\n");
        if (length == 0)
            break;
        char *word = strndup(text, length);
        unsigned columns = word ? terminal_columns(word) : 0;
        if (!first && column + 1 + columns > width) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            putchar(' ');
            column++;
        }
        fwrite(text, 1, length, stdout);
        free(word);
        column += columns;
        first = false;
        text += length;
    }
    putchar('\n');
}
