"""Drives the OpenAI-compatible endpoints with OpenAI's own Python client.

usage: openai_client.py URL

Asserts what a program written for OpenAI relies on: shapes, statuses, paging,
filters, streams and errors.
"""

import io
import sys

import openai
from openai import OpenAI

URL = sys.argv[1].rstrip("/")
client = OpenAI(base_url=URL + "/v1", api_key="not needed on loopback", max_retries=0, timeout=120)

LIGHTHOUSE = b"""# Lighthouse handbook

## The lamp

The lamp of the Skerry lighthouse is changed every eighteen months. Two keepers
are needed, as the old lamp weighs eleven kilograms.

## Fog signal

The fog signal sounds three times a minute when visibility is below one mile.
"""
FERRY = b"The ferry to Skerry leaves at nine in the morning on weekdays. On Sundays there is no ferry at all.\n"
BIRDS = b"Puffins breed on the western cliffs of Skerry from April to August. Visitors keep twenty metres away from the burrows.\n"


def step(text):
    print("  " + text, flush=True)


def fails(kind, call, status=None, code=None, param=None):
    try:
        call()
    except kind as e:
        assert status is None or e.status_code == status, (e.status_code, e)
        assert code is None or e.code == code, (e.code, e)
        assert param is None or e.param == param, (e.param, e)
        assert e.body and "message" in e.body and e.body["type"], e.body
        return e
    raise AssertionError(f"{kind.__name__} was expected")


def upload(name, content):
    return client.files.create(file=(name, io.BytesIO(content)), purpose="assistants")


def models():
    step("models")
    ids = [m.id for m in client.models.list()]
    assert "default" in ids, ids
    assert client.models.retrieve("default").object == "model"
    own = next(i for i in ids if i != "default")
    assert client.models.retrieve(own).id == own
    fails(openai.NotFoundError, lambda: client.models.retrieve("gpt-none"), code="model_not_found")
    return own


def embeddings(own):
    step("embeddings: as base64, which the client asks for by itself, and as numbers")
    packed = client.embeddings.create(model="default", input=["the lamp is changed", "the ferry leaves at nine"])
    plain = client.embeddings.create(model=own, input=["the lamp is changed", "the ferry leaves at nine"], encoding_format="float")
    assert [d.index for d in packed.data] == [0, 1] and packed.object == "list"
    for a, b in zip(packed.data, plain.data):
        assert len(a.embedding) == len(b.embedding) > 100
        assert max(abs(x - y) for x, y in zip(a.embedding, b.embedding)) < 1e-6
        assert abs(sum(x * x for x in a.embedding) - 1) < 1e-3
    assert packed.usage.prompt_tokens > 0 and packed.usage.total_tokens == packed.usage.prompt_tokens
    one = client.embeddings.create(model="default", input="the lamp is changed", dimensions=len(plain.data[0].embedding))
    assert one.data[0].embedding == packed.data[0].embedding
    fails(openai.BadRequestError, lambda: client.embeddings.create(model="default", input="x", dimensions=3), param="dimensions")
    fails(openai.BadRequestError, lambda: client.embeddings.create(model="default", input=[[1, 2, 3]]), param="input")
    fails(openai.BadRequestError, lambda: client.embeddings.create(model="default", input=""), param="input")
    fails(openai.NotFoundError, lambda: client.embeddings.create(model="text-embedding-3-small", input="x"), code="model_not_found")


