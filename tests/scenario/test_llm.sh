#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Answers of an LLM: streamed, parsed, gated, accounted; and what becomes of each way in which an LLM can fail.
# shellcheck disable=SC1091,SC2154 # sourced below: build, place, state
. "$(dirname "$0")/scenario.sh"
. tests/scenario/llm.sh
trap 'llm_stop; scenario_cleanup' EXIT

film='A robot learns to dream on a lonely space station.'
respond() { rpmctl --json respond --task movie_tagging --user ada "$film"; }
final() { respond 2>&1 | tail -n 1; }

# What the last answer was accounted with: calls and failures of the stage.
accounted() { rpmctl --json usage --task movie_tagging | jq -c '[([.rows[].calls | tonumber] | add), ([.rows[].failures | tonumber] | add)]'; }

llm_start <<<'[{"skill": "respond"}]'
llm_section=$'[llm]\nreply_bytes = 0' llm_config 'respond = scripted' $'price_prompt = 2\nprice_cached = 1\nprice_completion = 8\nretry_seconds = 4\nfirst_seconds = 1\nidle_seconds = 1'
daemon_start
rpmctl history import --task movie_tagging demo/movie_tagging.jsonl >/dev/null 2>&1
rpmctl history import --task scholarly_title demo/scholarly_title.jsonl >/dev/null 2>&1
rpmctl model build --task movie_tagging --all >/dev/null 2>&1
rpmctl model build --task scholarly_title --all >/dev/null 2>&1

# The way it should be: in pieces, with reasoning, answer, source, verdict and cost.
llm_script <<<'[{"text": "Reasoning: This movie description speaks of a robot.\nTag: sci-fi", "piece": 5, "pause": 0.01, "usage": [1000, 400, 50]}]'
answer=$(respond)
expect_equal true "$(jq -s '[.[] | select(.reasoningDelta != "" and .reasoningDelta != null)] | length > 3' <<<"$answer")" 'the reasoning comes in pieces'
expect_equal 'This movie description speaks of a robot.' "$(jq -rs '[.[] | .reasoningDelta // ""] | add' <<<"$answer")" 'its pieces'
expect_equal '["sci-fi","This movie description speaks of a robot.","SOURCE_LLM",true,"1000","400","50","2000"]' \
    "$(tail -n 1 <<<"$answer" | jq -c '[.answer, .reasoning, .source, .citationsHold, .usage.promptTokens, .usage.cachedTokens, .usage.completionTokens, .usage.costMicros]')" 'the last message'
expect_equal 1 "$(llm_requests)" 'requests'

# What it cites is checked.
llm_script <<<'[{"text": "Reasoning: [nonsense] says \"sci-fi\" in 7 of 7 (100%).\nTag: sci-fi"}]'
expect_equal '["sci-fi",false]' "$(final | jq -c '[.answer, .citationsHold]')" 'invented statistics'

# Shapes in which an answer comes.
while IFS='|' read -r what turn expected; do
    llm_script <<<"[$turn]"
    expect_equal "$expected" "$(final | jq -r '[.answer, .source] | join(" ")')" "$what"
done <<'CASES'
Markdown|{"text": "**Reasoning:** A robot.\n\n**Tag:** *Sci-Fi*"}|sci-fi SOURCE_LLM
no heading|{"text": "sci-fi"}|sci-fi SOURCE_LLM
byte by byte|{"text": "Reasoning: é ü 日本語 😀.\nTag: sci-fi", "chunk": 1}|sci-fi SOURCE_LLM
whole, not streamed|{"body": "{\"choices\":[{\"message\":{\"content\":\"Tag: sci-fi\"},\"finish_reason\":\"stop\"}]}"}|sci-fi SOURCE_LLM
wrong content type|{"text": "Tag: sci-fi", "type": "text/html"}|sci-fi SOURCE_LLM
compressed|{"text": "Tag: sci-fi", "gzip": true}|sci-fi SOURCE_LLM
no usage|{"text": "Tag: sci-fi", "usage": false}|sci-fi SOURCE_LLM
not UTF-8|{"raw": "Reasoning: \\u00ff\\u00c3.\\nTag: sci-fi"}|sci-fi SOURCE_LLM
every event twice|{"text": "sci-fi", "piece": 100, "twice": true}|sci-fi SOURCE_NATIVE
CASES

# An answer that was cut off before it came is no answer, whatever its last line is.
llm_script <<<'[{"match": "# Your reasoning", "text": "Tag: comedy"}, {"text": "Reasoning: Some like\naction", "finish": "length"}]'
expect_equal 'comedy 2' "$(final | jq -r '[.answer, .usage.llmCalls | tostring] | join(" ")')" 'an answer that was cut off'

