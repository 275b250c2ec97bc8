"""A language model that has read nothing: a tokenizer of the games' own words, random weights."""

from __future__ import annotations

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
    """A byte-level BPE tokenizer of the texts of random matches; a move in brackets is one token."""
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


def heard(game_id: str, matches: int = 100):
    """All that is told and said in random matches."""
    env = arenas.make(game_id, view="text")
    for record in arenas.play_matches(game_id, ["random"] * len(env.possible_agents), matches):
        env.reset(seed=record.seed)
        for turn in record.turns:
            yield from (each["content"] for each in env.messages(env.agent_selection))
            yield (said := env.game.format(env.match.state, turn["seat"], turn["move"]))
            env.step(said)
