# Starts an S3 server on loopback that checks signatures: versitygw, which is built
# once, which takes two minutes, and stays in .cache. Sets S3_ENDPOINT, S3_ACCESS_KEY
# and S3_SECRET_KEY, and S3_SERVER, the program, for tests that need one of their own
# (with TLS, read-only, to be killed); s3_stop ends it. To be sourced from the
# project's root, after scripts/needs.sh.

needs "curl=curl ca-certificates"
s3_version=v1.8.0
s3_bin=$PWD/.cache/versitygw/$s3_version
if [ ! -x "$s3_bin/versitygw" ]; then
	mkdir -p "$s3_bin"
	GOBIN=$s3_bin CGO_ENABLED=0 go install "github.com/versity/versitygw/cmd/versitygw@$s3_version"
fi
s3_work=$(mktemp -d)
s3_server=
s3_stop() {
	[ -z "$s3_server" ] || kill "$s3_server" 2>/dev/null || true
	[ -z "$s3_server" ] || wait "$s3_server" 2>/dev/null || true
	rm -rf "$s3_work"
}
mkdir "$s3_work/data" "$s3_work/sidecar" "$s3_work/versions"
# What it knows of objects goes into extended attributes of their files, and only where
# the disk has none into files of their own: those it does not keep in step when the
# same object is stored and deleted at once.
s3_meta=()
for try in 1 2 3 4 5 6; do # the port may be taken between the question and its use
	[ "$try" -lt 4 ] || s3_meta=(--sidecar "$s3_work/sidecar")
	s3_port=$((20000 + RANDOM % 12000))
	ROOT_ACCESS_KEY=testkey ROOT_SECRET_KEY=testsecret "$s3_bin/versitygw" --port "127.0.0.1:$s3_port" --health /health posix "${s3_meta[@]}" --versioning-dir "$s3_work/versions" "$s3_work/data" >"$s3_work/log" 2>&1 &
	s3_server=$!
	for _ in $(seq 100); do
		if curl -sf "http://127.0.0.1:$s3_port/health" >/dev/null; then break 2; fi
		kill -0 "$s3_server" 2>/dev/null || break
		sleep 0.1
	done
	kill "$s3_server" 2>/dev/null || true
	wait "$s3_server" 2>/dev/null || true
	s3_server=
done
if [ -z "$s3_server" ]; then
	cat "$s3_work/log" >&2
	s3_stop
	exit 1
fi
export S3_ENDPOINT="http://127.0.0.1:$s3_port" S3_ACCESS_KEY=testkey S3_SECRET_KEY=testsecret S3_SERVER="$s3_bin/versitygw"
