"""Serves bm25s to the benchmark: the requests of tantivy's driver (src/main.rs), one in JSON a
line, and their answers. A query's time is that of looking up its terms' numbers and of one call of
retrieve, Python included: bm25s is a library for Python. Positions are not known to it.
"""

import ctypes
import gc
import json
import os
import resource
import sys
import time

import bm25s
import numpy as np
from bm25s.tokenization import Tokenized


def resident():
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def build(r):
    wall, spent = time.perf_counter(), cpu()
    vocabulary, ids = {}, []
    with open(r["docs"], encoding="utf-8") as f:
        for line in f:
            ids.append([vocabulary.setdefault(t, len(vocabulary)) for t in line.split()])
    index = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    index.index(Tokenized(ids=ids, vocab=vocabulary), show_progress=False)
    index.save(r["index"], show_progress=False)
    wall, spent = time.perf_counter() - wall, cpu() - spent
    size = sum(os.path.getsize(os.path.join(r["index"], name)) for name in os.listdir(r["index"]))
    return {"wall_s": wall, "cpu_s": spent, "bytes": size, "docs": len(ids)}


def search(index, r):
    with open(r["queries"], encoding="utf-8") as f:
        queries = [line.split() for line in f]
    k, n = r["k"], len(queries)
    rows, scores = np.full((n, k), 2**32 - 1, np.uint32), np.zeros((n, k), np.float32)
    times, used = np.zeros(n, np.uint32), np.zeros(n, np.uint32)

    def one(i):
        found, values = index.retrieve([queries[i]], k=k, show_progress=False, backend_selection="numpy")
        return found[0], values[0]

    for i in range(0, n, 10):  # warm
        one(i)
    wall, spent = time.perf_counter(), time.thread_time()
    for i in range(n):
        start, before = time.perf_counter_ns(), time.thread_time_ns()
        rows[i], scores[i] = one(i)
        used[i] = time.thread_time_ns() - before
        times[i] = time.perf_counter_ns() - start
    wall, spent = time.perf_counter() - wall, time.thread_time() - spent
    rows.tofile(r["answers"])
    scores.tofile(r["scores"])
    times.tofile(r["times"])
    used.tofile(r["spent"])
    return {"wall_us": wall / n * 1e6, "cpu_us": spent / n * 1e6}


def main():
    index = None
    for line in sys.stdin:
        r = json.loads(line)
        if r["op"] == "build":
            answer = build(r)
        elif r["op"] == "load":
            before, start = resident(), time.perf_counter()
            index = bm25s.BM25.load(r["index"])
            answer = {"wall_s": time.perf_counter() - start, "resident_bytes": resident() - before}
        else:
            answer = search(index, r)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
