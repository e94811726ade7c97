# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2154 # place, daemon: scenario.sh
# What scenarios with several clients at once share. Sourced after scenario.sh.

# films USER COUNT [PREFIX]: JSON lines of synthetic items of about 240 bytes, with ids PREFIX1, PREFIX2, ...
films() {
    awk -v user="$1" -v count="$2" -v prefix="${3:-i}" 'BEGIN {
        split("robot captain detective orchestra vampire astronaut soldier painter gambler teacher", who)
        split("station harbour castle desert theatre prison village circus", where)
        split("sci-fi,comedy,classic,fantasy,dystopia,action", tag, ",")
        for (n = 1; n <= count; n++)
            printf "{\"user\":\"%s\",\"id\":\"%s%d\",\"query\":\"A %s leaves the %s behind after a quarrel with the %s of the %s, " \
                   "and travels for %d days through rain and snow until a stranger offers work on the night shift of an " \
                   "old factory by the river, where nothing is what it seems.\",\"response\":\"%s\"}\n",
                   user, prefix, n, who[n % 10 + 1], where[n % 8 + 1], who[int(n / 10) % 10 + 1], where[int(n / 8) % 8 + 1], n,
                   tag[(n % 10 + n % 8) % 6 + 1]
    }'
}

# import_films USER COUNT [PREFIX]
import_films() {
    films "$@" >"$place/films.$1.${3:-i}"
    rpmctl history import --task movie_tagging "$place/films.$1.${3:-i}" >/dev/null 2>&1 ||
        fail "films of $1 could not be imported"
}

history_items() { rpmctl --json history list --task movie_tagging --user "$1" | grep -c '"query"'; }
model_items() { rpmctl --json model show --task movie_tagging --user "$1" | jq -r .items; }

# expect_alive WHAT: the daemon is there, and answers.
expect_alive() {
    kill -0 "$daemon" 2>/dev/null && timeout 20 rpmctl status >/dev/null 2>&1 && return 0
    fail "the daemon is gone or does not answer: $1"
    return 1
}

# expect_same_items USER COUNT WHAT: the history and the model have so many items.
expect_same_items() { expect_equal "$2 $2" "$(history_items "$1") $(model_items "$1")" "items of the history and of the model, $3"; }

# Calls COMMAND... in the background until stop_racing; $place/raced gets a line for each that was done.
racers=()
race() {
    (
        trap 'exit 0' TERM
        while :; do "$@" >/dev/null 2>&1 && echo "$1" >>"$place/raced"; done
    ) &
    racers+=($!)
}
stop_racing() {
    kill -TERM "${racers[@]}" 2>/dev/null
    wait "${racers[@]}" 2>/dev/null
    racers=()
}

# killed_after SECONDS COMMAND...: a client that goes without a word.
killed_after() { { timeout -s KILL "$@" >/dev/null; } 2>/dev/null; }
