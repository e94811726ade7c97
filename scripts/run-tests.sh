#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs test programs one after the other and closes with "N passed, N failed".
# A program passes when it exits with 0. Exit 77 means that the machine cannot run it: it says why, and it is
# counted as skipped, never as passed. RUN_UNDER is put before each program that is not a script.
set -uo pipefail

# Sanitizers and valgrind are slow; a test that takes longer than this hangs.
export CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-120}

passed=0 failed=0 skipped=0
failures=()
for program in "$@"; do
    command=("$program")
    [[ $program = *.sh || -z ${RUN_UNDER:-} ]] || read -ra command <<<"$RUN_UNDER $program"
    start=$EPOCHREALTIME
    output=$(timeout "${TEST_TIMEOUT:-600}" "${command[@]}" 2>&1 </dev/null)
    code=$?
    elapsed=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
    case $code in
    0)
        passed=$((passed + 1))
        printf 'ok    %6d ms  %s\n' "$elapsed" "$program"
        ;;
    77)
        skipped=$((skipped + 1))
        printf 'skip             %s: %s\n' "$program" "$(tail -n 1 <<<"$output")"
        ;;
    *)
        failed=$((failed + 1))
        failures+=("$program")
        printf 'FAIL  %6d ms  %s (exit %d)\n%s\n' "$elapsed" "$program" "$code" "$output"
        ;;
    esac
done
[ "$failed" -eq 0 ] || printf 'failed: %s\n' "${failures[@]}"
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
