# Starts PostgreSQL 15 with pgvector on loopback: a primary, a replica that streams
# from it, and PgBouncer in transaction mode before the primary. All speak TLS with a
# certificate made on the spot. To be sourced from the project's root, after
# scripts/needs.sh and before a trap on EXIT is set; postgres_stop ends all, and is
# called at EXIT until the caller sets a trap of its own.
#
# Sets, for the database smartretriever (URLs ask for sslmode=verify-full):
#   PG_URL           a role that may log in and nothing else: what the program runs as
#   PG_OWNER_URL     the role that owns the database and may create others: migrations
#   PG_SUPER_URL     the superuser
#   PG_REPLICA_URL   PG_URL on the replica
#   PG_BOUNCER_URL   PG_URL through PgBouncer
#   PG_CERT_URL      a role that logs in with a client certificate and no password;
#                    it is a member of the role of PG_URL
#   PG_CA            the certificate that signed the servers'
# and, to stop, kill and start the servers, as pg_ctl does:
#   PG_BIN           folder of the server's programs
#   PG_RUN           words before such a program: they refuse to run as root
#   PG_DATA, PG_REPLICA_DATA   data folders; the log of each is the file log in it
#   PG_BOUNCER_PID   process id of PgBouncer

pg_major=15
pgvector_version=0.8.0
PG_BIN=/usr/lib/postgresql/$pg_major/bin
needs "$PG_BIN/postgres=postgresql-$pg_major" pgbouncer=pgbouncer openssl=openssl runuser=util-linux

pg_as_root=()
PG_RUN="runuser -u postgres --"
if [ "$(id -u)" -ne 0 ]; then
	pg_as_root=(sudo)
	PG_RUN=
fi

# pgvector is no package of this Debian: the next one's source is built once for this
# server and stays in .cache. Its lists are read into a folder of their own, so that
# nothing else is ever installed from there.
pgvector_built=$PWD/.cache/pgvector/$pgvector_version-pg$pg_major
if [ ! -d "$pgvector_built" ]; then
	needs gcc=gcc make=make "/usr/include/postgresql/$pg_major/server/postgres.h=postgresql-server-dev-$pg_major libc6-dev"
	pgvector_work=$(mktemp -d)
	(
		trap 'rm -rf "$pgvector_work"' EXIT
		mirror=$(cat /etc/apt/sources.list.d/debian.sources 2>/dev/null | awk '/^URIs:/ {print $2; exit}')
		mkdir -p "$pgvector_work/lists" "$pgvector_work/cache" "$pgvector_work/src"
		echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} trixie main" >"$pgvector_work/sources.list"
		apt=(apt-get -q -o "Dir::Etc::sourcelist=$pgvector_work/sources.list" -o Dir::Etc::sourceparts=-
			-o "Dir::State::lists=$pgvector_work/lists" -o "Dir::Cache=$pgvector_work/cache" -o APT::Sandbox::User="$(id -un)")
		"${apt[@]}" update
		cd "$pgvector_work"
		"${apt[@]}" source --download-only "pgvector=$pgvector_version-1"
		tar xf "pgvector_$pgvector_version.orig.tar.gz" -C src --strip-components=1
		make -s -C src with_llvm=no OPTFLAGS= PG_CONFIG="$PG_BIN/pg_config"
		make -s -C src install with_llvm=no PG_CONFIG="$PG_BIN/pg_config" DESTDIR="$pgvector_work/out"
		mkdir -p "${pgvector_built%/*}"
		cp -r out "$pgvector_built.$$"
		mv -T "$pgvector_built.$$" "$pgvector_built" 2>/dev/null || rm -rf "$pgvector_built.$$" # another run was first
	)
fi
if ! grep -qs "^default_version = '$pgvector_version'" "/usr/share/postgresql/$pg_major/extension/vector.control"; then
	# The file that is looked for comes last.
	pgvector_from=$pgvector_built/usr/share/postgresql/$pg_major/extension
	"${pg_as_root[@]}" install -m 644 "$pgvector_built/usr/lib/postgresql/$pg_major/lib/vector.so" "/usr/lib/postgresql/$pg_major/lib/"
	"${pg_as_root[@]}" install -m 644 "$pgvector_from"/vector--*.sql "/usr/share/postgresql/$pg_major/extension/"
	"${pg_as_root[@]}" install -m 644 "$pgvector_from/vector.control" "/usr/share/postgresql/$pg_major/extension/"
