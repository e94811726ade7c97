#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what the build and the tests need (Debian 12), with sudo only when needed.
#   deps.sh                    installs all that is missing and says why it is needed
#   deps.sh --if-missing       the same, silent when nothing is missing
#   deps.sh --list-missing     prints the missing packages on one line
#   deps.sh --with-tests       also what the scenario tests run
#   deps.sh --with-tools       also that and what `make lint`, `make coverage` and the checkers need
set -euo pipefail

# package | how to see that it is there | what it is for
build_packages='
gcc|command -v cc gcc clang|compiles everything
libc6-dev|test -e /usr/include/stdio.h|the C library headers
pkg-config|command -v pkg-config|finds the libraries below
libuv1-dev|pkg-config --exists libuv|the event loop
libnghttp2-dev|pkg-config --exists libnghttp2|HTTP/2 under gRPC
libprotobuf-c-dev|pkg-config --exists libprotobuf-c|protobuf messages in C
protobuf-c-compiler|command -v protoc-c|generates the message code
protobuf-compiler|command -v protoc|makes the descriptor set for reflection
libcurl4-openssl-dev|pkg-config --exists libcurl|HTTP to the servers of LLMs
libsqlite3-dev|pkg-config --exists sqlite3|the store
libjansson-dev|pkg-config --exists jansson|reads and writes JSON
libsystemd-dev|pkg-config --exists libsystemd|readiness, socket activation, watchdog
libutf8proc-dev|pkg-config --exists libutf8proc|Unicode normalization
libstemmer-dev|test -e /usr/include/libstemmer.h|English stems
libinih-dev|pkg-config --exists inih|the configuration file
nettle-dev|pkg-config --exists nettle|SHA-256 of plugin files
libseccomp-dev|pkg-config --exists libseccomp|the sandbox of plugins
libxxhash-dev|pkg-config --exists libxxhash|hash tables and stable 64-bit keys
check|pkg-config --exists check|unit tests
scdoc|command -v scdoc|manual pages
'
test_packages='
jq|command -v jq|scenario tests read JSON
procps|command -v pgrep|scenario tests look for processes
python3|command -v python3|the scripted LLM server of the scenario tests
python3-venv|python3 -c "import ensurepip"|the real LLM server of make test-llm and make demo-llm
systemd|command -v systemd-socket-activate|verifies the units, starts the daemon from a socket in a test
'
tool_packages='
clang|command -v clang|the second compiler
clang-tidy|command -v clang-tidy|make lint
clang-format|command -v clang-format|make format, make lint
shellcheck|command -v shellcheck|make lint
g++|command -v g++|the public header as C++
valgrind|command -v valgrind|make check-valgrind
lcov|command -v lcov|make coverage
golang-go|command -v go|grpcurl and the interop client of make test-clients
'

# Prints the lines of the table on standard input whose check fails.
missing_lines() {
    local package check why word
    while IFS='|' read -r package check why; do
        [ -n "$package" ] || continue
        case "$check" in
        'command -v '*)
            local found=
            for word in ${check#command -v }; do
                command -v "$word" >/dev/null 2>&1 && found=yes
            done
            [ -n "$found" ] && continue
            ;;
        *) bash -c "$check" >/dev/null 2>&1 && continue ;;
        esac
        printf '%s|%s\n' "$package" "$why"
    done
}

packages=$build_packages
mode=install
for argument in "$@"; do
    case "$argument" in
    --list-missing) mode=list ;;
    --if-missing) mode=quiet ;;
    --with-tests) packages=$build_packages$test_packages ;;
    --with-tools) packages=$build_packages$test_packages$tool_packages ;;
    *)
        echo "deps.sh: unknown argument '$argument'; see the head of scripts/deps.sh" >&2
        exit 2
        ;;
    esac
done

missing=$(missing_lines <<<"$packages")
if [ "$mode" = list ]; then
    cut -d'|' -f1 <<<"$missing" | paste -sd' '
    exit 0
fi
if [ -z "$missing" ]; then
    [ "$mode" = quiet ] || echo "Everything that is needed is installed."
    exit 0
fi

names=$(cut -d'|' -f1 <<<"$missing")
echo "Installing what is missing:"
while IFS='|' read -r package why; do
    printf '  %-22s %s\n' "$package" "$why"
done <<<"$missing"
if ! command -v apt-get >/dev/null; then
    echo "This machine has no apt-get. Install the packages above, by whatever name they have here, and run the command again." >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Installing packages needs root. Run this as root: apt-get install" "$(paste -sd' ' <<<"$names")" >&2
        exit 1
    fi
    as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # the names are separate words
if ! { "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $names; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install them; the lines above say why." >&2
    exit 1
fi
echo "Installed."
