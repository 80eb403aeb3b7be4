# Starts a Milvus server on loopback: Milvus Lite 3, which serves Milvus' gRPC protocol
# with an engine of its own in Python. Installed once, in .cache (450 MB). It asks for
# no password. Sets MILVUS_ADDR (HOST:PORT) and MILVUS_SERVER, the folder to restart it
# with (scripts/daemon.sh); milvus_stop ends it. To be sourced from the project's root,
# after scripts/needs.sh.

needs python3=python3-venv
milvus_packages=(milvus-lite==3.2.2 pymilvus==3.0.2 faiss-cpu==1.15.1 grpcio==1.85.1 numpy==2.4.6 protobuf==7.36.2 pyarrow==26.0.1)
milvus_venv=$PWD/.cache/milvus/3.2.2/venv
if ! [ "${milvus_packages[*]}" = "$(cat "$milvus_venv/complete" 2>/dev/null)" ]; then
	rm -rf "$milvus_venv"
	python3 -m venv "$milvus_venv"
	"$milvus_venv/bin/pip" install -q --disable-pip-version-check "${milvus_packages[@]}"
	echo "${milvus_packages[*]}" >"$milvus_venv/complete"
fi
MILVUS_SERVER=$(mktemp -d)
milvus_stop() {
	scripts/daemon.sh stop "$MILVUS_SERVER"
	rm -rf "$MILVUS_SERVER"
}
for milvus_try in 1 2 3 4 5; do # the port may be taken between the question and its use
	milvus_port=$((20000 + RANDOM % 12000))
	cat >"$MILVUS_SERVER/run" <<-END
		#!/bin/sh
		exec "$milvus_venv/bin/milvus-lite" server --data-dir "$MILVUS_SERVER/data" --host 127.0.0.1 --port $milvus_port
	END
	cat >"$MILVUS_SERVER/ready" <<-END
		#!/bin/bash
		exec 3<>/dev/tcp/127.0.0.1/$milvus_port
	END
	chmod +x "$MILVUS_SERVER/run" "$MILVUS_SERVER/ready"
	if ! "$MILVUS_SERVER/ready" 2>/dev/null && scripts/daemon.sh start "$MILVUS_SERVER"; then break; fi
	if [ "$milvus_try" = 5 ]; then
		milvus_stop
		exit 1
	fi
done
export MILVUS_SERVER MILVUS_ADDR=127.0.0.1:$milvus_port
