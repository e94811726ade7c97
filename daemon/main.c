/* SPDX-License-Identifier: MIT */
#include "daemon/daemon.h"
#include "daemon/llm/backend.h"
#include "daemon/log.h"
#include "daemon/options.h"
#include "daemon/stages/prompts.h"

#include <signal.h>
#include <stdio.h>

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* What the settings name: the prompts are right, and the keys are there. */
static int check(const Config *config, Status *status)
{
    Prompts *prompts;
    int r = prompts_read(&prompts, config->prompt_dir, status);
    prompts_free(prompts);
    for (size_t i = 0; i < config->backend_count && r == 0; i++)
        r = backend_check(&config->backends[i], status);
    return r;
}

static int run(int argc, char **argv, Config *config)
{
    OptionsAction action = OPTIONS_RUN;
    Status status = STATUS_INIT;
    int r = options_read(argc, argv, config, &action, &status);
    if (r == 0 && action == OPTIONS_USAGE)
        return EXIT_USAGE;
    if (r == 0 && action == OPTIONS_DONE)
        return EXIT_FINE;
    if (r == 0 && action == OPTIONS_CHECK_CONFIG)
        r = check(config, &status);
    if (r == 0 && action == OPTIONS_CHECK_CONFIG) {
        printf("the settings are right\n");
        return EXIT_FINE;
    }
    if (r == 0) {
        log_configure(config->verbose);
        r = daemon_run(config, &status);
    }
    if (r == 0)
        return EXIT_FINE;
    fprintf(stderr, "rpmd: %s\n",
            status.message[0] ? status.message : "it could not be started; the lines above say where");
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    Config config;
    /* A client that is gone, and a limit on a file's size, show as an error of the write. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    config_init(&config);
    int result = run(argc, argv, &config);
    config_finish(&config);
    return result;
}
