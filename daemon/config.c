/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include "lib/base/memory.h"

#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdio.h>

typedef enum KeyType {
    KEY_STRING,
    KEY_LIST,
    KEY_BYTES,
    KEY_NUMBER,
    KEY_OCTAL,
    KEY_REAL,
    KEY_SWITCH,
    KEY_CHOICE,
    KEY_NAME,
    KEY_LINES /* repeated: a line each, in one string */
} KeyType;

typedef struct Key {
    const char *section;
    const char *name;
    KeyType type;
    size_t offset; /* in Config, TaskSettings ([method], [task NAME]) or BackendSettings */
    double minimum;
    double maximum;
    const char *preset;
    const char *meaning;
    const char *choices; /* KEY_CHOICE: "A or B"; the field is whether it is B */
} Key;

#define IN_CONFIG(field) offsetof(Config, field)
#define IN_TASK(field) offsetof(TaskSettings, field)
#define IN_BACKEND(field) offsetof(BackendSettings, field)
#define MIB (1024.0 * 1024.0)

static const Key keys[] = {
    {"daemon", "socket", KEY_STRING, IN_CONFIG(socket), 0, 0, "/run/rpmd/rpmd.sock",
     "path of the Unix socket to listen on; ignored under socket activation"},
    {"daemon", "socket_mode", KEY_OCTAL, IN_CONFIG(socket_mode), 0, 0777, "0660",
     "permissions of the socket: who may write to it may use and erase all histories"},
    {"daemon", "state_dir", KEY_STRING, IN_CONFIG(state_dir), 0, 0, "/var/lib/rpmd",
     "directory of the database and of the private copies of plugins"},
    {"daemon", "plugin_dir", KEY_LIST, IN_CONFIG(plugin_dirs), 0, 0, RPMD_PREFIX "/lib/rpmd/plugins",
     "directory of task plugins; repeat the key for more than one"},
    {"daemon", "prompt_dir", KEY_STRING, IN_CONFIG(prompt_dir), 0, 0, "/etc/rpmd/prompts",
     "directory of prompts in place of those that rpmd brings, DIR/STAGE.txt or DIR/TASK/STAGE.txt; need not "
     "exist"},
    {"daemon", "cache_bytes", KEY_BYTES, IN_CONFIG(cache_bytes), 1 * MIB, 1024 * 1024 * MIB, "512M",
     "memory for user models that are not in use at the moment (suffix K, M or G); one of 100 items takes "
     "some 120 KB, so the default has room for about 4,000"},
    {"daemon", "drain_seconds", KEY_NUMBER, IN_CONFIG(drain_seconds), 0, 3600, "20",
     "how long calls in flight may go on after SIGTERM"},
    {"daemon", "call_seconds", KEY_NUMBER, IN_CONFIG(call_seconds), 1, 3600, "60",
     "time limit of a call to a plugin whose caller set no deadline"},
    {"daemon", "verbose", KEY_SWITCH, IN_CONFIG(verbose), 0, 0, "off", "log each call and each model change"},
    {"plugins", "isolation", KEY_CHOICE, IN_CONFIG(in_process), 0, 0, "process",
     "where plugins run: process (in sandboxed worker processes) or none (in the daemon, for those who trust "
     "them)",
     "process or none"},
    {"plugins", "workers", KEY_NUMBER, IN_CONFIG(workers), 0, 64, "1",
     "worker processes of a plugin; 0: none while there is nothing to do"},
    {"plugins", "workers_limit", KEY_NUMBER, IN_CONFIG(workers_limit), 1, 64, "4",
     "worker processes of a plugin at most, while calls wait"},
    {"plugins", "worker_memory", KEY_BYTES, IN_CONFIG(worker_memory), 32 * MIB, 65536 * MIB, "256M",
     "memory of a worker process at most; at three quarters of it the worker is replaced (suffix K, M or G)"},
    {"llm", "max_day_cost", KEY_REAL, IN_CONFIG(day_cost), 0, 1e6, "0",
     "what all calls of LLMs may cost a day (UTC), in the currency of the backends' prices; 0: no cap"},
    {"llm", "max_user_day_cost", KEY_REAL, IN_CONFIG(user_day_cost), 0, 1e6, "0",
     "the same for each user of a task"},
    {"llm", "max_build_cost", KEY_REAL, IN_CONFIG(build_cost), 0, 1e6, "0",
     "what one build of a user's model may cost; what was answered is kept, and building again goes on from "
     "there"},
    {"llm", "reply_bytes", KEY_BYTES, IN_CONFIG(reply_bytes), 0, 1024 * 1024 * MIB, "256M",
     "replies that are kept, so that the same request is not paid twice; 0: none (suffix K, M or G)"},
    {"llm", "reply_days", KEY_NUMBER, IN_CONFIG(reply_days), 1, 3650, "30", "how long replies are kept"},
    {"method", "examples", KEY_NUMBER, IN_TASK(examples), 0, 16, "3", "K: past items shown in a prompt"},
    {"method", "shared_examples", KEY_NUMBER, IN_TASK(shared_examples), 0, CONFIG_SHARED_EXAMPLES_LIMIT, "8",
     "where an LLM answers: the newest past items stand in every prompt of a user, so that the server has "
     "them in its cache when the next query comes; 0: none"},
    {"method", "smoothing", KEY_REAL, IN_TASK(smoothing), 0, 1000, "1",
     "alpha in (n_yF + alpha * pi_y) / (n_F + alpha); 0 is the paper's formula"},
    {"method", "prompt_bytes", KEY_BYTES, IN_TASK(prompt_bytes), 1024, 1 * MIB, "12K",
     "size of a prompt at most (suffix K or M)"},
    {"method", "population", KEY_SWITCH, IN_TASK(population), 0, 0, "on",
     "whether counts pooled over the users of the task help each of them"},
    {"method", "minimum_users", KEY_NUMBER, IN_TASK(minimum_users), 1, 1000000, "3",
     "a pooled count that fewer users fed is not used for anybody else"},
    {"method", "rebuild", KEY_CHOICE, IN_TASK(rebuild), 0, 0, "manual",
     "what happens to models that another version of the extractor made: manual (rpmctl model build) or auto",
     "manual or auto"},
    {"method", "extract", KEY_NAME, IN_TASK(stages[STAGE_EXTRACT]), 0, 0, CONFIG_NATIVE,
     "who finds the features of queries: native (the task's plugin), or the name of a backend"},
    {"method", "cluster", KEY_NAME, IN_TASK(stages[STAGE_CLUSTER]), 0, 0, CONFIG_NATIVE,
     "who groups a user's features into factors: native, or the name of a backend"},
    {"method", "judge", KEY_NAME, IN_TASK(stages[STAGE_JUDGE]), 0, 0, CONFIG_NATIVE,
     "who says which features influenced a free-text response: native, or the name of a backend"},
    {"method", "embed", KEY_NAME, IN_TASK(stages[STAGE_EMBED]), 0, 0, CONFIG_NATIVE,
     "who makes the vectors by which past items are found: native (from words), or the name of a backend "
     "with /embeddings"},
    {"method", "reason", KEY_NAME, IN_TASK(stages[STAGE_REASON]), 0, 0, CONFIG_NATIVE,
     "who writes the reasoning paths of past items: native, or the name of a backend"},
    {"method", "respond", KEY_NAME, IN_TASK(stages[STAGE_RESPOND]), 0, 0, CONFIG_NATIVE,
     "who answers: native (from the user's statistics), or the name of a backend"},
    {"backend", "base_url", KEY_STRING, IN_BACKEND(base_url), 0, 0, "http://127.0.0.1:8080/v1",
     "the server's address, with the version of its protocol"},
    {"backend", "shape", KEY_CHOICE, IN_BACKEND(is_anthropic), 0, 0, "openai",
     "what it speaks: openai (/chat/completions) or anthropic (/messages)", "openai or anthropic"},
    {"backend", "model", KEY_STRING, IN_BACKEND(model), 0, 0, "default", "the model, as the server names it"},
    {"backend", "key_file", KEY_STRING, IN_BACKEND(key_file), 0, 0, "",
     "file with the server's key, readable by the service alone"},
    {"backend", "key_variable", KEY_STRING, IN_BACKEND(key_variable), 0, 0, "",
     "or the variable of rpmd's environment that holds it"},
    {"backend", "key_credential", KEY_STRING, IN_BACKEND(key_credential), 0, 0, "",
     "or the systemd credential (LoadCredential= of the unit) that holds it"},
    {"backend", "header", KEY_LINES, IN_BACKEND(headers), 0, 0, "",
     "a header of each request (\"Name: value\"); repeat the key for more than one"},
    {"backend", "unix_socket", KEY_STRING, IN_BACKEND(unix_socket), 0, 0, "",
     "connect to this socket instead of the host in base_url"},
    {"backend", "ca_file", KEY_STRING, IN_BACKEND(ca_file), 0, 0, "",
     "certificates to trust instead of the system's"},
    {"backend", "max_tokens", KEY_NUMBER, IN_BACKEND(max_tokens), 16, 100000, "512",
     "tokens of an answer at most"},
    {"backend", "temperature", KEY_REAL, IN_BACKEND(temperature), -1, 2, "0",
     "of the sampling; -1: not sent, for models that take none"},
    {"backend", "concurrency", KEY_NUMBER, IN_BACKEND(concurrency), 1, 1000, "4",
     "calls at a time; others wait for their turn"},
    {"backend", "requests_per_minute", KEY_NUMBER, IN_BACKEND(requests_per_minute), 0, 1000000, "0",
     "requests that the server takes; 0: no limit"},
    {"backend", "tokens_per_minute", KEY_NUMBER, IN_BACKEND(tokens_per_minute), 0, 1000000000, "0",
     "tokens that the server takes, of prompts and answers; 0: no limit"},
    {"backend", "connect_seconds", KEY_NUMBER, IN_BACKEND(connect_seconds), 1, 600, "5", "time to connect"},
    {"backend", "first_seconds", KEY_NUMBER, IN_BACKEND(first_seconds), 1, 3600, "60",
     "time until the first piece of the answer"},
    {"backend", "idle_seconds", KEY_NUMBER, IN_BACKEND(idle_seconds), 1, 3600, "20",
     "time between two pieces of the answer"},
    {"backend", "total_seconds", KEY_NUMBER, IN_BACKEND(total_seconds), 1, 36000, "180",
     "time of one attempt, from the request to the end of the answer"},
    {"backend", "retry_seconds", KEY_NUMBER, IN_BACKEND(retry_seconds), 0, 3600, "30",
     "how long a call is tried again that failed for a reason that may pass; never past the caller's "
     "deadline"},
    {"backend", "price_prompt", KEY_REAL, IN_BACKEND(price_prompt), 0, 1000000, "0",
     "price of a million tokens of prompts, for the accounts"},
    {"backend", "price_cached", KEY_REAL, IN_BACKEND(price_cached), -1, 1000000, "-1",
     "price of a million tokens of prompts that came from the server's cache; -1: as the others"},
    {"backend", "price_completion", KEY_REAL, IN_BACKEND(price_completion), 0, 1000000, "0",
     "price of a million tokens of answers"},
};

