"""Drives the doubles of chat models with the providers' own Python clients.

usage: chat_doubles.py FILE

FILE has a line for each double, as tools/doubles prints them. The doubles read
requests strictly, so a client that gets its answer has sent what the double takes for
the provider's form; what it makes of streams, counts, ends and errors shows that the
double answers in that form.
"""

import sys

import anthropic
import cohere
import ollama
import openai
from google import genai
from google.genai import errors, types

KEY = "double-0123456789"
TEXT = "Hello, 世界!"
SEES = 'rules|3 turns|64 tokens|0.25|["END"]'
HISTORY = [("user", "q1"), ("assistant", "a1")]
at = {}
for line in open(sys.argv[1]):
    if line.count(" ") == 2:
        kind, name, url = line.split()
        at[kind, name] = url


def fails(kind, call, status=None):
    try:
        call()
    except kind as e:
        code = getattr(e, "status_code", None) or getattr(e, "code", None)
        assert status is None or code == status, (code, status, e)
        return str(e)
    raise AssertionError(f"{kind} was not raised")


def messages(text, **system):
    return [dict(role=r, content=c) for r, c in [*(("system", s) for s in system.values()), *HISTORY, ("user", text)]]


def over_openai(name, client):
    def ask(text):
        chunks = list(client.chat.completions.create(
            model="m", messages=messages(text, system="rules"), max_tokens=64, temperature=0.25, stop=["END"],
            stream=True, stream_options={"include_usage": True}))
        ends = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
        return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices), ends, chunks[-1].usage

    text, ends, usage = ask("hello")
    assert (text, ends) == (TEXT, ["stop"]), (text, ends)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details.cached_tokens) == (40, 7, 25), usage
    assert ask("what do you see?")[0] == SEES
    assert ask("be long")[1] == ["length"] and ask("be filtered")[1] == ["content_filter"]
    fails(openai.RateLimitError, lambda: ask("be busy"), 429)
    fails(openai.InternalServerError, lambda: ask("be overloaded"), 503)
    fails(openai.BadRequestError, lambda: ask("be too long"), 400)
    assert "GPU on fire" in fails(openai.APIError, lambda: ask("break down"))
    assert list(client.models.list())
    print("  " + name, flush=True)


over_openai("openai", openai.OpenAI(base_url=at["chat", "openai"] + "/v1", api_key=KEY, max_retries=0))
over_openai("azure-v1", openai.OpenAI(base_url=at["chat", "azure-v1"] + "/openai/v1", api_key=KEY, default_headers={"api-key": KEY}, max_retries=0))
over_openai("azure", openai.AzureOpenAI(azure_endpoint=at["chat", "azure"], api_version="2024-10-21", api_key=KEY, max_retries=0))

client = anthropic.Anthropic(base_url=at["chat", "anthropic"], api_key=KEY, max_retries=0)


def over_anthropic(text):
    with client.messages.stream(
            model="m", max_tokens=64, stop_sequences=["END"], system="rules", messages=messages(text),
            extra_body=dict(temperature=0.25)) as stream:
        pieces = list(stream.text_stream)
        return "".join(pieces), stream.get_final_message()


text, end = over_anthropic("hello")
assert text == TEXT and end.stop_reason == "end_turn" and [b.type for b in end.content] == ["thinking", "text"], end
assert (end.usage.input_tokens, end.usage.cache_read_input_tokens, end.usage.output_tokens) == (13, 25, 7), end.usage
assert over_anthropic("what do you see?")[0] == SEES
assert over_anthropic("be long")[1].stop_reason == "max_tokens" and over_anthropic("be filtered")[1].stop_reason == "refusal"
fails(anthropic.RateLimitError, lambda: over_anthropic("be busy"), 429)
fails(anthropic.APIStatusError, lambda: over_anthropic("be overloaded"), 529)
fails(anthropic.BadRequestError, lambda: over_anthropic("be too long"), 400)
assert "GPU on fire" in fails(anthropic.APIError, lambda: over_anthropic("break down"))
assert client.models.retrieve("m").id == "m"
print("  anthropic", flush=True)

