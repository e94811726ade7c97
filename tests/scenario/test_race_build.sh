#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A history that grows while its model is being built: nothing of it is missing in the model.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
. tests/scenario/races.sh

daemon_start
import_films ada 8000
rpmctl model build --task movie_tagging --user ada >/dev/null 2>&1
for pause in 0.05 0.2 0.4; do
    before=$(history_items ada)
    rpmctl model build --task movie_tagging --user ada >"$place/built" 2>&1 &
    builder=$!
    sleep "$pause"
    import_films ada 50 "new$pause-"
    expect 0 'accepted|ACCEPTED|added' rpmctl history append --task movie_tagging --user ada --id "one$pause" --query 'A robot dreams.' --response sci-fi
    wait "$builder" || fail "the build failed: $(cat "$place/built")"
    expect_same_items ada $((before + 51)) "after a build with an import and an append $pause s after its beginning"
done
daemon_stop
daemon_start
expect_same_items ada 8153 'after a restart'

# A correction and a deletion beside a build, of users with a model and without.
import_films ben 3000
for what in first second; do
    rpmctl model build --task movie_tagging --user ben >"$place/built" 2>&1 &
    builder=$!
    sleep 0.1
    expect 0 '.' rpmctl history delete --task movie_tagging --user ben --id "i$((${#what} * 10))"
    expect 0 '.' rpmctl history append --task movie_tagging --user ben --id i7 --query "A $what correction." --response comedy
    wait "$builder" || fail "the $what build failed: $(cat "$place/built")"
    expect_equal "A $what correction." "$(rpmctl --json user export --user ben --task movie_tagging | jq -r 'select(.item.item.id == "i7") | .item.item.query')" 'the corrected item'
done
expect_same_items ben 2998 'after deletions'
scenario_end
