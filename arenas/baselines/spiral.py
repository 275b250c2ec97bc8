"""SPIRAL: one language model plays every seat of several games against itself, turn by turn.

After Liu et al., "SPIRAL: Self-play on zero-sum games incentivizes reasoning via multi-agent
multi-turn reinforcement learning" (2025, arXiv:2506.24119). One model has all seats. A seat's
return belongs to every token that it sampled in the match, less what that seat of that game usually
gets (role-conditioned advantage estimation, `arenas.rollout.advantages`). The update is REINFORCE
with the clipped ratio of PPO (Schulman et al., "Proximal Policy Optimization Algorithms", 2017),
summed over the tokens of a reply and averaged over replies, so that long replies are neither
diluted nor preferred. An illegal reply forfeits the match. What this adds, each an option:

- `--kl` pays KL(policy || average) at every sampled token. The average is that of the weights that
  are trained and moves by `--average-rate` each iteration. **It is what is measured, saved and
  played.** Published SPIRAL has neither (`--kl 0 --average-rate 1`, the defaults for models that
  are loaded), and in games of hidden information such updates go in circles round the equilibrium;
  `ppo_selfplay.py` says why this settles them, with sources.
- `--advantage grpo` takes the seat's mean over `--group-size` matches of the same deal as baseline;
  `--advantage none` keeps one baseline for all seats, the ablation of role conditioning.
- `--pool-share` of the matches are against frozen snapshots of the average, the learner sitting in
  every seat equally often. From a frozen turn nothing is learnt.

`--model tiny` builds a transformer of about 0.2 million weights and a tokenizer from the games' own
texts. It has read nothing, so it first imitates, for `--warmup` updates, how random legal moves are
spelled, which teaches the format of replies and nothing about which move is good (`--warmup 0`
leaves the format to forfeits too). Where random play never gets as far as some seat, `--imitate`
names a scripted player to imitate. `--no-rules` leaves the rules out of its prompts, which it could
not follow and which are most of their tokens. `--model ORG/NAME` or a folder is a pretrained one,
trained in the same way, whole or by adapters (`--lora RANK`), in one process on the devices that it
is put on.

    arenas train KuhnPoker-v0 --algo spiral --model tiny --out runs/kuhn-spiral
    arenas train KuhnPoker-v0 TicTacToe-v0 --algo spiral --model Qwen/Qwen3-0.6B --lora 32

Learning can collapse without an error: replies shrink to nothing, every match ends in a forfeit or
a draw, one seat takes all. Each is measured in every iteration, and said aloud when it begins.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple, get_args

import click
import torch
from matplotlib.figure import Figure
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from torch.utils.tensorboard import SummaryWriter
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging as transformers_logging

import arenas
from arenas.core.game import Game
from arenas.core.policy import Policy, Reply, Tokens, Turn
from arenas.core.record import MatchRecord
from arenas.core.rng import Rng
from arenas.policies.files import replacing
from arenas.policies.game_tree import GameTree
from arenas.policies.language import LanguagePolicy, Prompts, Sampling
from arenas.policies.language.passes import Passes
from arenas.policies.language.policy import Moves
from arenas.policies.network import read_saved, write_saved
from arenas.policies.pool import MIRROR, Member, OpponentPool
from arenas.rating.exploitability import nash_conv
from arenas.rating.results import PlayerResult, Results
from arenas.registry import read_options
from arenas.rollout.advantages import Key, RoleBaselines, group_advantages
from arenas.rollout.matches import sitting_of
from arenas.rollout.trajectories import Row, Trajectory, play_trajectories
from arenas.training import commands, settings
from arenas.training.checkpoint import going_on, read_checkpoint
from arenas.training.folder import write_config, write_curve, write_pool, write_table
from arenas.training.loop import interruptible, iterations
from arenas.training.measuring import LEARNER, MAX_STATES, references
from arenas.training.progress import shown

TINY = "tiny"
REFERENCES = ("random", "scripted", "exact")
ADVANTAGES = ("rae", "grpo", "none")

_NEVER = torch.finfo(torch.float32).min / 2
"""The logit of what may not be chosen: finite, so that 0 times its logarithm is 0."""

MIN_LENGTH = 16
"""Shorter first replies cannot collapse."""

Games = Mapping[str, Game[Any]]
"""By full id."""

Weights = dict[str, torch.Tensor]
"""By parameter."""


# -- settings ----------------------------------------------------------------------------------


_COUNTS = (
    "iterations",
    "matches",
    "max_tokens",
    "group_size",
    "epochs",
    "minibatches",
    "pass_tokens",
    "warmup_tokens",
    "width",
    "depth",
    "vocabulary",
    "vocabulary_matches",
    "groups",
    "pool_size",
    "snapshot_every",
    "evaluate_every",
    "evaluate_games",
    "final_games",
)


def _setting(default: Any, help: str) -> Any:
    """A setting of its default's type."""
    return settings.setting(default, type(default), help)


