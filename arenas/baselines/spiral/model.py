"""The model that is trained and its tokenizer: tiny and made here, or loaded."""

from __future__ import annotations

from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from arenas.baselines.spiral.config import TINY, Config
from arenas.baselines.spiral.games import Games, alone, listed
from arenas.baselines.spiral.speaking import speakers
from arenas.rollout.trajectories import play_trajectories

# Clauses are kept whole and moves in brackets are one piece: prompts of few tokens.
_PIECES = r"\[[^\[\]\n]*\]|[^\[\].,:;\n]+|[.,:;\n\[\]]"
_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_SPECIAL = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")


def tiny_tokenizer(
    games: Games,
    vocabulary: int,
    imitated: str = "random",
    rules: bool = True,
    matches: int = 100,
) -> Any:
    """A byte-level BPE tokenizer with a chat template, made from the texts of some play.

    Args:
        games: whose texts.
        vocabulary: most tokens.
        imitated: the player that speaks in all seats.
        rules: count what the games tell of their rules.
        matches: of each game.
    """
    spoken = speakers(games, imitated)
    for _ in play_trajectories(
        listed(games), alone(games, spoken), matches * len(games), swap=False
    ):
        pass
    heard = [text for each in spoken.values() for text in each.heard]
    if not rules:
        told = {game.brief(seat) for game in games.values() for seat in range(game.spec.seats)}
        heard = [text for text in heard if text not in told]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(_PIECES), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[AddedToken(each, special=True, normalized=False) for each in _SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(heard, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=_SPECIAL[0],
        pad_token=_SPECIAL[0],
        chat_template=_TEMPLATE,
    )


def tiny_model(config: Config, tokenizer: Any) -> Any:
    """A small transformer with random weights."""
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.width,
        intermediate_size=4 * config.width,
        num_hidden_layers=config.depth,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        # Wide, so that from the start attention tells one token from the other sixty.
        initializer_range=0.2,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return LlamaForCausalLM(shape)


def load(config: Config, games: Games) -> tuple[Any, Any]:
    """The model that is trained, and its tokenizer.

    Raises:
        OSError: there is no such model.
    """
    if config.model == TINY:
        tokenizer = tiny_tokenizer(
            games, config.vocabulary, config.imitate, config.rules, config.vocabulary_matches
        )
        model = tiny_model(config, tokenizer).to(config.device)
    else:
        tokenizer = AutoTokenizer.from_pretrained(config.model)
        model = AutoModelForCausalLM.from_pretrained(
            config.model, dtype=config.dtype, device_map=config.device
        )
    if config.lora:
        from peft import LoraConfig, get_peft_model

        adapters = LoraConfig(
            r=config.lora, lora_alpha=2 * config.lora, target_modules="all-linear",
            task_type="CAUSAL_LM",
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model = get_peft_model(model, adapters)
    # Never in training mode: with dropout the model would not be the one that sampled.
    return model.eval(), tokenizer
