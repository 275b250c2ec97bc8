"""TRL's trainers on text games: every seat trained, one seat, or rollouts beside the trainer.

Written for TRL 1.16. Rewards are those of the matches' outcomes, and token ids are those that were
sent and sampled.

| what | for | who is trained | baseline |
| --- | --- | --- | --- |
| `SelfPlay` | `GRPOTrainer(rollout_func=...)` | all seats, or one of them | its group's mean |
| `SeatEnvironments` | `GRPOTrainer(environment_factory=...)` | one seat | its group's mean |
| `SelfPlayWorker` | `AsyncGRPOTrainer(rollout_worker=...)` | all seats | one for each seat |

`SelfPlay` is the one to begin with: the environments need a model that calls tools, and the
asynchronous trainer needs CUDA and a server of vLLM.
"""

from __future__ import annotations

import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from transformers import TrainerCallback

from arenas.adapters.opponents import LEARNER, Opponent, Opponents
from arenas.adapters.seats import News
from arenas.core.match import IllegalPolicy, Match, check_max_cycles
from arenas.core.policy import Policy, Turn, answer
from arenas.core.rng import Rng, SeedSequence, check_seed
from arenas.policies.language import LanguagePolicy, Sampling
from arenas.policies.pool import Member, OpponentPool
from arenas.registry import make_game, make_player
from arenas.rollout.advantages import RoleBaselines
from arenas.rollout.conversions import training_rows, trl_rollout
from arenas.rollout.conversions.rows import incomparable, own_logprobs
from arenas.rollout.matches import Games
from arenas.rollout.trajectories import Trajectory, play_trajectories

Learner = Callable[[Any, Any], Policy]
"""Of the model without its wrappings and the trainer: the player that is trained."""


# -- every seat ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Deal:
    """A deal of one call: who is met in it, None being the learner, and which seats are trained."""

    opponent: Policy | None
    seats: tuple[int, ...]


