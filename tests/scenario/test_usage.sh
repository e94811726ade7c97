#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Command lines: exit statuses and sentences of rpmctl and rpmd, with and without a daemon.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"

expect 0 'Commands' rpmctl --help
expect 0 '^rpmctl [0-9]' rpmctl --version
expect 0 'history import --task T' rpmctl history import --help
expect 2 'which command' rpmctl
expect 2 "there is no command 'dance'" rpmctl dance
expect 2 'plugin what\? There are: list, load, unload, reload, watch, check, new' rpmctl plugin
expect 2 'prompt needs --task T --user U' rpmctl prompt
expect 2 'there is no option --colour here' rpmctl status --colour
expect 2 '--task needs a value' rpmctl model show --task
expect 2 '--limit takes a whole number' rpmctl history list --task t --limit many
expect 2 'put a text of several words in quotes' rpmctl prompt --task t --user u two words
expect 2 'either --user U or --all' rpmctl model build --task t
expect 1 'UNAVAILABLE: .*rpmd' rpmctl status
expect 1 'UNIMPLEMENTED' rpmctl eval --task t --data d

expect 0 'Settings, with their defaults' "$build/rpmd" --help
expect 0 '^rpmd [0-9]' "$build/rpmd" --version
expect 2 "'x' is not an option" "$build/rpmd" x
expect 2 'unrecognized option' "$build/rpmd" --nonsense
printf '[daemon]\nsokcet = /x\n' >"$place/wrong.conf"
expect 1 "line 2: \[daemon\] has no key 'sokcet'" "$build/rpmd" --config "$place/wrong.conf" --check-config
printf '[method]\nexamples = 5\n' >"$place/right.conf"
expect 0 'right' "$build/rpmd" --config "$place/right.conf" --check-config
expect 1 'is too long: at most 107 bytes' "$build/rpmd" --state-dir "$state" --socket "/tmp/$(printf 'x%.0s' {1..120})"
scenario_end
