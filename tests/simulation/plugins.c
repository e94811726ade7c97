/* SPDX-License-Identifier: MIT */
#include "tests/simulation/plugins.h"

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/plugin/analyze.h"
#include "tests/simulation/stored.h"
#include "tests/simulation/world.h"

#include <stdio.h>

/* ---- the extractor --------------------------------------------------------------------------------------
 */

/* The first are features. */
static const char *const words[PLUGINS_WORDS] = {"battery", "screen", "sound", "price", "colour", "weight",
                                                 "speed",   "camera", "very",  "quite", "rather", "never"};
#define FEATURE_WORDS 8

static const char *const labels[] = {"good", "bad", "dull", NULL};
static const char *const categories[] = {"part", "rest", NULL};

const char *plugins_word(size_t index)
{
    return words[index];
}

const char *plugins_answer(size_t index)
{
    return index < 3 ? labels[index] : "no idea";
}

static void emit(rpmd_call *call, size_t word, size_t begin)
{
    rpmd_feature feature = {.struct_size = sizeof(feature),
                            .name = text_of(words[word]),
                            .context = text_of("what is said of it"),
                            .category = text_of(categories[word % 2]),
                            .polarity = (float)((int)(word % 3) - 1) * 0.5F,
                            .strength = 0.5F,
                            .evidence = {(uint32_t)begin, (uint32_t)(begin + strlen(words[word]))}};
    call->host->emit_feature(call, &feature);
}

static int extract(rpmd_call *call, const rpmd_query *query)
{
    for (size_t begin = 0, end; begin < query->text.length; begin = end + 1) {
        for (end = begin; end < query->text.length && query->text.data[end] != ' ';)
            end++;
        rpmd_text word = {query->text.data + begin, end - begin};
        if (text_equal_string(word, PLUGINS_BROKEN_WORD)) {
            call->host->fail(call, "the query is broken");
            return RPMD_FAILED;
        }
        for (size_t i = 0; i < FEATURE_WORDS; i++)
            if (text_equal_string(word, words[i]))
                emit(call, i, begin);
    }
    return RPMD_DONE;
}

static int parse_answer(rpmd_call *call, const rpmd_query *query, rpmd_text reply)
{
    (void)query;
    for (size_t i = 0; labels[i]; i++)
        if (reply.length >= strlen(labels[i]) && memcmp(reply.data, labels[i], strlen(labels[i])) == 0)
            return call->host->set_answer(call, text_of(labels[i]));
    return RPMD_NO_MATCH;
}

static const rpmd_prompt_texts texts = {.struct_size = sizeof(texts),
                                        .task = "Say what the user would say.",
                                        .query_noun = "query",
                                        .response_noun = "word",
                                        .answer_format = "one of the words"};

static const rpmd_plugin descriptor = {RPMD_PLUGIN_GUARD,
                                       .name = TASK,
                                       .version = "1",
                                       .description = "Words.",
                                       .answer_kind = RPMD_ANSWER_LABELS,
                                       .labels = labels,
                                       .categories = categories,
                                       .extract = extract,
                                       .parse_answer = parse_answer,
                                       .prompt_texts = &texts};

const Analysis *plugins_analysis(rpmd_text query, rpmd_text response, Arena *arena)
{
    const PluginEnvironment environment = {0};
    const AnalysisRequest request = {.query = query, .response = response, .has_response = true};
    return plugin_analyze_batch(&descriptor, &environment, &request, 1, arena);
}

/* ---- the registry ---------------------------------------------------------------------------------------
 */

struct PluginRegistry {
    rpmd_plugin plugin;
    char version[16];
    size_t failure_one_of;
    size_t hanging_one_of;
    size_t at_work;
    PluginWatcher *watchers;
};

struct PluginJob {
    Event event;
    PluginRegistry *registry;
    Arena arena; /* has the requests */
    AnalysisRequest *requests;
    size_t count;
    uint64_t deadline_ns;
    bool fails;
    PluginAnalyzed callback;
    void *data;
};

/* It outlives a daemon. */
static unsigned last_version;

void plugins_reset(void)
{
    last_version = 1;
}

PluginRegistry *plugins_begin(size_t failure_one_of, size_t hanging_one_of)
{
    PluginRegistry *registry = NEW(PluginRegistry);
    *registry = (PluginRegistry){
        .plugin = descriptor, .failure_one_of = failure_one_of, .hanging_one_of = hanging_one_of};
    snprintf(registry->version, sizeof(registry->version), "%u", last_version);
    registry->plugin.version = registry->version;
    return registry;
}

