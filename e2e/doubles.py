"""Drives the doubles of providers with the providers' own Python clients.

usage: doubles.py FILE

FILE has a line for each double, as tools/doubles prints them. The doubles read
requests strictly, so a client that gets its vectors or scores has sent what the
double takes for the provider's form, and has understood what the double answers.
"""

import sys

import cohere
import numpy
import ollama
import openai
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton
import voyageai
from google import genai
from google.genai import types
from huggingface_hub import InferenceClient

KEY = "double-0123456789"
TEXTS = ["a tower of iron", "bread and salt"]
at = {}
for line in open(sys.argv[1]):
    if line.count(" ") == 2:
        kind, name, url = line.split()
        at[kind, name] = url


def check(name, vectors, width=8):
    vectors = [list(v) for v in vectors]
    assert len(vectors) == 2 and all(len(v) == width for v in vectors), (name, vectors)
    assert vectors[0] != vectors[1], name
    print("  " + name, flush=True)


def check_scores(name, results):
    assert [r.index for r in results] == [1, 0], (name, results)
    assert results[0].relevance_score > results[1].relevance_score, (name, results)
    print("  " + name, flush=True)


for name, path in (("openai", "/v1"), ("azure-v1", "/openai/v1")):
    client = openai.OpenAI(base_url=at["embed", name] + path, api_key=KEY, default_headers={"api-key": KEY})
    check(name, [d.embedding for d in client.embeddings.create(model="m", input=TEXTS, encoding_format="float").data])
client = openai.AzureOpenAI(azure_endpoint=at["embed", "azure"], api_version="2024-10-21", api_key=KEY)
check("azure", [d.embedding for d in client.embeddings.create(model="m", input=TEXTS, encoding_format="float").data])

client = ollama.Client(host=at["embed", "ollama"], headers={"Authorization": "Bearer " + KEY})
check("ollama", client.embed(model="m", input=TEXTS, truncate=False).embeddings)
assert [m.model for m in client.list().models] == ["m:latest"]

client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=at["embed", "gemini"], api_version="v1beta"))
config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=4)
check("gemini", [e.values for e in client.models.embed_content(model="m", contents=TEXTS, config=config).embeddings], width=4)
assert client.models.get(model="m").name == "models/m"

client = cohere.ClientV2(api_key=KEY, base_url=at["embed", "cohere"])
answer = client.embed(model="m", texts=TEXTS, input_type="search_query", embedding_types=["float"], truncate="NONE")
check("cohere", answer.embeddings.float_)
assert answer.meta.billed_units.input_tokens == 7 and client.models.get("m").name == "m"
client = cohere.ClientV2(api_key=KEY, base_url=at["rerank", "cohere"])
check_scores("cohere rerank", client.rerank(model="m", query="bread", documents=TEXTS).results)

client = voyageai.Client(api_key=KEY, base_url=at["embed", "voyage"] + "/v1")
answer = client.embed(TEXTS, model="m", input_type="document", truncation=False)
check("voyage", answer.embeddings)
assert answer.total_tokens == 7
client = voyageai.Client(api_key=KEY, base_url=at["rerank", "voyage"] + "/v1")
check_scores("voyage rerank", client.rerank("bread", TEXTS, model="m", truncation=False).results)

client = InferenceClient(model=at["embed", "tei"] + "/embed", token=KEY)
check("tei", [client.feature_extraction(t, normalize=True, truncate=False)[0] for t in TEXTS])

client = triton.InferenceServerClient(at["embed", "triton"].removeprefix("http://"))
bearer = {"Authorization": "Bearer " + KEY}
texts = triton.InferInput("TEXT", [2, 1], "BYTES")
texts.set_data_from_numpy(numpy.array([[t] for t in TEXTS], dtype=object), binary_data=False)
for binary in (True, False):
    wanted = triton.InferRequestedOutput("EMBEDDING", binary_data=binary)
    answer = client.infer("m", [texts], outputs=[wanted], headers=bearer)
    check("triton, " + ("binary" if binary else "JSON"), answer.as_numpy("EMBEDDING"))
assert client.get_model_metadata("m", headers=bearer)["inputs"][0]["name"] == "TEXT"

client = triton_grpc.InferenceServerClient(at["embed", "triton-grpc"].removeprefix("http://"))
texts = triton_grpc.InferInput("TEXT", [2, 1], "BYTES")
texts.set_data_from_numpy(numpy.array([[t] for t in TEXTS], dtype=object))
bearer = {"authorization": "Bearer " + KEY}
answer = client.infer("m", [texts], outputs=[triton_grpc.InferRequestedOutput("EMBEDDING")], headers=bearer)
check("triton over gRPC", answer.as_numpy("EMBEDDING"))
assert client.get_model_metadata("m", headers=bearer).inputs[0].name == "TEXT"
try:
    client.get_model_metadata("other", headers=bearer)
    raise SystemExit("triton over gRPC has a model that it does not have")
except triton_grpc.InferenceServerException as e:
    assert e.status() == "StatusCode.NOT_FOUND", e
