#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fills a manual page's @SETTINGS@ and @COMMANDS@ with what the programs themselves print, so that nothing is typed twice.
#   man.sh BUILD PAGE.scd > PAGE
set -euo pipefail
build=$1

settings() { "$build/rpmd" --help | sed '1,/^Settings/d'; }
commands() {
    local name
    "$build/rpmctl" --help | sed -n 's/^  \([a-z]*\( [a-z]*\)\{0,1\}\)  .*/\1/p' | while read -r name; do
        # shellcheck disable=SC2086 # "history import" is two words
        "$build/rpmctl" $name --help | sed -n '1,3p'
        echo
    done
}
while IFS= read -r line; do
    case "$line" in
    @SETTINGS@) settings ;;
    @COMMANDS@) commands ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$2" | scdoc
