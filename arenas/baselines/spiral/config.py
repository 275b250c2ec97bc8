"""Settings of a run, and what a tiny model sets otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from arenas.policies.language.policy import Moves
from arenas.training import settings

TINY = "tiny"
ADVANTAGES = ("rae", "grpo", "none")

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


def setting(default: Any, help: str) -> Any:
    """A setting of its default's type."""
    return settings.setting(default, type(default), help)


@dataclass(frozen=True)
class Config:
    """Settings of a run; the help of each is what `--help` prints.

    Defaults are the published ones where there are any. Rewards are divided by the greatest that a
    seat can win or lose, so that games count alike.
    """

    model: str = setting(TINY, "tiny, ORG/NAME on the hub of transformers, or a folder.")
    seed: int = setting(0, "Everything random follows from it.")
    iterations: int = setting(400, "Of playing and learning.")
    matches: int = setting(128, "Of one iteration, at least.")
    moves: str = setting(
        "free", "free, constrained, labels or scored; see arenas.policies.language."
    )
    temperature: float = setting(1.0, "Of sampling.")
    max_tokens: int = setting(4096, "Budget of a reply.")
    history: bool = setting(True, "Show a seat all it was told and said, not the situation alone.")
    rules: bool = setting(True, "Show it the rules, not just its name.")
    illegal: str = setting("retry:0", "What follows an illegal reply; retry:0 is a forfeit.")
    advantage: str = setting("rae", "rae, grpo or none.")
    decay: float = setting(0.95, "Of the baselines of rae and none.")
    update: str = setting("after", "Baselines move after subtracting or before.")
    per: str = setting("match", "Baselines move with each match or each batch.")
    group_size: int = setting(1, "Matches of each deal; grpo needs several.")
    learning_rate: float = setting(1e-6, "AdamW's.")
    anneal: bool = setting(False, "Let the learning rate fall linearly to zero.")
    epochs: int = setting(2, "Passes over each iteration's replies.")
    minibatches: int = setting(1, "Updates a pass.")
    pass_tokens: int = setting(16_384, "Most tokens of one pass; longer updates take several.")
    clip: float = setting(0.2, "PPO's limit on the change of a probability's ratio to 1.")
    kl: float = setting(0.0, "Weight of KL(policy || average).")
    average_rate: float = setting(1.0, "The average's step towards the policy, an iteration.")
    max_grad_norm: float = setting(1.0, "Longer gradients are shortened to this.")
    lora: int = setting(0, "Rank of adapters to train instead of all weights; 0 for none.")
    dtype: str = setting("float32", "Of the weights of a model that is loaded.")
    device: str = setting("cpu", "Where a loaded model goes: cpu, cuda, auto.")
    width: int = setting(64, "The tiny model's hidden size.")
    depth: int = setting(2, "Its layers.")
    vocabulary: int = setting(1024, "Most tokens of its tokenizer.")
    vocabulary_matches: int = setting(100, "Matches of each game whose texts the tokenizer is of.")
    warmup: int = setting(0, "Updates that imitate legal play first.")
    warmup_tokens: int = setting(16_384, "Most tokens of distinct rows of such an update.")
    warmup_matches: int = setting(0, "Of that play; 0 for as many as an iteration has.")
    imitate: str = setting("random", "The player whose moves are imitated.")
    groups: int = setting(4, "Matches are split into so many; each draws its opponent.")
    pool_share: float = setting(0.0, "Share of groups that meet the pool instead of themselves.")
    pool_rule: str = setting("hard", "latest, uniform, hard or variance; see arenas.policies.pool.")
    pool_size: int = setting(16, "Members kept in the pool.")
    pool_memory: float = setting(0.95, "By what old results fade at each new one.")
    snapshot_every: int = setting(25, "Iterations between two members of the pool.")
    evaluate_every: int = setting(20, "Iterations between two measurements, with a checkpoint.")
    nash_conv: bool = setting(True, "Measure NashConv of games that can be walked.")
    evaluate_games: int = setting(200, "Matches against each reference player at a measurement.")
    final_games: int = setting(2000, "The same at the end; every seat has an equal share of them.")

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
