#!/usr/bin/env bash
# Tests the sources s3 and git with servers by others: versitygw, an S3 server that
# checks signatures, and `git http-backend`. versitygw is built once, which takes two
# minutes, and stays in .cache.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
needs git=git "curl=curl ca-certificates"
version=v1.8.0
bin=$PWD/.cache/versitygw/$version
if [ ! -x "$bin/versitygw" ]; then
	mkdir -p "$bin"
	GOBIN=$bin CGO_ENABLED=0 go install "github.com/versity/versitygw/cmd/versitygw@$version"
fi
work=$(mktemp -d)
server=
stop() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	[ -z "$server" ] || wait "$server" 2>/dev/null || true
	rm -rf "$work"
}
trap stop EXIT
mkdir "$work/data" "$work/sidecar" "$work/versions"
for try in 1 2 3 4 5; do # the port may be taken between the question and its use
	port=$((20000 + RANDOM % 12000))
	ROOT_ACCESS_KEY=testkey ROOT_SECRET_KEY=testsecret "$bin/versitygw" --port "127.0.0.1:$port" --health /health posix --sidecar "$work/sidecar" --versioning-dir "$work/versions" "$work/data" >"$work/log" 2>&1 &
	server=$!
	for _ in $(seq 100); do
		if curl -sf "http://127.0.0.1:$port/health" >/dev/null; then break 2; fi
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	kill "$server" 2>/dev/null || true
	wait "$server" 2>/dev/null || true
	server=
done
if [ -z "$server" ]; then
	cat "$work/log" >&2
	exit 1
fi
S3_ENDPOINT="http://127.0.0.1:$port" S3_ACCESS_KEY=testkey S3_SECRET_KEY=testsecret GIT="$(command -v git)" \
	go test -count=1 -tags servers "$@" ./source/s3 ./source/git
