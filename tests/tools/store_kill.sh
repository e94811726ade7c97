#!/bin/bash
# SPDX-License-Identifier: MIT
# Kills an appending store 50 times (or ROUNDS), and checks that all that it acknowledged is there.
# usage: store_kill.sh PATH-OF-store_kill
set -euo pipefail

tool=${1:?usage: store_kill.sh PATH-OF-store_kill}
rounds=${ROUNDS:-50}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/state"

for ((round = 1; round <= rounds; round++)); do
    "$tool" append "$directory/state" "$round" >>"$directory/acknowledged" &
    child=$!
    sleep "0.0$((RANDOM % 90 + 10))"
    kill -9 "$child"
    wait "$child" 2>/dev/null || true
done
test -s "$directory/acknowledged"
"$tool" verify "$directory/state" <"$directory/acknowledged"