void plugins_end(PluginRegistry *registry)
{
    HOLDS(registry->at_work == 0, "%zu calls of plugins are left", registry->at_work);
    HOLDS(!registry->watchers, "somebody watches the plugins still");
    free(registry);
}

void plugins_reload(PluginRegistry *registry)
{
    const PluginEvent event = {.name = TASK, .from = PLUGIN_SELF_TESTING, .to = PLUGIN_SERVING};
    snprintf(registry->version, sizeof(registry->version), "%u", ++last_version);
    for (PluginWatcher *watcher = registry->watchers, *next; watcher; watcher = next) {
        next = watcher->next;
        watcher->callback(&event, watcher->data);
    }
}

const rpmd_plugin *plugin_registry_find(const PluginRegistry *registry, const char *name, Status *status)
{
    if (strcmp(name, TASK) == 0)
        return &registry->plugin;
    if (status)
        status_refuse(status, STATUS_NOT_FOUND, "There is no task %s.", name);
    return NULL;
}

void plugin_registry_watch(PluginRegistry *registry, PluginWatcher *watcher)
{
    watcher->next = registry->watchers;
    registry->watchers = watcher;
}

void plugin_registry_unwatch(PluginRegistry *registry, PluginWatcher *watcher)
{
    PluginWatcher **place = &registry->watchers;
    while (*place != watcher)
        place = &(*place)->next;
    *place = watcher->next;
}

/* ---- calls ----------------------------------------------------------------------------------------------
 */

static void job_free(PluginJob *job)
{
    job->registry->at_work--;
    arena_finish(&job->arena);
    free(job);
}

static void analyse(PluginJob *job, PluginBatch *batch)
{
    const PluginEnvironment environment = {0};
    const PluginRegistry *registry = job->registry;
    batch->analyses =
        plugin_analyze_batch(&descriptor, &environment, job->requests, job->count, &batch->arena);
    batch->count = job->count;
    batch->version = arena_copy(&batch->arena, registry->version, strlen(registry->version));
}

static void on_analysed(Event *event)
{
    PluginJob *job = CONTAINER_OF(event, PluginJob, event);
    PluginBatch batch = {.status = STATUS_INIT};
    if (job->deadline_ns && world_now() >= job->deadline_ns) {
        mark(MARK_PLUGIN_HUNG);
        status_refuse(&batch.status, STATUS_DEADLINE_EXCEEDED, "The plugin did not answer in time.");
    } else if (job->fails) {
        status_refuse(&batch.status, STATUS_UNAVAILABLE, "The plugin's worker ended.");
    } else {
        analyse(job, &batch);
    }
    job->callback(&batch, job->data);
    arena_finish(&batch.arena);
    job_free(job);
}

static void copy_request(Arena *arena, AnalysisRequest *copy, const AnalysisRequest *request)
{
    *copy = *request;
    copy->query = arena_text(arena, request->query);
    copy->response = arena_text(arena, request->response);
    HOLDS(request->option_count == 0, "a query of the task has options");
}

PluginJob *plugin_registry_analyze(PluginRegistry *registry, const char *name,
                                   const AnalysisRequest *requests, size_t count, PluginUrgency urgency,
                                   uint64_t deadline_ns, PluginAnalyzed callback, void *data)
{
    HOLDS(strcmp(name, TASK) == 0 && count > 0 && count <= PLUGIN_BATCH_LIMIT, "%zu items are to be analysed",
          count);
    PluginJob *job = NEW(PluginJob);
    *job = (PluginJob){.registry = registry,
                       .count = count,
                       .deadline_ns = deadline_ns,
                       .callback = callback,
                       .data = data,
                       .fails = draw_fault(registry->failure_one_of)};
    job->requests = ARENA_ARRAY(&job->arena, AnalysisRequest, count);
    for (size_t i = 0; i < count; i++)
        copy_request(&job->arena, &job->requests[i], &requests[i]);
    registry->at_work++;
    bool hangs = deadline_ns && draw_fault(registry->hanging_one_of);
    uint64_t slow = draw_chance(4) ? world_now() + draw_between(1, 2000) * MILLISECOND : 0;
    event_add(&job->event, urgency == PLUGIN_URGENT ? "a plugin answers" : "a plugin answers a build",
              hangs         ? deadline_ns
              : deadline_ns ? MIN(slow, deadline_ns)
                            : slow,
              on_analysed);
    return job;
}

void plugin_job_cancel(PluginJob *job)
{
    event_remove(&job->event);
    job_free(job);
}
