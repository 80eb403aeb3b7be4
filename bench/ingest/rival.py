"""Brings a folder in with LlamaIndex and its defaults: SimpleDirectoryReader, SentenceSplitter of 1,024 tokens,
VectorStoreIndex in memory, written to disk at the end. The model is the one that is inside our binary, with 8-bit
weights, run by ONNX Runtime on all cores: LlamaIndex's own default is an API. Prints one line of JSON."""

import json
import sys
import time

import numpy
import onnxruntime
from llama_index.core import Settings, SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from pydantic import PrivateAttr
from tokenizers import Tokenizer

folder, model, tokenizer, out = sys.argv[1:5]


class Bge(BaseEmbedding):
    _session: onnxruntime.InferenceSession = PrivateAttr()
    _tokenizer: Tokenizer = PrivateAttr()

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(tokenizer)
        self._tokenizer.enable_truncation(512)
        self._tokenizer.enable_padding()

    def _embed(self, texts):
        encoded = self._tokenizer.encode_batch(list(texts))
        feeds = {
            "input_ids": [e.ids for e in encoded],
            "attention_mask": [e.attention_mask for e in encoded],
            "token_type_ids": [e.type_ids for e in encoded],
        }
        feeds = {k: numpy.array(v, dtype=numpy.int64) for k, v in feeds.items()}
        hidden = self._session.run(None, feeds)[0][:, 0]
        return (hidden / numpy.linalg.norm(hidden, axis=1, keepdims=True)).tolist()

    def _get_text_embedding(self, text):
        return self._embed([text])[0]

    def _get_text_embeddings(self, texts):
        return self._embed(texts)

    def _get_query_embedding(self, query):
        return self._embed([query])[0]

    async def _aget_query_embedding(self, query):
        return self._get_query_embedding(query)


Settings.llm = None
Settings.embed_model = Bge(model_name="bge-small-en-v1.5")
begun = time.perf_counter()
documents = SimpleDirectoryReader(folder, recursive=True).load_data()
read = time.perf_counter() - begun
for d in documents:  # pypdf lets halves of characters through, at which the index fails as a whole
    if (clean := d.text.encode("utf-8", "replace").decode("utf-8")) != d.text:
        d.set_content(clean)
index = VectorStoreIndex.from_documents(documents, storage_context=StorageContext.from_defaults())
index.storage_context.persist(out)
took = time.perf_counter() - begun
files = {d.metadata.get("file_path") for d in documents if d.text.strip()}
print(json.dumps({"seconds": took, "read_seconds": read, "files": len(files), "chunks": len(index.index_struct.nodes_dict)}))
