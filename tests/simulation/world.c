/* SPDX-License-Identifier: MIT */
#include "tests/simulation/world.h"

#include "lib/base/memory.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define LINE_SIZE 240
#define LINES_KEPT 80

typedef struct World {
    uint64_t seed;
    uint64_t random; /* the state of the generator; never 0 */
    uint64_t now_ns;
    uint64_t steps;
    Event **events;
    size_t event_count;
    size_t event_capacity;
    char lines[LINES_KEPT][LINE_SIZE];
    size_t line_count;
} World;

static World world;
static bool is_verbose;
static bool has_faults;
static uint64_t marks[MARK_COUNT];

/* ---- what is drawn ------------------------------------------------------------------------------------- */

/* xorshift64*: small, and the same everywhere. */
uint64_t draw(void)
{
    world.random ^= world.random >> 12;
    world.random ^= world.random << 25;
    world.random ^= world.random >> 27;
    return world.random * 0x2545F4914F6CDD1Dull;
}

size_t draw_below(size_t limit)
{
    return (size_t)((draw() >> 32) % limit);
}

bool draw_chance(size_t one_of)
{
    return draw_below(one_of) == 0;
}

size_t draw_between(size_t low, size_t high)
{
    return low + draw_below(high - low + 1);
}

void world_set_faults(bool faults)
{
    has_faults = faults;
}

bool draw_fault(size_t one_of)
{
    return has_faults && one_of > 0 && draw_chance(one_of);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void print_lines(void)
{
    size_t first = world.line_count > LINES_KEPT ? world.line_count - LINES_KEPT : 0;
    for (size_t i = first; i < world.line_count && !is_verbose; i++)
        /* NOLINTNEXTLINE(bugprone-signal-handler): the process is lost, what it did should not be */
        fprintf(stderr, "  %s\n", world.lines[i % LINES_KEPT]);
}

static void print_place(void)
{
    print_lines();
    fprintf(stderr, "simulate: seed %lu failed in step %lu; replay: simulate --seed %lu --verbose\n",
            (unsigned long)world.seed, (unsigned long)world.steps, (unsigned long)world.seed);
}

/* An assertion of the daemon's, or a wild pointer: the seed has to be known all the same. */
static void on_signal(int number)
{
    signal(number, SIG_DFL);
    print_place();
    raise(number);
}

/* Sanitizers end the process without a signal. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

void world_begin(uint64_t seed)
{
    world = (World){.seed = seed, .now_ns = 1000 * SECOND};
    has_faults = true;
    /* Neighbouring seeds give unlike numbers. */
    world.random = (seed + 1) * 0x9E3779B97F4A7C15ull | 1;
    for (unsigned i = 0; i < 8; i++)
        draw();
    signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(print_place);
    else
        signal(SIGSEGV, on_signal);
}

void world_end(void)
{
    for (size_t i = 0; i < world.event_count; i++)
        trace("left: %s", world.events[i]->what);
    HOLDS(world.event_count == 0, "%zu events are left at the end", world.event_count);
    free(world.events);
    world.events = NULL;
    world.event_capacity = 0;
}

/* ---- what waits to happen ------------------------------------------------------------------------------ */

void event_add(Event *event, const char *what, uint64_t not_before_ns, void (*run)(Event *event))
{
    HOLDS(!event_is_waiting(event), "%s: it waits already", what);
    GROW(world.events, world.event_count, world.event_capacity);
    world.events[world.event_count++] = event;
    *event = (Event){run, what, not_before_ns, world.event_count};
}

void event_remove(Event *event)
{
    if (!event_is_waiting(event))
        return;
    Event *last = world.events[--world.event_count];
    world.events[event->place - 1] = last;
    last->place = event->place;
    event->place = 0;
}

static bool is_due(const Event *event)
{
    return event->not_before_ns <= world.now_ns;
}

bool world_step(void)
{
    size_t due = 0;
    for (size_t i = 0; i < world.event_count; i++)
        due += is_due(world.events[i]);
    if (due == 0)
        return false;
    size_t drawn = draw_below(due), at = 0;
    while (!is_due(world.events[at]) || drawn-- > 0)
        at++;
    Event *event = world.events[at];
    world.steps++;
    event_remove(event);
    trace("%s", event->what);
    event->run(event);
    return true;
}

size_t world_waiting(void)
{
    return world.event_count;
}

/* ---- time ---------------------------------------------------------------------------------------------- */

uint64_t world_now(void)
{
    return world.now_ns;
}

void world_pass_time(uint64_t nanoseconds)
{
    world.now_ns += nanoseconds;
}

bool world_pass_time_to_next(void)
{
    uint64_t next = 0;
    for (size_t i = 0; i < world.event_count; i++)
        if (!is_due(world.events[i]) && (next == 0 || world.events[i]->not_before_ns < next))
            next = world.events[i]->not_before_ns;
    if (next > world.now_ns)
        world.now_ns = next;
    return next != 0;
}