@dataclass(frozen=True)
class Config:
    """Settings of a run; the help of each is what `--help` prints.

    Defaults are the published ones where there are any. Rewards are divided by the greatest that a
    seat can win or lose, so that games count alike.
    """

    model: str = _setting(TINY, "tiny, ORG/NAME on the hub of transformers, or a folder.")
    seed: int = _setting(0, "Everything random follows from it.")
    iterations: int = _setting(400, "Of playing and learning.")
    matches: int = _setting(128, "Of one iteration, at least.")
    moves: str = _setting(
        "free", "free, constrained, labels or scored; see arenas.policies.language."
    )
    temperature: float = _setting(1.0, "Of sampling.")
    max_tokens: int = _setting(4096, "Budget of a reply.")
    history: bool = _setting(True, "Show a seat all it was told and said, not the situation alone.")
    rules: bool = _setting(True, "Show it the rules, not just its name.")
    illegal: str = _setting("retry:0", "What follows an illegal reply; retry:0 is a forfeit.")
    advantage: str = _setting("rae", "rae, grpo or none.")
    decay: float = _setting(0.95, "Of the baselines of rae and none.")
    update: str = _setting("after", "Baselines move after subtracting or before.")
    per: str = _setting("match", "Baselines move with each match or each batch.")
    group_size: int = _setting(1, "Matches of each deal; grpo needs several.")
    learning_rate: float = _setting(1e-6, "AdamW's.")
    anneal: bool = _setting(False, "Let the learning rate fall linearly to zero.")
    epochs: int = _setting(2, "Passes over each iteration's replies.")
    minibatches: int = _setting(1, "Updates a pass.")
    pass_tokens: int = _setting(16_384, "Most tokens of one pass; longer updates take several.")
    clip: float = _setting(0.2, "PPO's limit on the change of a probability's ratio to 1.")
    kl: float = _setting(0.0, "Weight of KL(policy || average).")
    average_rate: float = _setting(1.0, "The average's step towards the policy, an iteration.")
    max_grad_norm: float = _setting(1.0, "Longer gradients are shortened to this.")
    lora: int = _setting(0, "Rank of adapters to train instead of all weights; 0 for none.")
    dtype: str = _setting("float32", "Of the weights of a model that is loaded.")
    device: str = _setting("cpu", "Where a loaded model goes: cpu, cuda, auto.")
    width: int = _setting(64, "The tiny model's hidden size.")
    depth: int = _setting(2, "Its layers.")
    vocabulary: int = _setting(1024, "Most tokens of its tokenizer.")
    vocabulary_matches: int = _setting(100, "Matches of each game whose texts the tokenizer is of.")
    warmup: int = _setting(0, "Updates that imitate legal play first.")
    warmup_tokens: int = _setting(16_384, "Most tokens of distinct rows of such an update.")
    warmup_matches: int = _setting(0, "Of that play; 0 for as many as an iteration has.")
    imitate: str = _setting("random", "The player whose moves are imitated.")
    groups: int = _setting(4, "Matches are split into so many; each draws its opponent.")
    pool_share: float = _setting(0.0, "Share of groups that meet the pool instead of themselves.")
    pool_rule: str = _setting(
        "hard", "latest, uniform, hard or variance; see arenas.policies.pool."
    )
    pool_size: int = _setting(16, "Members kept in the pool.")
    pool_memory: float = _setting(0.95, "By what old results fade at each new one.")
    snapshot_every: int = _setting(25, "Iterations between two members of the pool.")
    evaluate_every: int = _setting(20, "Iterations between two measurements, with a checkpoint.")
    nash_conv: bool = _setting(True, "Measure NashConv of games that can be walked.")
    evaluate_games: int = _setting(200, "Matches against each reference player at a measurement.")
    final_games: int = _setting(2000, "The same at the end; every seat has an equal share of them.")

    def __post_init__(self) -> None:
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: at least 1")
        for name in ("temperature", "learning_rate", "clip", "max_grad_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)}: above 0")
        for name in ("kl", "lora", "warmup", "warmup_matches"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)}: 0 or more")
        if not 0 <= self.pool_share <= 1:
            raise ValueError(f"pool_share={self.pool_share}: 0 to 1")
        if not 0 < self.average_rate <= 1:
            raise ValueError(f"average_rate={self.average_rate}: above 0 and at most 1")
        if self.dtype != "float32" and not self.lora and self.model != TINY:
            raise ValueError(
                f"dtype={self.dtype!r} rounds small steps away: train adapters (lora) or float32"
            )
        for name, known in (("moves", get_args(Moves)), ("advantage", ADVANTAGES)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name}={getattr(self, name)!r}: one of {', '.join(known)}")
        if self.advantage == "grpo" and self.group_size < 2:
            raise ValueError(
                "advantage='grpo' compares matches of a deal: group_size of at least 2"
            )


TINY_DEFAULTS: dict[str, Any] = {
    "iterations": 200,
    "matches": 512,
    "max_tokens": 8,
    "history": False,
    "learning_rate": 3e-3,
    "anneal": True,
    "minibatches": 2,
    "kl": 0.25,
    "average_rate": 0.03,
    "warmup": 200,
}
"""What `--model tiny` sets otherwise."""


# -- the model ---------------------------------------------------------------------------------

# Clauses are kept whole and moves in brackets are one piece: prompts of few tokens.
_PIECES = r"\[[^\[\]\n]*\]|[^\[\].,:;\n]+|[.,:;\n\[\]]"
_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_SPECIAL = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")


class Speaker(Policy):
    """Says another player's moves in words, with the ids that a model would need to say the same.

    Args:
        player: whose moves.
        prompts: without them there are no ids.

    Attributes:
        heard: all texts that it read or said, in order, the rules first.
    """

    speaks = True
    trainable = True

    def __init__(self, player: Policy, prompts: Prompts | None = None) -> None:
        self.name = player.name
        self.player = player
        self.prompts = prompts
        self.heard: dict[str, None] = {}

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        replies = self.player.act(turns)
        return [self._said(turn, reply) for turn, reply in zip(turns, replies, strict=True)]

    def _said(self, turn: Turn, reply: Reply) -> Reply:
        said = turn.format(reply.move) if reply.text is None else reply.text
        self.heard.update(dict.fromkeys([*(m["content"] for m in turn.messages), said]))
        if self.prompts is None:
            return Reply(text=said)
        ids = self.prompts.reply_ids(said)
        return Reply(text=said, tokens=Tokens(self.prompts.prompt(turn, len(ids)).ids, ids))


