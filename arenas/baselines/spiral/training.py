"""The loop of playing and learning, and all that it depends on."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from arenas.baselines.spiral.config import Config
from arenas.baselines.spiral.games import Games, against, alone, check_listed, listed, unit
from arenas.baselines.spiral.health import End, alarms, ending, health
from arenas.baselines.spiral.learning import Sampled, imitate, some, update
from arenas.baselines.spiral.measuring import Measurement
from arenas.baselines.spiral.model import load
from arenas.baselines.spiral.reading import Weights
from arenas.baselines.spiral.speaking import speakers
from arenas.core.record import MatchRecord
from arenas.core.rng import Rng
from arenas.policies.language import LanguagePolicy, Sampling
from arenas.policies.language.passes import Passes
from arenas.policies.network import read_saved, write_saved
from arenas.policies.pool import MIRROR, Member, OpponentPool
from arenas.rating.results import PlayerResult
from arenas.rollout.advantages import Key, RoleBaselines, group_advantages
from arenas.rollout.trajectories import Trajectory, play_trajectories
from arenas.training.checkpoint import going_on, read_checkpoint
from arenas.training.folder import write_curve, write_pool, write_table
from arenas.training.measuring import LEARNER


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
        check_listed(self.games, config.moves)
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
        self._measurement = Measurement(self.games, config)

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
            replace(each, reward=each.reward / unit(self.games[each.game])) for each in trajectories
        ]
        if self.config.advantage == "grpo":
            advantages = group_advantages(scaled)
        else:
            advantages = self.baselines.advantages(scaled)
        pairs = zip(trajectories, advantages, strict=True)
        return [Sampled(row, advantage) for each, advantage in pairs for row in each.rows()]

    def health(self, trajectories: Sequence[Trajectory]) -> dict[str, float]:
        """What shows a collapse, of one iteration, as `health` has it; sets `alarms`."""
        figures = health(trajectories, self.games, self.player.prompts)
        if not self._usual_length:
            self._usual_length = figures["reply_tokens"]
        self.alarms = alarms(figures, self._usual_length)
        return figures

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
        with self.averaged() as player:
            return self._measurement.of(player, self._scorer, games)

    def _scorer(self) -> LanguagePolicy:
        return LanguagePolicy(
            self.model,
            self.tokenizer,
            moves="labels" if self.config.moves == "labels" else "scored",
            sampling=Sampling(temperature=self.config.temperature),
            history=False,
        )

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


def _set(into: Mapping[str, torch.Tensor], weights: Weights) -> None:
    with torch.no_grad():
        for name, each in weights.items():
            into[name].copy_(each)
