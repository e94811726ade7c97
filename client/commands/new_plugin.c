/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "lib/base/buffer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/plugin/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The files of plugins/template, which stand in rpmctl itself. */
#define TEMPLATE(name) extern const char template_##name##_begin[], template_##name##_end[];
TEMPLATE(labels)
TEMPLATE(ordinal)
TEMPLATE(options)
TEMPLATE(text)
TEMPLATE(readme)

typedef struct Template {
    const char *answers; /* what --answers says */
    const char *begin;
    const char *end;
} Template;

static const Template templates[] = {
    {"labels", template_labels_begin, template_labels_end},
    {"ordinal", template_ordinal_begin, template_ordinal_end},
    {"options", template_options_begin, template_options_end},
    {"text", template_text_begin, template_text_end},
};
static const Template readme = {NULL, template_readme_begin, template_readme_end};

/* What stands in the templates for the task's name. */
#define PLACEHOLDER "my_task"

static const Template *find_template(const char *answers)
{
    for (size_t i = 0; i < ARRAY_SIZE(templates); i++)
        if (strcmp(templates[i].answers, answers) == 0)
            return &templates[i];
    return NULL;
}

static bool is_task_name(const char *name)
{
    bool good = name[0] >= 'a' && name[0] <= 'z' && strlen(name) <= PLUGIN_TASK_NAME_LIMIT;
    for (const char *byte = name; *byte; byte++)
        good &= (*byte >= 'a' && *byte <= 'z') || (*byte >= '0' && *byte <= '9') || *byte == '_';
    return good;
}

const char *check_plugin_new(const Arguments *arguments)
{
    if (!is_task_name(arguments->task))
        return "--task takes lower-case letters, digits and _, a letter first, at most 63 bytes, for example "
               "movie_tagging";
    if (!find_template(arguments->answers))
        return "--answers takes labels, ordinal, options or text";
    if (!arguments->words[0][0])
        return "DIR is empty; it takes the folder to write the plugin into";
    return NULL;
}

static void append_filled_in(Buffer *text, const Template *template, const char *task)
{
    const char *at = template->begin;
    const char *found;
    while ((found = memmem(at, (size_t)(template->end - at), PLACEHOLDER, strlen(PLACEHOLDER)))) {
        buffer_append(text, at, (size_t)(found - at));
        buffer_append_string(text, task);
        at = found + strlen(PLACEHOLDER);
    }
    buffer_append(text, at, (size_t)(template->end - at));
}

/* Makes a file that was not there and writes it. 0, or an errno; nothing is left of it then. */
static int write_new_file(const char *path, const Buffer *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno;
    int error = 0;
    for (size_t done = 0; done < text->length && error == 0;) {
        ssize_t written = write(fd, text->data + done, text->length - done);
        if (written >= 0)
            done += (size_t)written;
        else if (errno != EINTR)
            error = errno;
    }
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error)
        unlink(path);
    return error;
}

/* A word of a command line as a shell reads it. */
static void append_shell_word(Buffer *line, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+,:@%=";
    if (strspn(word, plain) == strlen(word)) {
        buffer_append_string(line, word);
        return;
    }
    buffer_append_string(line, "'");
    for (const char *byte = word; *byte; byte++) {
        if (*byte == '\'')
            buffer_append_string(line, "'\\''");
        else
            buffer_append(line, byte, 1);
    }
    buffer_append_string(line, "'");
}

/* A folder's name may begin with "-": "./" before it keeps it from being read as an option. */
static void append_path(Buffer *path, const char *directory, const char *file, const char *suffix)
{
    size_t length = strlen(directory);
    buffer_append_format(path, "%s%s%s%s%s", directory[0] == '-' ? "./" : "", directory,
                         directory[length - 1] == '/' ? "" : "/", file, suffix);
}

typedef struct NewPlugin {
    const char *directory;
    char *source; /* owned paths */
    char *readme;
    char *object;
    bool made_directory;
    bool kept_readme; /* the author's own was there */
} NewPlugin;

static void new_plugin_init(NewPlugin *new_plugin, const char *directory, const char *task)
{
    Buffer path = BUFFER_INIT;
    *new_plugin = (NewPlugin){.directory = directory};
    append_path(&path, directory, "plugin", ".c");
    new_plugin->source = buffer_take(&path);
    append_path(&path, directory, "README", ".md");
    new_plugin->readme = buffer_take(&path);
    append_path(&path, directory, task, ".so");
    new_plugin->object = buffer_take(&path);
}

static void new_plugin_finish(NewPlugin *new_plugin)
{
    free(new_plugin->source);
    free(new_plugin->readme);
    free(new_plugin->object);
}

