#!/usr/bin/env bash
# Everything: static checks, unit and integration tests, the race detector, and
# the binary as a process under the stock OpenAI client and a real browser.
# It installs what it needs; a second run finds it there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
needs gcc=gcc # the race detector links with C
step() { printf '\n=== %s (%ds)\n' "$1" "$SECONDS"; }

step "build";            make --no-print-directory build
step "lint";             make --no-print-directory lint
step "tests";            go test -timeout 30m ./...
step "race detector";    make --no-print-directory race
step "OpenAI client";    scripts/e2e-openai.sh
step "browser";          scripts/e2e-ui.sh
if [ -d ../shared/data/retrieval ]; then
  step "retrieval quality through the HTTP API"
  go run ./bench/quality -data ../shared/data -check
fi
step "all done"