def speakers(games: Games, player: str, prompts: Prompts | None = None) -> dict[str, Speaker]:
    """The player of that name in words, of each game.

    Raises:
        ValueError: a game has no such player.
    """
    return {
        game_id: Speaker(arenas.make_player(game_id, player, game), prompts)
        for game_id, game in games.items()
    }


def alone(games: Games, players: Mapping[str, Policy]) -> Any:
    """Players of each game: the game's own in all seats."""
    return lambda game_id, group: [players[game_id]] * games[game_id].spec.seats


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


# -- learning ----------------------------------------------------------------------------------


class Sampled(NamedTuple):
    """A row of tokens and what it was worth."""

    row: Row
    advantage: float


class Choices(NamedTuple):
    """What a model says of choices that were made: of distinct ones once, then by row.

    A choice is a token; where moves were scored, it is a whole reply.

    Attributes:
        logprobs: float32 (distinct, options), of all that could have been chosen there, at the
            rows' temperature.
        where: int64 (choices,): which of them each choice of the rows was, row after row.
        chosen: int64 (choices,): the option taken.
        before: float32 (choices,): the log-probability with which it was taken.
        sizes: number of choices of each row.
    """

    logprobs: torch.Tensor
    where: torch.Tensor
    chosen: torch.Tensor
    before: torch.Tensor
    sizes: list[int]

    def taken(self) -> torch.Tensor:
        """The log-probability of each choice now: float32 (choices,)."""
        return self.logprobs[self.where, self.chosen]


def read(model: Any, rows: Sequence[Row], weights: Weights | None = None) -> Choices:
    """One pass over rows, equal ones being read once.

    Args:
        model: a causal language model.
        rows: of one kind of log-probabilities.
        weights: others than the model's own, by parameter.
    """
    if rows[0].kind == "scored":
        return _read_scored(model, rows, weights)
    unique: dict[Any, Row] = {}
    keys = [(tuple(row.ids), row.prompt, tuple(row.mask)) for row in rows]
    for key, row in zip(keys, rows, strict=True):
        unique.setdefault(key, row)
    numbers = {key: number for number, key in enumerate(unique)}
    width, first = max(len(row.ids) for row in rows), min(row.prompt for row in rows)
    device = model.get_input_embeddings().weight.device
    ids = torch.zeros((len(unique), width), dtype=torch.int64)
    mask = torch.zeros((len(unique), width), dtype=torch.int64)
    places: list[tuple[int, int]] = []
    among: dict[int, list[int]] = {}
    starts, temperatures = [0], []
    for number, row in enumerate(unique.values()):
        ids[number, : len(row.ids)] = torch.tensor(row.ids)
        mask[number, : len(row.ids)] = 1
        allowed = row.allowed()
        for place in _sampled(row):
            if allowed[place]:
                among[len(places)] = list(allowed[place])
            # The logits of a token stand at the one before it.
            places.append((number, place - first))
            temperatures.append(row.temperature)
        starts.append(len(places))
    arguments = {
        "input_ids": ids.to(device),
        "attention_mask": mask.to(device),
        # Nothing before the last token of the shortest prompt is asked for.
        "logits_to_keep": width - first + 1,
        "use_cache": False,
    }
    if weights is None:
        logits = model(**arguments).logits
    else:
        logits = torch.func.functional_call(model, weights, (), arguments).logits
    row_of, column = torch.tensor(places, device=logits.device).T
    options = logits[row_of, column].float().to(device)
    options = options / torch.tensor(temperatures, device=device)[:, None]
    if among:
        forbidden = torch.zeros(options.shape, dtype=torch.bool)
        for place, tokens in among.items():
            forbidden[place] = True
            forbidden[place, tokens] = False
        options = options.masked_fill(forbidden.to(device), _NEVER)
    sampled = [_sampled(row) for row in rows]
    where = [place for key in keys for place in range(*starts[numbers[key] : numbers[key] + 2])]
    own = [(row, place) for row, places in zip(rows, sampled, strict=True) for place in places]
    return Choices(
        options.log_softmax(-1),
        torch.tensor(where, device=device),
        torch.tensor([row.ids[place] for row, place in own], device=device),
        torch.tensor([row.logprobs[place] for row, place in own], device=device),
        [len(places) for places in sampled],
    )


def _read_scored(model: Any, rows: Sequence[Row], weights: Weights | None) -> Choices:
    """The same of replies chosen as a whole: every candidate is read as a row of its own."""
    turns = [(row, number) for row in rows for number in range(len(row.spans))]
    asked = [(tuple(row.ids[: row.spans[number][0]]), row.candidates[number] or ())
             for row, number in turns]  # fmt: skip
    numbers = {question: number for number, question in enumerate(dict.fromkeys(asked))}
    written = [
        Row.of(Tokens(prompt, reply), 0.0) for prompt, replies in numbers for reply in replies
    ]
    tokens = read(model, written, weights)
    scores = torch.stack([each.sum() for each in torch.split(tokens.taken(), tokens.sizes)])
    by_question = torch.split(scores, [len(replies) for _, replies in numbers])
    options = nn.utils.rnn.pad_sequence(list(by_question), batch_first=True, padding_value=_NEVER)
    where = torch.tensor([numbers[question] for question in asked], device=scores.device)
    spans = [row.spans[number] for row, number in turns]
    chosen = [
        replies.index(tuple(row.ids[slice(*span)]))
        for (row, _), span, (_, replies) in zip(turns, spans, asked, strict=True)
    ]
    before = [sum(row.logprobs[slice(*span)]) for (row, _), span in zip(turns, spans, strict=True)]
    return Choices(
        (options / rows[0].temperature).log_softmax(-1),
        where,
        torch.tensor(chosen, device=scores.device),
        torch.tensor(before, device=scores.device),
        [len(row.spans) for row in rows],
    )


