/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "lib/base/buffer.h"
#include "lib/plugin/check_file.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* {"ok": true, "report": ["vet ...", ...], "error": ""} */
static void print_json(const char *report, const Status *status)
{
    json_t *steps = json_array();
    for (const char *line = report; *line;) {
        size_t length = strcspn(line, "\n");
        json_array_append_new(steps, json_stringn(line, length));
        line += length + (line[length] == '\n');
    }
    json_t *document =
        json_pack("{s:b, s:o, s:s}", "ok", status_is_ok(status), "report", steps, "error", status->message);
    json_dumpf(document, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(document);
}

int command_plugin_check(Session *session, const Arguments *arguments)
{
    Status status = STATUS_INIT;
    _cleanup_buffer_ Buffer report = BUFFER_INIT;
    PluginImage *image = NULL;
    int r = plugin_check_file(arguments->words[0], &report, &image, &status);
    plugin_image_free(image);
    if (session->json)
        print_json(buffer_string(&report), &status);
    else
        fputs(buffer_string(&report), stdout);
    if (r == 0)
        return EXIT_DONE;
    session_report(session, &status);
    return EXIT_REFUSED;
}
