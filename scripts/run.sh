#!/usr/bin/env bash
# The main job on real documents: add the project's own docs and four sample
# files, ask three questions, and say what to type next.
set -euo pipefail
cd "$(dirname "$0")/.."
SR=bin/smartretriever
DATA=${DATA:-.cache/run}
mkdir -p "$(dirname "$DATA")"

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n$ %s\n' "$*"; }

say "$SR add docs testdata/samples --data $DATA"
$SR add docs testdata/samples --data "$DATA"
for q in "How does the heat pump kill legionella bacteria?" \
         "What is the response time when there is no hot water?" \
         "What happens when the embedder is down?"; do
  say "$SR ask \"$q\" --data $DATA"
  $SR ask "$q" --data "$DATA"
done

cat <<END

Next, with your own documents:

  $SR add ~/Documents             # files, folders, globs; run it again at any time
  $SR ask "your question"         # an answer with citations
  $SR search "a few words"        # passages only
  $SR serve                       # the same in the browser: http://127.0.0.1:8000

$SR --help lists the rest. The samples are in $DATA; delete that folder to forget them.
END
