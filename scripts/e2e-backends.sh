#!/usr/bin/env bash
# The same end-to-end tests over every combination of servers that documents, vectors,
# results and originals can be kept in. Nothing but the settings in the environment
# differs: the tests, and the program, know nothing of it.
#
#   scripts/e2e-backends.sh [COMBINATION...] [-- FLAGS OF THE TEST PROGRAM]
#
# A combination is words joined by "+":
#   sqlite, postgres        where documents are; one of the two comes first
#   bouncer, replica        PostgreSQL behind PgBouncer; read from a replica as well
#   pgvector, chroma, milvus, weaviate   where vectors are; without one, the built-in index
#   redis                   the cache; without it, in process
#   s3                      originals are in a bucket; without it, in the data folder
# With none, those in "usual" below. On postgres two processes with one store are tested
# together, too. E2E_TESTS=all runs the slow tests as well, E2E_CLIENTS
# says which clients come after (openai, ui, "" for none; as it comes, both for the
# combinations in "clients").
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/needs.sh

usual=(sqlite postgres postgres+redis+s3 postgres+bouncer+replica postgres+pgvector postgres+milvus postgres+chroma postgres+weaviate)
clients=(postgres+redis+s3)

# What every combination is asked for. The rest of the package tests what has nothing to
# do with where things are kept, or the files of one kind of store or index themselves
# (TestDamagedStore, TestIndexIsMended, TestIndexTune).
spine=(TestPlaces TestSamples TestShowOriginal TestStandardInput TestPaths TestCollectionsAndTenants TestFilterAndAccess TestEval TestJSON TestExitCodes
	TestSearchWithOperators TestServe TestJobsAfterAKill TestDoctorNamesServers TestDryRun)
# And where processes share the store.
shared=(TestReplicas TestReplicaTakesOverAJob TestDoctorWarnsOfASuperuser)
slow=(TestArchive TestUsageAndPrices TestBudgetOfTheCommand TestReembed TestSources TestSourceThatIsAway TestWatch TestTwoProcessesSync TestServerSyncs
	TestTwoReadersOfASource TestSiteAsSource TestPageFeedAndAPIAsSources TestInterruptedReembed TestKilledInASyncJob TestKilledWhileSyncing TestKilledWhileReembedding)

combinations=()
while [ $# -gt 0 ]; do
	case $1 in
	--) shift; break ;;
	*) combinations+=("$1"); shift ;;
	esac
done
[ "${#combinations[@]}" -gt 0 ] || combinations=("${usual[@]}")
for combination in "${combinations[@]}"; do
	if ! grep -Eqx '(sqlite|postgres(\+bouncer)?(\+replica)?)(\+(pgvector|chroma|milvus|weaviate))?(\+redis)?(\+s3)?' <<<"$combination" || [[ $combination = sqlite+pgvector* ]]; then
		echo "$combination is no combination: words in this order, sqlite or postgres first" >&2
		exit 2
	fi
done

