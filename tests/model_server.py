"""A small OpenAI-compatible server over a tiny language model, which can also misbehave.

The model is two random layers and the tokenizer is trained on the spot, so that nothing is
downloaded; what it samples is noise, but it really samples it. It answers in the way of vLLM,
SGLang, llama.cpp or the plain API, by `engine`.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import deque
from functools import cache
from typing import NamedTuple

import torch
from aiohttp import web
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

END = "<|end|>"
ROLES = ("system", "user", "assistant")
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TEXT = "player_0 checks, player_1 bets: [check] [bet] [fold] [call]. Your card is J, Q or K. é日"


class Sample(NamedTuple):
    """Ids as drawn, their log-probabilities in the unchanged model and where they were drawn."""

    ids: list[int]
    raw: list[float]
    drawn: list[float]
    text: str
    finish: str


@cache
def tokenizer():
    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    special = [END, *(f"<|{role}|>" for role in ROLES)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bare.train_from_iterator([TEXT], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bare,
        eos_token=END,
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


@cache
def model():
    config = LlamaConfig(
        vocab_size=len(tokenizer()),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
    )
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LlamaForCausalLM(config).eval()


def flat(content):
    """A message's text, with a mark for each picture, which this model does not see."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "<image>") for part in content)


def chat_prompt(messages):
    messages = [{**message, "content": flat(message["content"])} for message in messages]
    return tokenizer().apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def encode(text):
    return tokenizer().encode(text, add_special_tokens=False)


def decode(ids):
    return tokenizer().decode(ids, skip_special_tokens=True)


@torch.inference_mode()
def sample(prompt, *, seed, temperature, max_tokens, stop=(), replies=None):
    """Draws token by token; `replies` are the only ones allowed."""
    end = tokenizer().eos_token_id
    allowed = None if replies is None else [[*encode(reply), end] for reply in replies]
    random = torch.Generator().manual_seed(seed)
    ids, raw, drawn, cache_, text = [], [], [], None, ""
    new = torch.tensor([prompt])
    while len(ids) < max_tokens:
        out = model()(new, past_key_values=cache_, use_cache=True)
        cache_ = out.past_key_values
        logits = out.logits[0, -1]
        changed = logits / (temperature or 1.0)
        if allowed is not None:
            free = {each[len(ids)] for each in allowed if each[: len(ids)] == ids}
            banned = torch.full_like(changed, -torch.inf)
            banned[list(free)] = 0.0
            changed = changed + banned
        probs = changed.softmax(-1)
        token = int(
            torch.multinomial(probs, 1, generator=random) if temperature else probs.argmax()
        )
        ids.append(token)
        raw.append(float(logits.log_softmax(-1)[token]))
        drawn.append(float(probs[token].log()))
        text = decode(ids)
        if token == end:
            return Sample(ids, raw, drawn, text, "stop")
        for each in stop:
            if each in text:
                return Sample(ids, raw, drawn, text[: text.index(each)], "stop")
        new = torch.tensor([[token]])
    return Sample(ids, raw, drawn, text, "length")


