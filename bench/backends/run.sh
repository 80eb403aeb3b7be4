#!/usr/bin/env bash
# Measures the program on real servers, which this script starts and stops: PostgreSQL with pgvector and a replica, Redis, Weaviate, Milvus Lite, Chroma. Takes some
# ten minutes, and most of an hour more where the passages are not embedded yet (bench/index has them in the same place; with fewer rows, fewer are embedded). A database can be left out:
#
#   BENCH_WITHOUT="weaviate chroma" bench/backends/run.sh [-only PART,PART] [-rows N] [-rebuild N] [-into NAME,NAME]
#
# An existing server of Weaviate is used; with WEAVIATE_BUILD=yes a missing one is built.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ ! -d ../shared/data/retrieval ]; then
	echo "bench-backends: ../shared/data is absent, left out"
	exit 0
fi
. scripts/needs.sh
export WEAVIATE_BUILD=${WEAVIATE_BUILD:-no}
started=()
stop() {
	local name
	for name in "${started[@]}"; do "${name}_stop"; done
}
for name in postgres redis weaviate milvus chroma; do
	case " ${BENCH_WITHOUT:-} " in *" $name "*) continue ;; esac
	. "scripts/$name-server.sh"
	started+=("$name")
	trap stop EXIT # once more, as one of the scripts sets its own
done
if [ -n "${REDIS_URL:-}" ]; then
	export REDIS_ADDR=${REDIS_URL##*@}
fi
if [ -n "${PG_SUPER_URL:-}" ]; then
	# The tests do without what only a cut of the power needs. What is measured here is kept for good.
	for setting in fsync full_page_writes; do psql -q -X "$PG_SUPER_URL" -c "ALTER SYSTEM SET $setting = on"; done
	psql -q -X -At "$PG_SUPER_URL" -c "SELECT pg_reload_conf()" >/dev/null
fi
mkdir -p .cache
go build -o .cache/bench-backends ./bench/backends
.cache/bench-backends "$@"
