#!/bin/sh
# Compares reference.json with pytrec_eval (--check), or writes it again. The Python
# package is put into a virtual environment under .cache/.
set -eu
cd "$(dirname "$0")/../.."
venv=.cache/eval-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import pytrec_eval' 2>/dev/null || "$venv/bin/pip" install -q 'pytrec-eval-terrier==0.5.11'
exec "$venv/bin/python" eval/testdata/reference.py "$@"
