#!/bin/sh
# Compares our chunkers with those of LangChain, Chonkie and semchunk at the same
# sizes: bench.sh. Needs Go, Python 3 and, for the first run, the network; everything
# fetched stays in .cache/chunking. Without ../shared/data it says what it lacks.
#
#   bench.sh        all, into bench/results/chunking.json, with the tables of docs/chunking.md
#   bench.sh ours   without the rivals, printed only
set -eu
cd "$(dirname "$0")/../.."
cache=.cache/chunking
data=../shared/data/retrieval
tokenizer=../shared/data/models/tokenizer-all-MiniLM-L6-v2/tokenizer.json
mkdir -p "$cache"

rivals=
if [ "${1:-}" != ours ] && [ -d "$data" ]; then
	if [ ! -x "$cache/venv/bin/python" ]; then
		python3 -m venv "$cache/venv"
		"$cache/venv/bin/pip" install -q langchain-text-splitters==1.1.3 chonkie==1.7.0 semchunk==4.1.1 tokenizers==0.23.3
	fi
	rivals=$cache/rivals
	"$cache/venv/bin/python" bench/chunking/rivals.py "$data/chunking-evaluation/corpora" "$tokenizer" "$rivals/spans" 200 320 400
	go run ./bench/chunking -data "$data" -cache "$cache" -texts "$cache/scifact.jsonl"
	"$cache/venv/bin/python" bench/chunking/rivals.py "$cache/scifact.jsonl" "$tokenizer" "$rivals/scifact" 200 320 400
fi
go run ./bench/chunking -data "$data" -cache "$cache" ${rivals:+-rivals "$rivals" -out bench/results/chunking.json}
