#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Pooled counts: a user's share goes and comes exactly, for a user left out, erased, or a task without a pool.
# shellcheck disable=SC1091,SC2034,SC2154 # sourced below: place; read there: daemon_options
. "$(dirname "$0")/scenario.sh"
printf '[method]\nminimum_users = 1\n' >"$place/rpmd.conf"
daemon_options=(--config "$place/rpmd.conf")
daemon_start
task=(--task movie_tagging)
film='Two strangers write love letters to each other on a night train.'
distribution() { rpmctl --json explain "${task[@]}" --user carol "$film" | jq -c .distribution; }
rpmctl history import "${task[@]}" demo/movie_tagging.jsonl >/dev/null || fail import
rpmctl model build "${task[@]}" --all >/dev/null 2>&1 || fail build

with_ben=$(distribution)
expect 0 'version 2' rpmctl model build "${task[@]}" --user ben --pool out
without_ben=$(distribution)
[ "$with_ben" != "$without_ben" ] || fail 'leaving the pool changed nothing for the others'
expect 0 'version 3' rpmctl model build "${task[@]}" --user ben --pool in
expect_equal "$with_ben" "$(distribution)" 'the distribution after coming back into the pool'
expect 2 '--pool takes in or out' rpmctl model build "${task[@]}" --user ben --pool maybe

# An item that comes and goes leaves no trace; a restart reads the same counts.
rpmctl history append "${task[@]}" --user ben --id x --query 'Love letters on a train.' --response romance >/dev/null || fail append
[ "$with_ben" != "$(distribution)" ] || fail 'an appended item changed nothing for the others'
rpmctl history delete "${task[@]}" --user ben --id x >/dev/null || fail delete
expect_equal "$with_ben" "$(distribution)" 'the distribution after an item came and went'
daemon_stop
daemon_start
expect_equal "$with_ben" "$(distribution)" 'the distribution after a restart'
rpmctl user erase --user ben >/dev/null || fail erase
expect_equal "$without_ben" "$(distribution)" 'the distribution after ben was erased'

daemon_stop
printf '[method]\npopulation = off\n' >"$place/rpmd.conf"
daemon_start
[ "$without_ben" != "$(distribution)" ] || fail 'population = off changed nothing'
scenario_end
