"""The whole tree of a small game, laid out once for exact solvers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from arenas.core.game import Game
from arenas.core.policy import Policy, Turn
from arenas.core.rng import Rng

MAX_STATES = 1_000_000
"""Trees of more states are refused: about 1 kB each."""

PROBABILITY_SLACK = 1e-5
"""How far the sum of a policy's probabilities may be from 1; networks answer in single precision.
What is left is scaled away."""

Rows = Sequence[Sequence[float]]
"""For each information state the probability of each of its legal actions."""

Origin = tuple[int, int] | None
"""A seat's own last decision: information state and place of the action; None before its first."""

SEVERAL: Origin = (-1, -1)
"""More than one own past leads here."""


@dataclass
class InformationState:
    """The states that the seat to move cannot tell apart.

    Attributes:
        seat: who is to move.
        key: as `Game.info_state` gives it.
        legal: the legal actions, ascending.
        state: one of the states, to ask policies about.
        origin: the seat's own last decision, or SEVERAL where it forgets what it did.
        nodes: the states, by number.
    """

    seat: int
    key: str
    legal: tuple[int, ...]
    state: Any
    origin: Origin
    nodes: list[int] = field(default_factory=list)


@dataclass
class _Found:
    """A state that was reached and not yet expanded, with each seat's own last decision."""

    node: int
    state: Any
    past: tuple[Origin, ...]