class ModelServer:
    """The server, on a port of its own on the loopback interface, in a thread of its own.

    Attributes:
        engine: "vllm", "sglang", "sglang-old", "llamacpp" or "openai".
        faults: what goes wrong with the next requests for completions, one each.
        delay: seconds that each completion takes at least.
        key: what requests must be authorised with; None for nothing.
        reasoning: put beside the text, as a reasoning parser does.
        asked: bodies of all completions asked for, also those that went wrong.
        open, most: completions under way, and the most at once.
    """

    def __init__(self, engine="vllm"):
        self.engine, self.key, self.reasoning, self.delay = engine, None, None, 0.0
        self.faults, self.asked, self.open, self.most = deque(), [], 0, 0
        self.cancelled = 0
        model()  # Two threads that first need it at once would build two.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._port = 0
        self.start()

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self):
        self._call(self._start())

    def stop(self):
        """Goes away, with every connection."""
        self._call(self._runner.cleanup())

    def close(self):
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self):
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/models", self._models),
                web.post("/v1/chat/completions", self._complete),
                web.post("/v1/completions", self._complete),
                web.post("/completion", self._complete),
                web.post("/apply-template", self._template),
                web.post("/tokenize", self._tokenize),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = site._server.sockets[0].getsockname()[1]

    async def _restart(self, after):
        await self._runner.cleanup()
        await asyncio.sleep(after)
        await self._start()

    def _authorise(self, request):
        said = request.headers.get("Authorization")
        if self.key is not None and said != f"Bearer {self.key}":
            raise web.HTTPUnauthorized(text=f"wrong key: {said}")

    async def _models(self, request):
        self._authorise(request)
        owner = {"sglang-old": "sglang", "openai": "somebody"}.get(self.engine, self.engine)
        return web.json_response({"data": [{"id": "tiny", "owned_by": owner}]})

    async def _template(self, request):
        return web.json_response({"prompt": chat_prompt((await request.json())["messages"])})

    async def _tokenize(self, request):
        return web.json_response({"tokens": encode((await request.json())["content"])})

    async def _complete(self, request):
        self._authorise(request)
        body = await request.json()
        self.asked.append(body)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await asyncio.sleep(self.delay)
            return await self._misbehave(
                request, self.faults.popleft() if self.faults else "", body
            )
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.open -= 1

    async def _misbehave(self, request, fault, body):
        if fault == "killed":
            request.transport.abort()
        if fault == "dies":
            self._restarting = asyncio.ensure_future(self._restart(after=0.6))
            await asyncio.sleep(60)
        if fault == "late":
            await asyncio.sleep(1)
        if fault == "slow":
            await asyncio.sleep(60)
        if fault.isdigit():
            return web.Response(
                status=int(fault), text=f"no: {request.headers.get('Authorization')}"
            )
        if fault.startswith("429"):
            return web.Response(status=429, headers={"Retry-After": fault.partition(" ")[2]})
        if fault == "garbage":
            return web.Response(text='{"choices": [{"mess', content_type="application/json")
        if fault == "page":
            return web.Response(text="<html>starting up</html>")
        if fault == "form":
            return web.json_response({"object": "error"})
        if fault == "moved":
            raise web.HTTPTemporaryRedirect("http://127.0.0.1:1/v1/chat/completions")
        answer = await asyncio.to_thread(self._answer, body)
        if fault == "aborted":
            answer["choices"][0]["finish_reason"] = "abort"
        if fault == "truncated":
            data = json.dumps(answer).encode()
            response = web.StreamResponse(headers={"Content-Length": str(len(data))})
            await response.prepare(request)
            await response.write(data[: len(data) // 2])
            request.transport.abort()
            return response
        return web.json_response(answer)

    def _answer(self, body):
        prompt = body.get("prompt")
        if "messages" in body:
            prompt = chat_prompt(body["messages"])
        ids = encode(prompt) if isinstance(prompt, str) else prompt
        drawn = sample(
            ids,
            seed=body["seed"],
            temperature=body["temperature"],
            max_tokens=body.get("max_tokens") or body["n_predict"],
            stop=body.get("stop", ()),
            replies=_replies(body),
        )
        if self.engine == "llamacpp" and "n_predict" in body:
            return _llama(drawn)
        choice = {"index": 0, "finish_reason": drawn.finish}
        if "messages" in body:
            choice["message"] = {"role": "assistant", "content": drawn.text}
            if self.reasoning is not None:
                choice["message"] |= self.reasoning
        else:
            choice["text"] = drawn.text
        kind = "chat.completion" if "messages" in body else "text_completion"
        whole = {"id": "0", "object": kind, "created": 0, "model": body["model"]}
        whole["choices"] = [choice]
        logprobs = drawn.drawn if self.engine.startswith("sglang") else drawn.raw
        if body.get("logprobs") is True:
            choice["logprobs"] = {"content": [{"token": "", "logprob": each} for each in logprobs]}
        elif body.get("logprobs") is not None:
            choice["logprobs"] = {"token_logprobs": logprobs}
        if self.engine == "vllm" and body.get("return_token_ids"):
            choice["token_ids"] = drawn.ids
            (whole if "messages" in body else choice)["prompt_token_ids"] = ids
        if self.engine == "sglang" and body.get("return_output_ids_in_sglext"):
            whole["sglext"] = {"input_ids": ids, "output_ids": [drawn.ids]}
        if self.engine == "sglang-old" and body.get("return_meta_info"):
            pairs = zip(logprobs, drawn.ids, strict=True)
            choice["meta_info"] = {"output_token_logprobs": [[p, i, None] for p, i in pairs]}
            choice["prompt_token_ids"] = ids
        return whole


def _replies(body):
    """The replies that a constraint allows, in the three ways of writing a list of them."""
    if "structured_outputs" in body:
        return body["structured_outputs"]["choice"]
    if "regex" in body:
        return [re.sub(r"\\(.)", r"\1", each) for each in body["regex"][1:-1].split("|")]
    if "grammar" in body:
        return [json.loads(each) for each in body["grammar"].removeprefix("root ::= ").split(" | ")]
    return None


def _llama(drawn):
    pairs = zip(drawn.ids, drawn.raw, strict=True)
    stopped = "eos" if drawn.ids[-1] == tokenizer().eos_token_id else "word"
    return {
        "content": drawn.text,
        "tokens": drawn.ids,
        "model": "tiny",
        "stop_type": "limit" if drawn.finish == "length" else stopped,
        "completion_probabilities": [{"id": each, "logprob": p} for each, p in pairs],
    }
