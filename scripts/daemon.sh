#!/usr/bin/env bash
# Starts, stops and restarts a server that tests need: daemon.sh start|stop|restart FOLDER
#
# In the folder, "run" becomes the server, and "ready" succeeds once it answers; "pid" and
# "log" are written there. Tests call this, too, to see what a restart does to a client.
set -euo pipefail
folder=$2

# A process that ended stays in the table while nobody asks for how it ended.
lives() { grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null; }

start() {
	"$folder/run" >>"$folder/log" 2>&1 </dev/null &
	local pid=$!
	echo "$pid" >"$folder/pid"
	for _ in $(seq 1200); do
		if ! lives "$pid"; then
			tail -n 30 "$folder/log" >&2
			return 1
		fi
		if "$folder/ready" >/dev/null 2>&1; then return; fi
		sleep 0.1
	done
	echo "$folder: not ready within two minutes" >&2
	tail -n 30 "$folder/log" >&2
	stop
	return 1
}

stop() {
	local pid
	pid=$(cat "$folder/pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null || true
	for _ in $(seq 300); do
		if ! lives "$pid"; then break; fi
		sleep 0.1
	done
	kill -9 "$pid" 2>/dev/null || true
	rm -f "$folder/pid"
}

case $1 in
start) start ;;
stop) stop ;;
restart)
	stop
	start
	;;
*)
	echo "usage: daemon.sh start|stop|restart FOLDER" >&2
	exit 2
	;;
esac
