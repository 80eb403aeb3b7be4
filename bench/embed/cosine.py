"""Compares our vectors with ONNX Runtime's in 32-bit floats.

usage: cosine.py TOKENIZER.json MODEL.onnx BENCH-PROGRAM CORPUS.jsonl COUNT OUT.json BAR [WEIGHTS]

Takes the first COUNT documents (title and text, cut at 512 tokens), prints and
writes the smallest, mean and one-percent cosine. Exit code 1 below BAR. Without
WEIGHTS ours are those of the built-in model.
"""

import json
import subprocess
import sys

import numpy
import onnxruntime
from tokenizers import Tokenizer


def main():
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.enable_truncation(512)
    session = onnxruntime.InferenceSession(sys.argv[2], providers=["CPUExecutionProvider"])
    ours = subprocess.Popen([sys.argv[3], "vectors", *sys.argv[8:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    cosines, tokens = [], 0
    with open(sys.argv[4], encoding="utf-8") as corpus:
        for _, line in zip(range(int(sys.argv[5])), corpus):
            document = json.loads(line)
            text = document["title"] + "\n" + document["text"]
            ours.stdin.write(json.dumps(text) + "\n")
            ours.stdin.flush()
            ids = numpy.array([tokenizer.encode(text).ids], dtype=numpy.int64)
            tokens += ids.size
            state = session.run(None, {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)})[0]
            a, b = state[0, 0].astype(float), numpy.array(json.loads(ours.stdout.readline()))
            cosines.append(float(a @ b / numpy.linalg.norm(a) / numpy.linalg.norm(b)))
    ours.stdin.close()
    ours.wait()
    result = {"passages": len(cosines), "tokens": tokens, "min": min(cosines), "p01": float(numpy.quantile(cosines, 0.01)), "mean": sum(cosines) / len(cosines)}
    print("cosine to onnxruntime fp32:", json.dumps(result))
    with open(sys.argv[6], "w", encoding="utf-8") as out:
        json.dump(result, out)
    sys.exit(0 if result["min"] >= float(sys.argv[7]) else 1)


if __name__ == "__main__":
    main()
