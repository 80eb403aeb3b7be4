#!/usr/bin/env bash
# Makes the secrets that compose.yaml mounts, each a file in deploy/secrets, at random.
# What is there already stays.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
make() { [ -e "secrets/$1" ] || printf '%s' "$2" >"secrets/$1"; }
for name in postgres_password owner_password app_password replication_password redis_password s3_access_key s3_secret_key api_key; do
	make "$name" "$(random)"
done
make migrate_url "postgres://sr_owner:$(cat secrets/owner_password)@postgres:5432/smartretriever?sslmode=disable"
make pgbouncer_users "\"sr_app\" \"$(cat secrets/app_password)\""
# Compose mounts a file as it is: the users in the containers, which are others, must be
# able to read it. The folder keeps other users of this machine out.
chmod 700 secrets
chmod 644 secrets/*
echo "the API key is in deploy/secrets/api_key"