#define TASK_SECTION "task "
#define BACKEND_SECTION "backend "

/* What one read needs; inih hands it to the callback. */
typedef struct Reading {
    Config *config;
    char sentence[STATUS_MESSAGE_SIZE -
                  128]; /* why the parser was stopped; room is left for the file's name */
    bool plugin_dirs_replaced;
} Reading;

static bool read_switch(const char *value, bool *result)
{
    static const char *const on[] = {"on", "yes", "true", "1"}, *const off[] = {"off", "no", "false", "0"};
    for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
        if (strcmp(value, on[i]) == 0 || strcmp(value, off[i]) == 0) {
            *result = strcmp(value, on[i]) == 0;
            return true;
        }
    }
    return false;
}

static bool read_choice(const Key *key, const char *value, bool *result)
{
    static const char separator[] = " or ";
    const char *middle = strstr(key->choices, separator);
    size_t length = (size_t)(middle - key->choices);
    *result = strcmp(value, middle + strlen(separator)) == 0;
    return *result || (strlen(value) == length && strncmp(value, key->choices, length) == 0);
}

/* A number within the key's range; "64M" where the key counts bytes. */
static bool read_number(const Key *key, const char *value, double *result)
{
    char *end = NULL;
    errno = 0;
    if (key->type == KEY_OCTAL)
        *result = (double)strtoul(value, &end, 8);
    else
        *result = strtod(value, &end);
    if (end == value || errno || !isfinite(*result))
        return false;
    if (key->type == KEY_BYTES && *end != '\0') {
        const char *suffix = strchr("KMG", *end);
        if (!suffix || end[1] != '\0')
            return false;
        static const char order[] = "KMG";
        for (const char *unit = order; unit <= strchr(order, *suffix); unit++)
            *result *= 1024;
        end++;
    }
    if (*end != '\0' || *result < key->minimum || *result > key->maximum)
        return false;
    return key->type == KEY_REAL || *result == floor(*result);
}

