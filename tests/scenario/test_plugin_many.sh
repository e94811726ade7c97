#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A directory with many plugins (PLUGIN_COUNT, default 200), each of a task of its own.
# shellcheck disable=SC1091,SC2034,SC2154 # sourced below: build, place, daemon_options
. "$(dirname "$0")/scenario.sh"
count=${PLUGIN_COUNT:-200}
plugins=$place/plugins
mkdir -m 755 "$plugins"
daemon_options=(--plugin-dir "$plugins")
# The fixture's name, replaced in each copy by one of the same length.
for i in $(seq "$count"); do
    LC_ALL=C sed "s/other_fixture/$(printf 'fixture_%05d' "$i")/g" "$build/tests/plugins/other_task.so" >"$plugins/p$i.so"
done
daemon_start
expect_equal "$((count + 4))" "$(rpmctl --json plugin list | jq '[.plugins[].generations[] | select(.state == "PLUGIN_STATE_SERVING")] | length')" 'plugins that serve'
expect_equal "$((count + 4))" "$(pgrep -c -P "$daemon")" 'workers'
for i in 1 "$((count / 2))" "$count"; do
    task=$(printf 'fixture_%05d' "$i")
    printf '{"user":"ada","query":"Is it %d?","response":"%s"}\n' 1 yes 2 no 3 yes >"$place/history.jsonl"
    expect 0 '3 accepted' rpmctl history import --task "$task" "$place/history.jsonl"
    expect 0 '1 models are built' rpmctl model build --task "$task" --all
    expect 0 'first word' rpmctl prompt --task "$task" --user ada 'Is it?'
done
# All of them anew, at once.
kill -HUP "$daemon"
for _ in $(seq 200); do
    [ "$(grep -c 'generation 2: serving' "$place/log")" -eq "$((count + 4))" ] && break
    sleep 0.1
done
expect_equal "$((count + 4))" "$(grep -c 'generation 2: serving' "$place/log")" 'plugins that were loaded anew'
expect_equal "$((count + 4))" "$(rpmctl --json plugin list | jq '[.plugins[].generations[].workerPids[]?] | length')" 'workers after all were loaded anew'
scenario_end