def files():
    step("files")
    f = upload("lighthouse.md", LIGHTHOUSE)
    assert f.id.startswith("file-") and f.object == "file" and f.filename == "lighthouse.md", f
    assert f.bytes == len(LIGHTHOUSE) and f.purpose == "assistants" and f.status == "processed", f
    assert client.files.retrieve(f.id) == f
    assert client.files.content(f.id).read() == LIGHTHOUSE
    assert client.files.wait_for_processing(f.id).id == f.id
    twin = upload("lighthouse.md", LIGHTHOUSE)
    assert twin.id != f.id, "the same file twice is two files"
    assert [x.id for x in client.files.list(limit=1)][:2] == [twin.id, f.id], "newest first, over pages"
    assert [x.id for x in client.files.list(order="asc")] == [f.id, twin.id]
    assert client.files.list(purpose="batch").data == []
    assert client.files.delete(twin.id).deleted
    fails(openai.NotFoundError, lambda: client.files.retrieve(twin.id), status=404)
    fails(openai.APIStatusError, lambda: upload("broken.pdf", b"%PDF-1.7 broken"), status=422, code="unsupported_file")
    fails(openai.APIStatusError, lambda: upload("empty.txt", b""), status=422)
    fails(openai.BadRequestError, lambda: client.files.create(file=("a.txt", io.BytesIO(b"a")), purpose="nonsense"), param="purpose")
    return f


