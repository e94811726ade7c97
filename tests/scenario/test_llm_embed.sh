#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Past items found by the vectors of an embedder: made in a build and for what is appended, kept with the history, and
# done without where they are not to be had.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
. tests/scenario/llm.sh
trap 'llm_stop; scenario_cleanup' EXIT

film='Two friends rob a bank and fall in love on the run through the desert.'
stage() { jq -c "[.stages[] | select(.stage == \"embed\") | .done, .givenUp, .batches, .cachedReplies, .usage.llmCalls]"; }
build() { rpmctl --json model build --task movie_tagging --user "$1" | tail -n 1; }
explain() { rpmctl --json explain --task movie_tagging --user "$1" --examples 8 "$film"; }
found() { explain "$1" | jq -c '[.retrieved[].id]'; }

# The scripted vectors are the letters of a text: the same order, worked out from what rpmd shows of query and items.
nearest() {
    rpmctl --json user export --user "$1" --task movie_tagging | jq -c 'select(.item) | .item | {id: .item.id, features}' >"$place/items"
    explain "$1" >"$place/query"
    python3 - "$place" <<'P'
import json, math, sys

def vector(features):
    text = "; ".join(f["name"] + (": " + f["context"] if f.get("context") else "") for f in features)
    numbers = [text.lower().count(chr(letter)) + 0.01 for letter in range(97, 123)]
    length = math.sqrt(sum(n * n for n in numbers))
    return [n / length for n in numbers]

query = vector(json.load(open(sys.argv[1] + "/query"))["features"])
items = [json.loads(line) for line in open(sys.argv[1] + "/items")]
near = {i["id"]: sum(a * b for a, b in zip(query, vector(i["features"]))) if i.get("features") else 0 for i in items}
print(json.dumps(sorted(near, key=near.get, reverse=True)[:8], separators=(",", ":")))
P
}

llm_start <<<'[{}]'
llm_config 'embed = scripted' $'price_prompt = 1\nretry_seconds = 1'
daemon_start
rpmctl history import --task movie_tagging demo/movie_tagging.jsonl >/dev/null 2>&1
expect 0 '^It would take, at most: 1 calls' rpmctl model build --task movie_tagging --user ada --dry-run
n=$(rpmctl --json history list --task movie_tagging --user ada | grep -c '"query"')
built=$(build ada)
expect_equal "[\"$n\",\"0\",\"1\",\"0\",1]" "$(stage <<<"$built")" 'one call for all items'
expect 0 'extractor 1\.0, embedded by scripted' rpmctl model show --task movie_tagging --user ada
expect_equal "$(nearest ada)" "$(found ada)" 'what is found is what is near'

# Built again it costs nothing; an erasure takes vectors and kept replies along.
llm_script <<<'[{}]'
build ada >/dev/null
expect_equal 0 "$(llm_requests)" 'requests of a second build'
rpmctl user erase --user ada >/dev/null
rpmctl history import --task movie_tagging demo/movie_tagging.jsonl >/dev/null 2>&1
expect_equal "[\"$n\",\"0\",\"1\",\"0\",1]" "$(build ada | stage)" 'after an erasure'
# They are in the store: another daemon asks for the query alone. An appended item has its own.
daemon_stop
daemon_start
rpmctl history append --task movie_tagging --user ada --id new --query 'A desert town hides a bank robber and his friends.' --response action >/dev/null
expect_equal "$(nearest ada)" "$(found ada)" 'with an item that was appended'
expect_equal '' "$(rpmctl --json model show --task movie_tagging --user ada | jq -r .stale)" 'why the model is stale'

# Without the server, words find the items, and the reply says so. What is appended meanwhile waits for a build.
rpmctl history delete --task movie_tagging --user ada --id new >/dev/null
llm_script <<<'[{"status": 503, "error": "down"}]'
film='Two friends rob a train and fall in love on the run through the desert.'
expect 0 'backend scripted answered HTTP 503: down; the examples were found by their words' jq -r .notice <<<"$(explain ada)"
expect 0 'accepted|added|ACCEPTED' rpmctl history append --task movie_tagging --user ada --id late --query 'A train to the desert.' --response sci-fi
expect 0 'an item that was appended has no embedding: backend scripted' cat "$place/log"
by_words=$(found ada)
llm_script <<<'[{}]'
expect_equal "$by_words" "$(found ada)" 'while an item has no vector, words find all'
build ada >/dev/null
expect_equal "$(nearest ada)" "$(found ada)" 'after a build'
[ "$by_words" != "$(found ada)" ] || fail 'words and vectors find the same: this test says nothing'

# A server that leaves a vector out.
llm_script <<<'[{"vectors": false}]'
built=$(build ben)
expect_equal "$(rpmctl --json history list --task movie_tagging --user ben | grep -c '"query"')" "$(stage <<<"$built" | jq -r '.[1]')" 'items that were given up'
expect_equal 1 "$(llm_requests)" 'an embedder is not asked for a repair'
expect_equal 1 "$(jq -r .modelVersion <<<"$built")" 'the model without vectors'

# llm check and --check-config.
llm_script <<<'[{"match": "slow pace"}, {"status": 404, "error": "no chat here"}]'
expect 0 'scripted +chat +no .*no chat here' rpmctl llm check
expect 0 'scripted +embeddings +works .*vectors of 26 numbers' rpmctl llm check
llm_script <<<'[{"match": "slow pace", "status": 501, "error": "no embeddings"}, {"match": "hello", "text": "Hello"}, {"json": {"color": "blue"}}]'
expect 1 'scripted +embeddings +FAILED .*no embeddings; check that it serves embeddings' rpmctl llm check
llm_config 'embed = scripted' 'shape = anthropic'
expect 1 'embed = scripted names a backend of the shape anthropic, which has no embeddings' "$build/rpmd" --config "$place/rpmd.conf" --check-config
scenario_end
