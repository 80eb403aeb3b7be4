"""Compares our tokens with those of OpenAI's library tiktoken on real texts.

usage: tokens.py compare VOCABULARY-FOLDER BENCH-PROGRAM DATA-FOLDER
       tokens.py golden  VOCABULARY-FOLDER FILE

Texts of compare are all corpus and query lines, and all Markdown, HTML and plain
text files (whole, as raw text) below the data folder; every Unicode code point
alone, inside a word and between words; and random strings of the characters at
which the patterns branch. Exit code 1 when one text differs.

The library's own code is used with the vocabularies of a package, since it would
download its own; it holds both to the same SHA-256.
"""

import base64
import hashlib
import json
import pathlib
import random
import subprocess
import sys
import threading

import tiktoken
import tiktoken_ext.openai_public as public


def encoding(folder, name):
    """The library's definition, with the vocabulary read from the folder."""
    def read(_url, expected_hash=None):
        data = (pathlib.Path(folder) / f"{name}.tiktoken").read_bytes()
        assert hashlib.sha256(data).hexdigest() == expected_hash
        return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in data.splitlines())}
    public.load_tiktoken_bpe = read
    return tiktoken.Encoding(**getattr(public, name)())


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
        if not 0xD800 <= c < 0xE000:
            ch = chr(c)
            yield f"{ch} ab{ch}cd A{ch}B {ch}{ch} 1{ch}2 '{ch} x {ch} y"


ALPHABET = list("aAbBzZ1239 .,/'\"\n\r\t-_sSlLvVeErRdDmMtT") + ["  ", "\n\n", "\u017f", "\u00a0", "\u3000", "\u0085", "\u0301", "\u02b0", "\u01c5", "中", "あ", "한", "ß", "Я", "я", "ع", "۳", "½", "😀", "\u200d", "\ufffd", "\U00020000", "'s", "'LL", "  \n  "]


def random_texts():
    rng = random.Random(1)
    for _ in range(200_000):
        yield "".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, 24)))


def compare(folder, program, data):
    failed = 0
    sets = [("real texts", list(real_texts(pathlib.Path(data)))), ("code points", list(code_points())), ("random texts", list(random_texts()))]
    for name in ("cl100k_base", "o200k_base"):
        theirs = encoding(folder, name)
        ours = subprocess.Popen([program, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        for what, texts in sets:
            def feed():
                for text in texts:
                    ours.stdin.write(json.dumps(text) + "\n")
                ours.stdin.flush()
            feeder = threading.Thread(target=feed)
            feeder.start()
            tokens = size = different = 0
            for text in texts:
                want = theirs.encode_ordinary(text)
                got = json.loads(ours.stdout.readline())
                tokens += len(want)
                size += len(text.encode())
                if got != want:
                    different += 1
                    if different <= 20:
                        print("differs:", name, what, repr(text[:80]), got[:12], want[:12], file=sys.stderr)
            feeder.join()
            print(f"{name}: {what}: {len(texts)} texts, {size} bytes, {tokens} tokens, {different} texts differ")
            failed += different
        ours.stdin.close()
    return failed > 0


def golden(folder, out):
    rng = random.Random(2)
    texts = [
        "", " ", "hello world", "Hello, World!", "The quick brown fox can't jump over it's fence; I'LL say they'VE 'd.", "\n\n  \n x", "a\n  ", "a  b   c\t\td ",
        "1234567890 12 1", "½ ۳۴۵۶ Ⅷ", "don'ſ", "naïve café cafe\u0301", "日本語のテキストを数える。", "中文分词的例子,很长的一句话没有空格", "한국어 문장입니다.",
        "Ελληνικά και русский текст", "עברית וערבית العربية", "हिन्दी में पाठ", "ภาษาไทยไม่มีช่องว่าง", "emoji 😀👩‍👩‍👧‍👦🇩🇪", "<|endoftext|> <|im_start|>system",
        "func main() {\n\tfmt.Println(\"x\")\n}\n", "https://example.com/a/b?c=d&e=f#g", "camelCaseHTTPServer XMLHttpRequest", "\r\n\r\nend\r", "////\n//", "a" * 300, " " * 300, "ab" * 200 + "!",
        "\u00a0\u3000x", "ǅʰA", "\u0301\u0301a", "Aʰ", "\U0001F9D1\u200d\U0001F680", "\ufffd",
    ]
    texts += ["".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, 40))) for _ in range(60)]
    encodings = {name: encoding(folder, name) for name in ("cl100k_base", "o200k_base")}
    with open(out, "w", encoding="utf-8") as f:
        for text in texts:
            record = {"text": text} | {name: e.encode_ordinary(text) for name, e in encodings.items()}
            f.write(json.dumps(record, ensure_ascii=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit({"compare": compare, "golden": golden}[sys.argv[1]](*sys.argv[2:]))
