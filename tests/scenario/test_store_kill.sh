#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 of a program that only appends to the store, 50 times: what was acknowledged is there.
# shellcheck disable=SC1091,SC2154 # sourced below: build
. "$(dirname "$0")/scenario.sh"
expect 0 ', 0 missing' tests/tools/store_kill.sh "$build/tests/tools/store_kill"
scenario_end
