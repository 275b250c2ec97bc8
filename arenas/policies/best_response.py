"""The exact best response to a policy, by backward induction over the whole game."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from arenas.core.game import Game
from arenas.core.policy import Policy, StochasticPolicy, Turn
from arenas.core.rng import Rng


class BestResponse(StochasticPolicy):
    """Plays, in whichever seat, what earns most against `policy` in all the other seats.

    Each seat's response is computed when it is first needed. Among equal actions the lowest is
    played.

    Args:
        game: sequential, with discrete actions and starting states that can be listed.
        policy: able to say its `distribution`.

    Raises:
        ValueError: the game's moves are not discrete or are simultaneous.
    """

    def __init__(self, game: Game[Any], policy: Policy) -> None:
        if not game.num_actions or game.spec.simultaneous:
            raise ValueError(f"a best response needs discrete moves in turn; {game!r} has others")
        self.game = game
        self.policy = policy
        self.name = f"best-response:{policy.name}"
        self._solved: dict[int, tuple[dict[str, int], float]] = {}

    def distribution(self, turn: Turn) -> Sequence[float]:
        row = [0.0] * self.game.num_actions
        row[self.solve(turn.seat)[0][turn.info_state]] = 1.0
        return row

    def value(self, seat: int) -> float:
        """Expected reward of the best response in `seat`."""
        return self.solve(seat)[1]

    def solve(self, seat: int) -> tuple[dict[str, int], float]:
        """The best action at each information state of `seat`, and the expected reward.

        Raises:
            ValueError: the starting states are too many to list.
            TypeError: the policy cannot say its distribution.
        """
        if seat not in self._solved:
            self._solved[seat] = _solve(self.game, self.policy, seat)
        return self._solved[seat]


@dataclass
class _Node:
    """A state as the others and chance bring it about, whatever the responding seat does."""

    state: Any
    reach: float = 0.0
    edges: list[tuple[int, float, Hashable]] = field(default_factory=list)


def _solve(game: Game[Any], policy: Policy, seat: int) -> tuple[dict[str, int], float]:
    layers = _layers(game, policy, seat)
    best: dict[str, int] = {}
    below: dict[Hashable, float] = {}
    for layer in reversed(layers):
        members: dict[str, list[_Node]] = defaultdict(list)
        for node in layer.values():
            if node.edges and game.movers(node.state)[0] == seat:
                members[game.info_state(node.state, seat)].append(node)
        for key, nodes in members.items():
            # With perfect recall all states of an information state are equally deep.
            assert key not in best, f"information state {key!r} occurs at several depths"
            worth: dict[int, float] = defaultdict(float)
            for node in nodes:
                for action, _, after in node.edges:
                    worth[action] += node.reach * below[after]
            best[key] = max(worth, key=lambda action: (worth[action], -action))
        below = {key: _value(game, node, seat, best, below) for key, node in layer.items()}
    return best, sum(node.reach * below[key] for key, node in layers[0].items())


def _layers(game: Game[Any], policy: Policy, seat: int) -> list[dict[Hashable, _Node]]:
    """All states by depth; states that are equal are one node."""
    layer: dict[Hashable, _Node] = {}
    for probability, state in game.chance():
        layer.setdefault(game.key(state), _Node(state)).reach += probability
    layers = []
    while layer:
        layers.append(layer)
        layer = {}
        for node in layers[-1].values():
            movers = game.movers(node.state)
            if not movers:
                continue
            mover = movers[0]
            legal = game.legal(node.state, mover) or ()
            row: Sequence[float] = [1.0] * game.num_actions
            if mover != seat:
                row = policy.distribution(Turn(game, node.state, mover, Rng(0)))
            for action in legal:
                after = game.play(game.copy(node.state), {mover: action})
                key = game.key(after)
                layer.setdefault(key, _Node(after)).reach += node.reach * row[action]
                node.edges.append((action, row[action], key))
    return layers


def _value(
    game: Game[Any],
    node: _Node,
    seat: int,
    best: dict[str, int],
    below: dict[Hashable, float],
) -> float:
    if not node.edges:
        outcome = game.outcome(node.state)
        assert outcome is not None
        return outcome.rewards[seat]
    if game.movers(node.state)[0] != seat:
        return sum(probability * below[after] for _, probability, after in node.edges)
    action = best[game.info_state(node.state, seat)]
    return next(below[after] for each, _, after in node.edges if each == action)
