#!/usr/bin/env bash
# The providers' own clients from PyPI against the doubles that our tests use.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/needs.sh
needs python3=python3-venv
venv=.cache/venv-providers-3
if ! [ -e "$venv/complete" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check \
    openai==3.54.0 anthropic==1.17.0 ollama==0.6.3 google-genai==3.4.0 cohere==7.3.1 voyageai==0.5.0 'tritonclient[http,grpc]==2.73.0' huggingface_hub==2.4.0
  touch "$venv/complete"
fi
mkdir -p .cache
go build -o .cache/doubles ./tools/doubles
.cache/doubles >.cache/doubles.txt &
doubles=$!
trap 'kill $doubles' EXIT
until grep -q ready .cache/doubles.txt; do kill -0 $doubles; sleep 0.1; done
"$venv/bin/python" e2e/doubles.py .cache/doubles.txt
"$venv/bin/python" e2e/chat_doubles.py .cache/doubles.txt
