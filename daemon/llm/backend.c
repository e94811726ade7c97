/* SPDX-License-Identifier: MIT */
#include "daemon/llm/backend.h"

#include "daemon/log.h"
#include "lib/base/memory.h"
#include "lib/llm/embedding.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#define NANOSECONDS_PER_MILLISECOND 1000000u
#define NANOSECONDS_PER_SECOND 1000000000u

/* ---- keys --------------------------------------------------------------------------------------------- */

/* The first line of a file. */
static int read_key_file(const BackendSettings *settings, const char *path, char **key, Status *status)
{
    char line[BACKEND_KEY_LIMIT + 2];
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(line, sizeof(line), file);
    int reason = errno;
    if (file)
        fclose(file);
    if (!file)
        return status_refuse(
            status, STATUS_FAILED_PRECONDITION,
            "the key of the backend %s cannot be read from %s: %s; write it there, readable for the "
            "user that runs rpmd",
            settings->name, path, strerror(reason));
    size_t length = is_read ? strcspn(line, "\r\n") : 0;
    if (length == 0 || length > BACKEND_KEY_LIMIT)
        return status_refuse(
            status, STATUS_FAILED_PRECONDITION,
            "the key of the backend %s in %s is empty or longer than %d bytes; its first line has to "
            "be the key",
            settings->name, path, BACKEND_KEY_LIMIT);
    *key = memory_copy_text(line, length);
    explicit_bzero(line, sizeof(line));
    return 0;
}

static int read_credential(const BackendSettings *settings, char **key, Status *status)
{
    char path[4096];
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (!directory)
        return status_refuse(status, STATUS_FAILED_PRECONDITION,
                             "the backend %s takes its key from the systemd credential %s, and there are no "
                             "credentials; add LoadCredential=%s:FILE to the unit",
                             settings->name, settings->key_credential, settings->key_credential);
    snprintf(path, sizeof(path), "%s/%s", directory, settings->key_credential);
    return read_key_file(settings, path, key, status);
}

/* *key stays NULL where the backend has none. */
static int read_key(const BackendSettings *settings, char **key, Status *status)
{
    if (settings->key_file)
        return read_key_file(settings, settings->key_file, key, status);
    if (settings->key_credential)
        return read_credential(settings, key, status);
    if (!settings->key_variable)
        return 0;
    const char *value = getenv(settings->key_variable);
    if (!value || !*value || strlen(value) > BACKEND_KEY_LIMIT || strpbrk(value, "\r\n"))
        return status_refuse(
            status, STATUS_FAILED_PRECONDITION,
            "the backend %s takes its key from the environment variable %s, which is not set to one; "
            "set it where rpmd is started",
            settings->name, settings->key_variable);
    *key = memory_copy_text(value, strlen(value));
    return 0;
}

static void free_secret(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

int backend_check(const BackendSettings *settings, Status *status)
{
    if (settings->ca_file && access(settings->ca_file, R_OK) != 0)
        return status_refuse(
            status, STATUS_FAILED_PRECONDITION,
            "the certificates of the backend %s cannot be read from %s: %s; give the right path as "
            "ca_file",
            settings->name, settings->ca_file, strerror(errno));
    _cleanup_(free_secret) char *key = NULL;
    return read_key(settings, &key, status);
}

void backend_hide_key(const Backend *backend, char *text)
{
    static const char instead[] = "[key]";
    size_t length = backend->key ? strlen(backend->key) : 0;
    if (length < sizeof(instead))
        return;
    for (char *found = text; (found = strstr(found, backend->key));) {
        memcpy(found, instead, strlen(instead));
        memmove(found + strlen(instead), found + length, strlen(found + length) + 1);
    }
}

/* ---- life --------------------------------------------------------------------------------------------- */

static char **split_headers(const BackendSettings *settings, bool is_anthropic)
{
    const char *lines = settings->headers ? settings->headers : "";
    size_t count = 3;
    for (const char *byte = lines; *byte; byte++)
        count += *byte == '\n';
    char **headers = NEW_ARRAY(char *, count);
    size_t used = 0;
    if (is_anthropic)
        headers[used++] = memory_copy_text("anthropic-version: 2023-06-01", 29);
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        headers[used++] = memory_copy_text(lines, length);
        lines += length + (lines[length] == '\n');
    }
    return headers;
}