# Without an answer in it, it is asked once more for that alone; then the statistics answer, and say so.
llm_script <<<'[{"match": "# Your reasoning", "text": "Tag: comedy"}, {"text": "Reasoning: Hard to say."}]'
expect_equal 'comedy SOURCE_LLM 2' "$(final | jq -r '[.answer, .source, .usage.llmCalls | tostring] | join(" ")')" 'a second try'
llm_script <<<'[{"match": "Write only JSON with the tag", "json": {"answer": "comedy"}}, {"text": "Reasoning: A robot.\nTag: adventure"}]'
expect_equal 'comedy SOURCE_LLM 2' "$(final | jq -r '[.answer, .source, .usage.llmCalls | tostring] | join(" ")')" 'an answer outside the set, asked again'
expect_equal '[15,"sci-fi"]' "$(jq -c 'select(.body.response_format) | .body.response_format.json_schema.schema.properties.answer.enum | [length, .[0]]' "$llm_log")" 'the answers that the second try is held to'
for text in "I am sorry, I cannot help with that." '' 'Tag: western' "Die Antwort ist klar."; do
    llm_script <<<"[{\"text\": \"$text\"}]"
    answer=$(final)
    expect_equal 'SOURCE_NATIVE 2' "$(jq -r '[.source, (.usage.llmCalls | tostring)] | join(" ")' <<<"$answer")" "'$text' is no answer"
    expect_equal 'the LLM wrote no answer of the task, nor when it was asked again; answered from the statistics alone' "$(jq -r .notice <<<"$answer")" "why '$text' is not used"
    expect_equal 2 "$(llm_requests)" "requests for '$text'"
done

# A server that wants OpenAI's newer name for the limit of tokens is asked so from then on.
llm_script <<<'[{"times": 1, "status": 400, "error": "Unsupported parameter: max_tokens. Use max_completion_tokens instead."}, {"text": "Tag: sci-fi"}]'
expect_equal 'sci-fi SOURCE_LLM' "$(final | jq -r '[.answer, .source] | join(" ")')" 'another name for the limit'
final >/dev/null
expect_equal '[true,false,false]' "$(jq -c 'select(.body) | .body | has("max_tokens")' "$llm_log" | jq -sc .)" 'the limits that were sent'

# Faults that pass: tried again, and nothing of it is seen.
while IFS='|' read -r what turn attempts; do
    llm_script <<<"[$turn, {\"text\": \"Reasoning: A robot.\\nTag: sci-fi\"}]"
    expect_equal 'sci-fi SOURCE_LLM ' "$(final | jq -r '[.answer, .source, .notice] | join(" ")')" "$what"
    expect_equal "$attempts" "$(llm_requests)" "attempts: $what"
done <<'CASES'
an error that passes|{"times": 1, "status": 500, "error": "oops"}|2
the model is loading|{"times": 2, "status": 503, "error": "Loading model"}|3
too many requests|{"times": 1, "status": 429, "error": "slow down", "headers": {"Retry-After": "1"}}|2
refused|{"times": 1, "fault": "close"}|2
reset in the head|{"times": 1, "text": "Tag: comedy", "fault": "reset", "at": 30}|2
closed before the text|{"times": 1, "text": "Tag: comedy", "fault": "close", "at": 140}|2
silence|{"times": 1, "text": "Tag: comedy", "fault": "silence"}|2
garbage|{"times": 1, "text": "Tag: comedy", "fault": "garbage", "at": 120}|2
CASES
expect_equal true "$(jq -s '[.[] | select(.headers["retry-after"])] | length == 0' "$llm_log")" 'the log is read'

# Once a piece was delivered, nothing is tried again.
llm_script <<<'[{"text": "Reasoning: A robot learns to dream.\nTag: sci-fi", "fault": "close", "at": 420}]'
expect 1 'UNAVAILABLE: backend scripted broke off in the middle of its answer' rpmctl respond --task movie_tagging --user ada "$film"
expect_equal 1 "$(llm_requests)" 'attempts after the first piece'
llm_script <<<'[{"text": "Reasoning: A robot learns to dream.\nTag: sci-fi", "fault": "silence", "at": 420}]'
expect 1 'UNAVAILABLE: backend scripted sent nothing for idle_seconds = 1' rpmctl respond --task movie_tagging --user ada "$film"

# Faults that do not pass: a closed task is answered from the statistics, with the reason; an open one says it.
llm_script <<<'[{"status": 500, "error": "oops"}]'
expect_equal 'SOURCE_NATIVE backend scripted answered HTTP 500: oops; answered from the statistics alone' "$(final | jq -r '[.source, .notice] | join(" ")')" 'a server that only fails'
[ "$(llm_requests)" -gt 2 ] || fail "only $(llm_requests) attempts in retry_seconds"
expect 1 'UNAVAILABLE: backend scripted answered HTTP 500: oops' rpmctl respond --task scholarly_title --user ada 'We study trees.'
llm_script <<<'[{"status": 401, "error": "no such key"}]'
expect 1 'FAILED_PRECONDITION: backend scripted answered HTTP 401: no such key; check its key' rpmctl respond --task movie_tagging --user ada "$film"
expect_equal 1 "$(llm_requests)" 'attempts with a wrong key'
llm_script <<<'[{"status": 400, "error": "the prompt is too long"}]'
expect 1 'INVALID_ARGUMENT: backend scripted answered HTTP 400: the prompt is too long' rpmctl respond --task movie_tagging --user ada "$film"
expect 0 'problem: backend scripted answered HTTP 400' rpmctl status

