/* SPDX-License-Identifier: MIT */
#include "daemon/stages/prompts.h"

#include "lib/base/memory.h"
#include "lib/llm/stages/cluster.h"
#include "lib/llm/stages/extract.h"
#include "lib/llm/stages/judge.h"
#include "lib/llm/stages/reason.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#define FILE_SUFFIX ".txt"

/* The prompts of prompts/, made into objects by the build. */
extern const char prompt_extract_begin[], prompt_extract_end[];
extern const char prompt_cluster_begin[], prompt_cluster_end[];
extern const char prompt_judge_begin[], prompt_judge_end[];
extern const char prompt_reason_begin[], prompt_reason_end[];
extern const char prompt_respond_begin[], prompt_respond_end[];

const PromptPlace respond_places[] = {{"prompt", true}};
static const size_t respond_place_count = ARRAY_SIZE(respond_places);

typedef struct Kind {
    const char *begin, *end;
    const PromptPlace *places;
    const size_t *place_count;
} Kind;

/* An embedder takes no prompt. */
static const Kind kinds[STAGE_COUNT] = {
    [STAGE_EXTRACT] = {prompt_extract_begin, prompt_extract_end, extract_places, &extract_place_count},
    [STAGE_CLUSTER] = {prompt_cluster_begin, prompt_cluster_end, cluster_places, &cluster_place_count},
    [STAGE_JUDGE] = {prompt_judge_begin, prompt_judge_end, judge_places, &judge_place_count},
    [STAGE_REASON] = {prompt_reason_begin, prompt_reason_end, reason_places, &reason_place_count},
    [STAGE_RESPOND] = {prompt_respond_begin, prompt_respond_end, respond_places, &respond_place_count},
};

/* A prompt of one task, or (task "") of all of them. */
typedef struct Override {
    struct Override *next;
    char *task;
    Stage stage;
    PromptTemplate prompt;
} Override;

struct Prompts {
    PromptTemplate presets[STAGE_COUNT];
    Override *overrides;
};

/* ---- files -------------------------------------------------------------------------------------------- */

static int read_file(const char *path, Buffer *text, Status *status)
{
    FILE *file = fopen(path, "re");
    size_t length = 0;
    if (file)
        length = fread(buffer_reserve(text, PROMPT_TEMPLATE_LIMIT + 1), 1, PROMPT_TEMPLATE_LIMIT + 1, file);
    int reason = errno;
    bool failed = !file || ferror(file);
    if (file)
        fclose(file);
    if (failed)
        return status_refuse(status, STATUS_FAILED_PRECONDITION, "the prompt %s cannot be read: %s", path,
                             strerror(reason));
    text->length = length;
    return 0;
}

static int find_stage(const char *name, Stage *stage)
{
    size_t length = strlen(name) - strlen(FILE_SUFFIX);
    for (*stage = 0; *stage < STAGE_COUNT; (*stage)++)
        if (kinds[*stage].begin && strlen(stage_name(*stage)) == length &&
            memcmp(stage_name(*stage), name, length) == 0)
            return 0;
    return -1;
}

static int add_override(Prompts *prompts, const char *path, const char *name, const char *task,
                        Status *status)
{
    Stage stage;
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    if (find_stage(name, &stage) < 0)
        return status_refuse(
            status, STATUS_INVALID_ARGUMENT,
            "%s is the prompt of no stage; there are extract.txt, cluster.txt, judge.txt, reason.txt and "
            "respond.txt",
            path);
    int r = read_file(path, &text, status);
    if (r)
        return r;
    PromptTemplate prompt = {0};
    r = prompt_template_read(&prompt, (rpmd_text){buffer_string(&text), text.length}, path,
                             kinds[stage].places, *kinds[stage].place_count, status);
    if (r)
        return r;
    Override *override = NEW(Override);
    *override = (Override){prompts->overrides, memory_copy_text(task, strlen(task)), stage, prompt};
    prompts->overrides = override;
    return 0;
}

static bool is_prompt(const char *name)
{
    size_t length = strlen(name);
    return length > strlen(FILE_SUFFIX) && strcmp(name + length - strlen(FILE_SUFFIX), FILE_SUFFIX) == 0;
}

/* task: "" for the directory itself, whose directories are those of tasks. */
static int read_directory(Prompts *prompts, const char *directory, const char *task, Status *status)
{
    DIR *entries = opendir(directory);
    int r = 0;
    if (!entries && errno == ENOENT)
        return 0;
    if (!entries)
        return status_refuse(status, STATUS_FAILED_PRECONDITION,
                             "the directory of prompts %s cannot be read: %s", directory, strerror(errno));
    for (struct dirent *entry; r == 0 && (entry = readdir(entries));) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        if (is_prompt(entry->d_name))
            r = add_override(prompts, path, entry->d_name, task, status);
        else if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && !*task)
            r = read_directory(prompts, path, entry->d_name, status);
    }
    closedir(entries);
    return r;
}

/* ---- all of them -------------------------------------------------------------------------------------- */

int prompts_read(Prompts **prompts, const char *directory, Status *status)
{
    Prompts *read = NEW(Prompts);
    int r = 0;
    for (Stage stage = 0; stage < STAGE_COUNT && r == 0; stage++) {
        const Kind *kind = &kinds[stage];
        if (!kind->begin)
            continue;
        rpmd_text source = {kind->begin, (size_t)(kind->end - kind->begin)};
        r = prompt_template_read(&read->presets[stage], source, stage_name(stage), kind->places,
                                 *kind->place_count, status);
    }
    if (r == 0 && directory)
        r = read_directory(read, directory, "", status);
    if (r)
        prompts_free(TAKE_PTR(read));
    *prompts = read;
    return r;
}

void prompts_free(Prompts *prompts)
{
    if (!prompts)
        return;
    for (Override *override = prompts->overrides, *next; override; override = next) {
        next = override->next;
        prompt_template_finish(&override->prompt);
        free(override->task);
        free(override);
    }
    for (Stage stage = 0; stage < STAGE_COUNT; stage++)
        prompt_template_finish(&prompts->presets[stage]);
    free(prompts);
}

const PromptTemplate *prompts_find(const Prompts *prompts, const char *task, Stage stage)
{
    const PromptTemplate *found = &prompts->presets[stage];
    for (const Override *override = prompts->overrides; override; override = override->next) {
        if (override->stage != stage)
            continue;
        if (strcmp(override->task, task) == 0)
            return &override->prompt;
        if (!*override->task)
            found = &override->prompt;
    }
    return found;
}