int backend_init(Backend *backend, const BackendSettings *settings, Status *status)
{
    char *key = NULL;
    int r = read_key(settings, &key, status);
    if (r)
        return r;
    *backend = (Backend){.settings = settings, .key = key};
    LlmShape shape = settings->is_anthropic ? LLM_SHAPE_ANTHROPIC : LLM_SHAPE_OPENAI;
    Buffer text = BUFFER_INIT;
    size_t length = strlen(settings->base_url);
    while (length > 0 && settings->base_url[length - 1] == '/')
        length--;
    buffer_append_format(&text, "%.*s%s", (int)length, settings->base_url, llm_chat_path(shape));
    backend->url = buffer_take(&text);
    buffer_append_format(&text, "%.*s%s", (int)length, settings->base_url, LLM_EMBEDDING_PATH);
    backend->embedding_url = buffer_take(&text);
    if (key) {
        buffer_append_format(&text, settings->is_anthropic ? "x-api-key: %s" : "Authorization: Bearer %s",
                             key);
        backend->key_header = buffer_take(&text);
    }
    backend->headers = split_headers(settings, settings->is_anthropic);
    backend->form = settings->is_anthropic ? LLM_FORM_TEXT : LLM_FORM_SCHEMA;
    backend->requests.per_minute = settings->requests_per_minute;
    backend->tokens.per_minute = settings->tokens_per_minute;
    return 0;
}

void backend_finish(Backend *backend)
{
    free_secret(&backend->key);
    free_secret(&backend->key_header);
    free(backend->url);
    free(backend->embedding_url);
    for (char **header = backend->headers; header && *header; header++)
        free(*header);
    free(backend->headers);
    backend->headers = NULL;
}

/* ---- health ------------------------------------------------------------------------------------------- */

static void begin_to_rest(Backend *backend)
{
    backend->rest_ms =
        MIN(MAX(2 * backend->rest_ms, (uint64_t)BACKEND_REST_MS), (uint64_t)BACKEND_REST_LIMIT_MS);
    backend->rests_until_ns = uv_hrtime() + backend->rest_ms * NANOSECONDS_PER_MILLISECOND;
    log_warning("backend %s failed %u times in a row and is left alone for %lu s: %s",
                backend->settings->name, backend->failures_in_row, (unsigned long)(backend->rest_ms / 1000),
                backend->trouble);
}

void backend_note(Backend *backend, const char *trouble, bool tried)
{
    if (tried)
        backend->is_tried = false;
    if (!trouble) {
        if (backend->rests_until_ns)
            log_notice("backend %s answers again", backend->settings->name);
        backend->failures_in_row = 0;
        backend->rests_until_ns = backend->rest_ms = 0;
        backend->trouble[0] = '\0';
        return;
    }
    snprintf(backend->trouble, sizeof(backend->trouble), "%s", trouble);
    backend->failures_in_row++;
    /* Calls that were at work when the rest began say nothing new. */
    bool rests = backend->rests_until_ns > 0;
    if (rests ? tried : backend->failures_in_row >= BACKEND_FAILURE_LIMIT)
        begin_to_rest(backend);
}

bool backend_is_left_alone(const Backend *backend, uint64_t now_ns, char sentence[STATUS_MESSAGE_SIZE])
{
    const char *name = backend->settings->name;
    if (backend->rests_until_ns > now_ns)
        snprintf(sentence, STATUS_MESSAGE_SIZE,
                 "backend %s failed %u times in a row and is tried again in %lu s: %.300s", name,
                 backend->failures_in_row,
                 (unsigned long)((backend->rests_until_ns - now_ns) / NANOSECONDS_PER_SECOND + 1),
                 backend->trouble);
    else if (backend->rests_until_ns && backend->is_tried)
        snprintf(sentence, STATUS_MESSAGE_SIZE,
                 "backend %s failed %u times in a row and is being tried again; try again later: %.300s",
                 name, backend->failures_in_row, backend->trouble);
    else
        return false;
    return true;
}

bool backend_try(Backend *backend)
{
    if (!backend->rests_until_ns)
        return false;
    return backend->is_tried = true;
}

void backend_give_up_trying(Backend *backend)
{
    backend->is_tried = false;
}

void backend_note_form(Backend *backend, LlmForm form)
{
    if (form <= backend->form)
        return;
    log_notice("backend %s takes no %s; prompts ask for JSON instead", backend->settings->name,
               form == LLM_FORM_JSON ? "JSON schemas" : "response_format");
    backend->form = form;
}
