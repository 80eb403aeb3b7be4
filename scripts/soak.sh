#!/usr/bin/env bash
# The index engine for a long time: random changes, crashes, damage and full disks, every answer compared with exact search; then everything
# at once under the race detector. soak.sh [CHANGES [TIME]]
set -euo pipefail
cd "$(dirname "$0")/.."
go test -count=1 -timeout 60m -run '^TestRandomHistories$' ./index/engine -history.steps "${1:-100000}" -v | { grep -vE '^(=== |    --- PASS)' || true; }
CGO_ENABLED=1 go test -count=1 -race -run '^TestConcurrent$' ./index/engine -concurrent.time "${2:-60s}"
