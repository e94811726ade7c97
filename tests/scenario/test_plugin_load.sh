#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Plugins that are replaced, crash and are killed under a steady load. LOAD_SECONDS: how long they are replaced.
# shellcheck disable=SC1091,SC2034,SC2154 # sourced below: build, place, daemon_options
. "$(dirname "$0")/scenario.sh"
fixtures=$build/tests/plugins
seconds=5
plugins=$place/plugins
mkdir -m 755 "$plugins"
daemon_options=(--plugin-dir "$plugins")
load() { "$build/tests/tools/load" "$RPMD_SOCKET" fixture ada "$seconds" 16; }
memory() { awk '/VmRSS/ {print $2}' "/proc/$daemon/status"; }
descriptors() { find "/proc/$daemon/fd" -type l | wc -l; }
generations() { rpmctl --json plugin list | jq '[.plugins[].generations[] | select(.state == "PLUGIN_STATE_SERVING" or .state == "PLUGIN_STATE_DRAINING")] | length'; }
workers() { pgrep -c -P "$daemon" || true; }

install -m 644 "$fixtures/good.so" "$plugins/f.so"
daemon_start
printf '{"user":"ada","query":"Is it %d?","response":"%s"}\n' 1 yes 2 no 3 yes >"$place/history.jsonl"
expect 0 '3 accepted' rpmctl history import --task fixture "$place/history.jsonl"
expect 0 '1 models are built' rpmctl model build --task fixture --all

# A reload every 100 ms: no call fails, and nothing is left behind.
load >/dev/null
memory_before=$(memory)
descriptors_before=$(descriptors)
seconds=${LOAD_SECONDS:-10}
load >"$place/result" &
loader=$!
reloads=0
while kill -0 "$loader" 2>/dev/null; do
    install -m 644 "$fixtures/good$([ $((reloads % 2)) -eq 0 ] && echo _v2).so" "$place/new.so"
    mv "$place/new.so" "$plugins/f.so"
    rpmctl plugin reload fixture >/dev/null || fail "reload $reloads"
    reloads=$((reloads + 1))
    sleep 0.1
done
expect 0 ' 0 of [0-9]+ tenth failed, 0 of [0-9]+ others failed' cat "$place/result"
[ "$reloads" -ge $((seconds * 3)) ] || fail "only $reloads reloads in $seconds seconds"
sleep 0.5
expect_equal 5 "$(generations)" 'generations that serve or drain: four tasks and the fixture'
expect_equal "$(rpmctl --json plugin list | jq '[.plugins[].generations[].workerPids[]?] | length')" "$(workers)" 'worker processes: those of the list and no other'
# Each worker beyond the first of a plugin has one.
[ "$(descriptors)" -le $((descriptors_before + 3)) ] || fail "$(descriptors) descriptors after the reloads, $descriptors_before before"
[ "$(memory)" -le $((memory_before + memory_before / 5 + 2048)) ] || fail "memory grew from $memory_before to $(memory) KiB"
expect_equal 1 "$(find "$state/plugins" -name '*.so' -newer "$place/history.jsonl" | wc -l)" 'private copies made since'

seconds=5

# Workers that are killed at random cost at most the calls that they had.
load >"$place/result" &
loader=$!
kills=0
while kill -0 "$loader" 2>/dev/null; do
    victim=$(rpmctl --json plugin list | jq '.plugins[] | select(.name == "fixture") | .generations[0].workerPids[0] // empty')
    [ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null && kills=$((kills + 1))
    sleep 0.2
done
failed=$(awk '{print $3 + $9}' "$place/result" | head -n 1)
[ "$kills" -ge "$seconds" ] || fail "only $kills workers were killed"
[ "$failed" -le "$kills" ] || fail "$kills workers were killed, and $failed calls failed: $(cat "$place/result")"

# A crash for every tenth query: exactly those fail.
install -m 644 "$fixtures/crashes_each_tenth.so" "$place/new.so"
mv "$place/new.so" "$plugins/f.so"
expect 0 'SERVING' rpmctl plugin reload fixture
load >"$place/result"
expect 0 ' 0 of [0-9]+ others failed' cat "$place/result"
expect 0 '^[0-9]+ calls, ([0-9]+) of \1 tenth failed' cat "$place/result"
expect 0 'last error: plugin fixture crashed in extract \(SIGSEGV\)' rpmctl plugin list
expect 1 'INTERNAL: plugin fixture crashed in extract \(SIGSEGV\); its worker is replaced' rpmctl prompt --task fixture --user ada 'item 10'

# The end of the daemon is the end of its workers, however it comes.
pids=$(pgrep -P "$daemon" | paste -sd' ')
daemon_kill
sleep 0.3
for pid in $pids; do
    [ ! -e "/proc/$pid" ] || grep -q '^State:.*Z' "/proc/$pid/status" || fail "worker $pid outlived the daemon"
done
scenario_end
