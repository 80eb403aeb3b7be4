#!/usr/bin/env bash
# Tests the store on PostgreSQL, the copying of stores to and from it, and pgvector, with a
# real server, its replica and PgBouncer.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
needs faketime=faketime
. scripts/postgres-server.sh
go test -count=1 -timeout 30m -p 1 -tags servers "$@" ./store/postgres ./store/transfer ./index/pgvector
go test -count=1 -timeout 10m -tags servers -run TestMigrateToPostgres ./cmd/smartretriever
