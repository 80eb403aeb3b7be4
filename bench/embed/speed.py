"""Times the built-in embedder against ONNX Runtime on the same texts.

usage: speed.py BENCH-PROGRAM COSINE.json OUT.json NAME PREFIX-TOKENS TOKENIZER.json FP32.onnx INT8.onnx WEIGHTS [NAME ...]

Six arguments for each model; WEIGHTS is "" for the built-in one, PREFIX-TOKENS the
length of what the model wants before a question.

Ours and theirs take turns, several rounds, so that a change of the machine's
load meets all of them; the figure is the median of the rounds. Passages go one
at a time to one thread, which is ONNX Runtime's fastest way; with two threads it
runs two sessions of one thread side by side. Ours counts tokenising, theirs gets
token ids. Rates are given by the clock and by processor time: the second is the
one to compare on a busy machine.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import threading
import time

import numpy
import onnxruntime
from tokenizers import Tokenizer

ROUNDS = 5
SECONDS = 1.5
WORDS = "the cell of a protein was shown to bind with high energy in water , but not at low temperature .".split()


def text_of(tokens, seed):
    """A text of so many tokens with the two special ones; each word is one token."""
    return " ".join(WORDS[(i * 7 + i // 5 + seed) % len(WORDS)] for i in range(tokens - 2))


class Theirs:
    def __init__(self, tokenizer, path):
        self.tokenizer, self.path, self.sessions = tokenizer, path, []

    def session(self, number):
        while len(self.sessions) <= number:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.inter_op_num_threads = 1
            self.sessions.append(onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"]))
        return self.sessions[number]

    def measure(self, texts, threads, seconds):
        feeds = []
        for text in texts:
            ids = numpy.array([self.tokenizer.encode(text).ids], dtype=numpy.int64)
            feeds.append({"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)})
        calls = [[] for _ in range(threads)]
        for number in range(threads):
            self.session(number).run(None, feeds[0])

        def work(number):
            session, started, at = self.session(number), time.perf_counter(), 0
            while not calls[number] or time.perf_counter() - started < seconds:
                before = time.perf_counter()
                session.run(None, feeds[at % len(feeds)])
                calls[number].append(time.perf_counter() - before)
                at += 1

        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        flat = [c for part in calls for c in part]
        return {"rate": len(flat) / wall, "cpu_rate": len(flat) / cpu, "calls": flat, "cpu_ms": 1e3 * cpu / len(flat)}


class Ours:
    def __init__(self, program, weights):
        self.process = subprocess.Popen([program, "speed"] + ([weights] if weights else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def measure(self, texts, threads, seconds, batch, kernel=""):
        job = {"texts": texts, "batch": batch, "workers": threads, "seconds": seconds, "kernel": kernel}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        t = json.loads(self.process.stdout.readline())
        count = len(t["calls"]) * batch
        self.kernel = t["kernel"]
        return {"rate": count / sum(t["calls"]), "cpu_rate": count / t["cpu"], "calls": t["calls"], "cpu_ms": 1e3 * t["cpu"] / count}


def percentile(calls, p):
    return 1e3 * sorted(calls)[min(len(calls) - 1, int(p * len(calls)))]


def cpu_name():
    for line in open("/proc/cpuinfo", encoding="utf-8"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    program, cosine_file, out_file, *models = sys.argv[1:]
    rows = []
    print(f"{'case':44} {'rival':26} {'metric':24} {'ours':>9} {'theirs':>9} {'ratio':>7}")
    while models:
        name, prefix, tokenizer, fp32, int8, weights, *models = models
        kernel = compare(rows, program, name, int(prefix), tokenizer, fp32, int8, weights)
    if os.path.exists(cosine_file):
        with open(cosine_file, encoding="utf-8") as f:
            cosine = json.load(f)
        rows.append({"case": f"bge-small, {cosine['passages']} passages of SciFact", "rival": "onnxruntime 1.31.1 fp32", "metric": "smallest cosine", "ours": round(cosine["min"], 5), "theirs": 1, "ratio": round(cosine["min"], 5)})
    machine = {"cpu": cpu_name(), "cores": os.cpu_count(), "system": platform.platform(), "kernel": kernel, "load": os.getloadavg()[0]}
    with open(out_file, "w", encoding="utf-8") as out:
        json.dump({"machine": machine, "rows": rows}, out, indent=1)
        out.write("\n")
    print(json.dumps(machine))


def compare(rows, program, model, prefix, tokenizer, fp32, int8, weights):
    """Measures one model and returns the name of our kernel."""
    tokenizer = Tokenizer.from_file(tokenizer)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rivals = {"onnxruntime 1.31.1 int8": Theirs(tokenizer, int8), "onnxruntime 1.31.1 fp32": Theirs(tokenizer, fp32)}
    ours = Ours(program, weights)

    def row(case, rival, metric, a, b, higher_is_better=True):
        ratio = a / b if higher_is_better else b / a
        case = f"{model}, {case}"
        rows.append({"case": case, "rival": rival, "metric": metric, "ours": round(a, 3), "theirs": round(b, 3), "ratio": round(ratio, 3)})
        print(f"{case:44} {rival:26} {metric:24} {a:9.2f} {b:9.2f} {ratio:7.2f}", flush=True)

    for tokens in (128, 256):
        texts = [text_of(tokens, seed) for seed in range(16)]
        assert all(len(tokenizer.encode(t).ids) == tokens for t in texts)
        for threads in (1, 2):
            a, b = [], {name: [] for name in rivals}
            for _ in range(ROUNDS):
                a.append(ours.measure(texts, threads, SECONDS, batch=8))
                for name, rival in rivals.items():
                    b[name].append(rival.measure(texts, threads, SECONDS))
            for name in rivals:
                for key, metric in (("rate", "passages/s"), ("cpu_rate", "passages/CPU-second")):
                    row(f"{tokens} tokens, {threads} threads", name, metric,
                        statistics.median(r[key] for r in a), statistics.median(r[key] for r in b[name]))
    # A question of 10 tokens, with the model's prefix and the special two.
    texts = [text_of(10 + prefix + 2, seed) for seed in range(16)]
    a, b = [], {name: [] for name in rivals}
    for _ in range(ROUNDS):
        a.append(ours.measure(texts, 1, SECONDS, batch=1))
        for name, rival in rivals.items():
            b[name].append(rival.measure(texts, 1, SECONDS))
    for name in rivals:
        for p in (0.5, 0.95):
            row("question of 10 tokens", name, f"p{100 * p:.0f} ms",
                statistics.median(percentile(r["calls"], p) for r in a),
                statistics.median(percentile(r["calls"], p) for r in b[name]), higher_is_better=False)
        row("question of 10 tokens", name, "CPU ms", statistics.median(r["cpu_ms"] for r in a), statistics.median(r["cpu_ms"] for r in b[name]), higher_is_better=False)
    best = ours.kernel
    for kernel in ("avx2", "generic"):
        if kernel != best:
            alone = ours.measure([text_of(128, 0)], 1, SECONDS, batch=1, kernel=kernel)
            row(f"128 tokens, {kernel} kernel", best, "passages/CPU-second", alone["cpu_rate"], statistics.median(
                ours.measure([text_of(128, 0)], 1, SECONDS, batch=1)["cpu_rate"] for _ in range(3)))
    return best


if __name__ == "__main__":
    main()
