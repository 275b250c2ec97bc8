"""Text games as environments of tinker-cookbook: a coroutine for each seat, and a table for all.

Written for tinker-cookbook 0.6. A group of environments is one or several matches of a deal, every
seat of them an environment; the seats of a match wait for each other at a `Table`. Observations are
rendered and actions parsed by a renderer of the cookbook, so what is trained on are the ids that
were sent and sampled.

The cookbook subtracts a group's mean from its returns. Over all seats of a zero-sum game that mean
is always 0, and the seat that moves first may still be the better one; `by_seat` compares each
seat with itself in the other matches of the deal.

Training needs Tinker's service. What is run in tests is its part on this side: rollouts by
`do_group_rollout`, and `assemble_training_data`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import chz
import tinker
from tinker_cookbook.renderers import Renderer, get_renderer, get_text_content
from tinker_cookbook.rl.types import (
    Env,
    EnvGroupBuilder,
    InitialObservationOverflow,
    RLDataset,
    RLDatasetBuilder,
    StepResult,
)
from tinker_cookbook.tokenizer_utils import get_tokenizer

from arenas.core.match import IllegalPolicy, Match
from arenas.core.policy import Policy, Reply, Turn
from arenas.core.rng import SeedSequence, check_seed
from arenas.registry import make_game, make_player
from arenas.rollout.scheduler import Running


class Table:
    """One match, whose seats answer in coroutines.

    Args:
        match: not begun, with a conversation.
        players: who answers for seats that no coroutine has.
        repeat: which playing of the deal this is; players draw anew in each.
        patience: seconds that a seat waits for the others.
    """

    def __init__(
        self,
        match: Match,
        players: Mapping[int, Policy],
        repeat: int = 0,
        patience: float = 3600.0,
    ) -> None:
        self.match = match
        self._players, self._patience = players, patience
        self._running = Running(0, 0, "", match, (), (), repeat=repeat)
        self._open: dict[int, Turn] = {}
        self._begun = False
        self._changed = asyncio.Condition()

    async def turn(self, seat: int) -> Turn | None:
        """The seat's next turn, as soon as it is to move; None when the match is over.

        Raises:
            TimeoutError: the others did not move for so long; perhaps their rollout has failed.
        """
        async with self._changed:
            if not self._begun:
                self._begun = True
                await self._ask()
            waiting = self._changed.wait_for(lambda: self.match.over or seat in self._open)
            await asyncio.wait_for(waiting, self._patience)
            return self._open.get(seat)

    async def answer(self, seat: int, text: str) -> None:
        """Takes the seat's reply to its turn."""
        async with self._changed:
            if self._running.answered(self._open.pop(seat), Reply(text=text)):
                await self._go_on()
                await self._ask()
            self._changed.notify_all()

    async def _ask(self) -> None:
        """Asks whoever is to move, until a coroutine is."""
        while not self.match.over:
            turns = self._running.ask()
            self._open = {turn.seat: turn for turn in turns if turn.seat not in self._players}
            complete = False
            for turn in turns:
                if turn.seat in self._players:
                    player = self._players[turn.seat]
                    (reply,) = await asyncio.to_thread(player.act, [turn])
                    complete = self._running.answered(turn, reply)
            if not complete:
                return
            await self._go_on()

    async def _go_on(self) -> None:
        if self.match.game.spec.waits:
            await asyncio.to_thread(self._running.go_on)
        else:
            self._running.go_on()


class SeatEnv(Env):
    """A seat of a match; its rewards add up to what the seat earned.

    A seat that is never asked has a rollout without tokens, and what it earned all the same.
    """

    def __init__(self, table: Table, seat: int, renderer: Renderer) -> None:
        self.table, self.seat, self.renderer = table, seat, renderer
        self._paid = 0.0

    async def initial_observation(self) -> Any:
        turn = await self.table.turn(self.seat)
        if turn is None:
            return InitialObservationOverflow(self._pay(), {"stop/completed": 1.0})
        return self._prompt(turn), self.renderer.get_stop_sequences()

    async def step(self, action: list[int], *, extra: Any = None) -> Any:
        message, _ = self.renderer.parse_response(action)
        match, before = self.table.match, self.table.match.illegal_moves[self.seat]
        await self.table.answer(self.seat, get_text_content(message))
        # Seats that move at once are judged together, so the verdict is there with the next turn.
        turn = await self.table.turn(self.seat)
        metrics = {"illegal": float(match.illegal_moves[self.seat] - before)}
        if turn is None:
            metrics["stop/completed"] = 1.0
        return StepResult(
            reward=self._pay(),
            episode_done=turn is None,
            next_observation=tinker.ModelInput.empty() if turn is None else self._prompt(turn),
            next_stop_condition=self.renderer.get_stop_sequences(),
            metrics=metrics,
        )

    def _prompt(self, turn: Turn) -> tinker.ModelInput:
        return self.renderer.build_generation_prompt(turn.messages)

    def _pay(self) -> float:
        """What the seat was paid since it was last asked."""
        total = self.table.match.totals[self.seat]
        paid, self._paid = total - self._paid, total
        return paid


