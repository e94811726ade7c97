#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What `make lint` checks. Prints what is wrong and exits with 1; silent steps passed.
# shellcheck disable=SC2317 # the checks are called by name
set -uo pipefail
cd "$(dirname "$0")/.." || exit
build=${BUILD:-build}
status=0
step() {
    printf '== %s\n' "$1"
    shift
    "$@" || status=1
}

mapfile -t sources < <(git ls-files '*.c' | grep -v '^tests/plugins/')
mapfile -t headers < <(git ls-files 'lib/*.h' 'daemon/*.h' 'client/*.h')
flags=(-std=gnu17 -D_GNU_SOURCE -I. -Iinclude "-I$build/generated" "-I$build/generated/tests"
    '-DRPMD_VERSION="0"' '-DRPMD_PREFIX="/usr"')
read -ra package_flags < <(pkg-config --cflags libuv libprotobuf-c libnghttp2 jansson libsystemd check)

format() {
    git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror
}
# clang-tidy wants its files before `--`, and xargs gives them last.
tidy() {
    # shellcheck disable=SC2016
    printf '%s\0' "${sources[@]}" | xargs -0 -P "$(nproc)" -n 6 bash -c \
        'n=$1; shift; clang-tidy --quiet --warnings-as-errors="*" "${@:n+1}" -- "${@:1:n}" 2>/dev/null' \
        tidy "$((${#flags[@]} + ${#package_flags[@]}))" "${flags[@]}" "${package_flags[@]}"
}
headers_alone() {
    local bad=0 header
    for header in "${headers[@]}"; do
        gcc "${flags[@]}" "${package_flags[@]}" -Wall -Wextra -Werror -Wno-unused -fsyntax-only -x c - <<<"#include \"$header\"" || bad=1
    done
    for language in '-x c -std=c11 -Wpedantic' '-x c++ -std=c++17 -Wpedantic'; do
        for compiler in gcc clang; do
            # shellcheck disable=SC2086 # separate words
            $compiler $language -Iinclude -Wall -Wextra -Werror -fsyntax-only - <<<'#include <rpmd/plugin.h>' || bad=1
        done
    done
    return "$bad"
}
no_leftovers() {
    ! git grep -nIE 'TODO|FIXME|#if 0' -- ':!LICENSE' ':!scripts/lint.sh'
}
short_files() {
    local long
    long=$(git ls-files '*.c' '*.h' '*.sh' | xargs wc -l | awk '$1 > 620 && $2 != "total"')
    [ -z "$long" ] || {
        echo "longer than about 600 lines:"
        echo "$long"
        return 1
    }
}
shells() {
    git ls-files '*.sh' '.ci/run' | xargs shellcheck
}

step 'clang-format' format
step 'layers' scripts/layers.sh
step 'headers alone, the public one as C11 and C++' headers_alone
step 'shellcheck' shells
step 'no left-overs' no_leftovers
step 'file length' short_files
step 'clang-tidy' tidy
step 'build with clang' make --no-print-directory -s -j"$(nproc)" CC=clang BUILD="$build-clang" all
exit "$status"
