# Starts a Chroma server on loopback. Its Python environment is made once, which
# takes a minute and 506 MB, and stays in .cache. Sets CHROMA_URL, and CHROMA_PROGRAM,
# with which tests start servers of their own; chroma_stop ends it. To be sourced from
# the project's root, after scripts/needs.sh.

needs "curl=curl ca-certificates" "python3=python3 python3-venv"
chroma_version=1.5.9
mkdir -p .cache/chroma
chroma_venv=$(cd .cache/chroma && pwd -P)/$chroma_version
if [ ! -e "$chroma_venv/complete" ]; then
	rm -rf "$chroma_venv"
	python3 -m venv "$chroma_venv"
	"$chroma_venv/bin/pip" install -q --disable-pip-version-check "chromadb==$chroma_version"
	touch "$chroma_venv/complete"
fi
sed -i "1s|.*|#!$chroma_venv/bin/python3|" "$chroma_venv/bin/chroma" # the cache may have been moved
export CHROMA_PROGRAM=$chroma_venv/bin/chroma
chroma_work=$(mktemp -d)
chroma_server=
chroma_stop() {
	[ -z "$chroma_server" ] || kill "$chroma_server" 2>/dev/null || true
	[ -z "$chroma_server" ] || wait "$chroma_server" 2>/dev/null || true
	rm -rf "$chroma_work"
}
for _ in 1 2 3 4 5; do # the port may be taken between the question and its use
	chroma_port=$((20000 + RANDOM % 12000))
	"$CHROMA_PROGRAM" run --path "$chroma_work/data" --host 127.0.0.1 --port "$chroma_port" >"$chroma_work/log" 2>&1 &
	chroma_server=$!
	for _ in $(seq 300); do
		if curl -sf "http://127.0.0.1:$chroma_port/api/v2/heartbeat" >/dev/null; then break 2; fi
		kill -0 "$chroma_server" 2>/dev/null || break
		sleep 0.1
	done
	kill "$chroma_server" 2>/dev/null || true
	wait "$chroma_server" 2>/dev/null || true
	chroma_server=
done
if [ -z "$chroma_server" ]; then
	cat "$chroma_work/log" >&2
	chroma_stop
	exit 1
fi
export CHROMA_URL="http://127.0.0.1:$chroma_port"