/* Not for the group to write, whatever the umask: rpmd refuses plugins in such a folder. */
static int make_directory(NewPlugin *new_plugin, Status *status)
{
    new_plugin->made_directory = mkdir(new_plugin->directory, 0755) == 0;
    if (new_plugin->made_directory || errno == EEXIST)
        return 0;
    return status_refuse(
        status, STATUS_FAILED_PRECONDITION,
        "the folder %s cannot be made: %s; name one whose parent is there and that you may write to",
        new_plugin->directory, strerror(errno));
}

static int refuse_file(const char *path, int error, Status *status)
{
    if (error == EEXIST)
        return status_refuse(
            status, STATUS_ALREADY_EXISTS,
            "%s is there already, and nothing was changed; name another folder, or move the file "
            "away",
            path);
    return status_refuse(status, STATUS_FAILED_PRECONDITION,
                         "%s cannot be written: %s; name a folder that you may write to and that has room",
                         path, strerror(error));
}

/* Writes both files, or leaves everything as it was. */
static int write_plugin(NewPlugin *new_plugin, const Arguments *arguments, Status *status)
{
    _cleanup_buffer_ Buffer text = BUFFER_INIT;
    if (make_directory(new_plugin, status))
        return STATUS_REFUSED;
    append_filled_in(&text, find_template(arguments->answers), arguments->task);
    const char *path = new_plugin->source;
    int error = write_new_file(path, &text);
    if (error == 0) {
        buffer_clear(&text);
        append_filled_in(&text, &readme, arguments->task);
        path = new_plugin->readme;
        error = write_new_file(path, &text);
        new_plugin->kept_readme = error == EEXIST;
        if (error == 0 || error == EEXIST)
            return 0;
        unlink(new_plugin->source);
    }
    if (new_plugin->made_directory)
        rmdir(new_plugin->directory);
    return refuse_file(path, error, status);
}

enum { STEP_COUNT = 3 };

/* The lines to type next, each the caller's to free. */
static void write_steps(const NewPlugin *new_plugin, char *steps[STEP_COUNT])
{
    static const char *const before[STEP_COUNT] = {
        "cc -std=c11 -O2 -Wall -Wextra -fPIC -shared -fvisibility=hidden ",
        "rpmctl plugin check ",
        "rpmctl plugin load ",
    };
    for (size_t i = 0; i < STEP_COUNT; i++) {
        Buffer line = BUFFER_INIT;
        buffer_append_string(&line, before[i]);
        if (i == 0) {
            append_shell_word(&line, new_plugin->source);
            buffer_append_string(&line, " -o ");
        }
        append_shell_word(&line, new_plugin->object);
        steps[i] = buffer_take(&line);
    }
}

/* {"files": ["dir/plugin.c", "dir/README.md"], "next": ["cc ...", ...]} */
static void print_json(const NewPlugin *new_plugin, char *steps[STEP_COUNT])
{
    json_t *files = json_array();
    json_array_append_new(files, json_string(new_plugin->source));
    if (!new_plugin->kept_readme)
        json_array_append_new(files, json_string(new_plugin->readme));
    json_t *next = json_array();
    for (size_t i = 0; i < STEP_COUNT; i++)
        json_array_append_new(next, json_string(steps[i]));
    json_t *document = json_pack("{s:o, s:o}", "files", files, "next", next);
    json_dumpf(document, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(document);
}

static void print_result(const NewPlugin *new_plugin, char *steps[STEP_COUNT])
{
    if (new_plugin->kept_readme)
        printf("Wrote %s; %s was there and is as it was.", new_plugin->source, new_plugin->readme);
    else
        printf("Wrote %s and %s.", new_plugin->source, new_plugin->readme);
    printf(" It works as it stands; change what says YOURS. Next:\n");
    for (size_t i = 0; i < STEP_COUNT; i++)
        printf("  %s\n", steps[i]);
}

int command_plugin_new(Session *session, const Arguments *arguments)
{
    Status status = STATUS_INIT;
    NewPlugin new_plugin;
    new_plugin_init(&new_plugin, arguments->words[0], arguments->task);
    int result = write_plugin(&new_plugin, arguments, &status);
    if (result == 0) {
        char *steps[STEP_COUNT];
        write_steps(&new_plugin, steps);
        if (session->json)
            print_json(&new_plugin, steps);
        else
            print_result(&new_plugin, steps);
        for (size_t i = 0; i < STEP_COUNT; i++)
            free(steps[i]);
    }
    new_plugin_finish(&new_plugin);
    return result == 0 ? EXIT_DONE : session_report(session, &status);
}
