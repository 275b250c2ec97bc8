"""Best responses to a player that may remember everything, by trying all that can be played."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from arenas.core.flat import Position
from arenas.core.game import Move
from arenas.core.policy import Policy, Turn
from arenas.core.rng import Rng
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation.game import Negotiation

MAX_HISTORIES = 100_000
"""Orders of own moves that are tried, at most."""


class ByHistory:
    """Every order of moves, with the other player asked what it does after each.

    Raises:
        ValueError: there are more than `MAX_HISTORIES`.
    """

    def __init__(self, game: Negotiation, other: Policy) -> None:
        self.game = game
        self.other = other
        self._start = game.new(Rng(0))
        self._solved: dict[Any, tuple[float, Move]] = {}
        moves = sum(1 for _ in self._moves(self._start, 0))
        histories = moves ** ((game.spec.max_plies + 1) // 2)
        if histories > MAX_HISTORIES:
            raise ValueError(
                f"{other!r} may remember every move, and there are about {histories:.0e} orders of "
                f"moves in {game!r}, more than {MAX_HISTORIES}: take fewer turns or less `largest`"
            )

    def value(self, seat: int) -> float:
        """The expected reward of `seat`."""
        return self._value(self._start, seat)

    def move(self, state: Position, seat: int) -> Move:
        """The best move of `seat`, which is to move; the first of equal ones."""
        return self._best(state, seat)[1]

    def _value(self, state: Position, seat: int) -> float:
        if not state.movers:
            return self.game.scores(state.row)[seat]
        if state.movers[0] == seat:
            return self._best(state, seat)[0]
        return sum(
            chance * self._value(self.game.apply(state, {1 - seat: move}), seat)
            for chance, move in self._odds(state, 1 - seat)
        )

    def _best(self, state: Position, seat: int) -> tuple[float, Move]:
        key = seat, state.row
        if key not in self._solved:
            apply = self.game.apply
            values = [
                (self._value(apply(state, {seat: move}), seat), move)
                for move in self._moves(state, seat)
            ]
            self._solved[key] = max(values, key=lambda each: each[0])
        return self._solved[key]

    def _moves(self, state: Position, seat: int) -> Iterator[Move]:
        """Every legal move; of the last turn alone one that answers, where there is one."""
        row, game = state.row, self.game
        if flat.may_deny(row):
            yield game.answer_move("deny")
        if flat.may_accept(row):
            yield game.answer_move("accept")
        if row[flat.PLY] < game.spec.max_plies - 1 or not flat.may_deny(row):
            yield from map(game.offer_move, self._offers(row, seat))

    def _offers(self, row: Sequence[int], seat: int) -> Iterator[tuple[int, ...]]:
        largest = self.game.largest
        held = self.game.private(row, seat, flat.STOCK)
        for amounts in product(*(range(-min(n, largest), largest + 1) for n in held)):
            if min(amounts) < 0 < max(amounts):
                yield amounts

    def _odds(self, state: Position, seat: int) -> list[tuple[float, Move]]:
        """What the other player may do, with probabilities."""
        if self.game.num_actions:
            try:
                row = self.other.distribution(Turn(self.game, state, seat, Rng(0)))
                return [(chance, move) for move, chance in enumerate(row) if chance > 0]
            except TypeError:
                pass  # It cannot say, so it has to be sure.
        turns = [Turn(self.game, state, seat, Rng(number)) for number in (0, 1)]
        one, two = (
            turn.parse(reply.text) if reply.text is not None else reply.move
            for turn, reply in zip(turns, self.other.act(turns), strict=True)
        )
        if one != two:
            raise ValueError(f"{self.other!r} draws its moves and cannot say how likely each is")
        return [(1.0, one)]
