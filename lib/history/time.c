/* SPDX-License-Identifier: MIT */
#include "lib/history/time.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MICROSECONDS 1000000LL
#define LONGEST_TIME 40                /* "2024-05-01T12:00:00.123456789+00:00" and some room */
#define LARGEST_SECONDS 253402300800.0 /* the year 10000: RFC 3339 has four digits */

bool history_time_from_seconds(double seconds, int64_t *time_us)
{
    if (!isfinite(seconds) || fabs(seconds) >= LARGEST_SECONDS)
        return false;
    *time_us = llround(seconds * (double)MICROSECONDS);
    return true;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static int64_t days_from_date(int year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool date_is_valid(int year, int month, int day)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= month_days[month - 1] + (month == 2 && leap);
}

/* Reads exactly `digits` digits; -1 where there are none. */
static int read_digits(const char **cursor, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char digit = (*cursor)[i];
        if (digit < '0' || digit > '9')
            return -1;
        value = value * 10 + (digit - '0');
    }
    *cursor += digits;
    return value;
}

static bool skip(const char **cursor, const char *any_of)
{
    if (**cursor == '\0' || !strchr(any_of, **cursor))
        return false;
    (*cursor)++;
    return true;
}

/* The part behind the date: "T12:00:00.25+02:00", in microseconds of the day, shifted to UTC. */
static bool read_clock(const char **cursor, int64_t *microseconds)
{
    int hour = 0, minute = 0, second = 0;
    if (!skip(cursor, "Tt ") || (hour = read_digits(cursor, 2)) < 0 || !skip(cursor, ":") ||
        (minute = read_digits(cursor, 2)) < 0 || !skip(cursor, ":") || (second = read_digits(cursor, 2)) < 0)
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *microseconds = ((hour * 60LL + minute) * 60 + second) * MICROSECONDS;
    if (skip(cursor, ".")) {
        int64_t unit = MICROSECONDS / 10;
        if (**cursor < '0' || **cursor > '9')
            return false;
        for (; **cursor >= '0' && **cursor <= '9'; (*cursor)++, unit /= 10)
            *microseconds += (**cursor - '0') * unit;
    }
    if (skip(cursor, "Zz"))
        return true;
    int sign = **cursor == '-' ? 1 : -1;
    int offset_hour = 0, offset_minute = 0;
    if (!skip(cursor, "+-") || (offset_hour = read_digits(cursor, 2)) < 0 || !skip(cursor, ":") ||
        (offset_minute = read_digits(cursor, 2)) < 0 || offset_hour > 23 || offset_minute > 59)
        return false;
    *microseconds += sign * (offset_hour * 60LL + offset_minute) * 60 * MICROSECONDS;
    return true;
}

static bool parse_date(const char *cursor, int64_t *time_us)
{
    int year = 0, month = 0, day = 0;
    if ((year = read_digits(&cursor, 4)) < 0 || !skip(&cursor, "-") ||
        (month = read_digits(&cursor, 2)) < 0 || !skip(&cursor, "-") || (day = read_digits(&cursor, 2)) < 0 ||
        !date_is_valid(year, month, day))
        return false;
    int64_t clock = 0;
    if (*cursor != '\0' && !read_clock(&cursor, &clock))
        return false;
    *time_us = days_from_date(year, month, day) * 86400 * MICROSECONDS + clock;
    return *cursor == '\0';
}

static bool parse_seconds(const char *text, int64_t *time_us)
{
    if (text[strspn(text, "-0123456789.")] != '\0')
        return false;
    char *end = NULL;
    double seconds = strtod(text, &end);
    return end != text && *end == '\0' && history_time_from_seconds(seconds, time_us);
}

bool history_time_parse(rpmd_text text, int64_t *time_us)
{
    char copy[LONGEST_TIME + 1] = "";
    if (text.length == 0 || text.length > LONGEST_TIME || memchr(text.data, '\0', text.length))
        return false;
    memcpy(copy, text.data, text.length);
    return parse_date(copy, time_us) || parse_seconds(copy, time_us);
}