def _sampled(row: Row) -> list[int]:
    return [place for place, own in enumerate(row.mask) if own]


def passes(samples: Sequence[Sampled], most: int) -> Iterator[list[Sampled]]:
    """The samples in passes of rows of like length, at most so many tokens of distinct rows."""
    batch: list[Sampled] = []
    distinct, last = 0, None
    for each in sorted(samples, key=lambda sample: (len(sample.row.ids), sample.row.ids)):
        ids = each.row.ids
        if batch and ids != last and (distinct + 1) * len(ids) > most:
            yield batch
            batch, distinct = [], 0
        distinct += ids != last
        last = ids
        batch.append(each)
    if batch:
        yield batch


def some(rows: Sequence[Row], most: int, generator: torch.Generator) -> list[Row]:
    """All rows, if distinct ones have at most so many tokens; else as many as do, at random.

    At least one.
    """
    if sum(map(len, {tuple(row.ids) for row in rows})) <= most:
        return list(rows)
    chosen: list[Row] = []
    tokens, known = 0, set()
    for number in torch.randperm(len(rows), generator=generator).tolist():
        ids = tuple(rows[number].ids)
        if ids not in known:
            known.add(ids)
            tokens += len(ids)
        if chosen and tokens > most:
            break
        chosen.append(rows[number])
    return chosen


def update(
    model: Any,
    average: Weights,
    optimizer: torch.optim.Optimizer,
    samples: Sequence[Sampled],
    config: Config,
    generator: torch.Generator,
) -> dict[str, float]:
    """Trains the model on one iteration's replies.

    Returns:
        Means over replies of what was minimised, and of what tells how far the policy moved.
    """
    sums: dict[str, float] = {}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for _ in range(config.epochs):
        order = torch.randperm(len(samples), generator=generator)
        for chosen in order.chunk(config.minibatches):
            minibatch = [samples[number] for number in chosen.tolist()]
            replies = sum(len(sample.row.spans) for sample in minibatch)
            optimizer.zero_grad()
            for batch in passes(minibatch, config.pass_tokens):
                figures = loss(model, average, batch, config)
                torch.autograd.backward(figures["loss"] / replies)
                for name, figure in figures.items():
                    sums[name] = sums.get(name, 0.0) + figure.item()
            nn.utils.clip_grad_norm_(trained, config.max_grad_norm)
            optimizer.step()
    replies = sum(len(sample.row.spans) for sample in samples)
    return {name: total / (config.epochs * replies) for name, total in sums.items()}


def loss(
    model: Any, average: Weights, batch: Sequence[Sampled], config: Config
) -> dict[str, torch.Tensor]:
    """What is minimised in one pass, as sums over its choices."""
    rows = [sample.row for sample in batch]
    now = read(model, rows)
    worth = torch.tensor([sample.advantage for sample in batch], device=now.where.device)
    advantage = worth.repeat_interleave(torch.tensor(now.sizes, device=now.where.device))
    ratio = (now.taken() - now.before).exp()
    clipped = ratio.clamp(1 - config.clip, 1 + config.clip)
    gain = torch.minimum(ratio * advantage, clipped * advantage).sum()
    chances = now.logprobs.exp()
    figures = {
        "loss": -gain,
        "entropy": -(chances * now.logprobs).detach().sum(1)[now.where].sum(),
        "clipped": ((ratio - 1).abs() > config.clip).float().sum(),
    }
    if config.kl:
        with torch.no_grad():
            slow = read(model, rows, average).logprobs
        distance = (chances * (now.logprobs - slow)).sum(1)[now.where].sum()
        figures["loss"] = figures["loss"] + config.kl * distance
        figures["kl"] = distance
    return figures


def imitate(
    model: Any, optimizer: torch.optim.Optimizer, rows: Sequence[Row], config: Config
) -> float:
    """One update towards what the rows say; returns the mean loss of a reply before it."""
    total, replies = 0.0, sum(len(row.spans) for row in rows)
    optimizer.zero_grad()
    for batch in passes([Sampled(row, 0.0) for row in rows], config.pass_tokens):
        missing = -read(model, [sample.row for sample in batch]).taken().sum() / replies
        torch.autograd.backward(missing)
        total += missing.item()
    nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
    optimizer.step()
    return total


# -- playing -----------------------------------------------------------------------------------


def listed(games: Games) -> list[tuple[str, Mapping[str, Any]]]:
    """The games as `play_matches` takes them."""
    return [(game_id, game.options) for game_id, game in games.items()]


def against(games: Games, learner: Policy, other: Policy) -> Any:
    """Players of each game: the learner in one seat, the other in all others."""
    return lambda game_id, group: [learner, *[other] * (games[game_id].spec.seats - 1)]


class End(NamedTuple):
    """How many matches of one iteration's training ended so.

    Attributes:
        iteration: from 1; those of the first were played before anything but the warm-up.
        game: its full id.
        ended: the reason; where a proposal was refused, also the check that it failed.
        matches: the number.
    """

    iteration: int
    game: str
    ended: str
    matches: int


def ending(record: MatchRecord) -> str:
    """How a match ended, as `End.ended` has it."""
    failed = [each["name"] for each in record.evidence.get("checks", ()) if not each["passed"]]
    return f"{record.reason}: {failed[0]}" if failed else record.reason


