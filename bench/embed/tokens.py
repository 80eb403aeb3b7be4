"""Compares our tokenizers with Hugging Face's and SentencePiece's on real texts.

usage: tokens.py TOKENIZER BENCH-PROGRAM DATA-FOLDER [WEIGHTS]

TOKENIZER is a tokenizer.json, or a sentencepiece.bpe.model, whose pieces XLM-R
numbers anew. WEIGHTS holds our tokenizer; without it that is the built-in one.

Texts are all corpus and query lines, and all Markdown, HTML and plain text
files (whole, as raw text) under the data folder; and every Unicode code point
alone, inside a word and between words. Exit code 1 when one text differs.
"""

import json
import pathlib
import subprocess
import sys
import threading

from tokenizers import Tokenizer


def real_texts(root):
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        if path.suffix == ".jsonl":
            for line in path.open(encoding="utf-8"):
                record = json.loads(line)
                for value in record.values() if isinstance(record, dict) else []:
                    if isinstance(value, str) and value:
                        yield value
        elif path.suffix.lower() in (".md", ".html", ".htm", ".txt", ".tsv", ".csv", ".json", ".xml", ".eml", ".rtf", ".rst"):
            text = path.read_bytes().decode("utf-8", "replace")
            if text:
                yield text


def code_points():
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000:
            continue
        ch = chr(c)
        yield f"{ch} ab{ch}cd {ch}{ch} x {ch} y"


class HuggingFace:
    most = None

    def __init__(self, path):
        self.tokenizer = Tokenizer.from_file(path)
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def encode(self, texts):
        return [(e.ids, e.tokens) for e in self.tokenizer.encode_batch(texts, add_special_tokens=False)]


class SentencePiece:
    """A SentencePiece model with the ids of XLM-R: <unk> is 3, all others one more.

    Its sums in 32 bits run on through a text, and somewhere behind token 10,000 ties are
    broken otherwise than by ours: what a model can take, 8,192 at most, is compared."""

    most = 8192

    def __init__(self, path):
        import sentencepiece
        self.model = sentencepiece.SentencePieceProcessor(model_file=path)

    def encode(self, texts):
        return [([i + 1 if i else 3 for i in ids], ids) for ids in self.model.encode(texts)]


def main():
    theirs = (HuggingFace if sys.argv[1].endswith(".json") else SentencePiece)(sys.argv[1])
    ours = subprocess.Popen([sys.argv[2], "tokens"] + sys.argv[4:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    failed = 0
    for name, texts in (("real texts", list(real_texts(pathlib.Path(sys.argv[3])))), ("code points", list(code_points()))):
        def feed():
            for text in texts:
                ours.stdin.write(json.dumps(text) + "\n")
            ours.stdin.flush()
        feeder = threading.Thread(target=feed)
        feeder.start()
        tokens = different = 0
        for i in range(0, len(texts), 256):
            batch = texts[i : i + 256]
            for text, (ids, names) in zip(batch, theirs.encode(batch)):
                got = json.loads(ours.stdout.readline())
                tokens += len(got)
                if got[: theirs.most] != ids[: theirs.most]:
                    different += 1
                    if different <= 40:
                        at = next((j for j, (a, b) in enumerate(zip(got, ids)) if a != b), min(len(got), len(ids)))
                        print(f"{name}: {ascii(text[:60])}: token {at}: {got[at:at+4]} instead of {ids[at:at+4]} {names[at:at+4]}")
        feeder.join()
        print(f"{name}: {len(texts)} texts, {sum(len(t.encode('utf-8')) for t in texts)} bytes, {tokens} tokens, {different} texts differ")
        failed += different
    ours.stdin.close()
    ours.wait()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
