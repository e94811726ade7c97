#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same query, answered by a real LLM for two users with opposite tastes. Downloads a server and a small model (some
# 200 MB, into the build folder); needs no account. MODEL=FILE.gguf takes a better one.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
. tests/llm/real_server.sh

place=$(mktemp -d "${TMPDIR:-/tmp}/rpmd-demo.XXXXXX")
export RPMD_SOCKET=$place/rpmd.sock
mkdir "$place/state"
daemon=
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
    real_llm_stop || true
    rm -rf "$place"
}
trap finish EXIT
say() { printf '\n%s\n' "$1"; }
rpmctl() { "$build/rpmctl" "$@"; }

real_llm_install "$build/llm"
llm_model=${MODEL:-$llm_model}
say "Starting the LLM server with $(basename "$llm_model"), and rpmd"
real_llm_start "$place/llm.log"
printf '[method]\nrespond = local\n[backend local]\nbase_url = http://127.0.0.1:%s/v1\nmodel = local\nmax_tokens = 160\nretry_seconds = 120\nfirst_seconds = 300\ntotal_seconds = 600\n' "$llm_port" >"$place/rpmd.conf"
"$build/rpmd" --config "$place/rpmd.conf" --socket "$RPMD_SOCKET" --state-dir "$place/state" --plugin-dir "$build/plugins" 2>"$place/log" &
daemon=$!
for _ in $(seq 100); do
    rpmctl status >/dev/null 2>&1 && break
    sleep 0.05
done
rpmctl llm check || true

say "Two people's histories"
rpmctl history import --task product_rating demo/product_rating.jsonl
rpmctl model build --task product_rating --all

review='The battery lasts two days, but the case feels cheap and the manual is useless.'
for user in ada ben; do
    say "How does $user rate this? \"$review\""
    rpmctl respond --task product_rating --user "$user" "$review"
done
say "What it cost"
rpmctl usage
