#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The first minute: a private daemon, small histories of two users with opposite tastes, and what rpmd makes of them.
# Needs no account, no model and no network. Leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}

place=$(mktemp -d "${TMPDIR:-/tmp}/rpmd-demo.XXXXXX")
export RPMD_SOCKET=$place/rpmd.sock
mkdir "$place/state"
daemon=
# shellcheck disable=SC2317 # called by the trap
finish() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
    rm -rf "$place"
}
trap finish EXIT

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\033[1m' plain=$'\033[0m'
else
    bold='' plain=''
fi
say() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
show() {
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    "$@"
}
rpmctl() { "$build/rpmctl" "$@"; }

say "Starting rpmd on a private socket, $RPMD_SOCKET"
"$build/rpmd" --socket "$RPMD_SOCKET" --state-dir "$place/state" --plugin-dir "$build/plugins" 2>"$place/log" &
daemon=$!
for _ in $(seq 100); do
    rpmctl status >/dev/null 2>&1 && break
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.05
done
if ! rpmctl status >/dev/null; then
    cat "$place/log" >&2
    exit 1
fi

say 'Importing the histories of four people, for four tasks, and building their models'
for task in movie_tagging product_rating scholarly_title opinion_qa; do
    printf '%-16s ' "$task"
    rpmctl history import --task "$task" "demo/$task.jsonl"
    printf '%-16s ' ''
    rpmctl model build --task "$task" --all 2>/dev/null
done

# compare TASK QUERY [--option X]...: the prompts and the answers of ada and ben.
compare() {
    local task=$1 query=$2
    shift 2
    say "$task: ada and ben are asked about the same query"
    printf '  %s\n' "$query"
    for user in ada ben; do
        say "The reasoning prompt for $user"
        show rpmctl prompt --task "$task" --user "$user" "$@" "$query"
    done
    [ "$task" != scholarly_title ] || return 0
    for user in ada ben; do
        say "The native answer for $user"
        show rpmctl respond --task "$task" --user "$user" "$@" "$query"
    done
}

compare movie_tagging 'An engineer and a robot are alone on a spaceship, and after a year of silence the robot tells her that it has fallen in love.'
compare product_rating 'A sturdy kettle with a beautiful design. It heats quickly, but the lid is a little loose.'
compare opinion_qa 'How much confidence do you have in the national parliament to do what is right?' \
    --option 'A lot of confidence' --option 'Some confidence' --option 'Not too much confidence' --option 'No confidence at all'
compare scholarly_title 'We study how cyclists choose their way home. From 5,000 recorded rides we learn a model that predicts which streets are avoided at night. The model, trained on two cities, predicts the choices in a third city with 79% accuracy.'

say 'Why? The factors, the statistics and the retrieved examples behind one answer'
show rpmctl explain --task movie_tagging --user ada 'An engineer and a robot are alone on a spaceship, and after a year of silence the robot tells her that it has fallen in love.'

say 'Done. The daemon is stopped and its data removed. README.md tells what to try next.'
