#!/usr/bin/env bash
# Measures reading, with poppler's pdftotext beside it for PDF.
set -eu
cd "$(dirname "$0")/../.."
. scripts/needs.sh
needs pdftotext=poppler-utils
go run ./bench/extract -data ../shared/data/documents -out bench/results/extract.json