class Training:
    """All that training depends on, so all that a checkpoint holds.

    Args:
        games: by full id.
        config: settings.
        out: folder of the run.

    Attributes:
        curve: measurements, as `curve.csv` has them.
        ends: of all iterations so far, as `ends.csv` has them.
        records: of each trajectory that `play` gave last, in its order.

    Raises:
        ValueError: the model cannot play one of the games so.
        OSError: there is no such model.
    """

    def __init__(self, games: Games, config: Config, out: Path) -> None:
        self.games, self.config, self.out = dict(games), config, out
        _check_listed(self.games, config.moves)
        self.model, self.tokenizer = load(config, games)
        self.player = LanguagePolicy(
            self.model,
            self.tokenizer,
            moves=config.moves,  # type: ignore[arg-type]
            sampling=Sampling(temperature=config.temperature, max_tokens=config.max_tokens),
            history=config.history,
            rules=config.rules,
            max_rows=config.matches,
            name=LEARNER,
        )
        self.weights = {
            name: parameter
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }
        self.average = {name: each.detach().clone() for name, each in self.weights.items()}
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=0.0
        )
        self.generator = torch.Generator().manual_seed(config.seed)
        key: Key = "none" if config.advantage == "none" else "game-seat"
        self.baselines = RoleBaselines(config.decay, config.update, config.per, key)  # type: ignore[arg-type]
        mix = {MIRROR: 1 - config.pool_share, config.pool_rule: config.pool_share}
        self.pool = OpponentPool(config.pool_size, mix, seed=config.seed, memory=config.pool_memory)
        self.iteration = 0
        self.matches = 0
        self.curve: list[dict[str, float]] = []
        self.ends: list[End] = []
        self.records: list[MatchRecord] = []
        self.alarms: list[str] = []
        self._usual_length = 0.0
        self._frozen: LanguagePolicy | None = None
        self._references = {
            game_id: references(game_id, game, REFERENCES) for game_id, game in games.items()
        }
        self._trees = {
            game_id: _tree_of(game) if config.nash_conv else None for game_id, game in games.items()
        }

    @property
    def over(self) -> bool:
        """Whether all iterations are done."""
        return self.iteration >= self.config.iterations

    @property
    def so_far(self) -> str:
        """What has been done, in words."""
        return f"{self.iteration} iterations"

    def iterate(self) -> None:
        """Plays matches, learns from them, and measures if it is time to."""
        config = self.config
        if self.iteration == 0:
            self._warm_up()
        if config.anneal:
            for each in self.optimizer.param_groups:
                each["lr"] = config.learning_rate * (1 - self.iteration / config.iterations)
        trajectories = self.play()
        samples = self.samples(trajectories)
        figures = self.health(trajectories)
        figures |= update(self.model, self.average, self.optimizer, samples, config, self.generator)
        self.iteration += 1
        with torch.no_grad():
            for name, slow in self.average.items():
                slow.lerp_(self.weights[name], config.average_rate)
        self.player.set_version(self.iteration)
        if config.pool_share and self.iteration % config.snapshot_every == 0:
            self._snapshot()
        if self.over or self.iteration % config.evaluate_every == 0:
            counts = {"iteration": self.iteration, "matches": self.matches}
            self.curve.append({**counts, **self.measure(config.evaluate_games)[0], **figures})

    def _warm_up(self) -> None:
        config = self.config
        if not config.warmup:
            return
        spoken = speakers(self.games, config.imitate, self.player.prompts)
        matches = config.warmup_matches or config.matches
        played = play_trajectories(
            listed(self.games), alone(self.games, spoken), matches, self._seed(0), swap=False,
            illegal=config.illegal,
        )  # fmt: skip
        rows = [row for each in played for seat in each.seats for row in seat.rows()]
        for _ in range(config.warmup):
            chosen = some(rows, config.warmup_tokens, self.generator)
            imitate(self.model, self.optimizer, chosen, config)
        _set(self.average, self.weights)
        self.player.set_version(0)

    def play(self) -> list[Trajectory]:
        """One iteration's matches; the learner's trajectories of them.

        In mirror matches that is every seat. Of those against a frozen opponent it is one, and
        every deal is played with the learner in each seat.
        """
        config = self.config
        members = [self.pool.sample(LEARNER) for _ in range(config.groups)]
        frozen = [member for member in members if member is not None]
        share = config.matches / config.groups
        mirror: tuple[Member | None, float] = None, share * (len(members) - len(frozen))
        found: list[Trajectory] = []
        self.records = []
        ends: Counter[tuple[str, str]] = Counter()
        for number, (member, count) in enumerate([mirror, *((each, share) for each in frozen)]):
            other = self.player if member is None else self._opponent(member)
            # Whole rounds: every game, every repetition and, against others, every seat.
            seats = [1 if member is None else game.spec.seats for game in self.games.values()]
            whole = config.group_size * sum(seats)
            played = play_trajectories(
                listed(self.games),
                against(self.games, self.player, other),
                math.ceil(count / whole) * whole,
                self._seed(1 + number),
                swap=member is not None,
                repeats=config.group_size,
                concurrency=config.matches,
                illegal=config.illegal,
            )
            for each in played:
                self.matches += 1
                own = [seat for seat in each.seats if seat.trainable]
                found += own
                self.records += [each.record] * len(own)
                ends[each.record.game, ending(each.record)] += 1
                if member is not None:
                    self.pool.record(LEARNER, member.name, [own[0].reward])
        self.ends += [End(self.iteration + 1, *key, count) for key, count in sorted(ends.items())]
        return found

    def _seed(self, stream: int) -> int:
        return Rng(self.config.seed).fork(self.iteration, stream).bits() >> 1

    def samples(self, trajectories: Sequence[Trajectory]) -> list[Sampled]:
        """The learner's rows, each with its seat's advantage."""
        scaled = [
            replace(each, reward=each.reward / self._unit(each.game)) for each in trajectories
        ]
        if self.config.advantage == "grpo":
            advantages = group_advantages(scaled)
        else:
            advantages = self.baselines.advantages(scaled)
        pairs = zip(trajectories, advantages, strict=True)
        return [Sampled(row, advantage) for each, advantage in pairs for row in each.rows()]

    def _unit(self, game_id: str) -> float:
        return max(abs(bound) for bound in self.games[game_id].spec.reward_range) or 1.0

    def health(self, trajectories: Sequence[Trajectory]) -> dict[str, float]:
        """What shows a collapse, of one iteration; sets `alarms`.

        `seat_gap` is the difference of the mean rewards of a game's best and worst seat, as a share
        of the most that a seat can win, the largest of all games; `reply_tokens` the mean length of
        a reply; `cut` the share that the budget cut; `illegal` the share of illegal replies;
        `draws` the share of matches in which all seats got the same; `canonical` the share of
        replies spelled as `moves="scored"` spells them, so how far scored odds are those of play.
        Of games whose seats have unlike roles it says for each role the number of `replies` that
        are trained on and the share of them that is illegal.
        """
        turns = [turn for each in trajectories for turn in each.turns if turn.tokens is not None]
        tokens = [turn.tokens for turn in turns if turn.tokens is not None]
        by_seat: dict[str, dict[int, list[float]]] = {}
        for each in trajectories:
            seats = by_seat.setdefault(each.game, {})
            seats.setdefault(each.seat, []).append(each.reward / self._unit(each.game))
        means = [[fmean(rewards) for rewards in seats.values()] for seats in by_seat.values()]
        spelled = [
            {self.player.prompts.reply_ids(reply) for reply in turn.legal or ()} for turn in turns
        ]
        figures = {
            "seat_gap": max(max(each) - min(each) for each in means),
            "reply_tokens": fmean(len(each.completion) for each in tokens),
            "cut": fmean(each.finish == "length" for each in tokens),
            "illegal": fmean(turn.illegal is not None for turn in turns),
            "canonical": fmean(
                each.completion in words for each, words in zip(tokens, spelled, strict=True)
            ),
            "draws": fmean(len(set(each.rewards)) == 1 for each in trajectories),
        }
        for game_id, role in self._roles:
            own = [
                turn.illegal is not None
                for each in trajectories
                if (each.game, each.role) == (game_id, role)
                for turn in each.turns
            ]
            name = self._of(game_id, role)
            figures[f"{name}_replies"] = len(own)
            figures[f"{name}_illegal"] = fmean(own) if own else math.nan
        if not self._usual_length:
            self._usual_length = figures["reply_tokens"]
        self.alarms = alarms(figures, self._usual_length)
        return figures

    @property
    def _roles(self) -> list[tuple[str, str]]:
        """The roles of each game that has several."""
        found = [(game_id, dict.fromkeys(game.spec.roles)) for game_id, game in self.games.items()]
        return [(game_id, role) for game_id, roles in found if len(roles) > 1 for role in roles]

    def _of(self, game_id: str, figure: str) -> str:
        """What a figure of one game is called."""
        return f"{game_id.split('/')[-1]}/{figure}" if len(self.games) > 1 else figure

    def _snapshot(self) -> None:
        name = f"{self.iteration:06d}"
        path = f"pool/{name}.pt"
        write_saved(self.average, self.out / path)
        self.pool.add(Member(name, self.iteration, path))

    def _opponent(self, member: Member) -> LanguagePolicy:
        """The member in its seat: a second copy of the model, from which nothing is learnt."""
        if self._frozen is None:
            self._frozen = copy.copy(self.player)
            self._frozen.passes = Passes(
                copy.deepcopy(self.model).requires_grad_(False), self.player.passes.pad_id
            )
            self._frozen.trainable = False
        if self._frozen.name != member.name:
            weights = read_saved(self.out / member.payload)
            _set(dict(self._frozen.passes.model.named_parameters()), weights)
            self._frozen.name = member.name
            self._frozen.set_version(member.version)
        return self._frozen

    # -- measuring -----------------------------------------------------------------------------

    @contextmanager
    def averaged(self) -> Iterator[LanguagePolicy]:
        """The player with the average of its weights, which a run is for."""
        current = {name: each.detach().clone() for name, each in self.weights.items()}
        _set(self.weights, self.average)
        self.player.set_version(self.iteration)
        try:
            yield self.player
        finally:
            _set(self.weights, current)
            self.player.set_version(self.iteration)

    def measure(self, games: int) -> tuple[dict[str, float], dict[tuple[str, str], PlayerResult]]:
        """How the average plays each game.

        NashConv, where the game can be walked, is of the moves scored in each situation, so of play
        without illegal replies; results and the share of illegal replies are of play as trained.

        Returns:
            Figures for the curve, and the results by game and reference player.
        """
        figures: dict[str, float] = {}
        results: dict[tuple[str, str], PlayerResult] = {}
        with self.averaged() as player:
            for game_id in self.games:
                tree = self._trees[game_id]
                if tree is not None:
                    figures[self._of(game_id, "nash_conv")] = nash_conv(tree, self._scorer()).total
                replies = illegal = 0
                for name, reference in self._references[game_id].items():
                    results[game_id, name], taken = self._compete(game_id, player, reference, games)
                    replies, illegal = (
                        replies + taken,
                        illegal + results[game_id, name].illegal_moves,
                    )
                    against = results[game_id, name]
                    figures[self._of(game_id, f"reward_vs_{name}")] = against.mean
                    figures[self._of(game_id, f"interval_vs_{name}")] = against.interval
                figures[self._of(game_id, "illegal_in_play")] = illegal / replies
        return figures, results

    def _scorer(self) -> LanguagePolicy:
        return LanguagePolicy(
            self.model,
            self.tokenizer,
            moves="labels" if self.config.moves == "labels" else "scored",
            sampling=Sampling(temperature=self.config.temperature),
            history=False,
        )

    def _compete(
        self, game_id: str, player: Policy, reference: Policy, games: int
    ) -> tuple[PlayerResult, int]:
        """The player's result with seats exchanged, and its number of replies."""
        seats = self.games[game_id].spec.seats
        results, replies = Results([player.name, *[reference.name] * (seats - 1)]), 0
        played = play_trajectories(
            listed({game_id: self.games[game_id]}),
            [player, *[reference] * (seats - 1)],
            math.ceil(games / seats) * seats,
            concurrency=self.config.matches,
            illegal=self.config.illegal,
        )
        for number, each in enumerate(played):
            sitting = sitting_of(number, seats)
            results.add(each.record, sitting)
            replies += len(each.seats[sitting.index(0)].turns)
        return results.table()[0], replies

    # -- files ---------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes the checkpoint."""
        write_saved(self.state(), self.out / "checkpoint.pt")

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds; `take` goes on from it."""
        return {
            "games": dict(listed(self.games)),
            "config": asdict(self.config),
            "iteration": self.iteration,
            "matches": self.matches,
            "curve": self.curve,
            "ends": [list(each) for each in self.ends],
            "usual_length": self._usual_length,
            "weights": {name: each.detach() for name, each in self.weights.items()},
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "baselines": self.baselines.state(),
            "pool": self.pool.state(),
        }

    def export(self) -> None:
        """Writes what follows from the checkpoint that was saved: the model and the curve."""
        with self.averaged():
            self.model.save_pretrained(self.out / "model")
        self.tokenizer.save_pretrained(self.out / "model")
        write_curve(self.curve, self.out)
        write_table(End._fields, self.ends, self.out / "ends.csv")
        if self.config.pool_share:
            write_pool(self.pool, self.out)

    def restore(self) -> None:
        """Goes on from the checkpoint in `out`.

        Raises:
            ValueError: it is damaged, or of a run with other settings, which the message names.
        """
        games = dict(listed(self.games))
        with going_on(self.out):
            saved = read_checkpoint(self.out, "games", self.config, games=games)
        self.take(saved)

    def take(self, saved: Mapping[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self.iteration, self.matches = saved["iteration"], saved["matches"]
        self.curve, self._usual_length = saved["curve"], saved["usual_length"]
        self.ends = [End(*each) for each in saved["ends"]]
        _set(self.weights, saved["weights"])
        _set(self.average, saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.generator.set_state(saved["generator"])
        self.baselines.restore(saved["baselines"])
        self.pool = OpponentPool.from_state(saved["pool"])
        self.player.set_version(self.iteration)


def alarms(figures: Mapping[str, float], usual_length: float) -> list[str]:
    """What looks like a collapse, in words.

    Args:
        figures: of `Training.health`.
        usual_length: tokens of a reply in the first iteration.
    """
    found = []
    if figures["seat_gap"] > 1:
        found.append("one seat takes all")
    if figures["illegal"] > 0.5:
        found.append("most replies are illegal")
    if figures["draws"] > 0.95:
        found.append("almost every match is a draw")
    if figures["cut"] > 0.5:
        found.append("most replies run into their budget")
    if usual_length >= MIN_LENGTH and figures["reply_tokens"] < usual_length / 4:
        found.append("replies have become a quarter as long as at first")
    return found


def _set(into: Mapping[str, torch.Tensor], weights: Weights) -> None:
    with torch.no_grad():
        for name, each in weights.items():
            into[name].copy_(each)


def _check_listed(games: Games, moves: str) -> None:
    """Refuses ways to move that need a list of legal moves, in a game that has none."""
    for game_id, game in games.items():
        state = game.new(Rng(0))
        if moves != "free" and any(game.legal(state, seat) is None for seat in game.movers(state)):
            raise ValueError(
                f"moves={moves!r}: {game_id} does not list its legal moves, so what a choice was "
                "made among cannot be kept for training; take moves='free'"
            )


def _tree_of(game: Game[Any]) -> GameTree | None:
    try:
        return GameTree(game, MAX_STATES)
    except ValueError:
        return None


# -- the command -------------------------------------------------------------------------------


def train(training: Training, time_limit: float | None = None) -> bool:
    """Runs to the end, to the time limit, or to Ctrl-C, and writes a checkpoint there.

    It stops between two iterations.

    Returns:
        Whether Ctrl-C stopped it.
    """
    config, out = training.config, training.out
    known: list[str] = []
    with (
        SummaryWriter(str(out / "tensorboard"), purge_step=training.iteration + 1) as writer,
        interruptible() as interrupted,
        shown("", config.iterations, training.iteration, counted=True) as progress,
    ):
        for rows in iterations(training, time_limit, interrupted):
            for alarm in training.alarms:
                if alarm not in known:
                    progress.console.print(
                        f"iteration {training.iteration}: {alarm}", style="yellow"
                    )
            known = training.alarms
            for row in rows:
                for name, figure in row.items():
                    writer.add_scalar(name, figure, training.iteration)
                # Before the checkpoint: events after it are purged, not made up for.
                writer.flush()
                progress.update(training.iteration, brief(row), f"{training.so_far}: {brief(row)}")
            progress.update(training.iteration)
    # Once more for a run that was killed between its last checkpoint and these.
    training.export()
    if training.curve:
        draw(training.curve, out / "curve.png", ", ".join(training.games))
    return interrupted() and not training.over


def brief(row: Mapping[str, float]) -> str:
    """A line of the curve, for the progress bar."""
    shown = []
    for name, figure in row.items():
        if name.endswith("nash_conv"):
            shown.append(f"{name.replace('nash_conv', 'NashConv')} {figure:.3f}")
        elif "reward_vs_" in name:
            shown.append(f"{name.replace('reward_vs_', 'vs ')} {figure:+.3f}")
    return "  ".join([*shown, f"illegal {row['illegal']:.2%}"])


def draw(curve: Sequence[Mapping[str, float]], path: Path, title: str) -> None:
    """Writes the curve as a picture: NashConv and results above, illegal replies below."""
    figure = Figure(figsize=(7, 6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    iterations = [row["iteration"] for row in curve]
    for name in curve[0]:
        if name.endswith("nash_conv") or "reward_vs_" in name:
            above.plot(iterations, [row[name] for row in curve], label=name)
        elif name in ("illegal", "cut", "draws"):
            below.plot(iterations, [row[name] for row in curve], label=name)
    above.axhline(0, color="grey", linewidth=0.8)
    above.set(title=title, ylabel="reward a match")
    below.set(xlabel="iteration", ylabel="share")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


def report(training: Training) -> str:
    """The final lines: how training matches ended at first and at last, and results.

    The results are of the saved model in `final_games` matches with each reference.
    """
    figures, results = training.measure(training.config.final_games)
    lines = [f"{training.so_far}, {training.matches} matches"]
    for iteration in sorted({1, training.iteration}):
        own = [each for each in training.ends if each.iteration == iteration]
        matches = sum(each.matches for each in own)
        shares = [
            f"{training._of(each.game, each.ended)} {each.matches / matches:.1%}"
            for each in sorted(own, key=lambda each: -each.matches)
        ]
        lines.append(f"iteration {iteration} ended: {', '.join(shares)}")
    for name, figure in figures.items():
        if name.endswith("nash_conv"):
            lines.append(f"{name.replace('nash_conv', 'NashConv')} {figure:.4f}")
        elif name.endswith("illegal_in_play"):
            lines.append(f"{name.replace('illegal_in_play', 'illegal replies')} {figure:.3%}")
    for (game_id, name), each in results.items():
        lines.append(
            f"{game_id.split('/')[-1]} against {name} in {each.matches} matches: reward "
            f"{each.mean:+.3f} ± {each.interval:.3f}, W/D/L {each.wins}/{each.draws}/{each.losses}"
        )
    return "\n".join(lines)


def options(config: type[Config]) -> Callable[[Any], Any]:
    """The arguments of a command that `run` takes, with an option for every setting."""

    def add(command: Any) -> Any:
        for argument in reversed([*_COMMON, settings.options(config, {"tiny": TINY_DEFAULTS})]):
            command = argument(command)
        return command

    return add


_COMMON = (
    click.argument("game_ids", metavar="GAME_ID...", nargs=-1, required=True),
    commands.folder("runs/GAME-ALGORITHM-SEED"),
    commands.resume,
    click.option("--time-limit", type=float, help="Stop after so many seconds, ready to go on."),
    commands.threads,
    click.option(
        "--option",
        "-o",
        multiple=True,
        metavar="NAME=VALUE",
        help="An option of the game, where there is one; repeatable.",
    ),
)


def run(
    kind: type[Training],
    settings_of: type[Config],
    algorithm: str,
    *,
    game_ids: tuple[str, ...],
    out: Path | None,
    resume: bool,
    time_limit: float | None,
    threads: int,
    option: tuple[str, ...],
    **given: Any,
) -> None:
    """Trains as the arguments of `options` say, and prints the report.

    Args:
        kind: what trains.
        settings_of: the class of its settings.
        algorithm: its name, for the folder of the run.
        game_ids, out, resume, time_limit, threads, option, given: of the command line.

    Raises:
        click.ClickException: an argument is wrong, or there is no such model.
    """
    torch.set_num_threads(threads)
    # Each checkpoint would show a bar of its own.
    transformers_logging.disable_progress_bar()
    with commands.one_line_errors():
        options = read_options(option)
        if options and len(game_ids) > 1:
            raise ValueError("--option is for one game")
        games = {
            arenas.registry.find(each).id: arenas.make_game(each, **options) for each in game_ids
        }
        chosen = settings.given(given)
        tiny = chosen.get("model", TINY) == TINY
        config = replace(settings_of(), **{**(TINY_DEFAULTS if tiny else {}), **chosen})
        short = "-".join(each.split("/")[-1] for each in games)
        out = out or Path("runs") / f"{short}-{algorithm}-{config.seed}"
        training = kind(games, config, out)
        commands.begin(
            training, resume, ["ends.csv", "pool.json"], ["pool", "tensorboard", "model"]
        )
    write_config({"games": dict(listed(games)), **asdict(config)}, out)
    commands.end(training, train(training, time_limit), report)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@options(Config)
def command(**arguments: Any) -> None:
    """Train a language model by self-play, in one game or several (SPIRAL).

    \b
    arenas train KuhnPoker-v0 --algo spiral --model tiny --seed 0
    arenas train KuhnPoker-v0 --algo spiral --advantage none --out runs/one-baseline
    arenas train KuhnPoker-v0 TicTacToe-v0 --algo spiral --model Qwen/Qwen3-0.6B --lora 32 \\
        --device cuda --dtype bfloat16
    tensorboard --logdir runs

    The folder gets model/ (a player: language:runs/kuhn/model), curve.csv, curve.png, ends.csv (how
    training matches ended), config.json, TensorBoard events, checkpoint.pt, and the pool where it
    is used. Ctrl-C saves; the same command goes on from there, to the same figures as if it had
    never stopped.
    """  # noqa: D301 - click reads the escape itself
    run(Training, Config, "spiral", **arguments)


if __name__ == "__main__":
    command()