fi

# The server's user has to reach it, which rules out a home folder of root.
pg_work=$(mktemp -d /tmp/smartretriever-postgres.XXXXXX)
PG_DATA=$pg_work/primary
PG_REPLICA_DATA=$pg_work/replica
PG_BOUNCER_PID=
postgres_stop() {
	[ -z "$PG_BOUNCER_PID" ] || kill "$PG_BOUNCER_PID" 2>/dev/null || true
	for pg_data in "$PG_REPLICA_DATA" "$PG_DATA"; do
		[ ! -e "$pg_data/postmaster.pid" ] || pg_as pg_ctl -D "$pg_data" -m immediate -w stop >/dev/null 2>&1 || true
	done
	rm -rf "$pg_work"
}
trap postgres_stop EXIT
# pg_as PROGRAM ARGUMENTS runs one of the server's programs from a folder that its user may enter.
pg_as() {
	local program=$1
	shift
	(cd / && exec $PG_RUN "$PG_BIN/$program" "$@")
}
# pg_fail shows what the servers had to say, and ends the run.
pg_fail() {
	echo "$1" >&2
	tail -n 20 "$PG_DATA/log" "$PG_REPLICA_DATA/log" "$pg_work/bouncer/log" >&2 2>/dev/null || true
	exit 1
}

