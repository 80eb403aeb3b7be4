"""Serves one index of a vector library to the benchmark.

usage: vectors.py LIBRARY CONFIG

LIBRARY is faiss (CONFIG is an index_factory string), hnswlib (M) or usearch (M and a type,
as in "16 f32"). Each line of standard input is a request in JSON, each line of standard output its answer:

  {"op": "build", "base": FILE, "dims": D, "threads": T, "index": FILE}  makes the index and saves it
  {"op": "load", "index": FILE, "dims": D, "rows": N}                    loads it
  {"op": "search", "queries": FILE, "count": N, "k": K, "param": {...}, "threads": T,
   "filter": FILE or "", "answers": FILE}                                one query after the other

Inner products of unit vectors. Times are of the library's call alone: for FAISS its C++
function, called with ready pointers for one query at a time; what an empty index takes for
such a call is reported by load, and the benchmark subtracts it. Graphs of FAISS get all queries in
one call, too, for comparison: it then works them off one by one without clearing its memory of
visited rows anew each time. hnswlib and usearch take all queries
in one call, which both work off one by one, and again one at a time for the percentiles.
"""

import ctypes
import gc
import json
import os
import resource
import sys
import threading
import time

import numpy as np


def resident():
    """Bytes in memory that are this process's own: files it has mapped are counted, too."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Faiss:
    def __init__(self, config):
        import faiss

        self.faiss, self.config = faiss, config

    def build(self, base, dims, threads, path):
        self.faiss.omp_set_num_threads(threads)
        index = self.faiss.index_factory(dims, self.config, self.faiss.METRIC_INNER_PRODUCT)
        graph = self.graph(index)
        if graph is not None:
            graph.efConstruction = 200
        wall, spent = time.perf_counter(), cpu()
        if not index.is_trained:
            index.train(base)
        index.add(base)
        wall, spent = time.perf_counter() - wall, cpu() - spent
        self.faiss.write_index(index, path)
        return wall, spent

    def base(self, index):
        index = self.faiss.downcast_index(index)
        while hasattr(index, "base_index"):
            index = self.faiss.downcast_index(index.base_index)
        return index

    def graph(self, index):
        return getattr(self.base(index), "hnsw", None)

    def load(self, path, dims, rows):
        self.faiss.omp_set_num_threads(1)
        self.index = self.faiss.read_index(path)
        self.dims = dims

    def overhead(self):
        """Microseconds of a call that finds an empty index: the fastest of many."""
        empty = self.faiss.IndexHNSWFlat(self.dims, 16, self.faiss.METRIC_INNER_PRODUCT)
        q = np.zeros((1, self.dims), np.float32)
        scores, rows = np.empty((1, 10), np.float32), np.empty((1, 10), np.int64)
        a = [self.faiss.swig_ptr(x) for x in (q, scores, rows)]
        times = []
        for _ in range(2000):
            start = time.perf_counter_ns()
            empty.search_c(1, a[0], 10, a[1], a[2])
            times.append(time.perf_counter_ns() - start)
        return float(np.median(times)) / 1000

    def parameters(self, param, selector):
        """The parameters of a search, as deep as the index is; None is the default."""
        base = self.base(self.index)
        if hasattr(base, "hnsw"):
            inner = self.faiss.SearchParametersHNSW(efSearch=param["ef"], sel=selector)
        elif hasattr(base, "nprobe"):
            inner = self.faiss.SearchParametersIVF(nprobe=param["nprobe"], sel=selector)
        else:
            inner = self.faiss.SearchParameters(sel=selector)
        if self.faiss.downcast_index(self.index).__class__.__name__.startswith("IndexRefine"):
            return self.faiss.IndexRefineSearchParameters(k_factor=float(param.get("refine", 4)), base_index_params=inner), inner
        return inner, None

    def search(self, queries, k, param, threads, allowed):
        f = self.faiss
        selector = None
        if allowed is not None:
            selector = f.IDSelectorBitmap(self.index.ntotal, f.swig_ptr(allowed))
        params, keep = self.parameters(param, selector)
        n = len(queries)
        scores, rows = np.empty((n, k), np.float32), np.empty((n, k), np.int64)
        calls = [(f.swig_ptr(queries[i]), f.swig_ptr(scores[i]), f.swig_ptr(rows[i])) for i in range(n)]
        times = np.zeros(n, np.int64)
        search, clock = self.index.search_c, time.perf_counter_ns

        def part(first, step):
            for i in range(first, n, step):
                q, s, r = calls[i]
                start = clock()
                search(1, q, k, s, r, params)
                times[i] = clock() - start

        for i in range(0, n, 10):  # warm
            search(1, calls[i][0], k, calls[i][1], calls[i][2], params)
        if threads == 1:
            wall, spent = time.perf_counter(), time.thread_time()
            part(0, 1)
            wall, spent = time.perf_counter() - wall, time.thread_time() - spent
        else:
            workers = [threading.Thread(target=part, args=(t, threads)) for t in range(threads)]
            wall, spent = time.perf_counter(), cpu()
            for w in workers:
                w.start()
            for w in workers:
                w.join()
            wall, spent = time.perf_counter() - wall, cpu() - spent
        together = 0.0
        if threads == 1 and selector is None and hasattr(self.base(self.index), "hnsw"):
            together = time.thread_time()
            search(n, calls[0][0], k, calls[0][1], calls[0][2], params)
            together = (time.thread_time() - together) / n * 1e6
        del keep
        return rows, times / 1000, wall / n * 1e6, spent / n * 1e6, together


class Batched:
    """A library whose call takes many queries and works them off one by one."""

    def overhead(self):
        return 0.0

    def search(self, queries, k, param, threads, allowed):
        if allowed is not None:
            raise ValueError("not measured with filters")
        self.set(param)
        n = len(queries)
        self.batch(queries[::10], k, 1)
        wall, spent = time.perf_counter(), cpu()
        rows = self.batch(queries, k, threads)
        wall, spent = time.perf_counter() - wall, cpu() - spent
        times = np.zeros(n)
        if threads == 1:
            for i in range(n):
                q = queries[i : i + 1]
                start = time.perf_counter_ns()
                self.batch(q, k, 1)
                times[i] = time.perf_counter_ns() - start
        return rows, times / 1000, wall / n * 1e6, spent / n * 1e6, 0.0


class Hnswlib(Batched):
    def __init__(self, config):
        import hnswlib

        self.library, self.m = hnswlib, int(config)

    def build(self, base, dims, threads, path):
        index = self.library.Index("ip", dims)
        index.init_index(len(base), M=self.m, ef_construction=200)
        wall, spent = time.perf_counter(), cpu()
        index.add_items(base, num_threads=threads)
        wall, spent = time.perf_counter() - wall, cpu() - spent
        index.save_index(path)
        return wall, spent

    def load(self, path, dims, rows):
        self.index = self.library.Index("ip", dims)
        self.index.load_index(path)

    def set(self, param):
        self.index.set_ef(param["ef"])

    def batch(self, queries, k, threads):
        return self.index.knn_query(queries, k, num_threads=threads)[0]


class Usearch(Batched):
    def __init__(self, config):
        from usearch.index import Index

        self.library, (m, self.type) = Index, config.split()
        self.m = int(m)

    def make(self, dims):
        return self.library(ndim=dims, metric="ip", dtype=self.type, connectivity=self.m, expansion_add=200)

    def build(self, base, dims, threads, path):
        index = self.make(dims)
        wall, spent = time.perf_counter(), cpu()
        index.add(np.arange(len(base)), base, threads=threads)
        wall, spent = time.perf_counter() - wall, cpu() - spent
        index.save(path)
        return wall, spent

    def load(self, path, dims, rows):
        self.index = self.make(dims)
        self.index.load(path)

    def set(self, param):
        self.index.expansion_search = param["ef"]

    def batch(self, queries, k, threads):
        found = self.index.search(queries, k, threads=threads)
        return found.keys.reshape(len(queries), -1)


def main():
    library = {"faiss": Faiss, "hnswlib": Hnswlib, "usearch": Usearch}[sys.argv[1]](sys.argv[2])
    queries = {}
    for line in sys.stdin:
        r = json.loads(line)
        if r["op"] == "build":
            base = np.fromfile(r["base"], np.float32).reshape(-1, r["dims"])
            wall, spent = library.build(base, r["dims"], r["threads"], r["index"])
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            answer = {"wall_s": wall, "cpu_s": spent, "bytes": os.path.getsize(r["index"]), "peak_bytes": peak}
        elif r["op"] == "load":
            before = resident()
            start = time.perf_counter()
            library.load(r["index"], r["dims"], r["rows"])
            answer = {"wall_s": time.perf_counter() - start, "resident_bytes": resident() - before, "overhead_us": library.overhead()}
        else:
            q = queries.get(r["queries"])
            if q is None:
                q = queries[r["queries"]] = np.fromfile(r["queries"], np.float32)
            q = q.reshape(-1, r["dims"])[: r["count"]]
            allowed = np.fromfile(r["filter"], np.uint8) if r.get("filter") else None
            rows, times, wall, spent, together = library.search(q, r["k"], r["param"], r["threads"], allowed)
            rows.astype(np.int64).astype(np.uint32).tofile(r["answers"])
            answer = {"wall_us": wall, "cpu_us": spent, "batch_us": together, "p50_us": float(np.percentile(times, 50)), "p99_us": float(np.percentile(times, 99))}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