class SelfPlay:
    """A `rollout_func` of `GRPOTrainer`: the model plays itself, or meets frozen opponents.

    TRL hands over prompts that are repeated `num_generations` times already (its documentation says
    that they are not), takes exactly as many rows back, and takes the mean reward of every
    `num_generations` neighbouring rows as their baseline. So such a group of rows is here one seat
    of one deal, played that many times: a game of S seats takes S groups, one against opponents. A
    seat that had no turn, and groups too few for one more deal, are rows of one masked token whose
    reward is None, which TRL keeps out of the mean. What the prompts say is not read.

    A seat's turns make one row as long as prompts only grow. Where they do not (`history=False`,
    templates that drop earlier reasoning), one of its turns, drawn at random, stands for all: so
    seats count alike, however long they played.

    Rows have the columns of `trl_rollout`, and `turns` and `illegal`, the numbers of a seat's
    replies and of the illegal ones among them. `outcome` is the reward function that reads them.

    Args:
        games: an id, or several: ids, or pairs of an id and options. Each call begins with another.
        opponent: None, or who sits in all seats but one, the learner's, which is drawn for each
            deal. A pool may answer that the learner meets itself.
        options: the game's own, where there is one game.
        seed: what is dealt and drawn follows from it, the process and the step.
        history: show a seat all that it was told and said, or the situation alone.
        illegal, max_cycles: as in `arenas.make`.
        learner: makes the player of a model and its trainer, for servers or other ways to move;
            None samples free text with the trainer's weights, temperature, `top_p`, `top_k` and
            `max_completion_length` as the budget of one reply.

    Raises:
        UnknownNameError: no such game, option or player; the message lists what exists.
        ValueError: (when called) the number of prompts is no multiple of `num_generations`.
    """

    def __init__(
        self,
        games: Games,
        opponent: Opponent | None = None,
        *,
        options: Mapping[str, Any] | None = None,
        seed: int = 0,
        history: bool = True,
        illegal: str = "retry:1",
        max_cycles: int | None = None,
        learner: Learner | None = None,
    ) -> None:
        self._games = _listed(games, options)
        made = [make_game(game_id, **own) for game_id, own in self._games]
        self._seats = [game.spec.seats for game in made]
        self._opponents = [
            Opponents(game_id, game, opponent)
            for (game_id, _), game in zip(self._games, made, strict=True)
        ]
        self._seed = check_seed(seed)
        self._history = history
        self._rules: dict[str, Any] = {"illegal": illegal, "max_cycles": max_cycles}
        self._learner = learner or self._language
        self._last = (0, -1)

    def __call__(self, prompts: Sequence[Any], trainer: Any) -> dict[str, list[Any]]:
        """Plays matches for as many rows as there are prompts; what TRL calls."""
        training = trainer.model.training
        repeats = trainer.num_generations if training else trainer.num_generations_eval
        if len(prompts) % repeats:
            raise ValueError(
                f"{len(prompts)} prompts are no multiple of num_generations={repeats}: let each "
                "process have whole groups (per_device_train_batch_size * steps_per_generation)"
            )
        rng = Rng(self._seed).fork(trainer.accelerator.process_index, *self._call(trainer))
        first = rng.below(len(self._games))
        deals = self._deals(len(prompts) // repeats, first, rng)
        with _weights(trainer) as model:
            learner = self._learner(model, trainer)
            played = self._play(deals, first, repeats, learner, rng)
        found: list[dict[str, list[Any]]] = []
        for number, deal in enumerate(deals):
            matches = played[number * repeats : (number + 1) * repeats]
            for seat in deal.seats:
                found.append(_group([seats[seat] for seats in matches], repeats, rng, trainer))
            if deal.opponent is not None:
                rewards = [seats[deal.seats[0]].reward for seats in matches]
                at = (first + number) % len(self._games)
                self._opponents[at].record(deal.opponent, rewards)
        while len(found) < len(prompts) // repeats:
            found.append(_group([], repeats, rng, trainer))
        return {name: [each for group in found for each in group[name]] for name in found[0]}

    def _call(self, trainer: Any) -> tuple[int, int]:
        """The step, and which call at this step it is, so that a run that goes on deals anew."""
        step = trainer.state.global_step
        self._last = (step, self._last[1] + 1 if self._last[0] == step else 0)
        return self._last

    def _deals(self, groups: int, first: int, rng: Rng) -> list[_Deal]:
        deals: list[_Deal] = []
        room = groups
        while room:
            at = (first + len(deals)) % len(self._games)
            opponent, seats = self._opponents[at].draw(), self._seats[at]
            trained = tuple(range(seats)) if opponent is None else (rng.below(seats),)
            if len(trained) > room:
                break
            room -= len(trained)
            deals.append(_Deal(opponent, trained))
        if not deals:
            raise ValueError(
                f"{seats} seats are trained and the prompts are {groups} groups: take "
                "num_generations prompts for each seat in a generation (generation_batch_size)"
            )
        return deals

    def _play(
        self, deals: Sequence[_Deal], first: int, repeats: int, learner: Policy, rng: Rng
    ) -> list[tuple[Trajectory, ...]]:
        order = self._games[first:] + self._games[:first]
        seats = self._seats[first:] + self._seats[:first]

        def players(_: str, group: int) -> list[Policy]:
            deal = deals[group]
            return [
                learner if deal.opponent is None or seat in deal.seats else deal.opponent
                for seat in range(seats[group % len(seats)])
            ]

        played = play_trajectories(
            order,
            players,
            len(deals) * repeats,
            rng.bits() >> 11,
            repeats=repeats,
            swap=False,
            **self._rules,
        )
        return [each.seats for each in played]

    def _language(self, model: Any, trainer: Any) -> Policy:
        sampling = Sampling(
            temperature=trainer.temperature,
            top_p=trainer.top_p,
            top_k=max(trainer.top_k or 0, 0),
            max_tokens=trainer.max_completion_length,
        )
        return LanguagePolicy(
            model,
            _tokenizer(trainer.processing_class),
            sampling=sampling,
            history=self._history,
            name=LEARNER,
            version=trainer.state.global_step,
        )


def outcome(reward: Sequence[float | None], **columns: Any) -> list[float | None]:
    """The reward function for `SelfPlay`: what each seat earned in its match.

    It logs `illegal`, the share of replies that named no legal move.
    """
    turns = sum(columns["turns"])
    if turns:
        columns["log_metric"]("illegal", sum(columns["illegal"]) / turns)
    return list(reward)


def _group(
    seats: Sequence[Trajectory], repeats: int, rng: Rng, trainer: Any
) -> dict[str, list[Any]]:
    """The rows of one seat of one deal, in as many matches as TRL takes the mean over."""
    end_id = _tokenizer(trainer.processing_class).pad_token_id
    rows: dict[str, list[Any]] = {}
    for number in range(repeats):
        seat = seats[number] if number < len(seats) else None
        row = trl_rollout([] if seat is None else [_one_row(seat, rng)], 1, end_id)
        row["turns"] = [0 if seat is None else len(seat.turns)]
        row["illegal"] = [
            0 if seat is None else sum(turn.illegal is not None for turn in seat.turns)
        ]
        for name, values in row.items():
            rows.setdefault(name, []).extend(values)
    return rows


def _one_row(seat: Trajectory, rng: Rng) -> Trajectory:
    """The seat as it is, or one of its turns where they are several rows."""
    seat = replace(seat, trainable=True)
    if len(training_rows([seat])) < 2:
        return seat
    turns = [turn for turn in seat.turns if training_rows([replace(seat, turns=(turn,))])]
    return replace(seat, turns=(rng.choice(turns),))


@contextmanager
def _weights(trainer: Any) -> Iterator[Any]:
    """The trainer's model without its wrappings, in the state that generates."""
    from trl.models import unwrap_model_for_generation

    with unwrap_model_for_generation(
        trainer.model_wrapped,
        trainer.accelerator,
        gather_deepspeed3_params=trainer.args.ds3_gather_for_generation,
        gradient_checkpointing_kwargs=trainer.args.gradient_checkpointing_kwargs,
    ) as model:
        training = model.training
        model.eval()
        try:
            yield model
        finally:
            model.train(training)


def _listed(games: Games, options: Mapping[str, Any] | None) -> list[tuple[str, dict[str, Any]]]:
    listed = [games] if isinstance(games, str) else games
    return [
        (each, dict(options or {})) if isinstance(each, str) else (each[0], dict(each[1]))
        for each in listed
    ]


def _tokenizer(processor: Any) -> Any:
    return getattr(processor, "tokenizer", processor)


class Snapshots(TrainerCallback):
    """Adds copies of what is trained to a pool of opponents, in a trainer of one process.

    A member's files go when the pool drops it.

    Args:
        pool: that `SelfPlay` or `SeatEnvironments` draws from.
        folder: where the copies are written, one folder each.
        every: optimiser steps between two copies.
        options: of the players, as in `language:PATH?max_tokens=64&history=no`.
    """

    def __init__(self, pool: OpponentPool, folder: str, every: int, options: str = "") -> None:
        self.pool, self.folder, self.every = pool, Path(folder), every
        self.options = f"?{options}" if options else ""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step % self.every:
            return
        path = self.folder / f"step-{state.global_step}"
        kwargs["model"].save_pretrained(path)
        kwargs["processing_class"].save_pretrained(path)
        payload = f"language:{path}{self.options}"
        dropped = self.pool.add(Member(path.name, state.global_step, payload))
        if dropped is not None:
            shutil.rmtree(self.folder / dropped.name)


# -- one seat --------------------------------------------------------------------------------------


class SeatEnvironments:
    """An `environment_factory` of `GRPOTrainer`: one seat is trained, by calls of a tool.

    The model moves by calling `play`, and reads what followed; the opponents answer inside. It
    needs a chat template with tools. A reply without a call ends the rollout: in a match that is
    not over the seat then says nothing until the rules end it, which is a forfeit under `retry`.

    `rows` makes the data set. Without the columns `seed` and `seat` every environment deals
    itself, and the mean over a group of rollouts compares unlike matches.

    Args:
        game_id: "KuhnPoker-v0" or "selfplay/KuhnPoker-v0".
        opponent: who sits in the other seats; a random player while a pool names nobody, since a
            tool cannot ask the model that is trained.
        options: the game's own.
        seed: of the deals.
        illegal, max_cycles: as in `arenas.make`; not "raise".

    Raises:
        UnknownNameError: no such game, option or player; the message lists what exists.
        ValueError: a value is out of range.
    """

    def __init__(
        self,
        game_id: str,
        opponent: Opponent = "random",
        *,
        options: Mapping[str, Any] | None = None,
        seed: int = 0,
        illegal: str = "retry:1",
        max_cycles: int | None = None,
    ) -> None:
        self.game = make_game(game_id, **(options or {}))
        self.illegal = IllegalPolicy.read(illegal)
        if self.illegal.kind == "raise":
            raise ValueError("illegal='raise' would leave a silent model's match without an end")
        self.max_cycles = check_max_cycles(max_cycles)
        self._opponents = Opponents(game_id, self.game, opponent)
        self._nobody = make_player(game_id, "random", self.game)
        self._seeds = SeedSequence(check_seed(seed))
        self._dealt = 0

    def __call__(self) -> SeatEnvironment:
        """One environment; TRL keeps it and resets it for each rollout."""
        return SeatEnvironment(self)

    def rows(self, n: int) -> list[dict[str, Any]]:
        """Rows for `datasets.Dataset.from_list`: n deals, the learner's seat going round."""
        rows = []
        for _ in range(n):
            seed, seat = self.deal()
            prompt = [
                {"role": "system", "content": self.game.brief(seat)},
                {"role": "user", "content": ""},
            ]
            rows.append({"prompt": prompt, "seed": seed, "seat": seat})
        return rows

    def deal(self) -> tuple[int, int]:
        """The seed of the next match, and the learner's seat in it."""
        self._dealt += 1
        return self._seeds.next(), (self._dealt - 1) % self.game.spec.seats

    def opponent(self) -> Policy:
        """Who is met in the next match."""
        return self._opponents.draw() or self._nobody

    def record(self, opponent: Policy, reward: float) -> None:
        """Tells the pool, if there is one, what the learner earned."""
        if opponent is not self._nobody:
            self._opponents.record(opponent, [reward])


class SeatEnvironment:
    """A match seen from the learner's seat; every public method but two is a tool to TRL."""

    def __init__(self, table: SeatEnvironments) -> None:
        self._table = table

    def reset(self, seed: int | None = None, seat: int | None = None, **row: Any) -> str:
        """Starts a match; what the seat is told first, which TRL adds to the user's message."""
        table = self._table
        dealt_seed, dealt_seat = (seed, seat) if seed is not None else table.deal()
        self._seat = dealt_seat or 0
        self._opponent = table.opponent()
        self._match = Match(table.game, dealt_seed, table.illegal, table.max_cycles, language=True)
        self._news = News(self._match, self._seat)
        self._paid = False
        self._play_others()
        return self._news.read()

    def play(self, move: str) -> str:
        """Makes your move in the match.

        Args:
            move: Your move, named as the rules say.

        Returns:
            What has happened since, and what you are to decide now.
        """
        self._match.reply(self._seat, move)
        self._play_others()
        return self._news.read()

    def get_reward(self) -> float:
        """What the seat earned; a match that is not over ends by its silence."""
        match = self._match
        while not match.over:
            match.reply(self._seat, "")
            self._play_others()
        reward = match.totals[self._seat]
        if not self._paid:
            self._paid = True
            self._table.record(self._opponent, reward)
        return reward

    def _play_others(self) -> None:
        match = self._match
        while others := [seat for seat in match.awaited if seat != self._seat]:
            turns = [Turn.of(match, seat) for seat in others]
            for turn, reply in zip(turns, self._opponent.act(turns), strict=True):
                if turn.seat in match.awaited:
                    answer(match, turn.seat, reply)


# -- beside the trainer ----------------------------------------------------------------------------


class SelfPlayWorker:
    """A `rollout_worker` of `AsyncGRPOTrainer`: matches go on while the trainer learns.

    That trainer needs CUDA. What is tested is its protocol: its own queue, batcher and collator
    take what is made here. **It was never run with the trainer itself.**

    Every seat of a match is the player, on a server that the trainer sends its weights to. Rows
    are as many as there are; each has its seat's advantage, which is the return less what that seat
    of that game usually gets (`RoleBaselines`), unless another function is given.

    Args:
        games: as in `play_matches`.
        player: a `ServerPolicy` of the trainer's server with `logprobs="processed"`, or any policy
            with an attribute `version` whose replies carry tokens; it has the trainer's
            `temperature`.
        temperature: the trainer's.
        seed: of the deals.
        repeats: matches of each deal.
        concurrency: matches under way at once.
        illegal, max_cycles, options: as in `arenas.make`.
        advantages: of the trajectories of a deal, one for each; `group_advantages` with repeats.
        ahead: rows that wait for the trainer before matches do.

    Attributes:
        rollout_buffer, metrics_queue: what the trainer empties.
    """

    def __init__(
        self,
        games: Games,
        player: Any,
        *,
        temperature: float = 1.0,
        seed: int = 0,
        repeats: int = 1,
        concurrency: int = 256,
        illegal: str = "retry:1",
        max_cycles: int | None = None,
        options: Mapping[str, Any] | None = None,
        advantages: Callable[[Sequence[Trajectory]], list[float]] | None = None,
        ahead: int = 1024,
    ) -> None:
        self.rollout_buffer: queue.Queue[Any] = queue.Queue(ahead)
        self.metrics_queue: queue.Queue[dict[str, Any]] = queue.Queue()
        self._player, self._temperature = player, temperature
        self._advantages = advantages or RoleBaselines().advantages
        tables = _listed(games, options)
        seats = [make_game(game_id, **own).spec.seats for game_id, own in tables]
        self._played = play_trajectories(
            tables,
            lambda _, group: [player] * seats[group % len(seats)],
            sys.maxsize,
            seed,
            swap=False,
            repeats=repeats,
            concurrency=concurrency,
            illegal=illegal,
            max_cycles=max_cycles,
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="selfplay", daemon=True)
        self._error: BaseException | None = None
        self._beat = time.monotonic()
        player.version = 0

    def start(self) -> None:
        """Begins to play; the trainer calls it after it has sent its weights."""
        self._thread.start()

    def stop(self) -> None:
        """Ends play; matches under way are lost. Calling it again does nothing."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15)

    def update_model_version(self, model_version: int) -> None:
        """Takes note of new weights, which replies from now on are marked with."""
        self._player.version = model_version

    def check_health(self, stale_after_s: float) -> None:
        """Does nothing while rows come.

        Raises:
            RuntimeError: play has failed, or there was no row for so many seconds.
        """
        if self._error is not None:
            raise RuntimeError("self-play has failed") from self._error
        age = time.monotonic() - self._beat
        if age > stale_after_s:
            raise RuntimeError(f"self-play has given nothing for {age:.0f} s")

    def _run(self) -> None:
        try:
            self._beat = time.monotonic()
            for group, deal in groupby(self._played, lambda each: each.seats[0].group):
                seats = [seat for played in deal for seat in played.seats]
                advantages = self._advantages(seats)
                for seat, advantage in zip(seats, advantages, strict=True):
                    for sample in self._samples(group, seat, advantage):
                        self._put(sample)
                if self._stopping.is_set():
                    return
        except BaseException as error:
            self._error = error

    def _put(self, sample: Any) -> None:
        while not self._stopping.is_set():
            self._beat = time.monotonic()
            try:
                self.rollout_buffer.put(sample, timeout=0.5)
            except queue.Full:
                continue
            return

    def _samples(self, group: int, seat: Trajectory, advantage: float) -> list[Any]:
        from trl.experimental.async_grpo.async_rollout_worker import RolloutSample

        found = training_rows([seat])
        problem = incomparable(found)
        if problem is None and any(row.temperature != self._temperature for _, row, _ in found):
            problem = f"log-probabilities are not of temperature {self._temperature}"
        if problem is not None:
            raise ValueError(problem)
        said = [str(turn.move if turn.text is None else turn.text) for turn in seat.turns]
        illegal = fmean(turn.illegal is not None for turn in seat.turns) if said else 0.0
        return [
            RolloutSample(
                prompt=[{"role": "system", "content": f"{seat.game}, {seat.role}"}],
                completion=[{"role": "assistant", "content": each} for each in said],
                input_ids=np.array(row.ids, np.int64),
                completion_mask=np.array(row.mask, np.int64),
                old_log_probs=np.array(own_logprobs(row), np.float32),
                advantage=advantage,
                model_version=min(int(version) for version in row.versions),
                group_id=group,
                metrics={"reward": seat.reward, "illegal": illegal},
                enqueued_at=time.time(),
            )
            for _, row, _ in found
        ]
