"""Times the built-in embedder against ONNX Runtime on the same texts.

usage: speed.py BENCH-PROGRAM COSINE.json FP32-COSINE.json OUT.json NAME PREFIX-TOKENS TOKENIZER.json FP32.onnx INT8.onnx WEIGHTS FP32-WEIGHTS [NAME ...]

Seven arguments for each model; WEIGHTS is "" for the built-in one, PREFIX-TOKENS the
length of what the model wants before a question. Our int8 weights meet both of
theirs, our fp32 weights meet their fp32.

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

INT8, FP32 = "onnxruntime 1.31.1 int8", "onnxruntime 1.31.1 fp32"
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
    program, cosine_file, float_cosine_file, out_file, *models = sys.argv[1:]
    rows = []
    print(f"{'case':44} {'rival':26} {'metric':24} {'ours':>9} {'theirs':>9} {'ratio':>7}")
    while models:
        name, prefix, tokenizer, fp32, int8, weights, float_weights, *models = models
        kernel = compare(rows, program, name, int(prefix), tokenizer, fp32, int8, weights, float_weights)
    for name, path, digits in (("bge-small", cosine_file, 5), ("bge-small fp32", float_cosine_file, 7)):
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                cosine = json.load(f)
            smallest = round(cosine["min"], digits)
            rows.append({"case": f"{name}, {cosine['passages']} passages of SciFact", "rival": FP32, "metric": "smallest cosine", "ours": smallest, "theirs": 1, "ratio": smallest})
    machine = {"cpu": cpu_name(), "cores": os.cpu_count(), "system": platform.platform(), "kernel": kernel, "load": os.getloadavg()[0]}
    with open(out_file, "w", encoding="utf-8") as out:
        json.dump({"machine": machine, "rows": rows}, out, indent=1)
        out.write("\n")
    print(json.dumps(machine))


def compare(rows, program, model, prefix, tokenizer, fp32, int8, weights, float_weights):
    """Measures one model and returns the name of our kernel."""
    tokenizer = Tokenizer.from_file(tokenizer)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rivals = {INT8: Theirs(tokenizer, int8), FP32: Theirs(tokenizer, fp32)}
    ours = {model: Ours(program, weights), f"{model} fp32": Ours(program, float_weights)}
    pairs = [(model, INT8), (model, FP32), (f"{model} fp32", FP32)]

    def row(case, rival, metric, a, b, higher_is_better=True):
        ratio = a / b if higher_is_better else b / a
        rows.append({"case": case, "rival": rival, "metric": metric, "ours": round(a, 3), "theirs": round(b, 3), "ratio": round(ratio, 3)})
        print(f"{case:44} {rival:26} {metric:24} {a:9.2f} {b:9.2f} {ratio:7.2f}", flush=True)

    def rounds(texts, threads, batch):
        """Every program in turn, ROUNDS times."""
        out = {name: [] for name in [*ours, *rivals]}
        for _ in range(ROUNDS):
            for name, program in ours.items():
                out[name].append(program.measure(texts, threads, SECONDS, batch))
            for name, program in rivals.items():
                out[name].append(program.measure(texts, threads, SECONDS))
        return out

    def median(results, figure):
        return statistics.median(figure(r) for r in results)

    for tokens in (128, 256):
        texts = [text_of(tokens, seed) for seed in range(16)]
        assert all(len(tokenizer.encode(t).ids) == tokens for t in texts)
        for threads in (1, 2):
            got = rounds(texts, threads, batch=8)
            for name, rival in pairs:
                for key, metric in (("rate", "passages/s"), ("cpu_rate", "passages/CPU-second")):
                    row(f"{name}, {tokens} tokens, {threads} threads", rival, metric, median(got[name], lambda r: r[key]), median(got[rival], lambda r: r[key]))
    # A question of 10 tokens, with the model's prefix and the special two.
    texts = [text_of(10 + prefix + 2, seed) for seed in range(16)]
    got = rounds(texts, 1, batch=1)
    for name, rival in pairs:
        case = f"{name}, question of 10 tokens"
        for p in (0.5, 0.95):
            row(case, rival, f"p{100 * p:.0f} ms", median(got[name], lambda r: percentile(r["calls"], p)), median(got[rival], lambda r: percentile(r["calls"], p)), higher_is_better=False)
        row(case, rival, "CPU ms", median(got[name], lambda r: r["cpu_ms"]), median(got[rival], lambda r: r["cpu_ms"]), higher_is_better=False)
    for name, program in ours.items():
        best = program.kernel
        for kernel in ("avx2", "generic"):
            if kernel != best:
                alone = program.measure([text_of(128, 0)], 1, SECONDS, batch=1, kernel=kernel)
                row(f"{name}, 128 tokens, {kernel} kernel", best, "passages/CPU-second", alone["cpu_rate"],
                    statistics.median(program.measure([text_of(128, 0)], 1, SECONDS, batch=1)["cpu_rate"] for _ in range(3)))
    return best


if __name__ == "__main__":
    main()
