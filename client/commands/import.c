/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "lib/base/buffer.h"
#include "lib/base/memory.h"
#include "lib/base/text.h"
#include "lib/history/jsonl.h"
#include "lib/history/lamp.h"
#include "lib/json/message_json.h"
#include "rpmd/v1/history.pb-c.h"
#include "rpmd/v1/plugins.pb-c.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_ITEMS 500                   /* of the 1,000 that a message may hold */
#define BATCH_BYTES ((size_t)1024 * 1024) /* a quarter of the message limit */
#define SHOWN_REJECTIONS 20               /* on a screen; --json has more */

/* A file, mapped for reading. */
typedef struct MappedFile {
    const char *path;
    char *data; /* NULL when empty */
    size_t length;
} MappedFile;

/* An import in progress: what was read and not yet sent, and what could not be read. */
typedef struct Import {
    Session *session;
    ChannelStream *stream;
    const char *task;
    Status status;
    Arena arena; /* of the batch */
    Rpmd__V1__ImportItem *items[BATCH_ITEMS];
    size_t item_count;
    size_t bytes;
    uint64_t read;
    uint64_t unreadable;
    Rpmd__V1__RejectedItem **rejections; /* what the reader rejected; allocated as one would unpack it */
    size_t rejection_count;
    size_t rejection_capacity;
    const char *path; /* of the file being read, where there are several */
} Import;

static int map_file(MappedFile *file, const char *path, Status *status)
{
    struct stat info;
    *file = (MappedFile){.path = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return status_refuse(status, STATUS_NOT_FOUND, "%s cannot be read: %s", path, strerror(error));
    }
    if (!S_ISREG(info.st_mode)) {
        close(fd);
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "%s is not a file", path);
    }
    file->length = (size_t)info.st_size;
    if (file->length > 0) {
        void *data = mmap(NULL, file->length, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            close(fd);
            return status_refuse(status, STATUS_INTERNAL, "%s cannot be mapped: %s", path, strerror(errno));
        }
        file->data = data;
    }
    close(fd);
    return 0;
}

static void unmap_file(MappedFile *file)
{
    if (file->data)
        munmap(file->data, file->length);
    file->data = NULL;
}

static int send_batch(Import *import)
{
    Rpmd__V1__ImportRequest request = RPMD__V1__IMPORT_REQUEST__INIT;
    if (import->item_count == 0)
        return 0;
    request.task = (char *)import->task;
    request.items = import->items;
    request.n_items = import->item_count;
    int r = channel_stream_send(import->stream, &request.base, &import->status);
    arena_finish(&import->arena);
    import->item_count = 0;
    import->bytes = 0;
    return r;
}

static char *origin_of(Import *import, Arena *arena, const char *origin)
{
    return import->path ? arena_format(arena, "%s, %s", import->path, origin)
                        : arena_format(arena, "%s", origin);
}

static char **copy_options(Arena *arena, const HistoryRecord *record)
{
    char **options = ARENA_ARRAY(arena, char *, record->option_count);
    for (size_t i = 0; i < record->option_count; i++)
        options[i] = arena_copy(arena, record->options[i].data, record->options[i].length);
    return options;
}

static Rpmd__V1__HistoryItem__MetaEntry **copy_meta(Arena *arena, const HistoryRecord *record)
{
    Rpmd__V1__HistoryItem__MetaEntry **entries =
        ARENA_ARRAY(arena, Rpmd__V1__HistoryItem__MetaEntry *, record->meta_count);
    for (size_t i = 0; i < record->meta_count; i++) {
        entries[i] = ARENA_NEW(arena, Rpmd__V1__HistoryItem__MetaEntry);
        rpmd__v1__history_item__meta_entry__init(entries[i]);
        entries[i]->key = arena_copy(arena, record->meta[i].key.data, record->meta[i].key.length);
        entries[i]->value = arena_copy(arena, record->meta[i].value.data, record->meta[i].value.length);
    }
    return entries;
}

static int reject_record(void *userdata, const char *origin, rpmd_text user, rpmd_text id, const char *reason)
{
    Import *import = userdata;
    Rpmd__V1__RejectedItem *rejected = NEW(Rpmd__V1__RejectedItem);
    _cleanup_arena_ Arena arena = ARENA_INIT;
    const char *where = origin_of(import, &arena, origin);
    rpmd__v1__rejected_item__init(rejected);
    rejected->index = import->read + import->unreadable;
    rejected->origin = memory_copy_text(where, strlen(where));
    rejected->user = memory_copy_text(user.data, user.length);
    rejected->id = memory_copy_text(id.data, id.length);
    rejected->reason = memory_copy_text(reason, strlen(reason));
    GROW(import->rejections, import->rejection_count, import->rejection_capacity);
    import->rejections[import->rejection_count++] = rejected;
    import->unreadable++;
    return 0;
}

