#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Callers who leave before their turn cost nothing, and a reply that comes after its user was erased is kept nowhere.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
. tests/scenario/llm.sh
. tests/scenario/races.sh
trap 'llm_stop; scenario_cleanup' EXIT

llm_start <<<'[{"skill": "any"}]'
llm_config 'respond = scripted' 'retry_seconds = 1'
daemon_start
import_films ada 8000
rpmctl model build --task movie_tagging --user ada >/dev/null 2>&1

# Callers of respond who are killed while the user's history is worked at, after a cold start and an import.
for round in 1 2 3; do
    daemon_stop
    daemon_start
    llm_script <<<'[{"skill": "any"}]'
    import_films ada 2000 "more$round-"
    rpmctl model build --task movie_tagging --user ada >/dev/null 2>&1 &
    builder=$!
    sleep 0.05
    callers=()
    for n in 1 2 3 4 5 6 7 8; do
        rpmctl respond --task movie_tagging --user ada "A robot of round $round asks question $n." >/dev/null 2>&1 &
        callers+=($!)
    done
    sleep 0.05
    kill -KILL "${callers[@]}"
    wait "${callers[@]}" 2>/dev/null
    sleep 0.05 # the daemon sees that they left
    asked=$(llm_requests)
    wait "$builder" || fail 'the build failed'
    sleep 0.3
    expect_equal "$asked" "$(llm_requests)" "requests after their callers had left, round $round"
done
expect_equal 0 "$(rpmctl --json status | jq '.backends[0].active')" 'calls of the LLM that are at work'

# A respond is in flight; its user is erased, and comes back; the LLM ends. Nothing of the old history stays.
import_films eve 20
printf '{"user":"eve","query":"A zyzzyva eats the palimpsest of a robot.","response":"sci-fi"}\n' >"$place/eve.jsonl"
rpmctl history import --task movie_tagging "$place/eve.jsonl" >/dev/null 2>&1
rpmctl model build --task movie_tagging --user eve >/dev/null 2>&1
llm_script <<<'[{"delay": 1, "pause": 0.05, "text": "Reasoning: The zyzzyva and the palimpsest of the past say so.\nTag: sci-fi"}]'
rpmctl respond --task movie_tagging --user eve 'Another zyzzyva eats a palimpsest.' >/dev/null 2>&1 &
caller=$!
for _ in $(seq 100); do [ "$(llm_requests)" -gt 0 ] && break; sleep 0.02; done
expect_equal 1 "$(llm_requests)" 'requests for eve'
expect 0 'erased' rpmctl user erase --user eve
expect 0 '.' rpmctl history append --task movie_tagging --user eve --query 'A robot dreams.' --response sci-fi
wait "$caller"
for _ in $(seq 200); do
    rpmctl --json status | jq -e '(.lastErasure // "0") == (.erasuresFinished // "0")' >/dev/null && break
    sleep 0.05
done
sleep 0.3
for word in zyzzyva palimpsest; do
    grep -qa "$word" "$state"/rpmd.db* && fail "'$word' of the erased history is in the files"
    rpmctl --json user export --user eve | grep -q "$word" && fail "'$word' is exported of the new user"
done
expect_equal 1 "$(history_items eve)" 'items of the new user'
expect_equal '0' "$(rpmctl --json usage --user eve | jq '[.rows[].calls | tonumber] | add // 0')" 'calls that are accounted to the new user'
scenario_end
