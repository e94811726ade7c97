/* SPDX-License-Identifier: MIT */
#pragma once

/* The daemon's command line. */

#include "daemon/config.h"

typedef enum OptionsAction {
    OPTIONS_RUN,
    OPTIONS_CHECK_CONFIG,
    OPTIONS_DONE, /* --help or --version was printed */
    OPTIONS_USAGE /* a wrong command line; the sentence is on standard error */
} OptionsAction;

/*
 * Reads the command line and the configuration file it names over the defaults in *config (the command line
 * wins). STATUS_REFUSED when the file is not right.
 */
int options_read(int argc, char **argv, Config *config, OptionsAction *action, Status *status);
