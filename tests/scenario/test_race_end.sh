#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A plugin that hangs holds neither a caller beyond its deadline nor the daemon beyond its own.
# shellcheck disable=SC1091,SC2154,SC2034 # sourced below: build, place, state, daemon_options
. "$(dirname "$0")/scenario.sh"
. tests/scenario/races.sh

fixtures=${FIXTURES:-$build/tests/plugins}
printf '[daemon]\ndrain_seconds = 2\n' >"$place/rpmd.conf"
daemon_options=(--config "$place/rpmd.conf")
daemon_start
# Others may not write to a plugin file; the fixture's task is "fixture", and it hangs at "trigger".
install -m 644 "$fixtures/hangs.so" "$place/hangs.so"
expect 0 '.' rpmctl plugin load "$place/hangs.so"
expect 0 '.' rpmctl history append --task fixture --user ada --query 'Is it so?' --response yes
expect 0 '.' rpmctl model build --task fixture --user ada

# append TIMEOUT QUERY: a call of History.Append as a stock client makes it, with a deadline. Says status and message.
append() {
    python3 - "$2" >"$place/frame" <<'P'
import struct, sys
field = lambda number, data: bytes([number << 3 | 2, len(data)]) + data
item = field(2, sys.argv[1].encode()) + field(3, b"yes")
message = field(1, b"fixture") + field(2, b"ada") + field(3, item)
sys.stdout.buffer.write(struct.pack(">BI", 0, len(message)) + message)
P
    curl -sS --max-time 30 --http2-prior-knowledge --unix-socket "$RPMD_SOCKET" -D "$place/headers" -o "$place/body" -H 'content-type: application/grpc' \
        -H 'te: trailers' -H "grpc-timeout: $1" --data-binary "@$place/frame" http://localhost/rpmd.v1.History/Append
    tr -d '\r' <"$place/headers" | sed -n 's/^grpc-\(status\|message\): //p' | tr '\n' ' '
}
expect_equal '0 ' "$(append 20S 'Is it not so?')" 'an append in time'
begun=$(date +%s%N)
said=$(append 1500m 'trigger a hang')
took=$((($(date +%s%N) - begun) / 1000000))
grep -q '^4 ' <<<"$said" || fail "an append past its deadline: '$said'"
[ "$took" -lt 10000 ] || fail "an append with a deadline of 1.5 s took $took ms"
expect_equal 2 "$(rpmctl --json history list --task fixture --user ada | grep -c '"query"')" 'items: the one that hung was not added'
# The user goes on.
expect 0 '.' rpmctl history append --task fixture --user ada --query 'And now?' --response no
expect_equal 3 "$(rpmctl --json model show --task fixture --user ada | jq -r .items)" 'items of the model'

# An append, an import's refresh and a build hang; the daemon ends after drain_seconds.
rpmctl history append --task fixture --user ada --query 'trigger another hang' --response yes >/dev/null 2>&1 &
clients=($!)
printf '{"user":"ben","query":"trigger a third","response":"yes"}\n' >"$place/ben.jsonl"
rpmctl history import --task fixture "$place/ben.jsonl" >/dev/null 2>&1
rpmctl model build --task fixture --user ben >/dev/null 2>&1 &
clients+=($!)
sleep 0.3
begun=$(date +%s%N)
daemon_stop
took=$((($(date +%s%N) - begun) / 1000000))
[ "$took" -lt 12000 ] || fail "the daemon took $took ms to end, with drain_seconds = 2"
wait "${clients[@]}" 2>/dev/null
daemon_start
expect 0 '.' rpmctl plugin load "$place/hangs.so"
expect_equal 3 "$(rpmctl --json history list --task fixture --user ada | grep -c '"query"')" 'items after a restart'
scenario_end
