/* SPDX-License-Identifier: MIT */
#include "daemon/users/task.h"

#include "lib/base/buffer.h"
#include "lib/base/text.h"

ModelTask task_of_plugin(Arena *arena, const rpmd_plugin *plugin)
{
    ModelTask task = {.answer_kind = plugin->answer_kind,
                      .ordinal_min = plugin->ordinal_min,
                      .ordinal_max = plugin->ordinal_max,
                      .extractor_version = arena_text(arena, text_of(plugin->version))};
    while (plugin->answer_kind == RPMD_ANSWER_LABELS && plugin->labels[task.label_count])
        task.label_count++;
    rpmd_text *labels = ARENA_ARRAY(arena, rpmd_text, task.label_count);
    for (size_t i = 0; i < task.label_count; i++)
        labels[i] = arena_text(arena, text_of(plugin->labels[i]));
    task.labels = labels;
    return task;
}

/* ", features by qwen2.5 (prompt 3fa2b1)", where a stage runs on an LLM. */
static void append_maker(Buffer *version, const char *what, Stage stage, const rpmd_plugin *plugin,
                         const Config *config, const Stages *stages)
{
    const BackendSettings *backend = config_backend(config, config_task(config, plugin->name)->stages[stage]);
    if (!backend)
        return;
    buffer_append_format(version, ", %s by %s", what, backend->model);
    if (stage != STAGE_EMBED)
        buffer_append_format(version, " (prompt %06x)",
                             stage_prompt(stages, plugin->name, stage)->fingerprint & 0xFFFFFF);
}

rpmd_text task_extractor_version(Arena *arena, const rpmd_plugin *plugin, const Config *config,
                                 const Stages *stages)
{
    _cleanup_buffer_ Buffer version = BUFFER_INIT;
    buffer_append_string(&version, plugin->version);
    append_maker(&version, "features", STAGE_EXTRACT, plugin, config, stages);
    if (plugin->answer_kind == RPMD_ANSWER_TEXT)
        append_maker(&version, "judged", STAGE_JUDGE, plugin, config, stages);
    append_maker(&version, "embedded", STAGE_EMBED, plugin, config, stages);
    return arena_text(arena, (rpmd_text){buffer_string(&version), version.length});
}

bool task_is_complete(const rpmd_plugin *plugin, const Config *config, const Analysis *analysis,
                      bool is_extracted, bool is_judged)
{
    const TaskSettings *settings = config_task(config, plugin->name);
    bool is_open = plugin->answer_kind == RPMD_ANSWER_TEXT;
    bool is_embedded = analysis->embedding.count > 0 || analysis->feature_count == 0;
    if (analysis->code != STATUS_OK)
        return true;
    return (is_extracted || !config_backend(config, settings->stages[STAGE_EXTRACT])) &&
           (is_judged || !is_open || !config_backend(config, settings->stages[STAGE_JUDGE])) &&
           (is_embedded || !config_backend(config, settings->stages[STAGE_EMBED]));
}

ReasoningTask task_reasoning(Arena *arena, const rpmd_plugin *plugin, double smoothing)
{
    return (ReasoningTask){.query_noun = arena_text(arena, text_of(plugin->prompt_texts->query_noun)),
                           .response_noun = arena_text(arena, text_of(plugin->prompt_texts->response_noun)),
                           .smoothing = smoothing};
}
