#!/bin/sh
# Measures the index engine beside FAISS, hnswlib, usearch, tantivy, bm25s and bleve, and
# writes bench/results/index.json. Needs Go, Python 3 and Rust's cargo, the network for
# the first run, ../shared/data, some 12 GB of disk and 16 GB of memory. Data, rivals and
# their indexes stay in ~/.cache/smartretriever/bench-index.
#
#   bench.sh [-only PART,PART] [-quick] [-entrants REGEXP] [-rebuild] [-rounds N]
#
# What the parts are and how long they take stands in README.md.
set -eu
cd "$(dirname "$0")/../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/smartretriever/bench-index
if [ ! -d ../shared/data/retrieval ]; then
	echo "bench-index: ../shared/data is absent, left out"
	exit 0
fi
mkdir -p "$cache"
need=bench/index/rivals/requirements.txt
if ! cmp -s "$need" "$cache/venv/requirements.txt"; then
	rm -rf "$cache/venv"
	python3 -m venv "$cache/venv"
	"$cache/venv/bin/pip" install -q -r "$need"
	cp "$need" "$cache/venv/requirements.txt"
fi
if [ "${1:-}" != -quick ]; then # which has no words
	RUSTFLAGS="-C target-cpu=native" cargo build -q --release --manifest-path bench/index/tantivy/Cargo.toml --target-dir "$cache/tantivy"
	go -C bench/index/bleve build -o "$cache/bench-bleve" .
fi
go build -o "$cache/bench-index" ./bench/index
exec "$cache/bench-index" "$@"
