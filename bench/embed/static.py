"""Compares a converted static model with Model2Vec's own library.

usage: static.py MODEL-FOLDER BENCH-PROGRAM WEIGHTS CORPUS.jsonl COUNT

Takes the first COUNT documents and prints the smallest and mean cosine, and how many
of them each embeds in a second of one thread's processor time. Exit code 1 when a
cosine is below .999.
"""

import json
import resource
import subprocess
import sys

import numpy
from model2vec import StaticModel


def main():
    model = StaticModel.from_pretrained(sys.argv[1])
    texts = []
    with open(sys.argv[4], encoding="utf-8") as corpus:
        for _, line in zip(range(int(sys.argv[5])), corpus):
            document = json.loads(line)
            texts.append(document["title"] + "\n" + document["text"])
    before = resource.getrusage(resource.RUSAGE_SELF)
    theirs = model.encode(texts, max_length=512, use_multiprocessing=False)
    after = resource.getrusage(resource.RUSAGE_SELF)
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    ours = subprocess.run([sys.argv[2], "vectors", sys.argv[3]], input=lines, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout.splitlines()
    cosines = []
    for a, line in zip(theirs, ours, strict=True):
        a, b = numpy.asarray(a, dtype=float), numpy.array(json.loads(line))
        cosines.append(float(a @ b / numpy.linalg.norm(a) / numpy.linalg.norm(b)))
    rate = len(texts) / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(f"{len(texts)} texts, cosine min {min(cosines):.5f}, mean {sum(cosines) / len(cosines):.5f}; Model2Vec embeds {rate:.0f} a CPU-second")
    sys.exit(0 if min(cosines) >= 0.999 else 1)


if __name__ == "__main__":
    main()