started=()
running= # process id of the tests
work=$(mktemp -d)
stop() {
	local name
	[ -z "$running" ] || kill "$running" 2>/dev/null || true
	for name in "${started[@]}"; do "${name}_stop" || true; done
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# wants NAME reports whether a combination has the word.
wants() { [[ "+${combinations[*]/%/+}" =~ [+\ ]$1\+ ]]; }
# start NAME starts the servers of scripts/NAME-server.sh.
start() {
	started+=("$1")
	. "scripts/$1-server.sh"
	trap stop EXIT # the script may have set its own
}
for name in postgres redis chroma milvus weaviate s3; do
	eval "${name}_stop() { :; }" # until its script says how
	if wants "$name"; then start "$name"; fi
done
if wants s3; then mkdir "$s3_work/data/originals"; fi # a folder is a bucket there

# settings COMBINATION prints the program's settings for it, as NAME=VALUE. "{}" stands for
# a word that is different for every data folder.
settings() {
	local word
	for word in ${1//+/ }; do
		case $word in
		sqlite) ;;
		postgres)
			cat <<-END
				SMARTRETRIEVER_STORE_NAME=postgres
				SMARTRETRIEVER_STORE_POSTGRES_MIGRATE_URL=$PG_OWNER_URL
				SMARTRETRIEVER_STORE_POSTGRES_SCHEMA=e2e_{}
			END
			if [[ $1 = *+bouncer* ]]; then
				cat <<-END
					SMARTRETRIEVER_STORE_POSTGRES_URL=$PG_BOUNCER_URL
					SMARTRETRIEVER_STORE_POSTGRES_DIRECT_URL=$PG_URL
					SMARTRETRIEVER_STORE_POSTGRES_PGBOUNCER=true
				END
			else
				echo "SMARTRETRIEVER_STORE_POSTGRES_URL=$PG_URL"
			fi
			;;
		bouncer) ;;
		replica) echo "SMARTRETRIEVER_STORE_POSTGRES_REPLICAS=$PG_REPLICA_URL" ;;
		pgvector) echo SMARTRETRIEVER_INDEX_VECTORS=pgvector ;;
		chroma)
			echo SMARTRETRIEVER_INDEX_VECTORS=chroma
			echo "SMARTRETRIEVER_INDEX_DATABASE_URL=$CHROMA_URL"
			;;
		milvus)
			echo SMARTRETRIEVER_INDEX_VECTORS=milvus
			echo "SMARTRETRIEVER_INDEX_DATABASE_URL=$MILVUS_ADDR"
			;;
		weaviate)
			cat <<-END
				SMARTRETRIEVER_INDEX_VECTORS=weaviate
				SMARTRETRIEVER_INDEX_DATABASE_URL=$WEAVIATE_URL
				SMARTRETRIEVER_INDEX_DATABASE_GRPC_URL=${WEAVIATE_GRPC#grpc://}
				SMARTRETRIEVER_INDEX_DATABASE_API_KEY=$WEAVIATE_API_KEY
			END
			;;
		redis)
			cat <<-END
				SMARTRETRIEVER_CACHE_NAME=redis
				SMARTRETRIEVER_CACHE_REDIS_ADDRESSES=${REDIS_URL##*@}
				SMARTRETRIEVER_CACHE_REDIS_PASSWORD=$REDIS_PASSWORD
				SMARTRETRIEVER_CACHE_REDIS_PREFIX=e2e_{}
			END
			;;
		s3)
			cat <<-END
				SMARTRETRIEVER_BLOBS_NAME=s3
				SMARTRETRIEVER_BLOBS_ENDPOINT=$S3_ENDPOINT
				SMARTRETRIEVER_BLOBS_BUCKET=originals
				SMARTRETRIEVER_BLOBS_PREFIX=e2e-{}
				SMARTRETRIEVER_BLOBS_ACCESS_KEY=$S3_ACCESS_KEY
				SMARTRETRIEVER_BLOBS_SECRET_KEY=$S3_SECRET_KEY
			END
			;;
		esac
	done
}

# client NAME COMBINATION runs scripts/e2e-NAME.sh on the binary with that combination.
client() {
	local places=()
	mapfile -t places < <(settings "$2" | sed "s/{}/client$1/")
	env "${places[@]}" "scripts/e2e-$1.sh"
}

make --no-print-directory build
CGO_ENABLED=0 go test -c -tags servers -o "$work/e2e.test" ./cmd/smartretriever

tests=("${spine[@]}")
[ "${E2E_TESTS:-}" != all ] || tests+=("${slow[@]}")
failed=()
for combination in "${combinations[@]}"; do
	printf '\n== %s\n' "$combination"
	begun=$SECONDS
	chosen=("${tests[@]}")
	[[ $combination != postgres* ]] || chosen+=("${shared[@]}")
	run="^($(IFS='|'; echo "${chosen[*]}"))\$"
	TEST_PLACES=$(settings "$combination") env -C cmd/smartretriever "$work/e2e.test" -test.timeout 20m -test.run "$run" "$@" &
	running=$!
	wait "$running" || failed+=("$combination")
	running=
	printf -- '-- %s: tests %ds\n' "$combination" $((SECONDS - begun))
	run_clients=${E2E_CLIENTS-}
	if [ -z "${E2E_CLIENTS+set}" ] && [[ " ${clients[*]} " = *" $combination "* ]]; then run_clients="openai ui"; fi
	for name in $run_clients; do
		begun=$SECONDS
		client "$name" "$combination" || failed+=("$combination ($name)")
		printf -- '-- %s: %s %ds\n' "$combination" "$name" $((SECONDS - begun))
	done
done
if [ "${#failed[@]}" -gt 0 ]; then
	printf 'failed: %s\n' "${failed[@]}" >&2
	exit 1
fi
echo "passed: ${combinations[*]}"