class GameTree:
    """Every state of a game, numbered so that it comes after the states that lead to it.

    Equal states (`Game.key`) that are equally deep are one node, so the "tree" of a board game is
    as small as its set of positions.

    Args:
        game: moves in turn, discrete actions, starting states that can be listed.
        max_states: give up beyond so many.

    Attributes:
        game: the game.
        starts: probability of each start, by node.
        children: successors of each node in the order of the legal actions; none at the end.
        infoset: number of each node's information state, -1 at the end.
        rewards: each seat's reward in each node that is an end, else None.
        infosets: the information states in which somebody is to move; a seat's own earlier
            information states come first.

    Raises:
        ValueError: the game is of another kind, or too large.
    """

    def __init__(self, game: Game[Any], max_states: int = MAX_STATES) -> None:
        check_kind(game)
        self.game = game
        self.starts: dict[int, float] = {}
        self.children: list[tuple[int, ...]] = []
        self.infoset: list[int] = []
        self.rewards: list[tuple[float, ...] | None] = []
        self.infosets: list[InformationState] = []
        self._max_states = max_states
        self._numbers: dict[tuple[int, str], int] = {}
        layer: dict[Hashable, _Found] = {}
        nobody_moved: tuple[Origin, ...] = (None,) * game.spec.seats
        for probability, state in game.chance():
            node = self._reach(layer, state, nobody_moved)
            self.starts[node] = self.starts.get(node, 0.0) + probability
        while layer:
            found, layer = layer.values(), {}
            for each in found:
                self._expand(each, layer)

    def __len__(self) -> int:
        return len(self.children)

    def _reach(self, layer: dict[Hashable, _Found], state: Any, past: tuple[Origin, ...]) -> int:
        key = self.game.key(state)
        known = layer.get(key)
        if known is None:
            if len(self.children) == self._max_states:
                raise ValueError(
                    f"{self.game!r} has more than {self._max_states:,} states, "
                    "too many to walk for exact values"
                )
            known = layer[key] = _Found(len(self.children), state, past)
            self.children.append(())
            self.infoset.append(-1)
            self.rewards.append(None)
        elif known.past != past:
            pairs = zip(known.past, past, strict=True)
            known.past = tuple(one if one == two else SEVERAL for one, two in pairs)
        return known.node

    def _expand(self, found: _Found, layer: dict[Hashable, _Found]) -> None:
        game, node, state, past = self.game, found.node, found.state, found.past
        movers = game.movers(state)
        if not movers:
            outcome = game.outcome(state)
            assert outcome is not None
            self.rewards[node] = outcome.rewards
            return
        if len(movers) > 1:
            raise ValueError(f"{game!r}: seats {movers} move at once; exact values need turns")
        (seat,) = movers
        number = self._gather(node, state, seat, past[seat])
        children = []
        for place, action in enumerate(self.infosets[number].legal):
            after = game.apply(game.copy(state), {seat: action})
            own: Origin = (number, place)
            children.append(self._reach(layer, after, (*past[:seat], own, *past[seat + 1 :])))
        self.children[node] = tuple(children)

    def _gather(self, node: int, state: Any, seat: int, origin: Origin) -> int:
        game = self.game
        key, legal = game.info_state(state, seat), tuple(game.legal(state, seat) or ())
        number = self._numbers.setdefault((seat, key), len(self.infosets))
        if number == len(self.infosets):
            self.infosets.append(InformationState(seat, key, legal, state, origin))
        infoset = self.infosets[number]
        if infoset.legal != legal:
            raise ValueError(
                f"information state {key!r} of seat {seat} has the legal actions "
                f"{infoset.legal} in one state and {legal} in another"
            )
        if infoset.origin != origin:
            infoset.origin = SEVERAL
        infoset.nodes.append(node)
        self.infoset[node] = number
        return number

    def rows(self, policies: Policy | Sequence[Policy]) -> list[tuple[float, ...]]:
        """What each policy plays in each information state; every policy is asked once, in a batch.

        Args:
            policies: one for all seats, or one for each.

        Raises:
            TypeError: a policy cannot say its distribution.
            ValueError: there are not as many policies as seats, or an answer is no distribution
                over the legal actions.
        """
        seats = self.game.spec.seats
        sitting = [policies] * seats if isinstance(policies, Policy) else list(policies)
        if len(sitting) != seats:
            raise ValueError(f"{len(sitting)} policies for {seats} seats: give one, or one a seat")
        rows: dict[int, tuple[float, ...]] = {}
        for policy in {id(policy): policy for policy in sitting}.values():
            asked = [n for n, each in enumerate(self.infosets) if sitting[each.seat] is policy]
            infosets = [self.infosets[number] for number in asked]
            turns = [Turn(self.game, each.state, each.seat, Rng(0)) for each in infosets]
            answers = policy.distributions(turns)
            for number, infoset, answer in zip(asked, infosets, answers, strict=True):
                rows[number] = _row(policy, infoset, answer)
        return [rows[number] for number in range(len(self.infosets))]

    def reach(self, rows: Rows, free: int | None = None) -> list[float]:
        """Probability of each node by chance and the rows; whatever seat `free` does counts 1."""
        reach = [0.0] * len(self)
        for node, probability in self.starts.items():
            reach[node] = probability
        for node, (children, number) in enumerate(zip(self.children, self.infoset, strict=True)):
            here = reach[node]
            if number >= 0 and here:
                row = rows[number] if self.infosets[number].seat != free else (1.0,) * len(children)
                for child, probability in zip(children, row, strict=True):
                    reach[child] += here * probability
        return reach


def check_kind(game: Game[Any]) -> None:
    """Does nothing for a game with discrete moves in turn.

    Raises:
        ValueError: its moves are of another kind.
    """
    if not game.num_actions or game.spec.simultaneous:
        raise ValueError(f"exact values need discrete moves in turn; {game!r} has others")


def _row(policy: Policy, infoset: InformationState, answer: Sequence[float]) -> tuple[float, ...]:
    row = tuple(float(answer[action]) for action in infoset.legal)
    total = sum(row)
    # Compared this way round, NaN is refused as well.
    sound = min(row) >= 0 and abs(total - 1) <= PROBABILITY_SLACK
    if not sound:
        raise ValueError(
            f"player {policy.name!r} plays the legal actions {infoset.legal} of {infoset.key!r} "
            f"with {row}, which is no probability distribution"
        )
    return tuple(probability / total for probability in row) if total != 1 else row
