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
go vet ./...
go vet -tags e2e ./e2e/...
go vet -tags objdump ./model/bert/kernel
GOARCH=arm64 go vet ./...
go run "$STATICCHECK" ./...
go run "$STATICCHECK" -tags e2e ./e2e/...
servers="./store/... ./cache/... ./index/... ./source/... ./backends ./cmd/..."
go vet -tags servers $servers
go run "$STATICCHECK" -tags servers $servers

# The vulnerability database is a download; without it the check says so and passes.
if timeout 120 go run "$GOVULNCHECK" ./... >.cache/govulncheck.log 2>&1; then
  echo "govulncheck: no known vulnerability in what is called"
elif grep -q '^Vulnerability #' .cache/govulncheck.log; then
  cat .cache/govulncheck.log; exit 1
else
  echo "govulncheck: not run, its database cannot be reached from here"
fi
