#!/usr/bin/env bash
# The race detector on the packages of the engine, the stores, the pipelines and the service that start goroutines or guard something against them, in
# their code or in their tests. The others have nothing that it could find, and building a test program for each takes longer than running it.
# race.sh core [FLAG...] leaves out the clients of other programs (vector databases, models, sources), the arithmetic, and more tests that run alone.
set -euo pipefail
cd "$(dirname "$0")/.."
# Of packages that calculate, whose code starts nothing, the tests that call it from several goroutines at once are enough.
calculating=" index/column index/kernel index/postings index/section model/bert/convert model/bert/unigram model/rerank/late "
core=no
[ "${1:-}" != core ] || { core=yes; shift; }
clients=" index/chroma index/indextest index/milvus index/opensearch index/pinecone index/weaviate index/external/rest index/external/rpc model/embed/openai model/embed/static model/llm model/llm/openai
model/llm/openai/azure model/remote/chat model/rerank model/bert model/token/bpe source/folder source/git source/s3 source/web "
packages=()
tests=()
for folder in $(git ls-files '*_test.go' | xargs -n1 dirname | sort -u); do
  case ./$folder/ in
  ././ | ./ingest/* | ./answer/* | ./index/* | ./store/* | ./cache/* | ./server/* | ./observe/* | ./model/* | ./source/* | ./text/enrich/* | ./text/extract/sandbox/*) ;;
  *) continue ;;
  esac
  case $core$clients in
  yes*[[:space:]]"$folder"[[:space:]]*) continue ;;
  esac
  if grep -qE '^\s*go |\.Go\(|\bsync\.|\batomic\.|\berrgroup\.|<-|\bchan |t\.Parallel' "$folder"/*.go; then
    case $calculating in
    *" $folder "*)
      tests+=($(awk '/^func Test/ { name = $2; sub(/\(.*/, "", name) } /^}/ { name = "" } name && /\.Go\(|^\t+go |t\.Parallel/ { print name }' "$folder"/*_test.go | sort -u)) ;;
    *) packages+=("./$folder") ;;
    esac
  fi
done
# One step after the other, and minutes long under the detector: figures of quality, a fault at each place in turn, processes that are killed.
alone='^(TestRecall|TestKeywordQuality|TestExactOnRealTexts|TestManyKeys|TestExactInOrder|TestStripBounds|TestEveryByteFlipped|TestOpenMayFailAnywhere|TestEveryStatementMayFail|TestKilledAtAnyMoment|TestSamples|TestCitationOnItsPage|TestHistoriesOfSources)$'
if [ $core = yes ]; then
  # And those of half a minute: what the suites of stores and indexes ask of one caller, a PDF reader that is compiled first, what only
  # reads the tree's own files.
  alone+='|^(TestRecallAfterChurn|TestSieve|TestThaw|TestDeterministic|TestFilter|TestMetrics|TestConformanceInMemory|TestConformanceWithDefaults)$|^TestIndex$//^(Filters|RandomHistory)$'
  alone+='|^TestStore$/^(collections|put|read|list|delete|feed|sources)$|^(TestPurgeErases|TestVerifyFinds|TestPurgeMayFailAnywhere)$'
  alone+='|^(TestJobs|TestImportsGoDown|TestOnlyConfigReadsTheEnvironment|TestPackagesSayWhatTheyAreFor)$'
fi
export CGO_ENABLED=1
go test -race -short -timeout 30m -skip "$alone" "$@" "${packages[@]}"
[ $core = no ] || exit 0
go test -race -short -timeout 30m -run "^($(IFS='|'; echo "${tests[*]}"))\$" "$@" $(printf './%s ' $calculating)
