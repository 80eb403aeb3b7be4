#!/bin/bash
# Run once by the image, on an empty data folder: the roles, the database, the extension,
# and what a replica needs. docs/postgres.md says why.
set -euo pipefail
secret() { cat "/run/secrets/$1"; }
psql -v ON_ERROR_STOP=1 --username postgres --dbname postgres \
	-v owner="$(secret owner_password)" -v app="$(secret app_password)" -v replication="$(secret replication_password)" <<'END'
CREATE ROLE sr_owner LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner';
CREATE ROLE sr_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'app';
CREATE ROLE sr_replication LOGIN REPLICATION PASSWORD :'replication';
CREATE DATABASE smartretriever OWNER sr_owner;
SELECT pg_create_physical_replication_slot('replica1');
END
psql -v ON_ERROR_STOP=1 --username postgres --dbname smartretriever -c 'CREATE EXTENSION vector'
echo 'host replication sr_replication all scram-sha-256' >>"$PGDATA/pg_hba.conf"
