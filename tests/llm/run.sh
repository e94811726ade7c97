#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every stage on a real LLM server, and a real embedder. The model is tiny: what it writes is of no quality, so that the checks hold it to what
# must be true whatever it writes.
# shellcheck disable=SC1091,SC2154,SC2034 # sourced below: build, place, state, daemon_options
. "$(dirname "$0")/../scenario/scenario.sh"
. tests/llm/real_server.sh
trap 'real_embedder_stop; real_llm_stop; scenario_cleanup' EXIT

real_llm_install "$build/llm" || fail 'the server could not be installed'
real_embedder_install "$build/llm" || fail 'the embedder could not be installed'
real_embedder_start "$place/embedder.log"
real_llm_start "$place/llm.log"
cat >"$place/rpmd.conf" <<C
[daemon]
verbose = on
[method]
extract = real
cluster = real
judge = real
embed = embedder
reason = real
respond = real
[backend real]
base_url = http://127.0.0.1:$llm_port/v1
model = smollm2
concurrency = 2
max_tokens = 200
retry_seconds = 60
[backend embedder]
base_url = http://127.0.0.1:$embedder_port/v1
model = original
retry_seconds = 60
C
daemon_options=(--config "$place/rpmd.conf")
daemon_start

# While the model is loaded, calls wait for it.
expect 0 'real +chat +works .*answered' rpmctl llm check
expect 0 'real +json +works .*held to JSON by a schema' rpmctl llm check
expect 0 'real +embeddings +no ' rpmctl llm check
expect 0 'embedder +chat +no ' rpmctl llm check
expect 0 'embedder +embeddings +works .*vectors of 384 numbers' rpmctl llm check

for task in movie_tagging scholarly_title; do
    grep '"user": "ada"' "demo/$task.jsonl" | head -n 2 >"$place/$task.jsonl"
    rpmctl history import --task "$task" "$place/$task.jsonl" >/dev/null 2>&1
    built=$(rpmctl --json model build --task "$task" --user ada | tail -n 1)
    expect_equal '1 2' "$(jq -r '[.modelVersion, .itemsDone] | join(" ")' <<<"$built")" "the model of $task"
    # An item whose features were all dropped has nothing to embed.
    with_features=$(rpmctl --json user export --user ada --task "$task" | jq -s '[.[] | select(.item.features != [] and .item.features)] | length')
    [ "$with_features" -eq 0 ] && vectors='[]' || vectors="[$with_features,0]"
    expect_equal "$vectors" "$(jq -c '[.stages[] | select(.stage == "embed") | .done, .givenUp | tonumber]' <<<"$built")" "vectors of $task"
    expect_equal true "$(jq '[.stages[] | select(.stage == "extract") | .usage | (.promptTokens | tonumber) > 100 and (.completionTokens | tonumber) > 0] == [true]' <<<"$built")" "tokens of $task"
done
expect_equal true "$(rpmctl --json user export --user ada --task movie_tagging | jq -s '[.[] | select(.item) | .item | (.item.query as $q | .features // [] | map(.evidenceText as $e | $q | contains($e)) | all)] | all')" 'evidence stands in the texts'

# Streamed, of the answer set, with the server's count of what it had in its cache.
answer=$(rpmctl --json respond --task movie_tagging --user ada 'A robot learns to dream on a lonely space station.')
expect_equal true "$(tail -n 1 <<<"$answer" | jq '.answer != "" and (.usage.completionTokens | tonumber) > 0')" 'an answer'
[ "$(wc -l <<<"$answer")" -ge 2 ] || fail 'the answer did not come as a stream'
rpmctl respond --task movie_tagging --user ada 'A pirate learns to sail.' >/dev/null 2>&1
second=$(rpmctl --json respond --task movie_tagging --user ada 'A nurse keeps a diary in the war.' | tail -n 1)
cached=$(jq '100 * (.usage.cachedTokens | tonumber) / (.usage.promptTokens | tonumber) | floor' <<<"$second")
echo "of a later query's prompt tokens, $cached% came from the server's cache"
[ "$cached" -ge 80 ] || fail "only $cached% of the prompt came from the server's cache"
expect_equal 0 "$(rpmctl --json respond --task movie_tagging --user ada 'A nurse keeps a diary in the war.' | tail -n 1 | jq .usage.llmCalls)" 'calls of a question that was asked before'
expect_equal true "$(rpmctl --json respond --task scholarly_title --user ada 'We measure how trees grow in cities.' | tail -n 1 | jq '.answer != "" and .source == "SOURCE_LLM"')" 'an open answer'

# A caller who leaves.
rpmctl respond --task movie_tagging --user ada 'A long story of a sea captain who never comes home.' >/dev/null 2>&1 &
client=$!
for _ in $(seq 200); do [ "$(rpmctl --json status | jq '.backends[0].active')" -gt 0 ] && break; sleep 0.01; done
kill "$client"
for _ in $(seq 100); do [ "$(rpmctl --json status | jq '.backends[0].active')" -eq 0 ] && break; sleep 0.02; done
expect_equal 0 "$(rpmctl --json status | jq '.backends[0].active')" 'calls at work after the caller left'

# The server is killed and comes back in the middle of a build.
grep '"user": "ben"' demo/movie_tagging.jsonl | head -n 4 >"$place/ben.jsonl"
rpmctl history import --task movie_tagging "$place/ben.jsonl" >/dev/null 2>&1
rpmctl --json model build --task movie_tagging --user ben >"$place/built" 2>&1 &
client=$!
for _ in 1 2; do
    for _ in $(seq 300); do [ "$(rpmctl --json status | jq '.backends[0].active')" -gt 0 ] && break; sleep 0.02; done
    sleep 0.5
    real_llm_stop
    real_llm_start "$place/llm.log"
    sleep 2
done
wait "$client" || fail "the build did not survive its server: $(tail -n 1 "$place/built")"
expect_equal '1 4' "$(tail -n 1 "$place/built" | jq -r '[.modelVersion, .itemsDone] | join(" ")')" 'the model of ben'
rpmctl usage
scenario_end
