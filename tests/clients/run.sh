#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Stock gRPC clients against our server: the official interoperability cases (grpc-go), grpcurl, and Python with stubs
# that grpcio-tools generated. Prints a line a case and closes with "N passed, N failed".
#   run.sh [--skip-missing]    a toolchain that cannot be had is a failure, or with --skip-missing is named as skipped
# The tools are kept in $BUILD/clients.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
build=${BUILD:-build}
skip_missing=
case "${1:-}" in
'') ;;
--skip-missing) skip_missing=yes ;;
*)
    echo "run.sh: unknown argument '$1'; see the head of tests/clients/run.sh" >&2
    exit 2
    ;;
esac

grpcurl_version=v1.9.4
grpc_go_version=v1.85.0
python_packages=(grpcio==1.85.1 grpcio-tools==1.85.1)

# What applies to a server without TLS, authentication and compression.
interop_cases=(empty_unary large_unary client_streaming server_streaming ping_pong empty_stream custom_metadata
    status_code_and_message special_status_message unimplemented_method unimplemented_service cancel_after_begin
    cancel_after_first_response timeout_on_sleeping_server)

tools=$build/clients
mkdir -p "$tools"
tools=$(cd "$tools" && pwd)
place=$(mktemp -d "${TMPDIR:-/tmp}/rpmd-clients.XXXXXX")
server=
passed=0 failed=0 skipped=0

# shellcheck disable=SC2317 # called by the trap
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$place"
}
trap finish EXIT

