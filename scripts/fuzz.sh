#!/usr/bin/env bash
# Runs every fuzz target there is, one after the other, for FUZZTIME each (default
# 20s), and goes on after a find. The targets are looked up, in the test files that
# Go builds here: a new one needs no entry anywhere.
#
#   fuzz.sh                    all
#   fuzz.sh ./text/... ./rag   those of these packages
#   fuzz.sh list [PACKAGE...]  names them, without running any
#
# A find is written by Go to testdata/fuzz beside the test; keep it there, it is run by
# every go test from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
list=
if [ "${1:-}" = list ]; then
  list=1
  shift
fi

# targets TAGS [PACKAGE...] writes a line a target: its package, its name, the tags.
targets() {
  local tags=$1 files='{{$p := .}}{{range .TestGoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$p.ImportPath}} {{$p.Dir}}/{{.}}{{"\n"}}{{end}}'
  shift
  go list -tags "$tags" -f "$files" "${@:-./...}" | while read -r package file; do
    if [ -n "$file" ]; then
      sed -nE "s|^func (Fuzz[A-Za-z0-9_]*)\([a-z]+ \*testing\.F\).*|$package \1 $tags|p" "$file"
    fi
  done
}
found=$(targets "" "$@")
# What is built with FAISS only is run where FAISS is.
if [ -e /usr/include/faiss/Index.h ]; then
  tagged=$(CGO_ENABLED=1 targets faiss "$@")
  found=$(printf '%s\n%s\n' "$found" "$tagged" | awk '$2 && !seen[$1 " " $2]++')
fi
if [ -n "$list" ]; then
  echo "$found" | awk '{print $1, $2}'
  exit
fi

failed=()
while read -r package target tags; do
  echo "== $package $target"
  CGO_ENABLED=$([ -n "$tags" ] && echo 1 || echo "${CGO_ENABLED:-0}") \
    go test ${tags:+-tags "$tags"} "$package" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20s}" -fuzzminimizetime 10x </dev/null || failed+=("$package $target")
done <<<"$found"
echo "$(wc -l <<<"$found") fuzz targets, ${#failed[@]} with finds"
if [ ${#failed[@]} -gt 0 ]; then
  printf '  %s\n' "${failed[@]}"
  exit 1
fi