static bool has_nul(const HistoryRecord *record)
{
    const rpmd_text texts[] = {record->user, record->id, record->query, record->response};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].length > 0 && memchr(texts[i].data, '\0', texts[i].length))
            return true;
    return false;
}

static int take_record(void *userdata, const char *origin, const HistoryRecord *record)
{
    Import *import = userdata;
    Arena *arena = &import->arena;
    if (has_nul(record))
        return reject_record(import, origin, record->user, record->id, "a text has a NUL character");
    Rpmd__V1__HistoryItem *item = ARENA_NEW(arena, Rpmd__V1__HistoryItem);
    Rpmd__V1__ImportItem *entry = ARENA_NEW(arena, Rpmd__V1__ImportItem);
    rpmd__v1__history_item__init(item);
    rpmd__v1__import_item__init(entry);
    item->id = arena_copy(arena, record->id.data, record->id.length);
    item->query = arena_copy(arena, record->query.data, record->query.length);
    item->response = arena_copy(arena, record->response.data, record->response.length);
    item->time_us = record->time_us;
    item->options = copy_options(arena, record);
    item->n_options = record->option_count;
    item->meta = copy_meta(arena, record);
    item->n_meta = record->meta_count;
    entry->user = arena_copy(arena, record->user.data, record->user.length);
    entry->item = item;
    entry->origin = origin_of(import, arena, origin);
    import->items[import->item_count++] = entry;
    import->bytes += protobuf_c_message_get_packed_size(&entry->base);
    import->read++;
    if (import->item_count < BATCH_ITEMS && import->bytes < BATCH_BYTES)
        return 0;
    terminal_progress(&import->session->terminal, "items sent", import->read, 0);
    return send_batch(import);
}

/* Which fields of a LaMP file are the query and the response: the task's plugin says. */
static int find_lamp_fields(const Rpmd__V1__ListPluginsResponse *plugins, const char *task,
                            LampFields *fields, Status *status)
{
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        const Rpmd__V1__Plugin *plugin = plugins->plugins[i];
        if (strcmp(plugin->name, task) != 0)
            continue;
        if (!plugin->lamp || !plugin->lamp->query_field[0])
            return status_refuse(status, STATUS_INVALID_ARGUMENT,
                                 "the task %s has no LaMP files; give JSON lines", task);
        *fields = (LampFields){.query = plugin->lamp->query_field, .response = plugin->lamp->response_field};
        if (plugin->lamp->options_field[0])
            fields->options = plugin->lamp->options_field;
        return 0;
    }
    _cleanup_buffer_ Buffer tasks = BUFFER_INIT;
    for (size_t i = 0; i < plugins->n_plugins; i++)
        buffer_append_format(&tasks, "%s%s", i ? ", " : "", plugins->plugins[i]->name);
    return status_refuse(status, STATUS_NOT_FOUND, "there is no task %s; the tasks are: %s", task,
                         tasks.length ? buffer_string(&tasks) : "none, because no plugin is loaded");
}

static int read_file(Import *import, const Arguments *arguments, const Rpmd__V1__ListPluginsResponse *plugins,
                     const char *path)
{
    MappedFile file;
    LampFields fields = {0};
    const HistorySink sink = {.record = take_record, .reject = reject_record, .userdata = import};
    int r = map_file(&file, path, &import->status);
    if (r)
        return r;
    rpmd_text bytes = {file.data, file.length};
    bool lamp = arguments->format && strcmp(arguments->format, "lamp") == 0;
    if (!arguments->format || strcmp(arguments->format, "auto") == 0)
        lamp = lamp_is_likely(bytes);
    if (!lamp) {
        r = jsonl_read(bytes, &sink);
    } else {
        r = find_lamp_fields(plugins, arguments->task, &fields, &import->status);
        if (r == 0)
            r = lamp_read(bytes, &fields, &sink, &import->status);
    }
    unmap_file(&file);
    return r ? r : send_batch(import);
}