/* "Name: value" behind those that there are. */
static bool add_line(char **lines, const char *value)
{
    _cleanup_buffer_ Buffer joined = BUFFER_INIT;
    const char *colon = strchr(value, ':');
    if (!colon || colon == value || strpbrk(value, "\r\n"))
        return false;
    if (*lines)
        buffer_append_format(&joined, "%s\n", *lines);
    buffer_append_string(&joined, value);
    free(*lines);
    *lines = buffer_take(&joined);
    return true;
}

/* Sets a key's field; false where the value does not fit. */
static bool assign(const Key *key, void *base, const char *value)
{
    char *field = (char *)base + key->offset;
    double number = 0;
    switch (key->type) {
    case KEY_STRING:
        if (*value == '\0')
            return false;
        config_set_string((char **)(void *)field, value);
        return true;
    case KEY_LINES:
        return add_line((char **)(void *)field, value);
    case KEY_LIST:
        if (*value == '\0')
            return false;
        config_add_plugin_dir(base, value);
        return true;
    case KEY_SWITCH:
        return read_switch(value, (bool *)(void *)field);
    case KEY_NAME:
        snprintf(field, CONFIG_NAME_SIZE, "%s", value);
        return *value != '\0' && strlen(value) < CONFIG_NAME_SIZE;
    case KEY_CHOICE:
        return read_choice(key, value, (bool *)(void *)field);
    case KEY_REAL:
        return read_number(key, value, (double *)(void *)field);
    case KEY_BYTES:
    case KEY_NUMBER:
    case KEY_OCTAL:
        if (!read_number(key, value, &number))
            return false;
        *(uint64_t *)(void *)field = (uint64_t)number;
        return true;
    }
    return false;
}

