"""Compares our WordPiece tokenizer with Hugging Face's on real texts.

usage: tokens.py TOKENIZER.json BENCH-PROGRAM DATA-FOLDER

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


def main():
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ours = subprocess.Popen([sys.argv[2], "tokens"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
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
            for text, want in zip(batch, tokenizer.encode_batch(batch, add_special_tokens=False)):
                got = json.loads(ours.stdout.readline())
                tokens += len(got)
                if got != want.ids:
                    different += 1
                    if different <= 40:
                        at = next((j for j, (a, b) in enumerate(zip(got, want.ids)) if a != b), min(len(got), len(want.ids)))
                        print(f"{name}: {ascii(text[:60])}: token {at}: {got[at:at+4]} instead of {want.ids[at:at+4]} {want.tokens[at:at+4]}")
        feeder.join()
        print(f"{name}: {len(texts)} texts, {sum(len(t.encode('utf-8')) for t in texts)} bytes, {tokens} tokens, {different} texts differ")
        failed += different
    ours.stdin.close()
    ours.wait()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