# An authority, the servers' certificate, and one for the role that logs in with it.
mkdir "$pg_work/tls" "$pg_work/bouncer"
(
	cd "$pg_work/tls"
	key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
	{
		openssl req -x509 "${key[@]}" -keyout ca.key -out ca.pem -days 30 -subj "/CN=smartretriever test authority" -addext keyUsage=critical,keyCertSign,cRLSign
		openssl req "${key[@]}" -keyout server.key -out server.csr -subj "/CN=127.0.0.1"
		openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out server.pem -extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost")
		openssl req "${key[@]}" -keyout client.key -out client.csr -subj "/CN=sr_cert"
		openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out client.pem
	} >log 2>&1 || { cat log >&2 && exit 1; }
	chmod 600 ./*.key
)
pg_password=$(openssl rand -hex 16)
echo "$pg_password" >"$pg_work/password"
if [ -n "$PG_RUN" ]; then
	chown -R postgres "$pg_work"
fi
chmod 755 "$pg_work"
pg_query="sslmode=verify-full&sslrootcert=$pg_work/tls/ca.pem"
pg_url() { echo "postgres://$1:$pg_password@127.0.0.1:$2/${3:-smartretriever}?$pg_query"; }

pg_as initdb -D "$PG_DATA" -U postgres -A scram-sha-256 --pwfile="$pg_work/password" -E UTF8 --locale=C --no-sync >"$pg_work/initdb.log" 2>&1 || { cat "$pg_work/initdb.log" >&2 && exit 1; }
cat >>"$PG_DATA/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
ssl = on
ssl_ca_file = '$pg_work/tls/ca.pem'
ssl_cert_file = '$pg_work/tls/server.pem'
ssl_key_file = '$pg_work/tls/server.key'
max_connections = 200
shared_buffers = 64MB
wal_level = replica
wal_keep_size = 256MB
hot_standby_feedback = on
fsync = off
full_page_writes = off
jit = off
log_min_duration_statement = -1
END
cat >"$PG_DATA/pg_hba.conf" <<END
hostssl all         sr_cert  127.0.0.1/32 cert
hostssl all         all      127.0.0.1/32 scram-sha-256
hostssl replication postgres 127.0.0.1/32 scram-sha-256
END
# pg_start DATA starts a server on a free port, which it leaves in pg_port.
pg_start() {
	for _ in 1 2 3 4 5; do # the port may be taken between the question and its use
		pg_port=$((20000 + RANDOM % 12000))
		sed -i '/^port = /d' "$1/postgresql.conf"
		echo "port = $pg_port" >>"$1/postgresql.conf"
		if pg_as pg_ctl -D "$1" -l "$1/log" -w -t 120 start >/dev/null; then return; fi
	done
	pg_fail "PostgreSQL does not start"
}
pg_start "$PG_DATA"
pg_primary=$pg_port
export PG_SUPER_URL PG_OWNER_URL PG_URL PG_CERT_URL PG_REPLICA_URL PG_BOUNCER_URL PG_CA="$pg_work/tls/ca.pem"
PG_SUPER_URL=$(pg_url postgres "$pg_primary")
PG_OWNER_URL=$(pg_url sr_owner "$pg_primary")
PG_URL=$(pg_url sr_app "$pg_primary")
PG_CERT_URL="postgres://sr_cert@127.0.0.1:$pg_primary/smartretriever?$pg_query&sslcert=$pg_work/tls/client.pem&sslkey=$pg_work/tls/client.key"
# Only a superuser may create the extension; every database made from template1 has it.
psql -q -X -v ON_ERROR_STOP=1 "$(pg_url postgres "$pg_primary" template1)" <<END || pg_fail "the roles and the extension cannot be made"
CREATE ROLE sr_owner LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS PASSWORD '$pg_password';
CREATE ROLE sr_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '$pg_password';
CREATE ROLE sr_cert LOGIN NOSUPERUSER NOBYPASSRLS IN ROLE sr_app;
CREATE EXTENSION vector;
CREATE DATABASE smartretriever OWNER sr_owner;
END
PGPASSWORD=$pg_password pg_as pg_basebackup -d "host=127.0.0.1 port=$pg_primary user=postgres sslmode=verify-full sslrootcert=$PG_CA" \
	-D "$PG_REPLICA_DATA" -R -X stream -c fast -C -S replica --no-sync >"$pg_work/basebackup.log" 2>&1 || { cat "$pg_work/basebackup.log" >&2 && exit 1; }
rm -f "$PG_REPLICA_DATA/log"
pg_start "$PG_REPLICA_DATA"
PG_REPLICA_URL=$(pg_url sr_app "$pg_port")

cat >"$pg_work/bouncer/users" <<END
"sr_app" "$pg_password"
"sr_owner" "$pg_password"
END
for _ in 1 2 3 4 5; do
	pg_port=$((20000 + RANDOM % 12000))
	cat >"$pg_work/bouncer/ini" <<END
[databases]
* = host=127.0.0.1 port=$pg_primary
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pg_port
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $pg_work/bouncer/users
pool_mode = transaction
logfile = $pg_work/bouncer/log
log_connections = 0
log_disconnections = 0
default_pool_size = 8
max_client_conn = 1000
server_idle_timeout = 10
# Its defaults, 120 s and 15 s, are how long callers hang when the server is down, and how
# long it stays down for them when it is back.
query_wait_timeout = 10
server_login_retry = 1
client_tls_sslmode = require
client_tls_cert_file = $pg_work/tls/server.pem
client_tls_key_file = $pg_work/tls/server.key
server_tls_sslmode = verify-full
server_tls_ca_file = $PG_CA
END
	touch "$pg_work/bouncer/log"
	if [ -n "$PG_RUN" ]; then chown -R postgres "$pg_work/bouncer"; fi
	PG_BOUNCER_URL=$(pg_url sr_app "$pg_port")
	# No runuser here: it would stay between and die before what it runs.
	(cd / && exec ${PG_RUN:+setpriv --reuid=postgres --regid=postgres --init-groups} "$(command -v pgbouncer)" -q "$pg_work/bouncer/ini") >>"$pg_work/bouncer/log" 2>&1 &
	PG_BOUNCER_PID=$!
	for _ in $(seq 50); do
		if psql -q -X -At "$PG_BOUNCER_URL" -c "SELECT 1" >/dev/null 2>&1; then break 2; fi
		kill -0 "$PG_BOUNCER_PID" 2>/dev/null || break
		sleep 0.1
	done
	kill "$PG_BOUNCER_PID" 2>/dev/null || true
	PG_BOUNCER_PID=
done
[ -n "$PG_BOUNCER_PID" ] || pg_fail "PgBouncer does not start"
export PG_BIN PG_RUN PG_DATA PG_REPLICA_DATA PG_BOUNCER_PID
