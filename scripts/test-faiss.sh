#!/usr/bin/env bash
# Tests the index over FAISS (build tag faiss) with Debian's libfaiss-dev, alone, under the follower and in the whole
# program. On a fresh machine the packages take seconds, compiling and testing two minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
needs g++=g++
# A library has no program whose absence would tell.
[ -e /usr/include/faiss/Index.h ] || needs libfaiss-dev=libfaiss-dev
export CGO_ENABLED=1
packages=(./index/faiss ./index/follow .)
go vet -tags faiss "${packages[@]}" ./cmd/smartretriever
go test -tags faiss "$@" "${packages[@]:0:2}"
go test -tags faiss "$@" -run FAISS . ./cmd/smartretriever
