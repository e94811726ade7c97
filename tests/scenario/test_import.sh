#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Imports: idempotent, correctable, and nothing is dropped silently.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
daemon_start

expect 0 '^34 accepted, 0 unchanged, 0 replaced, 0 rejected; 4 users$' rpmctl history import --task movie_tagging demo/movie_tagging.jsonl
expect 0 '^0 accepted, 34 unchanged, 0 replaced, 0 rejected; 4 users$' rpmctl history import --task movie_tagging demo/movie_tagging.jsonl
sed 's/"response": "sci-fi"/"response": "romance"/' demo/movie_tagging.jsonl | head -n 1 >"$place/correction.jsonl"
expect 0 '^0 accepted, 0 unchanged, 1 replaced, 0 rejected; 1 users$' rpmctl history import --task movie_tagging "$place/correction.jsonl"
expect 0 'ada-1' rpmctl history list --task movie_tagging --user ada
expect 0 '^ada +12 items' rpmctl history list --task movie_tagging

cat >"$place/mixed.jsonl" <<'LINES'
{"user":"eve","query":"A robot dreams.","response":"sci-fi"}
{"user":"eve","query":"A robot dreams.","response":"sci-fi"}
this is not JSON
{"user":"eve","query":"","response":"sci-fi"}
{"user":"eve","query":"A duck sings."}
{"user":"","query":"A duck sings.","response":"comedy"}
LINES
expect 0 '^1 accepted, 1 unchanged, 0 replaced, 4 rejected' rpmctl history import --task movie_tagging "$place/mixed.jsonl"
expect 0 'rejected: line 3: not JSON' rpmctl history import --task movie_tagging "$place/mixed.jsonl"
expect 0 'rejected: line 4, user eve: .*query' rpmctl history import --task movie_tagging "$place/mixed.jsonl"
expect 0 'rejected: line 5, user eve: "response" is missing' rpmctl history import --task movie_tagging "$place/mixed.jsonl"
expect 0 'rejected: line 6: .*user' rpmctl history import --task movie_tagging "$place/mixed.jsonl"
rejected=$(rpmctl --json history import --task movie_tagging "$place/mixed.jsonl" | jq -r .rejected)
expect_equal 4 "$rejected" 'rejected in --json'

cat >"$place/lamp.json" <<'LAMP'
[{"id":"1","user_id":"lea","input":"x","profile":[
  {"id":"a","description":"A detective hunts a killer.","tag":"violence"},
  {"id":"b","description":"Two clowns steal a circus.","tag":"comedy"}]},
 {"id":"2","user_id":"lea","input":"y","profile":[
  {"id":"a","description":"A detective hunts a killer.","tag":"violence"},
  {"id":"b","description":"Two clowns steal a circus.","tag":"comedy"}]}]
LAMP
expect 0 '^2 accepted, 0 unchanged, 0 replaced, 0 rejected; 1 users$' rpmctl history import --task movie_tagging --format lamp "$place/lamp.json"
expect 0 '^0 accepted, 2 unchanged' rpmctl history import --task movie_tagging "$place/lamp.json"

expect 1 'NOT_FOUND: .*movie_tagging' rpmctl history import --task nonsense "$place/lamp.json"
expect 1 'NOT_FOUND: .*cannot be read' rpmctl history import --task movie_tagging "$place/missing.json"
expect 1 'INVALID_ARGUMENT: the file is not JSON' rpmctl history import --task movie_tagging --format lamp "$place/mixed.jsonl"
expect 2 '--format takes auto, lamp or jsonl' rpmctl history import --task movie_tagging --format xml "$place/lamp.json"
scenario_end