def stores(lighthouse):
    step("vector stores: create, read, change, list")
    vs = client.vector_stores.create(
        name="Island of Skerry", file_ids=[lighthouse.id], metadata={"team": "harbour"},
        expires_after={"anchor": "last_active_at", "days": 7},
        chunking_strategy={"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 20}})
    assert vs.id.startswith("vs_") and vs.object == "vector_store" and vs.name == "Island of Skerry" and vs.status == "completed", vs
    assert vs.file_counts.completed == vs.file_counts.total == 1 and vs.usage_bytes == len(LIGHTHOUSE), vs
    assert vs.metadata == {"team": "harbour"} and vs.expires_after.days == 7, vs
    again = client.vector_stores.create(name="Island of Skerry")
    assert again.id != vs.id, "names need not be unique"
    vs = client.vector_stores.update(vs.id, name="Skerry", metadata={"team": "ferries"})
    assert vs.name == "Skerry" and vs.metadata == {"team": "ferries"} and vs.expires_after.days == 7, vs
    assert client.vector_stores.retrieve(vs.id).name == "Skerry"
    assert {again.id, vs.id} <= {s.id for s in client.vector_stores.list(limit=1)}, "every page is reached"
    assert "openai-files" not in str([s.id for s in client.vector_stores.list()])
    first = client.vector_stores.list(order="asc").data
    assert client.vector_stores.list(order="asc", before=first[-1].id).data == first[:-1]
    assert client.vector_stores.delete(again.id).deleted
    fails(openai.NotFoundError, lambda: client.vector_stores.retrieve(again.id))
    fails(openai.NotFoundError, lambda: client.vector_stores.retrieve("nonsense"))
    return vs


def store_files(vs, lighthouse):
    step("files of a vector store: attach, poll, attributes, content, detach")
    ferry = client.vector_stores.files.upload_and_poll(vector_store_id=vs.id, file=("ferry.txt", io.BytesIO(FERRY)))
    assert ferry.status == "completed" and ferry.object == "vector_store.file" and ferry.last_error is None, ferry
    assert ferry.chunking_strategy.type == "static" and ferry.chunking_strategy.static.max_chunk_size_tokens == 200, ferry
    ferry = client.vector_stores.files.update(ferry.id, vector_store_id=vs.id, attributes={"kind": "traffic", "year": 2024, "open": True})
    assert ferry.attributes == {"kind": "traffic", "year": 2024, "open": True}, ferry
    birds = upload("birds.txt", BIRDS)
    attached = client.vector_stores.files.create_and_poll(birds.id, vector_store_id=vs.id, attributes={"kind": "nature", "year": 2022})
    assert attached.id == birds.id and attached.attributes == {"kind": "nature", "year": 2022}, attached
    listed = [f.id for f in client.vector_stores.files.list(vs.id, limit=1, order="asc")]
    assert listed == [lighthouse.id, ferry.id, birds.id], listed
    assert client.vector_stores.files.list(vs.id, filter="failed").data == []
    assert client.vector_stores.files.retrieve(birds.id, vector_store_id=vs.id).status == "completed"
    content = list(client.vector_stores.files.content(birds.id, vector_store_id=vs.id))
    assert "Puffins breed" in content[0].text and content[0].type == "text"
    assert client.vector_stores.files.delete(birds.id, vector_store_id=vs.id).deleted
    fails(openai.NotFoundError, lambda: client.vector_stores.files.retrieve(birds.id, vector_store_id=vs.id))
    assert client.files.retrieve(birds.id).id == birds.id, "detaching keeps the file"
    fails(openai.NotFoundError, lambda: client.vector_stores.files.create(vs.id, file_id="file-" + "0" * 32))
    return ferry, birds


def batches(vs, birds):
    step("file batches")
    batch = client.vector_stores.file_batches.create_and_poll(vs.id, file_ids=[birds.id], attributes={"kind": "nature", "year": 2022})
    assert batch.status == "completed" and batch.object == "vector_store.files_batch", batch
    assert (batch.file_counts.completed, batch.file_counts.total) == (1, 1), batch
    assert [f.id for f in client.vector_stores.file_batches.list_files(batch.id, vector_store_id=vs.id)] == [birds.id]
    assert client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=vs.id).file_counts.total == 1
    assert client.vector_stores.file_batches.cancel(batch.id, vector_store_id=vs.id).status == "completed"
    sent = client.vector_stores.file_batches.upload_and_poll(vs.id, files=[("one.txt", io.BytesIO(b"The pier has one crane.")), ("two.txt", io.BytesIO(b"The pier has two bollards."))])
    assert sent.file_counts.completed == 2, sent
    assert client.vector_stores.files.retrieve(birds.id, vector_store_id=vs.id).attributes == {"kind": "nature", "year": 2022}
    fails(openai.NotFoundError, lambda: client.vector_stores.file_batches.retrieve("vsfb_none", vector_store_id=vs.id))


def search(vs, ferry, birds):
    step("search, with filters")
    found = client.vector_stores.search(vs.id, query="When does the ferry leave?", max_num_results=3, rewrite_query=True)
    best = found.data[0]
    assert best.file_id == ferry.id and best.filename == "ferry.txt" and "nine" in best.content[0].text, best
    assert best.attributes["kind"] == "traffic" and best.content[0].type == "text"
    scores = [r.score for r in found.data]
    assert scores == sorted(scores, reverse=True) and all(0 <= s <= 1 for s in scores), scores
    eq = {"type": "eq", "key": "kind", "value": "nature"}
    assert {r.file_id for r in client.vector_stores.search(vs.id, query="When does the ferry leave?", filters=eq)} == {birds.id}
    tree = {"type": "and", "filters": [{"type": "gte", "key": "year", "value": 2023}, {"type": "ne", "key": "kind", "value": "nature"}]}
    assert {r.file_id for r in client.vector_stores.search(vs.id, query="birds", filters=tree)} == {ferry.id}
    either = {"type": "or", "filters": [eq, {"type": "eq", "key": "open", "value": True}]}
    assert {r.file_id for r in client.vector_stores.search(vs.id, query="Skerry", filters=either)} == {ferry.id, birds.id}
    assert len(client.vector_stores.search(vs.id, query=["ferry", "puffins"], max_num_results=2).data) == 2
    assert client.vector_stores.search(vs.id, query="ferry", ranking_options={"ranker": "auto", "score_threshold": 1.0}).data == []
    fails(openai.BadRequestError, lambda: client.vector_stores.search(vs.id, query="x", filters={"type": "near", "key": "a", "value": 1}), param="filters")
    fails(openai.BadRequestError, lambda: client.vector_stores.search(vs.id, query="x", max_num_results=51), param="max_num_results")


def chat(vs, lighthouse, ferry):
    step("chat")
    question = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "How often is the lamp of the lighthouse changed?"}]
    name = vs.id.removeprefix("vs_")
    assert name in [m.id for m in client.models.list()]
    answer = client.chat.completions.create(model=name, messages=question, temperature=0, max_tokens=200)
    message = answer.choices[0].message
    assert answer.object == "chat.completion" and answer.choices[0].finish_reason == "stop" and message.role == "assistant"
    assert "eighteen months" in message.content and answer.model == name, message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    cited = next(a for a in message.annotations if a.type == "file_citation")
    where = cited.file_citation if isinstance(cited.file_citation, dict) else cited.file_citation.model_dump()
    assert where["file_id"] == lighthouse.id and where["filename"] == "lighthouse.md" and "eighteen" in where["quote"], where
    assert message.content[where["index"]:].startswith("["), (message.content, where)
    assert cited.url_citation.url.startswith(URL + "/ui/collections/") and cited.url_citation.end_index > cited.url_citation.start_index
    assert client.files.retrieve(where["file_id"]).filename == where["filename"]

    step("chat, streamed")
    chunks = list(client.chat.completions.create(
        model="anything", messages=[{"role": "user", "content": [{"type": "text", "text": "When does the ferry leave on weekdays?"}]}],
        stream=True, stream_options={"include_usage": True}, extra_body={"vector_store_ids": [vs.id]}))
    assert chunks[0].choices[0].delta.role == "assistant" and chunks[0].object == "chat.completion.chunk"
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert "nine" in text, text
    ends = [c for c in chunks if c.choices and c.choices[0].finish_reason]
    assert [c.choices[0].finish_reason for c in ends] == ["stop"]
    annotations = ends[0].choices[0].delta.annotations
    assert annotations and (annotations[0]["file_citation"] if isinstance(annotations[0], dict) else annotations[0].file_citation)["file_id"] == ferry.id
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens >= 0

    step("chat, filtered; and what is not in the documents")
    only = client.chat.completions.create(model=vs.id, messages=question[-1:], extra_body={"filters": {"type": "eq", "key": "kind", "value": "traffic"}})
    assert "eighteen" not in only.choices[0].message.content
    none = client.chat.completions.create(model=vs.id, messages=[{"role": "user", "content": "Who painted the Mona Lisa?"}])
    assert none.choices[0].message.content == "I cannot answer this question based on the provided information.", none.choices[0].message.content
    assert not none.choices[0].message.annotations

    ask = lambda **more: client.chat.completions.create(**{"model": vs.id, "messages": question, **more})
    fails(openai.NotFoundError, lambda: ask(model="gpt-4o"), code="model_not_found", param="model")
    fails(openai.NotFoundError, lambda: ask(model="gpt-4o", stream=True), code="model_not_found")
    fails(openai.BadRequestError, lambda: ask(n=2), param="n")
    fails(openai.BadRequestError, lambda: ask(tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}]), param="tools")
    fails(openai.BadRequestError, lambda: ask(messages=[]), param="messages")
    fails(openai.BadRequestError, lambda: ask(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]), param="messages")


