#!/bin/bash
# Becomes a replica of the service postgres: copies it the first time, and follows.
set -euo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	install -d -m 700 -o postgres -g postgres "$PGDATA"
	PGPASSWORD=$(cat /run/secrets/replication_password) gosu postgres pg_basebackup \
		-d "host=postgres user=sr_replication" -D "$PGDATA" -R -X stream -c fast -S replica1
fi
exec docker-entrypoint.sh postgres -c hot_standby_feedback=on
