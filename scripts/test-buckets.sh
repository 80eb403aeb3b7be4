#!/usr/bin/env bash
# Tests what speaks to buckets, the store of original files and the source s3, and the
# source git, with servers by others: versitygw, an S3 server that checks signatures,
# and `git http-backend`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
needs git=git
. scripts/s3-server.sh
trap s3_stop EXIT
GIT="$(command -v git)" go test -count=1 -tags servers "$@" ./store/blob/s3 ./backends ./source/s3 ./source/git
