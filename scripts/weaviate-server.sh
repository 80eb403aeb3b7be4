# Starts a Weaviate server on loopback. It is built once, which takes three minutes on
# two idle cores and up to twelve on busy ones, and stays in .cache (130 MB; the build
# leaves some 2 GB in Go's own caches). Sets WEAVIATE_URL, WEAVIATE_GRPC,
# WEAVIATE_API_KEY and WEAVIATE_SERVER, the folder to restart it with
# (scripts/daemon.sh); weaviate_stop ends it. To be sourced from the project's root,
# after scripts/needs.sh.
#
# With WEAVIATE_BUILD=no nothing is built: where there is no server yet, weaviate_absent
# says so and the variables stay unset.

needs "curl=curl ca-certificates"
weaviate_version=v1.35.2
weaviate_bin=$PWD/.cache/weaviate/$weaviate_version
weaviate_stop() { :; }
weaviate_absent=
if [ ! -x "$weaviate_bin/weaviate-server" ] && [ "${WEAVIATE_BUILD:-yes}" != no ]; then
	mkdir -p "$weaviate_bin"
	GOBIN=$weaviate_bin GOFLAGS= CGO_ENABLED=0 go install -trimpath -ldflags "-s -w" "github.com/weaviate/weaviate/cmd/weaviate-server@$weaviate_version"
fi
if [ -x "$weaviate_bin/weaviate-server" ]; then
	WEAVIATE_SERVER=$(mktemp -d)
	weaviate_stop() {
		scripts/daemon.sh stop "$WEAVIATE_SERVER"
		rm -rf "$WEAVIATE_SERVER"
	}
	for weaviate_try in 1 2 3 4 5; do # the ports may be taken between the question and their use
		weaviate_port=$((20000 + RANDOM % 12000))
		cat >"$WEAVIATE_SERVER/run" <<-END
			#!/bin/sh
			export PERSISTENCE_DATA_PATH="$WEAVIATE_SERVER/data" DEFAULT_VECTORIZER_MODULE=none ENABLE_MODULES=
			export AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=false AUTHENTICATION_APIKEY_ENABLED=true
			export AUTHENTICATION_APIKEY_ALLOWED_KEYS=testkey AUTHENTICATION_APIKEY_USERS=tester
			export AUTHORIZATION_ADMINLIST_ENABLED=true AUTHORIZATION_ADMINLIST_USERS=tester
			export CLUSTER_HOSTNAME=node1 CLUSTER_ADVERTISE_ADDR=127.0.0.1 RAFT_BOOTSTRAP_EXPECT=1
			export CLUSTER_GOSSIP_BIND_PORT=$((weaviate_port + 1)) CLUSTER_DATA_BIND_PORT=$((weaviate_port + 2))
			export RAFT_PORT=$((weaviate_port + 3)) RAFT_INTERNAL_RPC_PORT=$((weaviate_port + 4)) GRPC_PORT=$((weaviate_port + 5))
			export DISABLE_TELEMETRY=true GO_PROFILING_DISABLE=true LOG_LEVEL=warning ENABLE_API_BASED_MODULES=false
			export RAFT_HEARTBEAT_TIMEOUT=1 RAFT_ELECTION_TIMEOUT=1 RAFT_LEADER_LEASE_TIMEOUT=1
			exec "$weaviate_bin/weaviate-server" --host 127.0.0.1 --port $weaviate_port --scheme http
		END
		cat >"$WEAVIATE_SERVER/ready" <<-END
			#!/bin/sh
			exec curl -sf "http://127.0.0.1:$weaviate_port/v1/.well-known/ready"
		END
		chmod +x "$WEAVIATE_SERVER/run" "$WEAVIATE_SERVER/ready"
		if ! "$WEAVIATE_SERVER/ready" && scripts/daemon.sh start "$WEAVIATE_SERVER"; then break; fi
		if [ "$weaviate_try" = 5 ]; then
			weaviate_stop
			exit 1
		fi
	done
	export WEAVIATE_SERVER WEAVIATE_URL=http://127.0.0.1:$weaviate_port WEAVIATE_GRPC=grpc://127.0.0.1:$((weaviate_port + 5)) WEAVIATE_API_KEY=testkey
else
	weaviate_absent="its server is not built here yet, and WEAVIATE_BUILD is no"
fi
