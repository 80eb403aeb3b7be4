#!/usr/bin/env bash
# The stock OpenAI client from PyPI, in the versions that programs use now,
# against the binary.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/needs.sh
needs python3=python3-venv
. scripts/e2e-server.sh
for version in 2.54.0 3.54.0; do
  venv=.cache/venv-openai-$version
  if ! [ -e "$venv/complete" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check "openai==$version"
    touch "$venv/complete"
  fi
  "$venv/bin/python" e2e/openai_client.py "$URL"
done
