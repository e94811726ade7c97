#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 in the middle of appends and imports: what was acknowledged is there. KILL_ROUNDS (default 10) times.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
rounds=${KILL_ROUNDS:-10}
for i in $(seq 20000); do
    printf '{"user":"u%d","id":"i%d","query":"A robot number %d dreams of rain.","response":"sci-fi"}\n' $((i % 50)) "$i" "$i"
done >"$place/many.jsonl"

for round in $(seq "$rounds"); do
    daemon_start || break
    (
        for i in $(seq 1000); do
            rpmctl history append --task movie_tagging --user "r$round" --id "a$i" --query "A boat number $i." --response comedy \
                >/dev/null 2>&1 && echo "a$i" >>"$place/acknowledged.$round"
        done
    ) &
    writer=$!
    rpmctl history import --task movie_tagging "$place/many.jsonl" >/dev/null 2>&1 &
    sleep "0.$((RANDOM % 40 + 5))"
    daemon_kill
    kill "$writer" 2>/dev/null
    wait 2>/dev/null
done
daemon_start
checked=0
for round in $(seq "$rounds"); do
    [ -f "$place/acknowledged.$round" ] || continue
    rpmctl --json history list --task movie_tagging --user "r$round" | jq -r .item.id | sort >"$place/there"
    missing=$(sort "$place/acknowledged.$round" | comm -23 - "$place/there" | wc -l)
    checked=$((checked + $(wc -l <"$place/acknowledged.$round")))
    [ "$missing" -eq 0 ] || fail "round $round lost $missing acknowledged items"
done
[ "$checked" -gt 0 ] || fail 'no append was ever acknowledged: nothing was tested'
expect 0 'accepted' rpmctl history import --task movie_tagging "$place/many.jsonl"
expect 0 '^0 accepted, 20000 unchanged' rpmctl history import --task movie_tagging "$place/many.jsonl"
scenario_end