static void expectation(const Key *key, char *text, size_t size)
{
    switch (key->type) {
    case KEY_STRING:
    case KEY_LIST:
        snprintf(text, size, strcmp(key->section, "backend") == 0 ? "a text" : "a path");
        break;
    case KEY_LINES:
        snprintf(text, size, "Name: value");
        break;
    case KEY_SWITCH:
        snprintf(text, size, "on or off");
        break;
    case KEY_CHOICE:
        snprintf(text, size, "%s", key->choices);
        break;
    case KEY_NAME:
        snprintf(text, size, "a name of at most %d bytes", CONFIG_NAME_SIZE - 1);
        break;
    case KEY_OCTAL:
        snprintf(text, size, "an octal number up to %04o", (unsigned)key->maximum);
        break;
    case KEY_BYTES:
    case KEY_NUMBER:
    case KEY_REAL:
        snprintf(text, size, "a %s from %.0f to %.0f", key->type == KEY_REAL ? "number" : "whole number",
                 key->minimum, key->maximum);
        break;
    }
}

static TaskSettings *task_settings(Config *config, const char *task)
{
    for (size_t i = 0; i < config->task_count; i++)
        if (strcmp(config->tasks[i].task, task) == 0)
            return &config->tasks[i].settings;
    config->tasks = memory_resize(config->tasks, config->task_count + 1, sizeof(*config->tasks));
    NamedTaskSettings *added = &config->tasks[config->task_count++];
    *added = (NamedTaskSettings){.task = memory_copy_text(task, strlen(task)), .settings = config->method};
    return &added->settings;
}

static void set_presets(const char *section, void *base)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (strcmp(keys[i].section, section) == 0 && keys[i].preset[0])
            assign(&keys[i], base, keys[i].preset);
}

/* The backend of a section; NULL where its name is too long. */
static BackendSettings *backend_settings(Config *config, const char *name)
{
    for (size_t i = 0; i < config->backend_count; i++)
        if (strcmp(config->backends[i].name, name) == 0)
            return &config->backends[i];
    if (strlen(name) >= CONFIG_NAME_SIZE)
        return NULL;
    config->backends = memory_resize(config->backends, config->backend_count + 1, sizeof(*config->backends));
    BackendSettings *added = &config->backends[config->backend_count++];
    *added = (BackendSettings){0};
    snprintf(added->name, sizeof(added->name), "%s", name);
    set_presets("backend", added);
    return added;
}

