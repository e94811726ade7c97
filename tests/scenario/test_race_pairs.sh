#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every two kinds of change and reading of one user at once, for RACE_SECONDS each: then history and model agree, also
# after a restart.
# shellcheck disable=SC1091,SC2154,SC2034 # sourced below: build, place, state; called by name: the kinds
. "$(dirname "$0")/scenario.sh"
. tests/scenario/races.sh

seconds=${RACE_SECONDS:-0.5}
serial=0
kinds=(append correct import delete build rollback erase export respond)
append() { rpmctl history append --task movie_tagging --user ada --query "A robot dreams of $BASHPID and $((serial += 1))." --response sci-fi; }
correct() { rpmctl history append --task movie_tagging --user ada --id "i$((RANDOM % 100 + 1))" --query "A captain, corrected $RANDOM." --response comedy; }
import() {
    local file=$place/import.$BASHPID
    films ada 20 "n$BASHPID-$((serial += 1))-" >"$file" && rpmctl history import --task movie_tagging "$file"
}
delete() { rpmctl history delete --task movie_tagging --user ada --id "i$((RANDOM % 100 + 1))"; }
build() { rpmctl model build --task movie_tagging --user ada; }
rollback() { rpmctl model rollback --task movie_tagging --user ada; }
erase() { rpmctl user erase --user ada; }
export_() { timeout -s KILL "0.0$((RANDOM % 9 + 1))" rpmctl user export --user ada; }
respond() { timeout -s KILL "0.0$((RANDOM % 9 + 1))" rpmctl respond --task movie_tagging --user ada "A robot asks $RANDOM."; }

daemon_start
for ((a = 0; a < ${#kinds[@]}; a++)); do
    for ((b = a; b < ${#kinds[@]}; b++)); do
        first=${kinds[$a]/export/export_} second=${kinds[$b]/export/export_}
        import_films ada 100
        rpmctl model build --task movie_tagging --user ada >/dev/null 2>&1
        race "$first"
        race "$second"
        sleep "$seconds"
        stop_racing
        expect_alive "$first beside $second" || break 2
        # A user who was erased comes back, so that there is something to compare.
        import_films ada 1 last
        rpmctl model show --task movie_tagging --user ada >/dev/null 2>&1 || rpmctl model build --task movie_tagging --user ada >/dev/null 2>&1
        expect_same_items ada "$(history_items ada)" "$first beside $second"
    done
    daemon_stop
    daemon_start
    expect_same_items ada "$(history_items ada)" "after a restart, ${kinds[$a]}"
done
for kind in "${kinds[@]/export/export_}"; do
    grep -qx "$kind" "$place/raced" || fail "no call of $kind was ever done: nothing was tested"
done
scenario_end
