"""A language model that has read nothing: a tokenizer of the games' own words, random weights."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import arenas

TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")


def tiny_tokenizer(*games: str) -> PreTrainedTokenizerFast:
    """A tokenizer of the texts of random matches, in which a move in brackets is one token."""
    texts = dict.fromkeys(text for game_id in games for text in heard(game_id))
    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\[[^\[\]\n]*\]|[^\[\].,:;\n]+|[.,:;\n\[\]]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bare.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1024,
        special_tokens=[AddedToken(each, special=True, normalized=False) for each in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bare, eos_token="<|end|>", pad_token="<|end|>", chat_template=TEMPLATE
    )


def tiny_model(tokenizer: PreTrainedTokenizerFast, seed: int = 0) -> LlamaForCausalLM:
    """A transformer of about 0.15 million random weights, in float32."""
    torch.manual_seed(seed)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        # Wide, so that from the start attention tells one token from another.
        initializer_range=0.2,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(shape).eval()


def heard(game_id: str, matches: int = 100) -> Iterator[str]:
    """All that is told and said in random matches."""
    env = arenas.make(game_id, view="text")
    for record in arenas.play_matches(game_id, ["random"] * len(env.possible_agents), matches):
        env.reset(seed=record.seed)
        for turn in record.turns:
            yield from (each["content"] for each in env.messages(env.agent_selection))
            yield (said := env.game.format(env.match.state, turn["seat"], turn["move"]))
            env.step(said)


@contextmanager
def served(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> Iterator[str]:
    """A server that speaks OpenAI's protocol on the loopback interface; its URL.

    It samples one reply at a time: for examples, not for speed.
    """
    from aiohttp import web

    lock, loop = asyncio.Lock(), asyncio.new_event_loop()

    async def complete(request: Any) -> Any:
        body = await request.json()
        prompt = tokenizer.apply_chat_template(
            body["messages"], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        async with lock:
            ids = model.generate(
                **prompt, do_sample=True, top_k=0, max_new_tokens=body.get("max_tokens", 16)
            )
        said = tokenizer.decode(ids[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
        message = {"role": "assistant", "content": said}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        whole = {"id": "0", "object": "chat.completion", "created": 0, "model": body["model"]}
        return web.json_response({**whole, "choices": [choice]})

    async def start() -> web.AppRunner:
        app = web.Application()
        app.add_routes([web.post("/v1/chat/completions", complete)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield "http://{}:{}/v1".format(*runner.addresses[0])
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
