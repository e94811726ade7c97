/* SPDX-License-Identifier: MIT */
#include "daemon/users/task.h"

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

rpmd_text task_extractor_version(Arena *arena, const rpmd_plugin *plugin, const Config *config)
{
    const TaskSettings *settings = config_task(config, plugin->name);
    const BackendSettings *extract = config_backend(config, settings->stages[STAGE_EXTRACT]);
    const BackendSettings *judge = plugin->answer_kind == RPMD_ANSWER_TEXT
                                       ? config_backend(config, settings->stages[STAGE_JUDGE])
                                       : NULL;
    return text_of(arena_format(arena, "%s%s%s%s%s", plugin->version, extract ? ", features by " : "",
                                extract ? extract->model : "", judge ? ", judged by " : "",
                                judge ? judge->model : ""));
}

ReasoningTask task_reasoning(Arena *arena, const rpmd_plugin *plugin, double smoothing)
{
    return (ReasoningTask){.query_noun = arena_text(arena, text_of(plugin->prompt_texts->query_noun)),
                           .response_noun = arena_text(arena, text_of(plugin->prompt_texts->response_noun)),
                           .smoothing = smoothing};
}