@dataclass
class DealBuilder(EnvGroupBuilder):
    """Matches of one deal, every seat of them an environment. It can be pickled.

    A rollout strategy that replaces single environments after a failure would leave the other
    seats of a match alone at the table; the cookbook's `FailFast`, its default, does not.

    Attributes:
        game: "KuhnPoker-v0" or "selfplay/KuhnPoker-v0".
        renderer: of the cookbook, made by `get_renderer`.
        seed: of the deal.
        options: the game's own.
        repeats: matches of the deal.
        seats: those that are environments; None for all.
        opponent: the player of ours in all other seats.
        illegal, max_cycles: as in `arenas.make`; not "raise".
        by_seat: subtract from each seat's return its mean over the group's matches.
        patience: seconds that a seat waits for the others.
    """

    game: str
    renderer: Renderer
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    repeats: int = 1
    seats: tuple[int, ...] | None = None
    opponent: str = "random"
    illegal: str = "retry:1"
    max_cycles: int | None = None
    by_seat: bool = False
    patience: float = 3600.0

    def __post_init__(self) -> None:
        if IllegalPolicy.read(self.illegal).kind == "raise":
            raise ValueError("illegal='raise' would end a rollout without a reward")
        if self.by_seat and self.repeats < 2:
            raise ValueError("by_seat compares matches of a deal: take repeats of at least 2")

    async def make_envs(self) -> Sequence[SeatEnv]:
        game = make_game(self.game, **self.options)
        everyone = range(game.spec.seats)
        trained = tuple(everyone) if self.seats is None else self.seats
        others = [seat for seat in everyone if seat not in trained]
        player = make_player(self.game, self.opponent, game) if others else None
        players = {seat: player for seat in others if player is not None}
        rule = IllegalPolicy.read(self.illegal)
        envs = []
        for repeat in range(self.repeats):
            match = Match(game, self.seed, rule, self.max_cycles, language=True)
            table = Table(match, players, repeat, self.patience)
            envs += [SeatEnv(table, seat, self.renderer) for seat in trained]
        return envs

    async def compute_group_rewards(
        self, trajectory_group: list[Any], env_group: Sequence[Any]
    ) -> list[tuple[float, dict[str, float | int]]]:
        """What is added to returns: nothing, or minus the seat's mean (`by_seat`)."""
        earned = [(env.seat, env.table.match.totals[env.seat]) for env in env_group]
        rewards: list[tuple[float, dict[str, float | int]]] = []
        for seat, total in earned:
            mean = fmean(other for own, other in earned if own == seat)
            metrics: dict[str, float | int] = {f"player_{seat}/outcome": total}
            rewards.append((-mean if self.by_seat else 0.0, metrics))
        return rewards

    def logging_tags(self) -> list[str]:
        return [self.game]


class DealDataset(RLDataset):
    """Batches of deals.

    Args:
        builder: what is played; each deal has a seed of its own in the place of `builder.seed`,
            which all of them follow from. Where it names some seats of a game, deals go through
            them one by one.
        batch_size: deals of a batch.
        batches: their number.
    """

    def __init__(self, builder: DealBuilder, batch_size: int, batches: int) -> None:
        seeds = SeedSequence(check_seed(builder.seed))
        self._deals = []
        for number in range(batch_size * batches):
            deal = DealBuilder(**{**vars(builder), "seed": seeds.next()})
            if builder.seats is not None:
                deal.seats = (builder.seats[number % len(builder.seats)],)
            self._deals.append(deal)
        self._batch_size = batch_size

    def get_batch(self, index: int) -> Sequence[DealBuilder]:
        """The deals of a batch."""
        return self._deals[index * self._batch_size : (index + 1) * self._batch_size]

    def __len__(self) -> int:
        return len(self._deals) // self._batch_size


@chz.chz
class DealDatasetBuilder(RLDatasetBuilder):
    """What `tinker_cookbook.rl.train` takes as its `dataset_builder`.

    Attributes:
        model_name, renderer_name: as the cookbook calls them.
        game, options, repeats, opponent, illegal, by_seat, seed: as in `DealBuilder`.
        seats: as there; empty for all.
        batch_size, batches: as in `DealDataset`.
    """

    model_name: str
    renderer_name: str
    game: str
    options: dict[str, Any] = chz.field(default_factory=dict)
    repeats: int = 1
    seats: tuple[int, ...] = ()
    opponent: str = "random"
    illegal: str = "retry:1"
    by_seat: bool = False
    seed: int = 0
    batch_size: int = 64
    batches: int = 100

    async def __call__(self) -> tuple[DealDataset, None]:
        builder = DealBuilder(
            self.game,
            get_renderer(self.renderer_name, get_tokenizer(self.model_name)),
            self.seed,
            self.options,
            self.repeats,
            self.seats or None,
            self.opponent,
            self.illegal,
            by_seat=self.by_seat,
        )
        return DealDataset(builder, self.batch_size, self.batches), None
