#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The demo runs to its end and shows two different prompts and answers.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
unset RPMD_SOCKET
expect 0 'Done\. The daemon is stopped' demo/run.sh
scenario_end
