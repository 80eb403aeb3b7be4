# Starts an OpenSearch server on loopback, of the artifacts that Maven Central has: words,
# filters, bulk requests and deletion by query work, k-NN does not, as its plugin is
# nowhere to be had. The jars (47 MB) stay in .cache; the start takes five to ten seconds.
# Sets OPENSEARCH_URL, and OPENSEARCH_SERVER, the folder to restart it with
# (scripts/daemon.sh); opensearch_stop ends it. To be sourced from the project's root,
# after scripts/needs.sh.

needs "curl=curl ca-certificates" javac=openjdk-17-jdk-headless mvn=maven
opensearch_version=2.19.3
mkdir -p .cache/opensearch
opensearch_jars=$(cd .cache/opensearch && pwd -P)/$opensearch_version
if [ ! -e "$opensearch_jars/complete" ]; then
	rm -rf "$opensearch_jars"
	mkdir -p "$opensearch_jars"
	mvn -q -B -f scripts/opensearch/pom.xml dependency:copy-dependencies "-DoutputDirectory=$opensearch_jars/lib"
	touch "$opensearch_jars/complete"
fi
OPENSEARCH_SERVER=$(mktemp -d)
opensearch_stop() {
	scripts/daemon.sh stop "$OPENSEARCH_SERVER"
	rm -rf "$OPENSEARCH_SERVER"
}
if ! javac -cp "$opensearch_jars/lib/*" -d "$OPENSEARCH_SERVER/classes" scripts/opensearch/Server.java; then
	opensearch_stop
	exit 1
fi
for opensearch_try in 1 2 3 4 5; do # the port may be taken between the question and its use
	opensearch_port=$((20000 + RANDOM % 12000))
	cat >"$OPENSEARCH_SERVER/run" <<-END
		#!/bin/sh
		exec java -Xms256m -Xmx512m -Dlog4j2.disable.jmx=true -Dopensearch.path.home="$OPENSEARCH_SERVER" \
			-cp "$OPENSEARCH_SERVER/classes:$opensearch_jars/lib/*" Server "$OPENSEARCH_SERVER" $opensearch_port
	END
	cat >"$OPENSEARCH_SERVER/ready" <<-END
		#!/bin/sh
		exec curl -sf "http://127.0.0.1:$opensearch_port/_cluster/health?wait_for_status=yellow&timeout=1s"
	END
	chmod +x "$OPENSEARCH_SERVER/run" "$OPENSEARCH_SERVER/ready"
	if ! "$OPENSEARCH_SERVER/ready" >/dev/null && scripts/daemon.sh start "$OPENSEARCH_SERVER"; then break; fi
	if [ "$opensearch_try" = 5 ]; then
		opensearch_stop
		exit 1
	fi
done
export OPENSEARCH_SERVER OPENSEARCH_URL=http://127.0.0.1:$opensearch_port
