"""Writes reference.json: what pytrec_eval says about run.txt and qrels.tsv.

    eval/testdata/reference.sh          set up the package, then compare or rewrite

With --check it compares with the file that is there instead, to the fourth digit.
Queries without judgements are left out; judged queries that the run does not hold
count as zero, as trec_eval -c does.
"""
import importlib.metadata
import json
import pathlib
import sys

import pytrec_eval

here = pathlib.Path(__file__).parent
names = {
    "ndcg@10": "ndcg_cut_10", "ndcg@3": "ndcg_cut_3", "ndcg": "ndcg",
    "recall@5": "recall_5", "recall@100": "recall_100", "precision@5": "P_5", "precision@10": "P_10",
    "mrr": "recip_rank", "map": "map", "map@5": "map_cut_5",
}
qrels, run = {}, {}
for line in (here / "qrels.tsv").read_text().splitlines()[1:]:
    q, d, rel = line.split("\t")
    qrels.setdefault(q, {})[d] = int(rel)
for line in (here / "run.txt").read_text().splitlines():
    q, _, d, _, score, _ = line.split()
    run.setdefault(q, {})[d] = float(score)

got = pytrec_eval.RelevanceEvaluator(qrels, set(names.values())).evaluate(run)
per_query = {q: {ours: got.get(q, {}).get(theirs, 0.0) for ours, theirs in names.items()} for q in sorted(qrels)}
mean = {m: sum(v[m] for v in per_query.values()) / len(per_query) for m in names}
out = {"package": "pytrec-eval-terrier " + importlib.metadata.version("pytrec-eval-terrier"), "mean": mean, "per_query": per_query}

path = here / "reference.json"
if "--check" in sys.argv:
    old = json.loads(path.read_text())
    for q, values in per_query.items():
        for m, v in values.items():
            if abs(old["per_query"][q][m] - v) >= 5e-5:
                sys.exit(f"{q} {m}: {old['per_query'][q][m]} in the file, {v} from {out['package']}")
    print(f"{len(per_query)} queries, {len(names)} measures: equal to {out['package']} to the fourth digit")
else:
    path.write_text(json.dumps(out, indent=1, sort_keys=True) + "\n")
    print("wrote", path.name, "with", out["package"])