# check NAME COMMAND...: a case passes when its command exits with 0; otherwise its output is shown.
check() {
    local name=$1
    shift
    "$@" >"$place/output" 2>&1
    local code=$?
    if [ "$code" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok    $name"
    else
        failed=$((failed + 1))
        echo "FAIL  $name (exit $code)"
        sed 's/^/      /' "$place/output" | tail -n 20
    fi
}

grpcurl() {
    timeout 60 "$tools/bin/grpcurl" -plaintext -unix "$@"
}

# prints PATTERN COMMAND...: the command exits with 0 and its output has the pattern.
prints() {
    local pattern=$1
    shift
    "$@" | tee "$place/printed"
    [ "${PIPESTATUS[0]}" -eq 0 ] && grep -qE -- "$pattern" "$place/printed"
}

missing() {
    if [ -n "$skip_missing" ]; then
        skipped=$((skipped + 1))
        echo "SKIP  $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
    fi
}

wait_for_socket() {
    for _ in $(seq 200); do
        [ -S "$1" ] && return 0
        kill -0 "$server" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

# stop_server NAME: SIGTERM drains it; it must end with 0.
stop_server() {
    kill -TERM "$server" 2>/dev/null
    check "$1 ends by itself after SIGTERM" wait_for_server
    server=
}
wait_for_server() {
    wait "$server"
}

# ---- toolchains ----

have_go() {
    command -v go >/dev/null || return 1
    [ -x "$tools/bin/grpcurl" ] && [ -x "$tools/bin/client" ] && return 0
    echo "building grpcurl $grpcurl_version and the interop client of grpc-go $grpc_go_version ..."
    GOBIN=$tools/bin go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl_version" >"$place/log" 2>&1 &&
        GOBIN=$tools/bin go install "google.golang.org/grpc/interop/client@$grpc_go_version" >>"$place/log" 2>&1
}

have_python() {
    "$tools/python/bin/python" -c 'import grpc, grpc_tools' 2>/dev/null && return 0
    echo "installing ${python_packages[*]} ..."
    python3 -m venv "$tools/python" >"$place/log" 2>&1 &&
        "$tools/python/bin/pip" install --quiet "${python_packages[@]}" >>"$place/log" 2>&1
}

# ---- the official cases ----

interop() {
    local socket=$place/interop.sock name
    "$build/tests/tools/interop_server" "$socket" &
    server=$!
    if ! wait_for_socket "$socket"; then
        failed=$((failed + 1))
        echo "FAIL  interop_server did not start"
        return
    fi
    for name in "${interop_cases[@]}"; do
        check "interop $name" timeout 60 "$tools/bin/client" --use_tls=false --server_host="unix://$socket" --server_port=0 \
            --test_case="$name"
    done
    check 'interop_server: grpcurl lists' prints '^grpc.testing.TestService$' \
        grpcurl "$socket" list
    check 'interop_server: grpcurl asks for health' prints '"SERVING"' \
        grpcurl -d '{"service": "grpc.testing.TestService"}' "$socket" \
        grpc.health.v1.Health/Check
    stop_server interop_server
}

# ---- the daemon ----

daemon_grpcurl() {
    local socket=$1 service
    for service in Admin History Models Personalizer Plugins; do
        check "grpcurl describes rpmd.v1.$service" prints "service $service \{" \
            grpcurl "$socket" describe "rpmd.v1.$service"
    done
    check 'grpcurl lists' prints '^rpmd.v1.Personalizer$' grpcurl "$socket" list
    check 'grpcurl describes a message' prints 'repeated .rpmd.v1.Feature features = 7;' \
        grpcurl "$socket" describe rpmd.v1.RetrievedItem
    check 'grpcurl calls GetStatus' prints '"version"' \
        grpcurl "$socket" rpmd.v1.Admin/GetStatus
}

daemon_python() {
    local stubs=$place/stubs
    mkdir -p "$stubs"
    check 'grpcio-tools generates stubs from proto/' "$tools/python/bin/python" -m grpc_tools.protoc -I proto \
        --python_out="$stubs" --grpc_python_out="$stubs" proto/rpmd/v1/*.proto
    # Not as grpc/health: that is the name of grpcio's own package.
    check 'grpcio-tools generates the health stub' "$tools/python/bin/python" -m grpc_tools.protoc -I proto/grpc \
        --python_out="$stubs" --grpc_python_out="$stubs" proto/grpc/health/v1/health.proto
    timeout 120 env PYTHONPATH="$stubs" "$tools/python/bin/python" tests/clients/python_client.py "$1" \
        demo/movie_tagging.jsonl >"$place/python" 2>&1
    local code=$?
    cat "$place/python"
    passed=$((passed + $(grep -c '^ok ' "$place/python")))
    failed=$((failed + $(grep -c '^FAIL ' "$place/python")))
    if [ "$code" -ne 0 ] && ! grep -q '^FAIL ' "$place/python"; then
        failed=$((failed + 1))
        echo "FAIL  python_client.py ended with $code"
    fi
}

rpmd() {
    local socket=$place/rpmd.sock
    mkdir "$place/state"
    "$build/rpmd" --socket "$socket" --state-dir "$place/state" --plugin-dir "$build/plugins" 2>"$place/daemon.log" &
    server=$!
    if ! wait_for_socket "$socket"; then
        failed=$((failed + 1))
        echo "FAIL  rpmd did not start: $(tail -n 3 "$place/daemon.log")"
        return
    fi
    [ -z "$go_found" ] || daemon_grpcurl "$socket"
    [ -z "$python_found" ] || daemon_python "$socket"
    stop_server rpmd
}

go_found='' python_found=''
if have_go; then
    go_found=yes
else
    missing "grpcurl and the interop client need go and its packages: $(tail -n 1 "$place/log" 2>/dev/null)"
fi
if have_python; then
    python_found=yes
else
    missing "the Python client needs python3, venv and its packages: $(tail -n 1 "$place/log" 2>/dev/null)"
fi
[ -z "$go_found" ] || interop
if [ -x "$build/rpmd" ]; then
    rpmd
else
    missing "$build/rpmd is not built: run make first"
fi

[ "$skipped" -eq 0 ] || echo "skipped: $skipped (see the lines that begin with SKIP)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
