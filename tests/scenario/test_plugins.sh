#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Plugins of a running daemon: listed, checked, loaded, unloaded, reloaded, and refused in words.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place
. "$(dirname "$0")/scenario.sh"
daemon_start
cp "$build/tests/plugins/good.so" "$place/good.so"

expect 0 '^movie_tagging  ' rpmctl plugin list
expect 0 'self-test  ok' rpmctl plugin check "$place/good.so"
expect 0 'generation 1: SERVING' rpmctl plugin load "$place/good.so"
expect 1 'ALREADY_EXISTS' rpmctl plugin load "$place/good.so"
task=$(rpmctl --json plugin list | jq -r '.plugins[] | select(.file | endswith("/good.so")).name')
[ -n "$task" ] || fail 'the loaded plugin is not listed'
expect 0 'generation 2: SERVING' rpmctl plugin reload "$task"
expect 0 'is unloaded; its histories and models are kept' rpmctl plugin unload "$task"
expect 1 "NOT_FOUND: .*movie_tagging, opinion_qa, product_rating, scholarly_title" rpmctl plugin unload "$task"
expect 1 'NOT_FOUND' rpmctl prompt --task "$task" --user u text

expect 1 'cannot be opened: No such file' rpmctl plugin load "$place/missing.so"
printf 'no plugin' >"$place/text.so"
expect 1 'ELF' rpmctl plugin load "$place/text.so"
expect 1 'ABI' rpmctl plugin load "$build/tests/plugins/wrong_major.so"
expect 1 'self.test' rpmctl plugin load "$build/tests/plugins/self_test_fails.so"
cp "$place/good.so" "$place/writable.so"
chmod 666 "$place/writable.so"
expect 1 'writ' rpmctl plugin check "$place/writable.so"
expect 0 'generation 1: SERVING' rpmctl plugin load "$place/good.so"
scenario_end