/* The program is linked with --wrap for these three: whoever asks for the time is told the world's. */

uint64_t __wrap_uv_hrtime(void);
uint64_t __wrap_uv_hrtime(void)
{
    return world.now_ns;
}

#define BEGINNING_OF_TIME 1750000000 /* seconds since 1970; any will do */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    time->tv_sec = (time_t)(world.now_ns / SECOND) + (clock == CLOCK_REALTIME ? BEGINNING_OF_TIME : 0);
    time->tv_nsec = (long)(world.now_ns % SECOND);
    return 0;
}

time_t __wrap_time(time_t *seconds);
time_t __wrap_time(time_t *seconds)
{
    time_t now = (time_t)(world.now_ns / SECOND) + BEGINNING_OF_TIME;
    if (seconds)
        *seconds = now;
    return now;
}

/* ---- what is told -------------------------------------------------------------------------------------- */

void world_set_verbose(bool verbose)
{
    is_verbose = verbose;
}

static void _printf_(1, 0) trace_list(const char *format, va_list arguments)
{
    char *line = world.lines[world.line_count++ % LINES_KEPT];
    int length = snprintf(line, LINE_SIZE, "%6lu %8.3f  ", (unsigned long)world.steps,
                          (double)world.now_ns / 1e9 - 1000);
    vsnprintf(line + length, LINE_SIZE - (size_t)length, format, arguments);
    if (is_verbose)
        fprintf(stderr, "  %s\n", line);
}

void trace(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    trace_list(format, arguments);
    va_end(arguments);
}

void world_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_lines();
    fprintf(stderr, "simulate: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\nsimulate: seed %lu failed in step %lu; replay: simulate --seed %lu --verbose\n",
            (unsigned long)world.seed, (unsigned long)world.steps, (unsigned long)world.seed);
    va_end(arguments);
    /* Without the leaks of a world that was left in the middle. */
    fflush(NULL);
    _exit(1);
}

/* ---- marks --------------------------------------------------------------------------------------------- */

static const char *const mark_names[MARK_COUNT] = {
    [MARK_PUBLICATION_ABORTED] = "a publication was aborted",
    [MARK_APPENDED_BESIDE_BUILD] = "appended while a build was at work",
    [MARK_IMPORTED_BESIDE_BUILD] = "imported while a build was at work",
    [MARK_BUILD_CAUGHT_UP] = "a build caught up with the history",
    [MARK_CAUGHT_UP] = "a model caught up with an import",
    [MARK_CAUGHT_UP_IN_PARTS] = "a model caught up in parts",
    [MARK_PUBLISHED_TOGETHER] = "appends of several callers were published together",
    [MARK_CORRECTED_BEHIND_MODEL] = "an item of a published model was corrected",
    [MARK_DELETED_FROM_MODEL] = "an item was deleted from a model",
    [MARK_DELETED_WITHOUT_MODEL] = "an item was deleted without a model",
    [MARK_ROLLED_BACK] = "rolled back",
    [MARK_ERASED_WHILE_AT_WORK] = "erased while others were at work for the user",
    [MARK_ERASED_AND_BACK] = "an erased name came back",
    [MARK_CANCELLED_LOADING] = "cancelled while loading",
    [MARK_CANCELLED_ANALYSING] = "cancelled while analysing",
    [MARK_CANCELLED_ASSEMBLING] = "cancelled while assembling",
    [MARK_CANCELLED_PUBLISHING] = "cancelled while publishing",
    [MARK_WRITTEN_FOR_NOBODY] = "written although the caller had left",
    [MARK_STORE_REFUSED] = "the store refused a request",
    [MARK_PLUGIN_HUNG] = "a plugin hung until the deadline",
    [MARK_STOPPED_AT_WORK] = "stopped while calls were at work",
    [MARK_CRASHED_AT_WORK] = "crashed while calls were at work",
    [MARK_CRASHED_BEHIND] = "crashed with a model behind its history",
    [MARK_MODEL_FORGOTTEN] = "a model went out of the cache",
    [MARK_POOL_CHANGED_LOADING] = "pooled counts changed while being loaded",
    [MARK_LLM_ANSWERED] = "an LLM answered",
    [MARK_LLM_FAILED] = "an LLM failed",
    [MARK_LLM_CANCELLED] = "a call of an LLM was cancelled",
    [MARK_REPLY_REUSED] = "a kept reply was used again",
    [MARK_REPLY_FOR_NOBODY] = "a reply came for a user who was erased",
    [MARK_QUERY_CANCELLED] = "a query was cancelled",
};

void mark(Mark reached)
{
    marks[reached]++;
}

size_t marks_print(void)
{
    size_t missing = 0;
    for (size_t i = 0; i < MARK_COUNT; i++) {
        printf("  %8lu  %s\n", (unsigned long)marks[i], mark_names[i]);
        missing += marks[i] == 0;
    }
    return missing;
}
