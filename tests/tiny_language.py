"""A tokenizer trained on the spot and models built from a config: language models without files."""

from __future__ import annotations

from functools import cache

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

import arenas

torch.set_num_threads(1)

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Earlier reasoning is dropped and an empty thought opened, as reasoning models' templates do.
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{{ m.content.split('</think>')[-1] if m.role == 'assistant' else m.content }}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n\n</think>\n\n{% endif %}"
)
# No system message, roles must alternate, and the reply ends with the end-of-text token.
STRICT = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user/assistant') }}{% endif %}"
    "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
TEMPLATES = {"chatml": CHATML, "thinking": THINKING, "strict": STRICT, "base": None}


def corpus():
    for game_id in ("KuhnPoker-v0", "TicTacToe-v0"):
        for record in arenas.play_matches(game_id, ["random"] * 2, 40, seed=9):
            env = arenas.make(game_id, view="text")
            env.reset(seed=record.seed)
            for turn in record.turns:
                yield env.observe(env.agent_selection)["text"]
                env.step(env.game.format(env.match.state, turn["seat"], turn["move"]))


@cache
def trained():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|begin|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=[AddedToken(each, special=True, normalized=False) for each in special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer.to_str()


def make_tokenizer(template="chatml"):
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(trained()),
        bos_token="<|begin|>",
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        chat_template=TEMPLATES[template],
    )


SHAPE = {
    "vocab_size": 512,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 2048,
    "initializer_range": 0.3,
    "eos_token_id": 0,
    "bos_token_id": 1,
    "pad_token_id": 0,
}


def make_model(kind="llama", seed=0, **options):
    """A model with random weights, in float32; wide enough that its odds are far from even."""
    torch.manual_seed(seed)
    shape = {**SHAPE, **options}
    if kind == "llama":
        model = LlamaForCausalLM(LlamaConfig(**shape))
    elif kind == "qwen3":
        model = Qwen3ForCausalLM(Qwen3Config(**shape))
    elif kind == "mistral":
        model = MistralForCausalLM(MistralConfig(**shape))
    else:
        model = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=512,
                n_positions=options.get("n_positions", 2048),
                n_embd=32,
                n_layer=2,
                n_head=4,
                eos_token_id=0,
                bos_token_id=1,
            )
        )
    return model.eval()
