#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What can be wrong with the state directory: one clear sentence each, and nothing lost.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
rpmd=("$build/rpmd" --plugin-dir "$build/plugins" --socket "$place/other.sock")

daemon_start
rpmctl history import --task movie_tagging demo/movie_tagging.jsonl >/dev/null
expect 1 'another|already|in use' "${rpmd[@]}" --state-dir "$state"
expect 1 'another daemon listens on' "$build/rpmd" --plugin-dir "$build/plugins" --socket "$RPMD_SOCKET" --state-dir "$place/state2"
daemon_stop

expect 1 'rpmd: .*nowhere' "${rpmd[@]}" --state-dir /nowhere/at/all
touch "$place/file"
expect 1 'rpmd: .*file' "${rpmd[@]}" --state-dir "$place/file"
expect 1 'rpmd: .*proc' "${rpmd[@]}" --state-dir /proc/self/fd

cp -r "$state" "$place/newer"
# The schema version is SQLite's user_version: four bytes at offset 60 of the file's header.
printf '\0\0\047\017' | dd of="$place/newer/rpmd.db" bs=1 seek=60 conv=notrunc status=none
expect 1 'newer' "${rpmd[@]}" --state-dir "$place/newer"
cp -r "$state" "$place/damaged"
printf 'this is not a database, and long enough to be seen as one' >"$place/damaged/rpmd.db"
expect 1 'damaged|not a database' "${rpmd[@]}" --state-dir "$place/damaged"

# A socket that a killed daemon left behind is no obstacle.
daemon_start
daemon_kill
[ -S "$RPMD_SOCKET" ] || fail 'the killed daemon left no socket to test with'
daemon_start
expect 0 '^ada +12 items' rpmctl history list --task movie_tagging

# A limit on the size of a file is met as a full disk is: with a sentence, and by a daemon that goes on.
for i in $(seq 3000); do
    printf '{"user":"u","id":"%d","query":"%0400d robots","response":"comedy"}\n' "$i" "$i"
done >"$place/long.jsonl"
prlimit --pid "$daemon" --fsize=1000000:unlimited
expect 1 'Check the disk' rpmctl history import --task movie_tagging "$place/long.jsonl"
expect 0 '^ada +12 items' rpmctl history list --task movie_tagging
prlimit --pid "$daemon" --fsize=unlimited
expect 0 '' rpmctl history import --task movie_tagging "$place/long.jsonl"
expect 0 '^u +3000 items' rpmctl history list --task movie_tagging
scenario_end