/* Puts what the reader rejected before what the daemon rejected. */
static void merge_rejections(Import *import, Rpmd__V1__ImportResponse *response)
{
    size_t total = import->rejection_count + response->n_rejections;
    response->rejected += import->unreadable;
    if (import->rejection_count == 0)
        return;
    import->rejections = memory_resize(import->rejections, total, sizeof(*import->rejections));
    for (size_t i = 0; i < response->n_rejections; i++)
        import->rejections[import->rejection_count + i] = response->rejections[i];
    free(response->rejections);
    response->rejections = TAKE_PTR(import->rejections);
    response->n_rejections = total;
    import->rejection_count = 0;
}

static void print_report(const Rpmd__V1__ImportResponse *response)
{
    printf("%lu accepted, %lu unchanged, %lu replaced, %lu rejected; %lu users\n",
           (unsigned long)response->accepted, (unsigned long)response->unchanged,
           (unsigned long)response->replaced, (unsigned long)response->rejected,
           (unsigned long)response->users);
    for (size_t i = 0; i < response->n_rejections && i < SHOWN_REJECTIONS; i++) {
        const Rpmd__V1__RejectedItem *item = response->rejections[i];
        fprintf(stderr, "rejected: %s%s%s: %s\n", item->origin, item->user[0] ? ", user " : "", item->user,
                item->reason);
    }
    if (response->rejected > SHOWN_REJECTIONS)
        fprintf(stderr, "and %lu more; --json shows up to 1,000\n",
                (unsigned long)(response->rejected - SHOWN_REJECTIONS));
}

static int finish_import(Import *import)
{
    ProtobufCMessage *message = NULL;
    int r = channel_stream_close_send(import->stream, &import->status);
    if (r == 0)
        r = channel_stream_receive(import->stream, &rpmd__v1__import_response__descriptor, &message,
                                   &import->status);
    if (r)
        return r;
    if (!message)
        return status_refuse(&import->status, STATUS_INTERNAL,
                             "the daemon ended the import without a report");
    Rpmd__V1__ImportResponse *response = (Rpmd__V1__ImportResponse *)message;
    merge_rejections(import, response);
    terminal_end_progress(&import->session->terminal);
    if (!session_print_json(import->session, message))
        print_report(response);
    protobuf_c_message_free_unpacked(message, NULL);
    return 0;
}

/* A stream that the daemon ended is the reason that a send failed: its status says more. */
static void prefer_stream_status(Import *import)
{
    ProtobufCMessage *message = NULL;
    Status status = STATUS_INIT;
    if (import->stream &&
        channel_stream_receive(import->stream, &rpmd__v1__import_response__descriptor, &message, &status) &&
        !status_is_ok(&status))
        import->status = status;
    if (message)
        protobuf_c_message_free_unpacked(message, NULL);
}

const char *check_history_import(const Arguments *arguments)
{
    static const char *const formats[] = {"auto", "lamp", "jsonl"};
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (!arguments->format || strcmp(arguments->format, formats[i]) == 0)
            return NULL;
    return "--format takes auto, lamp or jsonl";
}

int command_history_import(Session *session, const Arguments *arguments)
{
    Rpmd__V1__ListPluginsRequest request = RPMD__V1__LIST_PLUGINS_REQUEST__INIT;
    Rpmd__V1__ListPluginsResponse *plugins = NULL;
    if (session_call(session, "/rpmd.v1.Plugins/List", &request.base,
                     &rpmd__v1__list_plugins_response__descriptor, &plugins))
        return EXIT_REFUSED;
    Import import = {.session = session, .task = arguments->task, .status = STATUS_INIT};
    int r = channel_stream_open(session->channel, "/rpmd.v1.History/Import", &import.stream, &import.status);
    for (size_t i = 0; r == 0 && i < arguments->word_count; i++) {
        import.path = arguments->word_count > 1 ? arguments->words[i] : NULL;
        r = read_file(&import, arguments, plugins, arguments->words[i]);
    }
    bool local =
        r != 0 && (import.status.code == STATUS_INVALID_ARGUMENT || import.status.code == STATUS_NOT_FOUND);
    if (r && !local)
        prefer_stream_status(&import);
    if (r == 0)
        r = finish_import(&import);
    if (r)
        session_report(session, &import.status);
    channel_stream_free(import.stream);
    for (size_t i = 0; i < import.rejection_count; i++)
        rpmd__v1__rejected_item__free_unpacked(import.rejections[i], NULL);
    free(import.rejections);
    arena_finish(&import.arena);
    rpmd__v1__list_plugins_response__free_unpacked(plugins, NULL);
    return r ? EXIT_REFUSED : EXIT_DONE;
}
