#!/usr/bin/env bash
# Static checks. A tool that is not there is installed at its pinned version.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache
STATICCHECK=honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK=golang.org/x/vuln/cmd/govulncheck@v1.9.0

unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then
  echo "gofmt would change:"; echo "$unformatted"; exit 1
fi
# Each tag adds files and takes none away that matter here, so one pass reads all of them.
tags=servers,e2e,objdump
go vet -tags "$tags" ./...
go run "$STATICCHECK" -tags "$tags" ./...
# What is written for one processor; all dependencies as well would take as long as everything else.
GOARCH=arm64 go vet ./model/bert/kernel ./index/kernel ./index/postings/kernel ./index/section

# The vulnerability database is a download; without it the check says so and passes. A small package shows
# whether it can be had before the whole program is loaded.
check() { timeout "$1" go run "$GOVULNCHECK" "$2" >.cache/govulncheck.log 2>&1; }
if check 60 ./rag && check 300 ./...; then
  echo "govulncheck: no known vulnerability in what is called"
elif grep -q '^Vulnerability #' .cache/govulncheck.log; then
  cat .cache/govulncheck.log; exit 1
else
  echo "govulncheck: not run, its database cannot be reached from here"
fi
