#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Clients that are killed in the middle of an export, of a list and of an import: the daemon goes on.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
. tests/scenario/races.sh

daemon_start
import_films ada 4000
rpmctl model build --task movie_tagging --user ada >/dev/null 2>&1
for round in $(seq "${RACE_ROUNDS:-60}"); do
    killed_after "0.0$((round % 9 + 1))" rpmctl user export --user ada
    killed_after "0.0$((round % 9 + 1))" rpmctl history list --task movie_tagging --user ada
    killed_after "0.0$((round % 3 + 1))" rpmctl history import --task movie_tagging "$place/films.ada.i"
    expect_alive "after $round killed exports" || break
done
# One that is read slowly and then left, and one that is read to its end.
rpmctl --json user export --user ada 2>/dev/null | (sleep 0.3; head -n 1) >/dev/null
[ -z "$daemon" ] || expect_equal 4000 "$(rpmctl --json user export --user ada | grep -c '"query"')" 'items of a whole export'
expect_equal 0 "$(rpmctl --json status | jq '.callsInFlight - 1')" 'calls that are still in flight'
scenario_end
