#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An LLM server that fails at every few bytes of its response, in each way: what is told, how often it is asked, what is
# accounted and what is kept.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
. tests/scenario/llm.sh
trap 'llm_stop; scenario_cleanup' EXIT

step=${FAULT_STEP:-41} # a prime: the faults fall into heads, events, and the middle of characters
text='Reasoning: Un café, 日本語 😀.\nTag: sci-fi'
llm_start <<<'[{"skill": "any"}]'
llm_config $'respond = scripted' $'retry_seconds = 4\nfirst_seconds = 1\nidle_seconds = 1\nconcurrency = 8'
daemon_start
rpmctl history import --task movie_tagging demo/movie_tagging.jsonl >/dev/null 2>&1
rpmctl model build --task movie_tagging --all >/dev/null 2>&1

# Turn N fails the first request for case N at byte `at`; every other request is answered as it should be.
turns() { # turns KIND: the script; the queries' numbers are the bytes
    jq -nc --arg kind "$1" --argjson step "$step" --argjson size "$size" --arg text "$(printf '%b' "$text")" \
        '[range(0; $size; $step) | {match: "case \(.) of", times: 1, text: $text, piece: 3, fault: $kind, at: .}] + [{text: $text, piece: 3}]'
}
# ask BYTE: a line with what became of it. A question that is answered goes before it: five failures in a row would
# have the server left alone.
ask() {
    rpmctl respond --task movie_tagging --user ada "A $kind film before byte $1." >/dev/null 2>&1
    rpmctl --json respond --task movie_tagging --user ada "A film, case $1 of many." >"$place/out.$1" 2>"$place/err.$1"
    jq -nc --argjson at "$1" --argjson code $? --rawfile error "$place/err.$1" --slurpfile out "$place/out.$1" \
        '{at: $at, code: $code, error: $error} + ($out | last | {answer, source, notice})'
}
ask_all() { for at in $(seq 0 "$step" $((size - 1))); do ask "$at"; done | jq -sc .; }

llm_script <<<"$(size=1 turns none | jq -c '.[1:]')"
rpmctl respond --task movie_tagging --user ada 'A film.' >/dev/null
size=$(jq 'select(.sent) | .sent' "$llm_log")
[ "$size" -gt 1000 ] || fail "the response has only $size bytes"

for kind in close reset garbage silence; do
    # One silence takes a second.
    [ "$kind" = silence ] && step=$((step * 2))
    rpmctl user erase --user ada >/dev/null
    rpmctl history import --task movie_tagging demo/movie_tagging.jsonl >/dev/null 2>&1
    rpmctl model build --task movie_tagging --user ada >/dev/null 2>&1
    turns "$kind" | llm_script
    ask_all >"$place/first"
    cases=$(jq length "$place/first")
    jq -sc '[.[] | select(.path) | .body.messages[0].content | capture("case (?<n>[0-9]+) of").n] | group_by(.) | map({key: .[0], value: length}) | from_entries' "$llm_log" >"$place/requests"
    # Before the first piece of text it is asked again, and nothing of the fault is seen. While only the heading came, which
    # nobody was shown, the statistics answer. Behind that it is said, and not asked again. After the end of the answer,
    # which the server told, it is no fault at all.
    jq -r --slurpfile requests "$place/requests" '
        "backend scripted (broke off in the middle of its answer|sent nothing for idle_seconds = 1|sent something that is no event of its shape; check its shape)" as $why |
        .[] | $requests[0][.at | tostring] as $asked |
        if .code == 0 and .source == "SOURCE_LLM" and .answer == "sci-fi" and $asked == 2 then "again"
        elif .code == 0 and .source == "SOURCE_LLM" and .answer == "sci-fi" and $asked == 1 then "whole"
        elif .code == 0 and .source == "SOURCE_NATIVE" and $asked == 1 and (.notice | test("^" + $why + "; answered from the statistics alone$")) then "natively"
        elif .code == 1 and $asked == 1 and (.error | test("^rpmctl: UNAVAILABLE: " + $why + "$"; "m")) then "said"
        else "strange: \(.)" end' "$place/first" | uniq | tr '\n' ' ' >"$place/phases"
    expect_equal 'again natively said whole ' "$(cat "$place/phases")" "$kind, by growing byte"

    # What was accounted: a call for each, and a failure where no answer came of it.
    failed=$(jq '[.[] | select(.source != "SOURCE_LLM")] | length' "$place/first")
    expect_equal "[$((2 * cases)),$failed]" "$(rpmctl --json usage --task movie_tagging --user ada | jq -c '[.rows[] | select(.stage == "respond")] | [([.[].calls | tonumber] | add), ([.[].failures | tonumber] | add)]')" "$kind: calls and failures"

    # What was whole is kept, and only that: asked again, the others are new calls.
    : >"$llm_log"
    ask_all >"$place/second"
    expect_equal "$failed" "$(llm_requests)" "$kind: requests when asked again"
    expect_equal true "$(jq 'all(.answer == "sci-fi" and .source == "SOURCE_LLM")' "$place/second")" "$kind: answers when asked again"
done

# A server that never closes behind its last event costs a second, not idle_seconds.
daemon_stop
llm_config $'respond = scripted' $'first_seconds = 60\nidle_seconds = 60'
daemon_start
llm_script <<<'[{"text": "Tag: sci-fi", "fault": "silence", "at": 100000}]'
expect 0 'sci-fi' timeout 20 rpmctl respond --task movie_tagging --user ada 'A film without an end.'

# A stage that takes the whole reply is never harmed: each fault is tried again, and what it finds is the same.
daemon_stop
llm_config $'extract = scripted' $'retry_seconds = 4\nfirst_seconds = 1\nidle_seconds = 1\nconcurrency = 8'
daemon_start
step=211
for kind in close reset garbage; do
    jq -nc --arg kind "$kind" --argjson step "$step" '[range(0; 2600; $step) | {match: "case \(.) of", times: 1, skill: "any", fault: $kind, at: .}] + [{skill: "any"}]' | llm_script
    for at in $(seq 0 "$step" 2599); do
        rpmctl --json explain --task movie_tagging --user ada "A $kind captain, case $at of many." | jq -c '[.featuresSource, [.features[].name]]'
    done | sort | uniq -c | tr -s ' ' >"$place/found"
    expect_equal " $((2600 / step + 1)) [\"SOURCE_LLM\",[\"captain\"]]" "$(sed "s/\"$kind\",//" "$place/found")" "$kind: features, whatever byte it was"
done
scenario_end
