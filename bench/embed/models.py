"""Compares converted models of mean pooling with ONNX Runtime in 32-bit floats.

usage: models.py TOKENIZER.json MODEL.onnx BENCH-PROGRAM CORPUS.jsonl COUNT BAR WEIGHTS [BAR WEIGHTS ...]

Takes the first COUNT documents (title and text, cut at 256 tokens, as the
all-MiniLM models are) and prints the smallest and mean cosine of each file of
weights. Exit code 1 when one is below its BAR.
"""

import json
import subprocess
import sys

import numpy
import onnxruntime
from tokenizers import Tokenizer


def main():
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    session = onnxruntime.InferenceSession(sys.argv[2], providers=["CPUExecutionProvider"])
    texts, wanted, tokens = [], [], 0
    with open(sys.argv[4], encoding="utf-8") as corpus:
        for _, line in zip(range(int(sys.argv[5])), corpus):
            document = json.loads(line)
            texts.append(document["title"] + "\n" + document["text"])
            ids = numpy.array([tokenizer.encode(texts[-1]).ids], dtype=numpy.int64)
            tokens += ids.size
            state = session.run(None, {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)})[0]
            wanted.append(state[0].astype(float).mean(axis=0))
    good = True
    for bar, weights in zip(sys.argv[6::2], sys.argv[7::2]):
        lines = "".join(json.dumps(text) + "\n" for text in texts)
        out = subprocess.run([sys.argv[3], "vectors", weights], input=lines, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
        got = [numpy.array(json.loads(line)) for line in out.splitlines()]
        assert len(got) == len(wanted)
        cosines = [float(a @ b / numpy.linalg.norm(a) / numpy.linalg.norm(b)) for a, b in zip(got, wanted)]
        print(f"{weights}: {len(cosines)} passages, {tokens} tokens, cosine min {min(cosines):.7f}, mean {sum(cosines) / len(cosines):.7f}")
        good = good and min(cosines) >= float(bar)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
