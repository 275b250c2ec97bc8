"""Iterative Self-Play Policy Optimisation of Vision-Zero with a language model, on text.

The stages and thresholds of `spy_iterative.py`, on the replies that the model and the update of
`spiral` make. In the clue stage a clue's worth is the clue-stage reward of its seat less the
running mean of the role (the spy's or the civilians'); in the decision stage a civilian's vote is
worth its decision reward, normalised among the votes of the match. Clues are not trained while
votes are, and the other way round.

What differs from the paper and from `spy_iterative.py`:

- An illegal reply forfeits the match, which then has no votes. It is trained on in both stages, at
  what the forfeit cost, because the form of a reply belongs to neither; nothing else of that match
  is. Shares of right votes are of matches that ended.
- Each civilian votes once a match, so that votes are compared among the civilians alone.
- There is no scripted opponent, and the KL term is that of `spiral`, to the average.

    arenas train Spy-v0 --algo spy_language --model tiny -o scenes=charts --no-rules
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import click
import numpy as np

from arenas.baselines import spy_iterative
from arenas.baselines.spiral.command_line import options, run
from arenas.baselines.spiral.config import Config, setting
from arenas.baselines.spiral.games import Games, unit
from arenas.baselines.spiral.learning import Sampled
from arenas.baselines.spiral.training import Training
from arenas.baselines.spy_iterative import CLUE, DECISION, RoleMeans, Stages
from arenas.games.spy import Spy
from arenas.rollout.trajectories import Row, Trajectory, TurnTaken

_STAGES = (
    "schedule", "decay", "smoothing", "found", "unsure", "lost", "abstained", "dwell", "patience",
)  # fmt: skip
"""Settings that `spy_iterative.py` reads and checks."""


@dataclass(frozen=True)
class StagedConfig(Config):
    """Settings of a run: those of `spiral` and when stages change, as in `spy_iterative.py`."""

    schedule: str = setting("iterative", "Stages in turns, or joint, clue or decision.")
    smoothing: float = setting(0.95, "Of the running means of right and n/a votes.")
    found: float = setting(0.9, "Votes right from which clues are trained.")
    unsure: float = setting(0.1, "Votes n/a up to which clues are trained.")
    lost: float = setting(0.4, "Votes not right from which votes are trained.")
    abstained: float = setting(0.5, "Votes n/a from which votes are trained.")
    dwell: int = setting(5, "Iterations that a stage lasts at least.")
    patience: int = setting(20, "Iterations that a stage lasts at most.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stages()
        if self.pool_share:
            raise ValueError(f"pool_share={self.pool_share}: stages are of self-play alone")

    def stages(self) -> spy_iterative.Config:
        """What decides on stages.

        Raises:
            ValueError: a value is out of range.
        """
        return spy_iterative.Config(**{name: getattr(self, name) for name in _STAGES})


Ended = Sequence[tuple[Sequence[Trajectory], Mapping[str, Any]]]
"""Matches that came to their votes: the seats and the evidence of each."""


class StagedTraining(Training):
    """As `spiral`'s `Training`, of one stage at a time.

    Attributes:
        stages: which is trained.
        means: of each role's clue-stage reward.
        trained: how many replies of each kind the last samples hold.

    Raises:
        ValueError: the game is not Who Is the Spy, or its players do not vote.
    """

    config: StagedConfig

    def __init__(self, games: Games, config: StagedConfig, out: Path) -> None:
        spies = [game for game in games.values() if isinstance(game, Spy)]
        if len(spies) != 1 or len(games) != 1:
            raise ValueError("this algorithm is for Spy-v0 alone")
        (self.game,) = spies
        if self.game.voter != "players":
            raise ValueError(f"voter={self.game.voter!r}: only players that vote have both stages")
        super().__init__(games, config, out)
        self.stages = Stages(config.stages())
        self.means = RoleMeans(config.decay)
        self.trained: dict[str, int] = {}

    def samples(self, trajectories: Sequence[Trajectory]) -> list[Sampled]:
        """The replies of this stage, each a row of its own; takes the matches into the means."""
        players = self.game.players
        stages = self.stages.trained()
        matches = [
            (trajectories[first : first + players], self.records[first].evidence)
            for first in range(0, len(trajectories), players)
        ]
        ended = [(seats, evidence) for seats, evidence in matches if "clue_rewards" in evidence]
        clues, votes = self._clues(ended), self._votes(ended)
        kept = {
            CLUE: clues if CLUE in stages else [],
            DECISION: votes if DECISION in stages else [],
        }
        refused = [
            Sampled(Row.of(turn.tokens, turn.reward), each.reward / unit(self.game))
            for each in trajectories
            for turn in each.turns
            if turn.illegal is not None and turn.tokens is not None
        ]
        self.trained = {name: len(samples) for name, samples in kept.items()}
        if ended:
            self.stages.step(*vote_shares([evidence for _, evidence in ended]))
        return [*kept[CLUE], *kept[DECISION], *refused]

    def _clues(self, ended: Ended) -> list[Sampled]:
        """All clues of these matches."""
        if not ended:
            return []
        paid = np.array([evidence["clue_rewards"] for _, evidence in ended])
        worth = self.means.less(paid, np.array([evidence["spy"] for _, evidence in ended]))
        return [
            _sampled(turn, float(row[each.seat]))
            for (seats, _), row in zip(ended, worth, strict=True)
            for each in seats
            for turn in _legal(each)[:-1]
        ]

    def _votes(self, ended: Ended) -> list[Sampled]:
        """The votes of the civilians."""
        found = []
        for seats, evidence in ended:
            civilians = [each for each in seats if each.seat != evidence["spy"]]
            paid = [evidence["decision_rewards"][each.seat] for each in civilians]
            mean, spread = fmean(paid), pstdev(paid) + 1e-6
            found += [
                _sampled(_legal(each)[-1], (reward - mean) / spread)
                for each, reward in zip(civilians, paid, strict=True)
            ]
        return found

    def health(self, trajectories: Sequence[Trajectory]) -> dict[str, float]:
        """Beside that of `spiral`: what was trained, what comes next, and the running means."""
        return {
            **super().health(trajectories),
            "clues_trained": self.trained[CLUE],
            "votes_trained": self.trained[DECISION],
            "clue_stage": float(self.stages.stage == CLUE),
            "right_mean": self.stages.right,
            "nobody_mean": self.stages.nobody,
        }

    def state(self) -> dict[str, Any]:
        stages, means = self.stages, self.means
        return {
            **super().state(),
            "stages": [stages.stage, stages.right, stages.nobody, stages.lasted],
            "means": [means.spy, means.civilians],
        }

    def take(self, saved: Mapping[str, Any]) -> None:
        super().take(saved)
        stages, means = self.stages, self.means
        stages.stage, stages.right, stages.nobody, stages.lasted = saved["stages"]
        means.spy, means.civilians = saved["means"]


def vote_shares(ended: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """The shares of the civilians' votes that are right and that are "n/a", by the evidence."""
    cast = [
        (vote, evidence["spy"])
        for evidence in ended
        for seat, vote in enumerate(evidence["votes"])
        if seat != evidence["spy"]
    ]
    return fmean(vote == spy for vote, spy in cast), fmean(vote is None for vote, _ in cast)


def _legal(seat: Trajectory) -> list[TurnTaken]:
    """A seat's legal replies: its clues, then its vote."""
    return [turn for turn in seat.turns if turn.illegal is None]


def _sampled(turn: TurnTaken, advantage: float) -> Sampled:
    assert turn.tokens is not None
    return Sampled(Row.of(turn.tokens, turn.reward), advantage)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@options(StagedConfig)
def command(**arguments: Any) -> None:
    """Train a language model in Who Is the Spy, clues and votes in turns (Iterative-SPO).

    \b
    arenas train Spy-v0 --algo spy_language --model tiny -o scenes=charts --no-rules
    arenas train Spy-v0 --algo spy_language --model tiny --schedule joint --out runs/joint

    The folder is as that of spiral; curve.csv also says which stage comes next and why.
    """  # noqa: D301 - click reads the escape itself
    run(StagedTraining, StagedConfig, "spy_language", **arguments)


if __name__ == "__main__":
    command()