/* What the fields of a section are set in. */
static void *section_base(Config *config, const char *section)
{
    if (strncmp(section, TASK_SECTION, strlen(TASK_SECTION)) == 0)
        return task_settings(config, section + strlen(TASK_SECTION));
    if (strncmp(section, BACKEND_SECTION, strlen(BACKEND_SECTION)) == 0)
        return backend_settings(config, section + strlen(BACKEND_SECTION));
    return strcmp(section, "method") == 0 ? (void *)&config->method : config;
}

/* The name by which the table knows a section. */
static const char *table_section_of(const char *section)
{
    if (strncmp(section, TASK_SECTION, strlen(TASK_SECTION)) == 0)
        return "method";
    if (strncmp(section, BACKEND_SECTION, strlen(BACKEND_SECTION)) == 0)
        return "backend";
    return strcmp(section, "backend") == 0 ? "" : section;
}

/* inih calls it for each key; 0 stops it with the line's number. */
static int read_pair(void *userdata, const char *section, const char *name, const char *value)
{
    Reading *reading = userdata;
    Config *config = reading->config;
    char expected[80];
    const char *table_section = table_section_of(section);
    bool known_section = false;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const Key *key = &keys[i];
        if (strcmp(key->section, table_section) != 0)
            continue;
        known_section = true;
        if (strcmp(key->name, name) != 0)
            continue;
        void *base = section_base(config, section);
        if (key->type == KEY_LIST && !reading->plugin_dirs_replaced) {
            config_clear_plugin_dirs(config);
            reading->plugin_dirs_replaced = true;
        }
        if (base && assign(key, base, value))
            return 1;
        expectation(key, expected, sizeof(expected));
        snprintf(reading->sentence, sizeof(reading->sentence), "%s = %s is not possible; write %s", name,
                 value, expected);
        return 0;
    }
    if (known_section)
        snprintf(reading->sentence, sizeof(reading->sentence),
                 "[%s] has no key '%s'; `rpmd --help` lists the keys there are", section, name);
    else
        snprintf(
            reading->sentence, sizeof(reading->sentence),
            "there is no section [%s]; the sections are [daemon], [plugins], [llm], [method], [task NAME] "
            "and [backend NAME]",
            section);
    return 0;
}

/* [method] applies to every [task NAME] whatever their order in the file: so it is read first. */
static int read_method_pair(void *userdata, const char *section, const char *name, const char *value)
{
    if (strcmp(section, "method") != 0)
        return 1;
    return read_pair(userdata, section, name, value);
}

static int check_stages(const Config *config, const char *path, const TaskSettings *settings, Status *status)
{
    for (Stage stage = 0; stage < STAGE_COUNT; stage++) {
        const char *who = settings->stages[stage];
        const BackendSettings *backend = config_backend(config, who);
        if (stage == STAGE_EMBED && backend && backend->is_anthropic)
            return status_refuse(status, STATUS_INVALID_ARGUMENT,
                                 "%s: embed = %s names a backend of the shape anthropic, which has no "
                                 "embeddings; name one of the shape openai, or write native",
                                 path, who);
        if (strcmp(who, CONFIG_NATIVE) != 0 && !backend)
            return status_refuse(
                status, STATUS_INVALID_ARGUMENT,
                "%s: %s = %s names no backend; write native, or add [backend %s] with its base_url and model",
                path, stage_name(stage), who, who);
    }
    return 0;
}

static int check_backend(const BackendSettings *backend, const char *path, Status *status)
{
    const char *scheme_end = strstr(backend->base_url, "://");
    size_t scheme = scheme_end ? (size_t)(scheme_end - backend->base_url) : 0;
    bool is_http = (scheme == 4 && strncasecmp(backend->base_url, "http", 4) == 0) ||
                   (scheme == 5 && strncasecmp(backend->base_url, "https", 5) == 0);
    if (strcmp(backend->name, CONFIG_NATIVE) == 0)
        return status_refuse(
            status, STATUS_INVALID_ARGUMENT,
            "%s: a backend cannot be called %s, which is the way without one; choose another name", path,
            CONFIG_NATIVE);
    if (!is_http || scheme_end[3] == '\0')
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "%s: [backend %s] has base_url = %s; write http://HOST/v1 or https://HOST/v1",
                             path, backend->name, backend->base_url);
    if (!!backend->key_file + !!backend->key_variable + !!backend->key_credential > 1)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "%s: [backend %s] has its key in more than one place; keep one of key_file, "
                             "key_variable and key_credential",
                             path, backend->name);
    return 0;
}

