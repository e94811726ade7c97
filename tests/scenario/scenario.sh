# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What every scenario needs: a private daemon on a private socket, and checks that say what they saw.
# A scenario sources this file, calls its steps, and ends with `scenario_end`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
build=$PWD/${BUILD:-build}
build=${build/#$PWD\/\//\/}
place=$(mktemp -d "${TMPDIR:-/tmp}/rpmd-scenario.XXXXXX")
export RPMD_SOCKET=$place/rpmd.sock
state=$place/state
mkdir -p "$state"
daemon=
daemon_options=() # more arguments for rpmd
failures=0

scenario_cleanup() {
    [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null
    rm -rf "$place"
}
trap scenario_cleanup EXIT

PATH=$build:$PATH

# Starts rpmd and waits until it answers.
daemon_start() {
    "$build/rpmd" --socket "$RPMD_SOCKET" --state-dir "$state" --plugin-dir "$build/plugins" "${daemon_options[@]}" 2>>"$place/log" &
    daemon=$!
    for _ in $(seq 400); do
        rpmctl status >/dev/null 2>&1 && return 0
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.05
    done
    fail "rpmd did not start: $(tail -n 3 "$place/log")"
    return 1
}

# daemon_stop: SIGTERM; the daemon must end with 0.
daemon_stop() {
    kill -TERM "$daemon"
    wait "$daemon"
    local code=$?
    daemon=
    [ "$code" -eq 0 ] || fail "rpmd ended with $code: $(tail -n 5 "$place/log")"
}

daemon_kill() {
    kill -KILL "$daemon"
    wait "$daemon" 2>/dev/null
    daemon=
}

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# expect CODE PATTERN COMMAND...: the exit status, and a pattern (grep -E) that its output must have. A command
# that does not end is ended, with 124.
expect() {
    local code=$1 pattern=$2 output actual
    shift 2
    output=$(timeout 300 "$@" 2>&1)
    actual=$?
    [ "$actual" -eq "$code" ] || fail "'$*' ended with $actual, not $code: $output"
    grep -qE -- "$pattern" <<<"$output" || fail "'$*' did not say /$pattern/: $output"
}

# expect_equal EXPECTED ACTUAL WHAT
expect_equal() {
    [ "$1" = "$2" ] || fail "$3: expected '$1', got '$2'"
}

scenario_end() {
    [ -z "$daemon" ] || daemon_stop
    if [ "$failures" -gt 0 ]; then
        echo "--- log of the daemon"
        tail -n 60 "$place/log"
        exit 1
    fi
    exit 0
}