client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=at["chat", "gemini"], api_version="v1beta"))


def over_gemini(text):
    turns = [types.Content(role={"assistant": "model"}.get(r, r), parts=[types.Part(text=c)]) for r, c in [*HISTORY, ("user", text)]]
    config = types.GenerateContentConfig(system_instruction="rules", max_output_tokens=64, temperature=0.25, stop_sequences=["END"])
    chunks = list(client.models.generate_content_stream(model="m", contents=turns, config=config))
    return "".join(c.text or "" for c in chunks), chunks[-1]


text, end = over_gemini("hello")
assert text == TEXT and end.candidates[0].finish_reason == types.FinishReason.STOP, end
u = end.usage_metadata
assert (u.prompt_token_count, u.cached_content_token_count, u.candidates_token_count + u.thoughts_token_count) == (40, 25, 7), u
assert over_gemini("what do you see?")[0] == SEES
assert over_gemini("be long")[1].candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
assert over_gemini("be filtered")[1].candidates[0].finish_reason == types.FinishReason.SAFETY
fails(errors.ClientError, lambda: over_gemini("be busy"), 429)
fails(errors.ServerError, lambda: over_gemini("be overloaded"), 503)
fails(errors.ClientError, lambda: over_gemini("be too long"), 400)
assert client.models.get(model="m").name == "models/m"
print("  gemini", flush=True)

client = cohere.ClientV2(api_key=KEY, base_url=at["chat", "cohere"])


def over_cohere(text):
    events = list(client.chat_stream(
        model="m", messages=messages(text, system="rules"), max_tokens=64, temperature=0.25, stop_sequences=["END"]))
    pieces = [e.delta.message.content.text or "" for e in events if e.type == "content-delta"]
    return "".join(pieces), next(e for e in events if e.type == "message-end").delta


text, end = over_cohere("hello")
assert text == TEXT and end.finish_reason == "COMPLETE", end
assert (end.usage.tokens.input_tokens, end.usage.tokens.output_tokens, end.usage.cached_tokens) == (40, 7, 25), end.usage
assert over_cohere("what do you see?")[0] == SEES
assert over_cohere("be long")[1].finish_reason == "MAX_TOKENS"
assert over_cohere("break down")[1].finish_reason == "ERROR"
fails(cohere.TooManyRequestsError, lambda: over_cohere("be busy"), 429)
fails(cohere.ServiceUnavailableError, lambda: over_cohere("be overloaded"), 503)
fails(cohere.BadRequestError, lambda: over_cohere("be too long"), 400)
print("  cohere", flush=True)

client = ollama.Client(host=at["chat", "ollama"], headers={"Authorization": "Bearer " + KEY})


def over_ollama(text):
    parts = list(client.chat(
        model="m", messages=messages(text, system="rules"), stream=True, keep_alive="5m",
        options=dict(num_ctx=8192, num_predict=64, temperature=0.25, stop=["END"])))
    return "".join(p.message.content or "" for p in parts), parts[-1]


text, end = over_ollama("hello")
assert text == TEXT and end.done and end.done_reason == "stop" and (end.prompt_eval_count, end.eval_count) == (40, 7), end
assert over_ollama("what do you see?")[0] == SEES
assert over_ollama("be long")[1].done_reason == "length"
fails(ollama.ResponseError, lambda: over_ollama("be busy"), 429)
fails(ollama.ResponseError, lambda: over_ollama("be overloaded"), 503)
fails(ollama.ResponseError, lambda: over_ollama("be too long"), 400)
assert "GPU on fire" in fails(ollama.ResponseError, lambda: over_ollama("break down"))
assert [m.model for m in client.list().models][-1] == "m:latest"
print("  ollama", flush=True)