# An open task: the plugin trims what is not the title.
llm_script <<<'[{"text": "Reasoning: The user likes short titles.\nTitle: \"On the Growth of Trees\""}]'
expect_equal 'On the Growth of Trees SOURCE_LLM' "$(rpmctl --json respond --task scholarly_title --user ada 'We study the growth of trees.' | tail -n 1 | jq -r '[.answer, .source] | join(" ")')" 'an open answer'

# A caller who goes away takes the request along; what was written until then is accounted.
before=$(accounted)
llm_script <<<'[{"text": "Reasoning: One. Two. Three. Four. Five.\nTag: sci-fi", "piece": 1, "pause": 0.2}]'
rpmctl respond --task movie_tagging --user ada "$film" >/dev/null 2>&1 &
client=$!
for _ in $(seq 100); do [ "$(llm_requests)" -gt 0 ] && break; sleep 0.02; done
sleep 0.3
kill "$client"
for _ in $(seq 100); do grep -q '"ended": "peer"' "$llm_log" && break; sleep 0.02; done
expect 0 '"ended": "peer"' cat "$llm_log"
expect_equal "$(jq -c 'map(. + 1)' <<<"$before")" "$(accounted)" 'calls and failures, with one that its caller left'

# An LLM that does not end: a text that was cut off, and asked for its answer alone.
llm_script <<'S'
[{"match": "# Your reasoning", "text": "Tag: comedy"}, {"repeat": 60000, "text": "goes on ", "piece": 4096}]
S
expect_equal 'comedy 2' "$(final | jq -r '[.answer, .usage.llmCalls | tostring] | join(" ")')" 'a text without end'

# Five calls in a row that fail: the server is left alone, and nobody waits for it.
llm_script <<<'[{"status": 500, "error": "down"}]'
clients=()
for i in 1 2 3 4 5; do
    rpmctl respond --task scholarly_title --user ada "We study $i trees." >/dev/null 2>&1 &
    clients+=($!)
done
wait "${clients[@]}"
before=$(llm_requests)
expect 1 'UNAVAILABLE: backend scripted failed [0-9]+ times in a row and is tried again in [0-9]+ s: backend scripted answered HTTP 500: down' rpmctl respond --task scholarly_title --user ada 'We study trees.'
expect_equal "$before" "$(llm_requests)" 'requests while it is left alone'
expect 0 'left alone for now' rpmctl status

# The other shape.
daemon_stop
llm_section=$'[llm]\nreply_bytes = 0' llm_config 'respond = scripted' $'shape = anthropic\nprice_prompt = 2\nprice_cached = 1\nprice_completion = 8'
daemon_start
llm_script <<<'[{"text": "Reasoning: A robot.\nTag: sci-fi", "usage": [1000, 400, 50]}]'
expect_equal '["sci-fi","SOURCE_LLM","1000","400","50","2000"]' \
    "$(final | jq -c '[.answer, .source, .usage.promptTokens, .usage.cachedTokens, .usage.completionTokens, .usage.costMicros]')" 'an answer in the shape of Anthropic'
expect_equal '/v1/messages' "$(jq -r 'select(.path) | .path' "$llm_log")" 'its path'
llm_script <<<'[{"status": 529, "error": "Overloaded", "times": 1}, {"text": "Tag: sci-fi"}]'
expect_equal sci-fi "$(final | jq -r .answer)" 'an overloaded server'

# The key is in the header, and nowhere else.
daemon_stop
printf 'sk-secret-1234567890\n' >"$place/key"
llm_section=$'[llm]\nreply_bytes = 0' llm_config 'respond = scripted' "key_file = $place/key"
daemon_start
llm_script <<<'[{"status": 401, "error": "the key sk-secret-1234567890 is not known"}]'
expect 1 'the key \[key\] is not known' rpmctl respond --task movie_tagging --user ada "$film"
expect_equal 'Bearer sk-secret-1234567890' "$(jq -r 'select(.headers) | .headers.authorization' "$llm_log" | tail -n 1)" 'the header'
grep -q 'sk-secret' "$place/log" && fail 'the key stands in the log'
grep -rq 'sk-secret' "$state" && fail 'the key stands in the store'
rm "$place/key"
expect 1 "the key of the backend scripted cannot be read from $place/key: No such file" "$build/rpmd" --config "$place/rpmd.conf" --check-config
scenario_end
