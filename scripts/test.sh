#!/usr/bin/env bash
# Everything: static checks, unit and integration tests, the race detector, the
# arithmetic for Arm in an emulator, the databases that it grows to, and the binary as a process under the stock OpenAI client and a real browser.
# It installs what it needs; a second run finds it there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh
needs gcc=gcc objdump=binutils # the race detector links with C; a test reads machine code
needs tesseract=tesseract-ocr
# One way of compiling for the program, the checks and the tests, so that they share what is compiled; the race detector and the builds with C compile it
# again. Lint vets everything, so the tests need not.
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:+$GOFLAGS }-trimpath -vet=off"
export OCR_TESTS=1 # what reads pictures is tested with the real program, and fails without it
step() {
  if [ -e .cache/beside.failed ]; then # there is no need to run the rest
    cat .cache/beside.log
    exit 1
  fi
  # Seconds on the clock, and those of processor time by what has ended so far.
  printf '\n=== %s (%ds, %ds)\n' "$1" "$SECONDS" "$(awk -v hz="$(getconf CLK_TCK)" '{ print int(($16 + $17) / hz) }' "/proc/$$/stat")"
}
mkdir -p .cache
rm -f .cache/beside.failed

# A disk that is full makes every test fail in its own way.
free=$(df -Pm "${TMPDIR:-/tmp}" | awk 'NR == 2 { print $4 }')
if [ "$free" -lt 12000 ]; then
  echo "only $free MB are free on the disk of ${TMPDIR:-/tmp}, and the build cache and the tests need 12 GB; 'go clean -cache' frees what builds have left" >&2
  exit 1
fi
step "build";            make --no-print-directory build

# What waits for servers, downloads and a browser more than for this machine's processors runs beside what calculates. The
# servers come first, and before it: their timeouts are short.
beside() {
  local parts=("PostgreSQL: scripts/test-postgres.sh -parallel 4" "Redis: scripts/test-redis.sh"
    "vector databases: env WEAVIATE_BUILD=${WEAVIATE_BUILD:-no} scripts/test-vectors.sh" "buckets and repositories: scripts/test-buckets.sh"
    "every combination: env E2E_CLIENTS= WEAVIATE_BUILD=${WEAVIATE_BUILD:-no} scripts/e2e-backends.sh postgres+redis+s3 postgres+bouncer+replica+pgvector postgres+milvus postgres+chroma"
    "OpenAI client: scripts/e2e-openai.sh" "chat providers: scripts/e2e-providers.sh" "clients of providers on the doubles: scripts/e2e-doubles.sh"
    "browser: scripts/e2e-ui.sh" "every format from every place: scripts/e2e-documents.sh"
    "arm64, emulated: nice scripts/arm64.sh" "ONNX Runtime: nice scripts/test-onnx.sh" "FAISS: nice scripts/test-faiss.sh")
  # Its server is built from source, which takes longer than all other clients together: 'make e2e-llama' does it, and from then on it is here.
  if ls "${XDG_CACHE_HOME:-$HOME/.cache}"/smartretriever/wheels-llama/llama_cpp_python-*.whl >/dev/null 2>&1; then
    parts+=("a real model: scripts/e2e-llama.sh")
  fi
  for part in "${parts[@]}"; do
    printf '\n=== %s (%ds)\n' "${part%%:*}" "$SECONDS"
    ${part#*: } || { touch .cache/beside.failed; return 1; }
  done
  printf '\n=== all of these done (%ds)\n' "$SECONDS"
}
set -m # a process group of its own, so that all of it can be ended
(beside) >.cache/beside.log 2>&1 &
beside=$!
set +m
trap 'kill -- -$beside 2>/dev/null || true; wait $beside 2>/dev/null || true' EXIT
renice -n 10 -p $$ >/dev/null

step "lint";             make --no-print-directory lint
step "tests"
# Verbose, so that skips can be counted: with the data there, one may skip, which
# root cannot make fail.
if ! go test -timeout 30m -v ./... >.cache/tests.log 2>&1; then
  grep -vE '^(=== |PASS$)|^ *--- (PASS|SKIP)' .cache/tests.log
  exit 1
fi
grep '^ok' .cache/tests.log
skipped=$(grep -oE '^ *--- SKIP: [^ ]+' .cache/tests.log | grep -vE ': TestUnreadable$' || true)
if [ -d ../shared/data ] && [ -n "$skipped" ]; then
  echo "the data is there, and these were skipped all the same:"; echo "$skipped"; exit 1
fi
if [ "$(go env GOARCH)" = amd64 ]; then
  step "assembly, read by a disassembler"
  go test -tags objdump -run '^TestVEX' ./model/bert/kernel
fi
step "race detector, on the core"; scripts/race.sh core
step "index: 20,000 random changes, and a while of everything at once; 'make soak' goes on for longer"
scripts/soak.sh 20000 15s
if [ -d ../shared/data/retrieval ]; then
  step "retrieval quality through the HTTP API, on the smaller set; 'make bench-quality' takes both"
  go run ./bench/quality -data ../shared/data -sets cranfield -check
fi
step "servers, clients, browser, other processors and builds, which ran beside all this"
if ! wait $beside; then
  cat .cache/beside.log
  exit 1
fi
grep -E '^(==|ok|--- SKIP)' .cache/beside.log
step "all done"
