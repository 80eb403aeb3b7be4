#!/usr/bin/env bash
# A folder with a file of each format, a site, a Git repository and a bucket: added by
# one command each, changed, synced, asked, and every citation opened in a real
# browser. Screenshots go to e2e/screenshots/.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/needs.sh
needs "chromium=chromium fonts-dejavu-core" chromedriver=chromium-driver python3=python3-venv git=git tesseract=tesseract-ocr
VENV=.cache/venv-ui
for package in selenium==4.51.0 python-docx==1.2.0 python-pptx==1.0.2 openpyxl==3.1.5 odfpy==1.4.1 reportlab==5.1.0 pillow==13.0.0; do
  if ! [ -e "$VENV/${package/==/-}" ]; then
    [ -d "$VENV" ] || python3 -m venv "$VENV"
    "$VENV/bin/pip" install -q --disable-pip-version-check "$package"
    touch "$VENV/${package/==/-}"
  fi
done
. scripts/s3-server.sh
trap s3_stop EXIT
E2E_ALSO=s3_stop
. scripts/e2e-server.sh
echo "browser against $URL, bucket at $S3_ENDPOINT"
"$VENV/bin/python" e2e/documents.py "$URL" "$E2E_DIR" e2e/screenshots
