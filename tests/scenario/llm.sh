# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # daemon_options, place: scenario.sh
# A scripted LLM beside the private daemon. Sourced after scenario.sh.
llm_socket=$place/llm.sock
llm_log=$place/llm.log
llm_server=

# llm_start [LINES]: starts the server; the script is read from standard input. LINES: more of the backend's section.
llm_start() {
    cat >"$place/script.json"
    : >"$llm_log"
    python3 tests/llm/scripted_server.py "$llm_socket" "$place/script.json" "$llm_log" >"$place/llm.out" 2>&1 &
    llm_server=$!
    for _ in $(seq 200); do
        grep -q listening "$place/llm.out" && return 0
        sleep 0.02
    done
    fail "the scripted server did not start: $(cat "$place/llm.out")"
}

# Another script, read from standard input; the log begins anew.
llm_script() {
    cat >"$place/script.json"
    : >"$llm_log"
    kill -HUP "$llm_server"
    for _ in $(seq 200); do
        grep -q '"script"' "$llm_log" && return 0
        sleep 0.02
    done
    fail 'the scripted server did not read its script'
}

llm_stop() {
    [ -z "$llm_server" ] || kill -KILL "$llm_server" 2>/dev/null
    wait "$llm_server" 2>/dev/null
    llm_server=
}

# How many requests came, since the script was read.
llm_requests() { grep -c '"path"' "$llm_log"; }

# llm_config STAGES [BACKEND LINES]: a configuration for the daemon, in $place/rpmd.conf. STAGES: lines of [method].
llm_config() {
    printf '[daemon]\nverbose = on\nprompt_dir = %s/prompts\n%s\n[method]\n%s\n[backend scripted]\nbase_url = http://llm/v1\nunix_socket = %s\nmodel = scripted\nconnect_seconds = 2\n%s\n' \
        "$place" "${llm_section:-}" "$1" "$llm_socket" "${2:-}" >"$place/rpmd.conf"
    daemon_options=(--config "$place/rpmd.conf")
}