def asynchronous(vs):
    step("the asynchronous client")
    import asyncio

    async def run():
        async with openai.AsyncOpenAI(base_url=URL + "/v1", api_key="x", max_retries=0) as c:
            answers = await asyncio.gather(*(c.vector_stores.search(vs.id, query=q) for q in ("ferry", "puffins", "lamp", "pier")))
            assert all(a.data for a in answers)
            stream = await c.chat.completions.create(model=vs.id, messages=[{"role": "user", "content": "When do puffins breed?"}], stream=True)
            text = "".join([x.choices[0].delta.content or "" async for x in stream if x.choices])
            assert "April" in text, text

    asyncio.run(run())


def ends(vs, lighthouse):
    step("deletes")
    assert client.files.delete(lighthouse.id).deleted
    fails(openai.NotFoundError, lambda: client.vector_stores.files.retrieve(lighthouse.id, vector_store_id=vs.id))
    assert client.vector_stores.delete(vs.id).deleted
    fails(openai.NotFoundError, lambda: client.vector_stores.search(vs.id, query="x"))
    for f in client.files.list():
        client.files.delete(f.id)
    assert client.files.list().data == [] and client.vector_stores.list().data == []


def main():
    print(f"openai {openai.__version__}")
    own = models()
    embeddings(own)
    lighthouse = files()
    vs = stores(lighthouse)
    ferry, birds = store_files(vs, lighthouse)
    batches(vs, birds)
    search(vs, ferry, birds)
    chat(vs, lighthouse, ferry)
    asynchronous(vs)
    ends(vs, lighthouse)
    print("the client works")


main()
