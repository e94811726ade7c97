#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Prompts, answers and explanations: for opposite users, in JSON, from standard input, and refused with a sentence.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
daemon_start
for task in movie_tagging product_rating scholarly_title opinion_qa; do
    rpmctl history import --task "$task" "demo/$task.jsonl" >/dev/null || fail "import $task"
    rpmctl model build --task "$task" --all >/dev/null 2>&1 || fail "build $task"
done
film='An engineer and a robot are alone on a spaceship, and the robot tells her that it has fallen in love.'
answer() { rpmctl --json respond "$@" | tail -n 1 | jq -r .answer; }

expect_equal sci-fi "$(answer --task movie_tagging --user ada "$film")" "ada's answer"
expect_equal romance "$(answer --task movie_tagging --user ben "$film")" "ben's answer"
review='A sturdy kettle with a beautiful design. It heats quickly, but the lid is a little loose.'
ada=$(answer --task product_rating --user ada "$review")
ben=$(answer --task product_rating --user ben "$review")
[ "$ada" -lt "$ben" ] || fail "ada ($ada) should rate lower than ben ($ben)"
question='How much confidence do you have in the national parliament to do what is right?'
options=(--option 'A lot of confidence' --option 'Some confidence' --option 'Not too much confidence' --option 'No confidence at all')
ada=$(answer --task opinion_qa --user ada "${options[@]}" "$question")
ben=$(answer --task opinion_qa --user ben "${options[@]}" "$question")
[ "$ada" != "$ben" ] || fail "ada and ben both answer '$ada'"

# A query in the benchmark's own wording is the same query.
wrapped='Which tag does this movie relate to among the following tags? Just answer with the tag name. tags: [sci-fi, romance] description: '$film
expect_equal "$(rpmctl prompt --task movie_tagging --user ada "$film")" "$(rpmctl prompt --task movie_tagging --user ada "$wrapped")" 'the unwrapped query'
expect_equal "$(rpmctl prompt --task movie_tagging --user ada "$film")" "$(rpmctl prompt --task movie_tagging --user ada - <<<"$film")" 'a query from standard input'

# JSON: one document, with the fields that are promised.
expect_equal true "$(rpmctl --json prompt --task movie_tagging --user ada "$film" | jq -s 'length == 1 and (.[0].prompt | length > 500)')" 'prompt --json'
expect_equal true "$(rpmctl --json respond --task movie_tagging --user ada "$film" | tail -n 1 | jq 'has("answer") and has("reasoning") and .source == "SOURCE_NATIVE"')" 'respond --json'
expect_equal true "$(rpmctl --json respond --task movie_tagging --user ada "$film" | tail -n 1 | jq '([.distribution[].probability] | add) > 0.999 and .citationsHold')" 'the distribution'
expect 0 'Retrieved examples' rpmctl explain --task movie_tagging --user ada "$film"

# The budget is kept, and what was left out is said.
small=$(rpmctl --json prompt --task movie_tagging --user ada --budget 4000 "$film")
expect_equal true "$(jq '(.prompt | utf8bytelength) <= 4000 and (.dropped | length > 0)' <<<"$small")" 'a small budget'
expect 1 'too small' rpmctl prompt --task movie_tagging --user ada --budget 100 "$film"

# Nothing newer than the query is retrieved.
past=$(rpmctl --json prompt --task movie_tagging --user ada --time 2025-01-05 "$film" | jq -r '.retrieved[].id')
expect_equal ada-1 "$past" 'what is retrieved for an old query'

expect 1 'NOT_FOUND: .*movie_tagging' rpmctl prompt --task nonsense --user ada "$film"
expect 1 'NOT_FOUND: .*nobody' rpmctl prompt --task movie_tagging --user nobody "$film"
expect 1 'INVALID_ARGUMENT: .*empty' rpmctl prompt --task movie_tagging --user ada ''
expect 1 'INVALID_ARGUMENT: .*option' rpmctl respond --task opinion_qa --user ada "$question"
expect 1 'INVALID_ARGUMENT: .*option' rpmctl respond --task movie_tagging --user ada --option a --option b "$film"
expect 1 'FAILED_PRECONDITION: .*prompt' rpmctl respond --task scholarly_title --user ada 'We study trees.'
head -c 3000000 /dev/zero | tr '\0' 'x' >"$place/long"
expect 1 'limit|longer' rpmctl prompt --task movie_tagging --user ada - <"$place/long"
printf 'bad \xff text' >"$place/bad"
expect 1 'INVALID_ARGUMENT: .*UTF-8' rpmctl prompt --task movie_tagging --user ada - <"$place/bad"
scenario_end
