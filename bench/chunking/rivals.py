"""Cuts texts with the chunkers of other projects, sized in the tokens of BERT's
uncased WordPiece vocabulary, which is also that of the built-in model.

    rivals.py TEXTS TOKENIZER OUT SIZE...

writes OUT/NAME SIZE.json for each: text name to a list of [start, end) in code
points. TEXTS is a folder of .md files or a corpus in BEIR layout, a .jsonl file. Chunks whose offsets a library does not tell are looked for in the text, from
the beginning of the one before on. Chonkie's token chunker is left out: its offsets
are those of decoded tokens, which are not the text's with a vocabulary that folds
case.
"""
import json
import pathlib
import sys

import chonkie
import semchunk
from langchain_text_splitters import RecursiveCharacterTextSplitter
from tokenizers import Tokenizer

source, tokenizer, out = map(pathlib.Path, sys.argv[1:4])
sizes = [int(s) for s in sys.argv[4:]]
model = Tokenizer.from_file(str(tokenizer))
model.no_truncation()
model.no_padding()


def count(text):
    return len(model.encode(text, add_special_tokens=False).ids)


def located(text, pieces):
    spans, at = [], 0
    for p in pieces:
        p = p.strip()
        if not p:
            continue
        start = text.find(p, at)
        if start < 0:
            start = text.find(p)
        if start < 0:
            raise SystemExit(f"a chunk is not in the text: {p[:80]!r}")
        spans.append([start, start + len(p)])
        at = start + 1
    return spans


def langchain(text, size, overlap):
    splitter = RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=overlap, length_function=count)
    return located(text, splitter.split_text(text))


def with_chonkie(make):
    def cut(text):
        chunks = make.chunk(text)
        for c in chunks:
            if text[c.start_index:c.end_index] != c.text:
                raise SystemExit(f"a chunk is not what stands at its offsets: {c.text[:80]!r}")
        return [[c.start_index, c.end_index] for c in chunks]

    return cut


def with_semchunk(size):
    chunker = semchunk.chunkerify(count, size)
    return lambda text: [list(s) for s in chunker(text, offsets=True)[1]]


rivals = {}
for n in sizes:
    rivals[f"LangChain recursive {n}"] = lambda t, n=n: langchain(t, n, 0)
    rivals[f"LangChain recursive {n}, overlap {n // 5}"] = lambda t, n=n: langchain(t, n, n // 5)
    rivals[f"semchunk {n}"] = with_semchunk(n)
    rivals[f"Chonkie sentence {n}"] = with_chonkie(chonkie.SentenceChunker(tokenizer=model, chunk_size=n, chunk_overlap=0))
    rivals[f"Chonkie recursive {n}"] = with_chonkie(chonkie.RecursiveChunker(tokenizer=model, chunk_size=n))

out.mkdir(parents=True, exist_ok=True)
if source.is_dir():
    texts = {f.stem: f.read_bytes().decode("utf-8") for f in sorted(source.glob("*.md"))}
else:
    with open(source, encoding="utf-8") as lines:
        texts = {d["_id"]: d["text"] for d in map(json.loads, lines)}
for name, cut in rivals.items():
    file = out / f"{name}.json"
    if not file.exists():
        file.write_text(json.dumps({stem: cut(text) for stem, text in texts.items()}))
    print(name, file=sys.stderr)
