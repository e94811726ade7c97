#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A model's life: build, append, correct, delete, versions, rollback, restart, erase.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
daemon_start
task=(--task movie_tagging --user ada)

expect 1 'NOT_FOUND' rpmctl model show "${task[@]}"
expect 0 '34 accepted' rpmctl history import --task movie_tagging demo/movie_tagging.jsonl
expect 1 'FAILED_PRECONDITION: .*build' rpmctl prompt "${task[@]}" 'A robot dreams.'
expect 0 '^4 models are built, 0 failed' rpmctl model build --task movie_tagging --all
expect 0 'Version 1: 12 items' rpmctl model show "${task[@]}"

expect 0 'new accepted; the model is at version 2' rpmctl history append "${task[@]}" --id new --query 'A robot learns to sail.' --response sci-fi
expect 0 'new unchanged' rpmctl history append "${task[@]}" --id new --query 'A robot learns to sail.' --response sci-fi
expect 0 'Version 2: 13 items' rpmctl model show "${task[@]}"
expect 0 'new replaced; the model is at version 3' rpmctl history append "${task[@]}" --id new --query 'A robot learns to sail.' --response Comedy
expect_equal comedy "$(rpmctl --json history list "${task[@]}" | jq -r 'select(.item.id == "new").item.response' | tr '[:upper:]' '[:lower:]')" 'the corrected response'
expect 1 'INVALID_ARGUMENT: .*tag' rpmctl history append "${task[@]}" --id odd --query 'A robot.' --response 'not a tag'
expect 0 'new is deleted; the model is at version 4' rpmctl history delete "${task[@]}" --id new
expect 1 'NOT_FOUND: .*new' rpmctl history delete "${task[@]}" --id new
expect 0 'Version 4: 12 items' rpmctl model show "${task[@]}"
expect 0 '^\* +4 .*delete.* \(current\)$' rpmctl model versions "${task[@]}"
expect 0 'Version 5 is current' rpmctl model rollback "${task[@]}" --version 1
expect 0 'rollback to 1' rpmctl model versions "${task[@]}"
expect 1 'NOT_FOUND' rpmctl model rollback "${task[@]}" --version 77

before=$(rpmctl --json model show "${task[@]}" | jq -S .)
prompt_before=$(rpmctl prompt "${task[@]}" 'A robot and a pianist share a train.')
daemon_stop
daemon_start
expect_equal "$before" "$(rpmctl --json model show "${task[@]}" | jq -S .)" 'the model after a restart'
expect_equal "$prompt_before" "$(rpmctl prompt "${task[@]}" 'A robot and a pianist share a train.')" 'the prompt after a restart'

# An import behind a model's back: the next request sees it.
printf '{"user":"ada","id":"later","query":"A dragon opens a bakery.","response":"fantasy"}\n' >"$place/later.jsonl"
expect 0 '^1 accepted' rpmctl history import --task movie_tagging "$place/later.jsonl"
expect 0 '13 items' rpmctl model show "${task[@]}"

expect 0 '"item"' rpmctl user export --user ada
expect 0 'ada is erased: 13 items' rpmctl user erase --user ada
expect 1 'NOT_FOUND' rpmctl model show "${task[@]}"
expect 1 'NOT_FOUND' rpmctl user erase --user ada
daemon_stop
grep -rqa 'astronaut stranded on the moon' "$state" && fail 'an erased text is still in the state directory'
scenario_end
