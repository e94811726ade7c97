/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "client/input.h"
#include "client/plugin_check.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *json_text(rpmd_text text)
{
    return json_stringn(text.data, text.length);
}

/* {"name": "battery life", ..., "evidence": {"begin": 4, "end": 11, "text": "battery"}} */
static json_t *feature_to_json(const AnalyzedFeature *feature, rpmd_text query)
{
    return json_pack("{s:o, s:o, s:o, s:f, s:f, s:{s:i, s:i, s:o}}", "name", json_text(feature->name),
                     "context", json_text(feature->context), "category", json_text(feature->category),
                     "polarity", (double)feature->polarity, "strength", (double)feature->strength, "evidence",
                     "begin", (int)feature->evidence.begin, "end", (int)feature->evidence.end, "text",
                     json_text(text_slice(query, feature->evidence)));
}

/* {"ok": true, "report": ["vet ...", ...], "error": "", "features": [...]} */
static void print_json(const PluginCheck *check, const Status *status)
{
    json_t *steps = json_array();
    for (const char *line = buffer_string(&check->report); *line;) {
        size_t length = strcspn(line, "\n");
        json_array_append_new(steps, json_stringn(line, length));
        line += length + (line[length] == '\n');
    }
    json_t *document =
        json_pack("{s:b, s:o, s:s}", "ok", status_is_ok(status), "report", steps, "error", status->message);
    if (check->analysis) {
        json_t *features = json_array();
        for (size_t i = 0; i < check->analysis->feature_count; i++)
            json_array_append_new(features,
                                  feature_to_json(&check->analysis->features[i], check->tried->query));
        json_object_set_new(document, "features", features);
    }
    json_dumpf(document, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(document);
}

/* The query, with what is evidence of a feature marked. */
static void print_marked(const Terminal *terminal, rpmd_text query, const Analysis *analysis)
{
    _cleanup_free_ bool *marked = NEW_ARRAY(bool, query.length + 1);
    for (size_t i = 0; i < analysis->feature_count; i++)
        for (uint32_t byte = analysis->features[i].evidence.begin; byte < analysis->features[i].evidence.end;
             byte++)
            marked[byte] = true;
    for (size_t i = 0; i < query.length; i++) {
        if (marked[i] && (i == 0 || !marked[i - 1]))
            fputs(terminal->colour ? terminal_accent(terminal) : "[", stdout);
        putchar(query.data[i]);
        if (marked[i] && !marked[i + 1])
            fputs(terminal->colour ? terminal_reset(terminal) : "]", stdout);
    }
    putchar('\n');
}

static void print_tried(const Terminal *terminal, const PluginCheck *check)
{
    const Analysis *analysis = check->analysis;
    rpmd_text query = check->tried->query;
    print_marked(terminal, query, analysis);
    for (size_t i = 0; i < analysis->feature_count; i++) {
        const AnalyzedFeature *feature = &analysis->features[i];
        printf("  %s%s%s (%s): %s, polarity %+.2f, strength %.2f, \"%.*s\"\n", terminal_bold(terminal),
               feature->name.data, terminal_reset(terminal),
               feature->category.length ? feature->category.data : "no category", feature->context.data,
               (double)feature->polarity, (double)feature->strength,
               TEXT_ARGS(text_slice(query, feature->evidence)));
    }
    for (size_t i = 0; i < analysis->option_class_count; i++)
        printf("  option \"%.*s\": class %s, position %+.2f\n", TEXT_ARGS(check->tried->options[i]),
               analysis->option_classes[i].name.data, (double)analysis->option_classes[i].position);
    if (analysis->features_dropped > 0)
        printf("  dropped: %s\n", analysis->drop_reason.data);
}

int command_plugin_check(Session *session, const Arguments *arguments)
{
    Status status = STATUS_INIT;
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    _cleanup_(plugin_check_finish) PluginCheck check = {.file = arguments->words[0]};
    _cleanup_free_ rpmd_text *options = NEW_ARRAY(rpmd_text, arguments->option_count + 1);
    AnalysisRequest tried = {.options = options, .option_count = arguments->option_count};
    for (size_t i = 0; i < arguments->option_count; i++)
        options[i] = text_of(arguments->options[i]);
    if (arguments->try && input_read(&text, &status))
        return session_report(session, &status);
    tried.query = (rpmd_text){buffer_string(&text), text.length};
    check.tried = arguments->try ? &tried : NULL;
    int r = plugin_check_run(&check, &status);
    if (session->json)
        print_json(&check, &status);
    else
        fputs(buffer_string(&check.report), stdout);
    if (check.analysis && !session->json)
        print_tried(&session->terminal, &check);
    if (r == 0)
        return EXIT_DONE;
    session_report(session, &status);
    return EXIT_REFUSED;
}