static int check_backends(const Config *config, const char *path, Status *status)
{
    int r = check_stages(config, path, &config->method, status);
    for (size_t i = 0; i < config->task_count && r == 0; i++)
        r = check_stages(config, path, &config->tasks[i].settings, status);
    for (size_t i = 0; i < config->backend_count && r == 0; i++)
        r = check_backend(&config->backends[i], path, status);
    return r;
}

int config_read(Config *config, const char *path, Status *status)
{
    static const ini_handler passes[] = {read_method_pair, read_pair};
    Reading reading = {.config = config};
    for (size_t i = 0; i < ARRAY_SIZE(passes); i++) {
        int r = ini_parse(path, passes[i], &reading);
        if (r > 0 && reading.sentence[0] != '\0')
            return status_refuse(status, STATUS_INVALID_ARGUMENT, "%s, line %d: %s", path, r,
                                 reading.sentence);
        if (r < 0)
            return status_refuse(status, STATUS_NOT_FOUND,
                                 "%s cannot be read: %s; give the right path with --config", path,
                                 strerror(errno));
        if (r > 0)
            return status_refuse(status, STATUS_INVALID_ARGUMENT,
                                 "%s, line %d: this is neither a [section] nor key = value", path, r);
    }
    return check_backends(config, path, status);
}

void config_init(Config *config)
{
    *config = (Config){0};
    set_presets("daemon", config);
    set_presets("plugins", config);
    set_presets("llm", config);
    set_presets("method", &config->method);
}

void config_finish(Config *config)
{
    free(config->socket);
    free(config->state_dir);
    free(config->prompt_dir);
    config_clear_plugin_dirs(config);
    free(config->plugin_dirs);
    for (size_t i = 0; i < config->task_count; i++)
        free(config->tasks[i].task);
    free(config->tasks);
    for (size_t i = 0; i < config->backend_count; i++) {
        BackendSettings *backend = &config->backends[i];
        char *strings[] = {backend->base_url,     backend->model,          backend->key_file,
                           backend->key_variable, backend->key_credential, backend->headers,
                           backend->unix_socket,  backend->ca_file};
        for (size_t k = 0; k < ARRAY_SIZE(strings); k++)
            free(strings[k]);
    }
    free(config->backends);
    *config = (Config){0};
}

const TaskSettings *config_task(const Config *config, const char *task)
{
    for (size_t i = 0; i < config->task_count; i++)
        if (strcmp(config->tasks[i].task, task) == 0)
            return &config->tasks[i].settings;
    return &config->method;
}

const BackendSettings *config_backend(const Config *config, const char *name)
{
    for (size_t i = 0; i < config->backend_count; i++)
        if (strcmp(config->backends[i].name, name) == 0)
            return &config->backends[i];
    return NULL;
}

bool config_uses(const Config *config, Stage stage, const char *backend)
{
    bool uses = strcmp(config->method.stages[stage], backend) == 0;
    for (size_t i = 0; i < config->task_count && !uses; i++)
        uses = strcmp(config->tasks[i].settings.stages[stage], backend) == 0;
    return uses;
}

void config_set_string(char **setting, const char *value)
{
    free(*setting);
    *setting = memory_copy_text(value, strlen(value));
}

void config_clear_plugin_dirs(Config *config)
{
    while (config->plugin_dir_count > 0)
        free(config->plugin_dirs[--config->plugin_dir_count]);
}

void config_add_plugin_dir(Config *config, const char *directory)
{
    config->plugin_dirs = memory_resize(config->plugin_dirs, config->plugin_dir_count + 1, sizeof(char *));
    config->plugin_dirs[config->plugin_dir_count++] = memory_copy_text(directory, strlen(directory));
}

void config_describe(Buffer *text)
{
    const char *section = "";
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcmp(section, keys[i].section) != 0) {
            section = keys[i].section;
            buffer_append_format(text, "[%s%s]%s\n", section, strcmp(section, "backend") == 0 ? " NAME" : "",
                                 strcmp(section, "method") == 0    ? "  and, for one task, [task NAME]"
                                 : strcmp(section, "backend") == 0 ? "  a server of an LLM"
                                                                   : "");
        }
        buffer_append_format(text, "  %s = %s\n      %s\n", keys[i].name, keys[i].preset, keys[i].meaning);
    }
}
