#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Under systemd-socket-activate: the inherited socket serves, and is still there after the daemon ended.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
command -v systemd-socket-activate >/dev/null || {
    echo 'systemd-socket-activate is not installed (package systemd)'
    exit 77
}
systemd-socket-activate --listen="$RPMD_SOCKET" "$build/rpmd" --state-dir "$state" --plugin-dir "$build/plugins" 2>"$place/log" &
daemon=$!
for _ in $(seq 100); do
    [ -S "$RPMD_SOCKET" ] && break
    sleep 0.05
done
expect 0 "rpmd [0-9].*process $daemon" rpmctl status
expect 0 '34 accepted' rpmctl history import --task movie_tagging demo/movie_tagging.jsonl
daemon_stop
[ -S "$RPMD_SOCKET" ] || fail 'the inherited socket was removed'
for unit in systemd/rpmd.service systemd/rpmd.socket; do
    sed "s|@PREFIX@/sbin/rpmd|$build/rpmd|" "$unit" >"$place/$(basename "$unit")"
done
output=$(systemd-analyze verify --man=no "$place/rpmd.service" "$place/rpmd.socket" 2>&1 | grep -v "Failed to .*bus\|rpmd.*User.*not found")
[ -z "$output" ] || fail "systemd-analyze verify: $output"
scenario_end
