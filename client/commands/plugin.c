/* SPDX-License-Identifier: MIT */
#include "client/command.h"

#include "client/commands/tables.h"
#include "lib/base/memory.h"
#include "rpmd/v1/plugins.pb-c.h"

#include <stdio.h>

static const char *answer_kind_name(Rpmd__V1__AnswerKind kind)
{
    switch (kind) {
    case RPMD__V1__ANSWER_KIND__ANSWER_KIND_LABELS:
        return "labels";
    case RPMD__V1__ANSWER_KIND__ANSWER_KIND_ORDINAL:
        return "a range";
    case RPMD__V1__ANSWER_KIND__ANSWER_KIND_OPTIONS:
        return "options";
    case RPMD__V1__ANSWER_KIND__ANSWER_KIND_TEXT:
        return "text";
    default:
        return "?";
    }
}

static const char *state_name(Rpmd__V1__PluginState state)
{
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&rpmd__v1__plugin_state__descriptor, (int)state);
    return value ? value->name + strlen("PLUGIN_STATE_") : "?";
}

static void print_generation(const Rpmd__V1__PluginGeneration *generation)
{
    printf("  generation %lu: %s, version %s, sha256 %.12s, %lu calls (%lu failed, %u in flight)\n",
           (unsigned long)generation->generation, state_name(generation->state), generation->version,
           generation->sha256, (unsigned long)generation->calls_total,
           (unsigned long)generation->calls_failed, generation->calls_in_flight);
    if (generation->n_worker_pids > 0) {
        printf("    worker");
        for (size_t i = 0; i < generation->n_worker_pids; i++)
            printf(" %u", generation->worker_pids[i]);
        printf(", %.1f MB\n", (double)generation->worker_memory_bytes / 1e6);
    }
    if (generation->worker_restarts > 0)
        printf("    %lu workers were replaced\n", (unsigned long)generation->worker_restarts);
    if (generation->state == RPMD__V1__PLUGIN_STATE__PLUGIN_STATE_DRAINING)
        printf("    held by %u calls that are not done\n", generation->calls_in_flight);
    if (generation->out_of_service[0])
        printf("    %s\n", generation->out_of_service);
    else if (generation->last_error[0])
        printf("    last error: %s\n", generation->last_error);
}

static void print_plugin(Session *session, const Rpmd__V1__Plugin *plugin)
{
    const Terminal *terminal = &session->terminal;
    printf("%s%s%s  %s\n", terminal_bold(terminal), plugin->name, terminal_reset(terminal),
           plugin->description);
    printf("  answers %s, ABI %u.%u, %s\n", answer_kind_name(plugin->answer_kind), plugin->abi_major,
           plugin->abi_minor, plugin->file);
    for (size_t i = 0; i < plugin->n_generations; i++)
        print_generation(plugin->generations[i]);
}

int command_plugin_list(Session *session, const Arguments *arguments)
{
    (void)arguments;
    Rpmd__V1__ListPluginsRequest request = RPMD__V1__LIST_PLUGINS_REQUEST__INIT;
    Rpmd__V1__ListPluginsResponse *response = NULL;
    if (session_call(session, "/rpmd.v1.Plugins/List", &request.base,
                     &rpmd__v1__list_plugins_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base)) {
        for (size_t i = 0; i < response->n_plugins; i++)
            print_plugin(session, response->plugins[i]);
        if (response->n_plugins == 0)
            printf("No plugin is loaded: put one into a plugin directory, or `rpmctl plugin load FILE`.\n");
        for (size_t i = 0; i < response->n_refused; i++)
            printf("refused %s: %s\n", response->refused[i]->file, response->refused[i]->reason);
    }
    rpmd__v1__list_plugins_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

int command_plugin_load(Session *session, const Arguments *arguments)
{
    Rpmd__V1__LoadPluginRequest request = RPMD__V1__LOAD_PLUGIN_REQUEST__INIT;
    Rpmd__V1__LoadPluginResponse *response = NULL;
    /* The daemon has another working directory. */
    _cleanup_free_ char *path = realpath(arguments->words[0], NULL);
    request.file = path ? path : arguments->words[0];
    if (session_call(session, "/rpmd.v1.Plugins/Load", &request.base,
                     &rpmd__v1__load_plugin_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base) && response->plugin)
        print_plugin(session, response->plugin);
    rpmd__v1__load_plugin_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

int command_plugin_unload(Session *session, const Arguments *arguments)
{
    Rpmd__V1__UnloadPluginRequest request = RPMD__V1__UNLOAD_PLUGIN_REQUEST__INIT;
    Rpmd__V1__UnloadPluginResponse *response = NULL;
    request.name = arguments->words[0];
    if (session_call(session, "/rpmd.v1.Plugins/Unload", &request.base,
                     &rpmd__v1__unload_plugin_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base))
        printf("%s is unloaded; its histories and models are kept.\n", request.name);
    rpmd__v1__unload_plugin_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

int command_plugin_reload(Session *session, const Arguments *arguments)
{
    Rpmd__V1__ReloadPluginRequest request = RPMD__V1__RELOAD_PLUGIN_REQUEST__INIT;
    Rpmd__V1__ReloadPluginResponse *response = NULL;
    request.name = arguments->words[0];
    if (session_call(session, "/rpmd.v1.Plugins/Reload", &request.base,
                     &rpmd__v1__reload_plugin_response__descriptor, &response))
        return EXIT_REFUSED;
    if (!session_print_json(session, &response->base) && response->plugin)
        print_plugin(session, response->plugin);
    rpmd__v1__reload_plugin_response__free_unpacked(response, NULL);
    return EXIT_DONE;
}

static void print_event(Session *session, const ProtobufCMessage *message, void *userdata)
{
    (void)userdata;
    const Rpmd__V1__PluginEvent *event = (const Rpmd__V1__PluginEvent *)message;
    if (session_print_json(session, message))
        return;
    char time[TABLE_TIME_SIZE];
    table_format_time(event->time_us, time);
    printf("%s  %s", time, event->name);
    if (event->generation > 0)
        printf(", generation %lu", (unsigned long)event->generation);
    printf(": %s: %s\n", state_name(event->to), event->reason);
    fflush(stdout);
}

int command_plugin_watch(Session *session, const Arguments *arguments)
{
    (void)arguments;
    Rpmd__V1__WatchPluginsRequest request = RPMD__V1__WATCH_PLUGINS_REQUEST__INIT;
    return session_stream(session, "/rpmd.v1.Plugins/Watch", &request.base,
                          &rpmd__v1__plugin_event__descriptor, print_event, NULL)
               ? EXIT_REFUSED
               : EXIT_DONE;
}
