# For the end-to-end scripts: builds the binary if it is not there, and starts it
# on a free port over an empty data folder that is removed at the end.
# Sets URL. To be sourced from the project's root. What E2E_ALSO names is run at the end too.

[ -x bin/smartretriever ] || make --no-print-directory build
E2E_DIR=$(mktemp -d)
: >"$E2E_DIR/log" # there before it is looked into
bin/smartretriever serve --addr 127.0.0.1:0 --data "$E2E_DIR/data" >"$E2E_DIR/log" 2>&1 &
E2E_PID=$!
e2e_stop() {
  status=$?
  kill "$E2E_PID" 2>/dev/null || true
  wait "$E2E_PID" 2>/dev/null || true
  [ "$status" -eq 0 ] || { echo "--- the server's last lines"; tail -n 20 "$E2E_DIR/log"; }
  rm -rf "$E2E_DIR"
  ${E2E_ALSO:-:}
  exit "$status"
}
trap e2e_stop EXIT
URL=
for _ in $(seq 300); do
  URL=$(sed -n 's/.*listens on \(http:[^ ]*\).*/\1/p' "$E2E_DIR/log" | head -n 1)
  [ -n "$URL" ] && break
  kill -0 "$E2E_PID" 2>/dev/null || { echo "the server did not start"; exit 1; }
  sleep 0.1
done
[ -n "$URL" ] || { echo "the server did not say where it listens"; exit 1; }
