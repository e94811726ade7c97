#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make bench`: prints figures, asserts nothing. Figures of one machine compare with each other only.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
for program in rpc workers daemon core method llm; do
    [ -x "$build/bench/$program" ] || continue
    printf '== %s\n' "$program"
    "$build/bench/$program" "$build"
done
