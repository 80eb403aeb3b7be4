#!/usr/bin/env bash
# Tests the index over FAISS (build tag faiss) with Debian's libfaiss-dev. On a fresh
# machine the packages take seconds, compiling and testing about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
needs g++=g++
# A library has no program whose absence would tell.
[ -e /usr/include/faiss/Index.h ] || needs libfaiss-dev=libfaiss-dev
export CGO_ENABLED=1
go vet -tags faiss ./index/faiss
go test -tags faiss "$@" ./index/faiss
