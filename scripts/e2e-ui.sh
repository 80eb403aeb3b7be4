#!/usr/bin/env bash
# The page in a real browser, headless. Screenshots go to e2e/screenshots/.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/needs.sh
needs "chromium=chromium fonts-dejavu-core" chromedriver=chromium-driver python3=python3-venv
VENV=.cache/venv-ui
if ! [ -e "$VENV/selenium-4.51.0" ]; then
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install -q --disable-pip-version-check selenium==4.51.0
  touch "$VENV/selenium-4.51.0"
fi
. scripts/e2e-server.sh
echo "browser against $URL"
"$VENV/bin/python" e2e/ui.py "$URL" testdata/samples e2e/screenshots
