/* SPDX-License-Identifier: MIT */

/*
 * For authors of plugins, without a daemon and without vetting:
 *   try_plugin FILE.so self-test
 *   try_plugin FILE.so extract [--option TEXT]... [--response TEXT] < queries   one query a line
 *   try_plugin FILE.so parse [--query TEXT] [--option TEXT]... < replies        one reply a line
 */

#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/plugin/analyze.h"
#include "lib/plugin/load.h"
#include "lib/plugin/self_test.h"

#include <stdio.h>

static void log_line(void *data, rpmd_log_level level, const char *line)
{
    (void)data;
    fprintf(stderr, "log %d: %s\n", (int)level, line);
}

static void print_features(const Analysis *analysis, rpmd_text query)
{
    static const char *const judgements[] = {"", " | no influence", " | negative", " | neutral",
                                             " | positive"};
    for (size_t i = 0; i < analysis->feature_count; i++) {
        const AnalyzedFeature *feature = &analysis->features[i];
        printf("%s | %s | %s | %+.2f | %.2f | %.*s%s\n", feature->name.data, feature->context.data,
               feature->category.data, (double)feature->polarity, (double)feature->strength,
               TEXT_ARGS(text_slice(query, feature->evidence)), judgements[feature->judgement]);
    }
    if (analysis->features_dropped > 0)
        printf("dropped %u, the first: %s\n", analysis->features_dropped, analysis->drop_reason.data);
}

static void print_analysis(const Analysis *analysis, const AnalysisRequest *request)
{
    print_features(analysis, request->query);
    for (size_t i = 0; i < analysis->option_class_count; i++)
        printf("option %.*s = %s at %+.2f\n", TEXT_ARGS(request->options[i]),
               analysis->option_classes[i].name.data, (double)analysis->option_classes[i].position);
    if (analysis->has_answer)
        printf("answer %s, class %s\n", analysis->answer.data,
               analysis->answer_class.length ? analysis->answer_class.data : "-");
    for (size_t i = 0; i < analysis->trait_count; i++)
        printf("trait %s: %s\n", analysis->traits[i].name.data, analysis->traits[i].meaning.data);
    if (analysis->code != STATUS_OK)
        printf("error %s: %s\n", status_code_name(analysis->code), analysis->error.data);
    printf("--\n");
}

static int run_lines(const rpmd_plugin *plugin, AnalysisRequest *request, bool parse)
{
    const PluginEnvironment environment = {.log = log_line};
    _cleanup_free_ char *line = NULL;
    size_t capacity = 0;
    int failed = 0;
    for (ssize_t length; (length = getline(&line, &capacity, stdin)) >= 0;) {
        _cleanup_arena_ Arena arena = ARENA_INIT;
        rpmd_text text = {line, (size_t)length - (length > 0 && line[length - 1] == '\n')};
        if (parse)
            request->response = text;
        else
            request->query = text;
        Analysis *analysis = plugin_analyze_batch(plugin, &environment, request, 1, &arena);
        print_analysis(analysis, request);
        failed |= analysis->code != STATUS_OK;
    }
    return failed;
}

static int usage(void)
{
    fputs("usage: try_plugin FILE.so self-test\n"
          "       try_plugin FILE.so extract [--option TEXT]... [--response TEXT] < queries\n"
          "       try_plugin FILE.so parse [--query TEXT] [--option TEXT]... < replies\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    rpmd_text options[PLUGIN_OPTION_LIMIT];
    AnalysisRequest request = {.query = text_of("query"), .options = options};
    if (argc < 3)
        return usage();
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--option") == 0 && request.option_count < PLUGIN_OPTION_LIMIT)
            options[request.option_count++] = text_of(argv[i + 1]);
        else if (strcmp(argv[i], "--query") == 0)
            request.query = text_of(argv[i + 1]);
        else if (strcmp(argv[i], "--response") == 0)
            request.response = text_of(argv[i + 1]);
        else
            return usage();
    }
    /* dlopen searches the system's folders for a name without a slash. */
    _cleanup_free_ char *path = realpath(argv[1], NULL);
    PluginImage *image = NULL;
    Status status = STATUS_INIT;
    int result = plugin_image_open(&image, path ? path : argv[1], argv[1], &status);
    if (result == 0) {
        const rpmd_plugin *plugin = &image->descriptor.plugin;
        if (strcmp(argv[2], "self-test") == 0) {
            result = plugin_self_test(plugin, argv[1], &(PluginEnvironment){.log = log_line}, &status);
            if (result == 0)
                printf("%s: %zu self-tests passed\n", plugin->name, plugin->self_test_count);
        } else if (strcmp(argv[2], "extract") == 0) {
            request.has_response = request.response.length > 0;
            result = run_lines(plugin, &request, false);
        } else if (strcmp(argv[2], "parse") == 0) {
            request.has_response = true;
            request.answer_only = true;
            result = run_lines(plugin, &request, true);
        } else {
            result = usage();
        }
    }
    plugin_image_free(image);
    if (status.message[0])
        fprintf(stderr, "%s\n", status.message);
    return result;
}
