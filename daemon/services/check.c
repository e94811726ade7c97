/* SPDX-License-Identifier: MIT */
#include "daemon/services/check.h"

#include "lib/base/text.h"
#include "lib/history/lamp.h"
#include "lib/plugin/limits.h"
#include "lib/text/utf8.h"

#include <inttypes.h>

#define EARLIEST_TIME_US (-62135596800000000LL) /* the year 1 */
#define LATEST_TIME_US 253402300800000000LL     /* the year 10000 */

int check_task(PluginRegistry *plugins, const char *task, Status *status)
{
    return plugin_registry_find(plugins, task, status) ? 0 : STATUS_REFUSED;
}

/* A text field: not empty unless it may be, within its limit, UTF-8. Protobuf strings hold no NUL here. */
static int check_text(const char *field, const char *text, size_t limit, bool may_be_empty, Status *status)
{
    size_t length = strlen(text);
    if (length == 0 && !may_be_empty)
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "the %s is empty; give at least one character",
                             field);
    if (length > limit)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the %s has %zu bytes, and the limit is %zu; shorten it", field, length, limit);
    if (!text_is_utf8((rpmd_text){text, length}))
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "the %s is not UTF-8; convert it", field);
    return 0;
}

static bool is_blank(const char *text)
{
    return text_trim(text_of(text)).length == 0;
}

int check_user(const char *user, Status *status)
{
    return check_text("user", user, NAME_BYTES_LIMIT, false, status);
}

static int check_options(char **options, size_t count, Status *status)
{
    if (count > PLUGIN_OPTION_LIMIT)
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "there are %zu options, and the limit is %d",
                             count, PLUGIN_OPTION_LIMIT);
    for (size_t i = 0; i < count; i++)
        if (check_text("option", options[i], PLUGIN_OPTION_BYTES_LIMIT, false, status))
            return STATUS_REFUSED;
    return 0;
}

static int check_meta(const Rpmd__V1__HistoryItem *item, Status *status)
{
    size_t bytes = 0;
    for (size_t i = 0; i < item->n_meta; i++) {
        if (check_text("meta key", item->meta[i]->key, NAME_BYTES_LIMIT, false, status) ||
            check_text("meta value", item->meta[i]->value, META_BYTES_LIMIT, true, status))
            return STATUS_REFUSED;
        bytes += strlen(item->meta[i]->key) + strlen(item->meta[i]->value);
    }
    if (item->n_meta > META_ENTRIES_LIMIT || bytes > META_BYTES_LIMIT)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the meta has %zu entries of %zu bytes, and the limits are %d and %d",
                             item->n_meta, bytes, META_ENTRIES_LIMIT, META_BYTES_LIMIT);
    return 0;
}

static int check_time(int64_t time_us, Status *status)
{
    if (time_us > EARLIEST_TIME_US && time_us < LATEST_TIME_US)
        return 0;
    return status_refuse(
        status, STATUS_INVALID_ARGUMENT,
        "the time %" PRId64 " is not in the years 1 to 9999; it counts microseconds since 1970", time_us);
}

int check_item(PluginRegistry *plugins, const char *task, const Rpmd__V1__HistoryItem *item, Status *status)
{
    const rpmd_plugin *plugin = plugin_registry_find(plugins, task, status);
    if (!plugin)
        return STATUS_REFUSED;
    if (check_text("id", item->id, NAME_BYTES_LIMIT, true, status) ||
        check_text("query", item->query, PLUGIN_QUERY_LIMIT, false, status) ||
        check_text("response", item->response, PLUGIN_RESPONSE_LIMIT, false, status) ||
        check_time(item->time_us, status) || check_options(item->options, item->n_options, status) ||
        check_meta(item, status))
        return STATUS_REFUSED;
    if (is_blank(item->query) || is_blank(item->response))
        return status_refuse(status, STATUS_INVALID_ARGUMENT, "the %s has nothing but white space",
                             is_blank(item->query) ? "query" : "response");
    if (plugin->answer_kind == RPMD_ANSWER_OPTIONS && item->n_options == 0)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the task %s needs the options that the query offered; give them with the item",
                             task);
    return 0;
}

/* Whether the options fit the task's kind of answers. */
static int check_option_count(const rpmd_plugin *plugin, size_t count, Status *status)
{
    if (plugin->answer_kind == RPMD_ANSWER_OPTIONS && count == 0)
        return status_refuse(
            status, STATUS_INVALID_ARGUMENT,
            "the task %s needs the answers to choose from; give each as an option (--option TEXT)",
            plugin->name);
    if (plugin->answer_kind != RPMD_ANSWER_OPTIONS && count > 0)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the task %s takes no options: its answers are always the same", plugin->name);
    return 0;
}

int check_query(PluginRegistry *plugins, const Rpmd__V1__Query *message, Arena *arena, rpmd_text *query,
                const rpmd_text **options, size_t *option_count, Status *status)
{
    if (!message)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the query is missing; set task, user and text");
    const rpmd_plugin *plugin = plugin_registry_find(plugins, message->task, status);
    if (!plugin || check_user(message->user, status) ||
        check_text("query", message->text, PLUGIN_QUERY_LIMIT, false, status) ||
        check_time(message->time_us, status) || check_options(message->options, message->n_options, status))
        return STATUS_REFUSED;
    LampWrapping wrapping = {0};
    if (plugin->lamp)
        wrapping =
            (LampWrapping){plugin->lamp->input_begin, plugin->lamp->input_end, plugin->lamp->input_options};
    lamp_unwrap(arena, &wrapping, text_of(message->text), query, options, option_count);
    if (query->length == 0)
        return status_refuse(status, STATUS_INVALID_ARGUMENT,
                             "the query is empty; give at least one character");
    /* Options that were given count; those in the text are only cut off. */
    if (message->n_options > 0) {
        rpmd_text *given = ARENA_ARRAY(arena, rpmd_text, message->n_options);
        for (size_t i = 0; i < message->n_options; i++)
            given[i] = text_of(message->options[i]);
        *options = given;
        *option_count = message->n_options;
    } else if (plugin->answer_kind != RPMD_ANSWER_OPTIONS) {
        *option_count = 0;
    }
    return check_option_count(plugin, *option_count, status);
}
