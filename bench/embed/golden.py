"""Computes the golden files of the Go tests anew from their own texts.

usage: golden.py TOKENIZER.json MODEL.onnx PROJECT-FOLDER

model/bert/wordpiece/testdata/golden.jsonl: {"text", "ids"} by Hugging Face's
tokenizers, without special tokens. model/bert/testdata/golden.jsonl: {"text",
"vector"} by ONNX Runtime in 32-bit floats, cut at 512 tokens, first token,
unit length, five decimals; golden_mean.jsonl the same with the mean of all tokens.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime
from tokenizers import Tokenizer


def refresh(path, compute):
    records = [json.loads(line) for line in path.open(encoding="utf-8")]
    with path.open("w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps({"text": record["text"], **compute(record["text"])}, ensure_ascii=False) + "\n")


def main():
    tokenizer = Tokenizer.from_file(sys.argv[1])
    session = onnxruntime.InferenceSession(sys.argv[2], providers=["CPUExecutionProvider"])
    root = pathlib.Path(sys.argv[3]) / "model" / "bert"

    def ids(text):
        return {"ids": tokenizer.encode(text, add_special_tokens=False).ids}

    def vector(text, pool=lambda state: state[0]):
        tokens = numpy.array([tokenizer.encode(text).ids], dtype=numpy.int64)
        state = session.run(None, {"input_ids": tokens, "attention_mask": numpy.ones_like(tokens), "token_type_ids": numpy.zeros_like(tokens)})[0]
        pooled = pool(state[0])
        return {"vector": [round(float(v), 5) for v in pooled / numpy.linalg.norm(pooled)]}

    def mean(text):
        return vector(text, lambda state: state.astype(float).mean(axis=0))

    tokenizer.no_truncation()
    refresh(root / "wordpiece" / "testdata" / "golden.jsonl", ids)
    tokenizer.enable_truncation(512)
    refresh(root / "testdata" / "golden.jsonl", vector)
    refresh(root / "testdata" / "golden_mean.jsonl", mean)


if __name__ == "__main__":
    main()
