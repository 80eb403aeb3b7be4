#!/usr/bin/env bash
# Tests the adapters of vector databases on their servers, one after the other: each
# that scripts/NAME-server.sh starts, NAME_stop ends and index/NAME is for. With names
# (chroma milvus weaviate ...) these only. Flags for go test come after "--".
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
names=()
while [ $# -gt 0 ]; do
	case $1 in
	--) shift; break ;;
	-*) break ;;
	*) names+=("$1"); shift ;;
	esac
done
if [ "${#names[@]}" -eq 0 ]; then
	for script in scripts/*-server.sh; do
		name=$(basename "$script" -server.sh)
		[ ! -d "index/$name" ] || names+=("$name")
	done
fi
for name in "${names[@]}"; do
	if [ ! -f "scripts/$name-server.sh" ] || [ ! -d "index/$name" ]; then
		echo "there is no scripts/$name-server.sh, or no index/$name" >&2
		exit 1
	fi
	echo "== $name"
	( # of its own, so that one server has ended before the next one starts
		. "scripts/$name-server.sh"
		trap "${name}_stop" EXIT
		absent=${name}_absent
		if [ -n "${!absent:-}" ]; then
			echo "== $name: not run, ${!absent}"
			exit
		fi
		go test -count=1 -tags servers -timeout 20m "$@" "./index/$name/..."
	)
done
