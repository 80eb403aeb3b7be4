"""Compares models of random weights with PyTorch's transformers in 32 bits.

usage: reference.py BENCH-PROGRAM QUANTIZE-PROGRAM TOKENIZERS-FOLDER WORDPIECE.json OUT-FOLDER

For each architecture that is converted, a model of random weights is made by
transformers, saved as it saves models, converted by ours with weights of 8 and of 32 bits, and its
vectors are compared on texts of many lengths, a cross-encoder's scores on pairs (their
cosine, less their mean). TOKENIZERS-FOLDER is what unigram.py writes. Exit code 1 when
a cosine is below .995, or with 32 bits below .9999.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy
import tokenizers as tokenizers_library
import torch
import transformers

WORDS = "the cell of a protein was shown to bind with high energy in water , but not at low temperature . 水 Größe العربية".split()
TEXTS = [" ".join(WORDS[(i * 7 + i // 5 + seed) % len(WORDS)] for i in range(n)) for seed, n in enumerate((1, 3, 9, 17, 40, 100, 190, 300, 330))] + ["", "<s>mask</s>"]

PAIRS = [(TEXTS[i % 6], TEXTS[(i * 5 + i // 7) % len(TEXTS)]) for i in range(60)] + [(TEXTS[8], TEXTS[7]), (TEXTS[8], TEXTS[8]), (TEXTS[8], "")]
BARS = {"int8": 0.995, "float32": 0.9999}


def mpnet_tokenizer(source, target):
    """BERT's vocabulary with MPNet's special tokens in front, as all-mpnet has it."""
    file = json.loads(pathlib.Path(source).read_text(encoding="utf-8"))
    old = sorted(file["model"]["vocab"], key=file["model"]["vocab"].get)
    words = ["<s>", "<pad>", "</s>", "<unk>"] + old + ["<mask>"]
    file["model"]["vocab"] = {word: i for i, word in enumerate(words)}
    token = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    file["added_tokens"] = [dict(token, id=words.index(word), content=word, lstrip=word == "<mask>") for word in ("<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>")]
    file["post_processor"] = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": False}
    file["truncation"] = file["padding"] = None
    pathlib.Path(target).write_text(json.dumps(file, ensure_ascii=False), encoding="utf-8")
    return len(words)


def randomize(model):
    """Weights as large as trained ones, so that attention is not flat."""
    torch.manual_seed(7)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "LayerNorm.weight" in name:
                p.copy_(1 + 0.1 * torch.randn_like(p))
            elif "bias" in name and "relative" not in name:
                p.copy_(0.1 * torch.randn_like(p))
            else:
                p.copy_({"relative": 1.0, "embeddings": 0.5}.get(next((k for k in ("relative", "embeddings") if k in name), ""), 0.08) * torch.randn_like(p))


def main():
    program, quantize, tokenizers, wordpiece, out = sys.argv[1:]
    out, common = pathlib.Path(out), dict(hidden_size=128, num_hidden_layers=4, num_attention_heads=4, intermediate_size=512, layer_norm_eps=1e-5)
    mpnet = out / "mpnet.json"
    out.mkdir(parents=True, exist_ok=True)
    words = mpnet_tokenizer(wordpiece, mpnet)
    unigram = pathlib.Path(tokenizers) / "collapse" / "tokenizer.json"
    cases = [
        ("bert", transformers.BertModel, transformers.BertConfig(vocab_size=30522, max_position_embeddings=512, **common), wordpiece),
        ("bert-unigram", transformers.BertModel, transformers.BertConfig(vocab_size=250037, max_position_embeddings=512, **common), unigram),
        ("xlm-r", transformers.XLMRobertaModel, transformers.XLMRobertaConfig(vocab_size=250002, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, **common), unigram),
        ("mpnet", transformers.MPNetModel, transformers.MPNetConfig(vocab_size=words, max_position_embeddings=514, pad_token_id=1, **common), mpnet),
    ]
    wide = dict(common, hidden_size=384, num_attention_heads=12, intermediate_size=1536)  # as MiniLM: a score is one number, so noise does not average out over many
    scorers = [
        ("bert", transformers.BertForSequenceClassification, transformers.BertConfig(vocab_size=30522, max_position_embeddings=512, num_labels=1, **wide), wordpiece),
        ("xlm-r", transformers.XLMRobertaForSequenceClassification, transformers.XLMRobertaConfig(vocab_size=250002, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, num_labels=1, **wide), unigram),
    ]
    good = True
    for name, kind, config, tokenizer_file in cases:
        model = kind(config).eval()
        randomize(model)
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_file))
        for pooling in ("mean", "cls"):
            folder = save(out / f"{name}-{pooling}", model, tokenizer_file)
            (folder / "1_Pooling").mkdir()
            (folder / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{'cls_token' if pooling == 'cls' else 'mean_tokens'}": True}))
            want = []
            for text in TEXTS:
                ids = tokenizer.encode(text)
                ids = torch.tensor([ids[:511] + ids[-1:] if len(ids) > 512 else ids])
                with torch.no_grad():
                    state = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0].double().numpy()
                want.append(state[0] if pooling == "cls" else state.mean(axis=0))
            for weights, bar in BARS.items():
                got = ours(quantize, program, "vectors", folder, weights, TEXTS)
                good &= report(f"{name}, {pooling}, {weights}", [cosine(a, b) for a, b in zip(want, got, strict=True)], bar)
    for name, kind, config, tokenizer_file in scorers:
        config.num_labels = 1
        model = kind(config).eval()
        randomize(model)
        folder = save(out / f"{name}-scores", model, tokenizer_file)
        file = tokenizers_library.Tokenizer.from_file(str(tokenizer_file))
        if name == "xlm-r":  # whose published tokenizers part pairs so; that of unigram.py does not know pairs
            file.post_processor = tokenizers_library.processors.TemplateProcessing(
                single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
        file.no_padding()
        file.enable_truncation(512, strategy="longest_first")
        want = []
        for question, passage in PAIRS:
            pair = file.encode(question, passage)
            given = {"input_ids": torch.tensor([pair.ids]), "attention_mask": torch.ones(1, len(pair.ids), dtype=torch.long)}
            if config.type_vocab_size > 1:
                given["token_type_ids"] = torch.tensor([pair.type_ids])
            with torch.no_grad():
                want.append(float(model(**given).logits[0, 0].double()))
        for weights, bar in BARS.items():
            got = ours(quantize, program, "scores", folder, weights, PAIRS)
            good &= report(f"{name}, scores, {weights}", [cosine(numpy.array(want) - numpy.mean(want), got - numpy.mean(got))], bar)
    sys.exit(0 if good else 1)


def save(folder, model, tokenizer_file):
    """Writes a model as it is published."""
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    shutil.copy(tokenizer_file, folder / "tokenizer.json")
    return folder


def ours(quantize, program, verb, folder, weights, inputs):
    """What our encoder gives for each input."""
    subprocess.run([quantize, "-model", folder, "-type", weights, "-out", f"{folder}.bin"], check=True, stdout=subprocess.DEVNULL)
    lines = "".join(json.dumps(i) + "\n" for i in inputs)
    got = subprocess.run([program, verb, f"{folder}.bin"], input=lines, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout.splitlines()
    return numpy.array([json.loads(line) for line in got])


def cosine(a, b):
    return float(a @ b / numpy.linalg.norm(a) / numpy.linalg.norm(b))


def report(what, cosines, bar):
    print(f"{what}: cosine min {min(cosines):.6f}, bar {bar}", flush=True)
    return min(cosines) >= bar


if __name__ == "__main__":
    main()
