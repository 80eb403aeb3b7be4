#!/usr/bin/env bash
# Tests the shared cache with real Redis: a server, one with TLS, and a cluster, which are
# killed, stopped, filled and started again.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
. scripts/redis-server.sh
trap redis_stop EXIT
go test -count=1 -tags servers "$@" ./cache/redis
