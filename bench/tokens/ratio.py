"""Measures how other vocabularies count beside o200k_base, for package token.

usage: ratio.py VOCABULARY-FOLDER DATA-FOLDER NAME=TOKENIZER.json ...

Texts are passages of XQuAD in six languages, abstracts of SciFact, and Markdown
and HTML files, of each at most 400,000 characters. A line a vocabulary has its
tokens divided by those of o200k_base on each; then the least and the greatest.
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer

from tokens import encoding

LIMIT = 400_000


def corpus(path):
    for line in path.open(encoding="utf-8"):
        record = json.loads(line)
        yield record.get("text", "")


def files(root, suffixes):
    for path in sorted(root.rglob("*")):
        if path.suffix in suffixes and path.is_file():
            yield path.read_bytes().decode("utf-8", "replace")


def cut(texts):
    out, size = [], 0
    for text in texts:
        text = text[: LIMIT - size]
        size += len(text)
        if text:
            out.append(text)
        if size >= LIMIT:
            break
    return out


def main():
    folder, data, models = sys.argv[1], pathlib.Path(sys.argv[2]), dict(arg.split("=", 1) for arg in sys.argv[3:])
    sets = {lang: cut(corpus(data / "retrieval/xquad" / lang / "corpus.jsonl")) for lang in ("en", "de", "es", "ru", "ar", "zh")}
    sets["science"] = cut(corpus(data / "retrieval/scifact/corpus.jsonl"))
    sets["md"] = cut(files(data / "documents/md", {".md"}))
    sets["html"] = cut(files(data / "documents/html", {".html", ".htm"}))
    base = encoding(folder, "o200k_base")
    cl100k = encoding(folder, "cl100k_base")
    counts = {"cl100k": lambda t: len(cl100k.encode_ordinary(t))}
    for name, path in models.items():
        if path.endswith(".tiktoken"):
            import base64
            import tiktoken
            ranks = {base64.b64decode(a): int(b) for a, b in (l.split() for l in open(path, "rb") if l.strip())}
            e = tiktoken.Encoding(name, pat_str=cl100k._pat_str, mergeable_ranks=ranks, special_tokens={})
            counts[name] = lambda t, e=e: len(e.encode_ordinary(t))
            continue
        if path.endswith((".model.v1", ".v3")):
            import sentencepiece
            sp = sentencepiece.SentencePieceProcessor(model_file=path)
            counts[name] = lambda t, sp=sp: len(sp.encode(t))
            continue
        tokenizer = Tokenizer.from_file(path)
        tokenizer.no_truncation()
        counts[name] = lambda t, tk=tokenizer: len(tk.encode(t, add_special_tokens=False).ids)
    ours = {name: sum(len(base.encode_ordinary(t)) for t in texts) for name, texts in sets.items()}
    print(f"{'':12}" + "".join(f"{name:>9}" for name in sets) + f"{'least':>9}{'greatest':>9}")
    for name, count in counts.items():
        ratios = [sum(count(t) for t in texts) / ours[of] for of, texts in sets.items()]
        print(f"{name:12}" + "".join(f"{r:9.3f}" for r in [*ratios, min(ratios), max(ratios)]), flush=True)


if __name__ == "__main__":
    main()
