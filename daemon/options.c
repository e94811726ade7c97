/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define DEFAULT_CONFIG "/etc/rpmd/rpmd.conf"

static const char usage[] =
    "rpmd: the daemon of reasoning-level personalization\n"
    "\n"
    "  rpmd [--config FILE] [--socket PATH] [--state-dir DIR] [--plugin-dir DIR]... [--check-config]\n"
    "       [--version] [--help]\n"
    "\n"
    "  --config FILE     settings (default " DEFAULT_CONFIG " where it exists)\n"
    "  --socket PATH     listen here instead of the configured socket\n"
    "  --state-dir DIR   keep the data here instead of the configured directory\n"
    "  --plugin-dir DIR  load plugins from here instead of the configured directories; repeat it for more\n"
    "  --check-config    say whether the settings are right, and end\n"
    "  --version         the version of rpmd\n"
    "  --help            this text\n"
    "\n"
    "Settings, with their defaults:\n";

static void print_help(void)
{
    _cleanup_buffer_ Buffer settings = BUFFER_INIT;
    config_describe(&settings);
    printf("%s%s", usage, buffer_string(&settings));
}

enum {
    CONFIG = 'c',
    SOCKET = 's',
    STATE_DIR = 'd',
    PLUGIN_DIR = 'p',
    CHECK = 'k',
    VERSION = 'v',
    HELP = 'h'
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, CONFIG},
    {"socket", required_argument, NULL, SOCKET},
    {"state-dir", required_argument, NULL, STATE_DIR},
    {"plugin-dir", required_argument, NULL, PLUGIN_DIR},
    {"check-config", no_argument, NULL, CHECK},
    {"version", no_argument, NULL, VERSION},
    {"help", no_argument, NULL, HELP},
    {0},
};

static int next_option(int argc, char **argv)
{
    return getopt_long(argc, argv, "h", long_options, NULL);
}

/* What is to be done, and which file holds the settings. */
static OptionsAction find_action(int argc, char **argv, const char **file)
{
    OptionsAction action = OPTIONS_RUN;
    int option = 0;
    optind = 1;
    while ((option = next_option(argc, argv)) != -1) {
        if (option == '?')
            return OPTIONS_USAGE;
        if (option == CONFIG)
            *file = optarg;
        else if (option == CHECK)
            action = OPTIONS_CHECK_CONFIG;
        else if (option == VERSION || option == HELP) {
            option == HELP ? print_help() : (void)printf("rpmd %s\n", RPMD_VERSION);
            return OPTIONS_DONE;
        }
    }
    if (optind == argc)
        return action;
    fprintf(stderr, "rpmd: '%s' is not an option; see rpmd --help\n", argv[optind]);
    return OPTIONS_USAGE;
}

/* Puts the command line's settings over those of the file. */
static void apply(int argc, char **argv, Config *config)
{
    bool first_plugin_dir = true;
    int option = 0;
    optind = 1;
    while ((option = next_option(argc, argv)) != -1) {
        if (option == SOCKET)
            config_set_string(&config->socket, optarg);
        if (option == STATE_DIR)
            config_set_string(&config->state_dir, optarg);
        if (option != PLUGIN_DIR)
            continue;
        if (first_plugin_dir)
            config_clear_plugin_dirs(config);
        first_plugin_dir = false;
        config_add_plugin_dir(config, optarg);
    }
}

int options_read(int argc, char **argv, Config *config, OptionsAction *action, Status *status)
{
    const char *file = access(DEFAULT_CONFIG, F_OK) == 0 ? DEFAULT_CONFIG : NULL;
    *action = find_action(argc, argv, &file);
    if (*action == OPTIONS_DONE || *action == OPTIONS_USAGE)
        return 0;
    if (file && config_read(config, file, status))
        return STATUS_REFUSED;
    apply(argc, argv, config);
    return 0;
}
