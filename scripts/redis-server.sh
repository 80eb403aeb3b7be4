# Starts Redis on loopback: a server with a password, one that takes TLS with client
# certificates only, and a cluster of three masters with a replica each. To be sourced from
# the project's root, after scripts/needs.sh. Sets
#
#   REDIS_URL       redis://:PASSWORD@HOST:PORT of the first
#   REDIS_TLS_URL   rediss://:PASSWORD@HOST:PORT of the second
#   REDIS_TLS_CA, REDIS_TLS_CERT, REDIS_TLS_KEY  the files that it wants to see
#   REDIS_CLUSTER   HOST:PORT,... of the cluster's six nodes
#   REDIS_PASSWORD  of all of them
#   REDIS_NODES     a folder with, for each port, PORT/redis.conf and PORT/pid: a node is
#                   killed or stopped by its pid, and `redis-server PORT/redis.conf` starts
#                   it again
#
# redis_stop ends all of them.

needs "redis-server=redis-server" "redis-cli=redis-tools" "openssl=openssl"
redis_work=$(mktemp -d)
export REDIS_PASSWORD=testsecret REDIS_NODES=$redis_work/nodes
export REDIS_TLS_CA=$redis_work/ca.crt REDIS_TLS_CERT=$redis_work/client.crt REDIS_TLS_KEY=$redis_work/client.key
mkdir "$REDIS_NODES"
redis_stop() {
	local pid pids=()
	for pid in "$REDIS_NODES"/*/pid; do
		# A node that was killed may have left its file behind, and its number to another.
		if [ -e "$pid" ] && grep -aqs redis-server "/proc/$(cat "$pid")/cmdline"; then pids+=("$(cat "$pid")"); fi
	done
	if [ "${#pids[@]}" -gt 0 ]; then
		kill -CONT "${pids[@]}" 2>/dev/null || true # one that is stopped does not end
		kill -KILL "${pids[@]}" 2>/dev/null || true
		for pid in "${pids[@]}"; do
			while grep -aqs redis-server "/proc/$pid/cmdline"; do sleep 0.05; done
		done
	fi
	rm -rf "$redis_work"
}
redis_failed() {
	echo "redis-server did not start:" >&2
	cat "$REDIS_NODES"/*/log >&2 2>/dev/null || true
	redis_stop
	exit 1
}
redis_ask() { REDISCLI_AUTH=$REDIS_PASSWORD redis-cli -h 127.0.0.1 "$@" 2>/dev/null; }
# redis_start PORT OPTION... writes a node's configuration and starts it; it fails if the
# port is taken.
redis_start() {
	local port=$1 dir=$REDIS_NODES/$1
	shift
	mkdir -p "$dir"
	printf '%s\n' "bind 127.0.0.1" "port $port" "dir $dir" "pidfile $dir/pid" "logfile $dir/log" "daemonize yes" 'save ""' "appendonly no" \
		"requirepass $REDIS_PASSWORD" "masterauth $REDIS_PASSWORD" "repl-diskless-sync-delay 0" "$@" >"$dir/redis.conf"
	redis-server "$dir/redis.conf" >/dev/null || return 1
	for _ in $(seq 100); do
		if [ -s "$dir/pid" ] && grep -q "Ready to accept connections" "$dir/log"; then return; fi
		if grep -q "Failed listening\|FATAL" "$dir/log" 2>/dev/null; then break; fi
		sleep 0.05
	done
	rm -rf "$dir"
	return 1
}
# redis_free_port says a port at random; it may be taken by the time it is used. Those of
# a cluster are ten thousand below the one that its nodes talk by.
redis_free_port() { echo $((20000 + RANDOM % 12000)); }

for _ in 1 2 3 4 5 6; do
	redis_port=$(redis_free_port)
	redis_start "$redis_port" && break
	redis_port=
done
[ -n "$redis_port" ] || redis_failed
export REDIS_URL=redis://:$REDIS_PASSWORD@127.0.0.1:$redis_port

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=test authority" -keyout "$redis_work/ca.key" -out "$REDIS_TLS_CA" 2>/dev/null
for redis_name in server client; do
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$redis_name" -keyout "$redis_work/$redis_name.key" -out "$redis_work/$redis_name.csr" 2>/dev/null
	openssl x509 -req -days 2 -in "$redis_work/$redis_name.csr" -CA "$REDIS_TLS_CA" -CAkey "$redis_work/ca.key" -CAcreateserial \
		-extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost") -out "$redis_work/$redis_name.crt" 2>/dev/null
done
for _ in 1 2 3 4 5 6; do
	redis_port=$(redis_free_port)
	redis_start "$redis_port" "port 0" "tls-port $redis_port" "tls-cert-file $redis_work/server.crt" "tls-key-file $redis_work/server.key" \
		"tls-ca-cert-file $REDIS_TLS_CA" "tls-auth-clients yes" && break
	redis_port=
done
[ -n "$redis_port" ] || redis_failed
export REDIS_TLS_URL=rediss://:$REDIS_PASSWORD@127.0.0.1:$redis_port

REDIS_CLUSTER=
redis_nodes=()
for _ in $(seq 20); do
	[ "${#redis_nodes[@]}" -lt 6 ] || break
	redis_port=$(redis_free_port)
	if redis_start "$redis_port" "cluster-enabled yes" "cluster-config-file nodes.conf" "cluster-node-timeout 2000"; then
		redis_nodes+=("127.0.0.1:$redis_port")
	fi
done
[ "${#redis_nodes[@]}" -eq 6 ] || redis_failed
redis_ask --cluster create "${redis_nodes[@]}" --cluster-replicas 1 --cluster-yes >/dev/null || redis_failed
# Every node has to know of all: one that does not yet refuses writes.
for _ in $(seq 200); do
	redis_ready=0
	for redis_name in "${redis_nodes[@]}"; do
		redis_state=$(redis_ask -p "${redis_name##*:}" cluster info | tr -d '\r')
		redis_known=$(redis_ask -p "${redis_name##*:}" cluster nodes | grep -c "slave.* connected" || true)
		if grep -qx "cluster_state:ok" <<<"$redis_state" && [ "$redis_known" -eq 3 ]; then redis_ready=$((redis_ready + 1)); fi
	done
	[ "$redis_ready" -lt 6 ] || break
	sleep 0.1
done
[ "$redis_ready" -eq 6 ] || redis_failed
export REDIS_CLUSTER=$(IFS=,; echo "${redis_nodes[*]}")
