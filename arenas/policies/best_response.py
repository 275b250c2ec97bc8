"""The exact best response to a policy, by walking the whole game tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from arenas.core.game import Game
from arenas.core.policy import Policy, StochasticPolicy, Turn
from arenas.core.rng import Rng

_NO_RNG = Rng(0)


class BestResponse(StochasticPolicy):
    """Plays, in whichever seat, what earns most against `policy` in all the other seats.

    The game must be sequential with discrete actions and starting states that can be listed, and
    `policy` must say its `distribution`. Each seat's response is computed when first needed: its
    information states are solved deepest first, weighting each state by the chance of the others
    bringing it about (perfect recall makes that order safe). Among equal actions the lowest is
    played.
    """

    def __init__(self, game: Game[Any], policy: Policy) -> None:
        if not game.num_actions or game.spec.simultaneous:
            raise ValueError(f"best responses need discrete moves in turn; {game!r} has others")
        self.game = game
        self.policy = policy
        self.name = f"best-response:{policy.name}"
        self._solved: dict[int, tuple[dict[str, int], float]] = {}

    def distribution(self, turn: Turn) -> Sequence[float]:
        actions, _ = self.solve(turn.seat)
        row = [0.0] * self.game.num_actions
        row[actions[turn.info_state]] = 1.0
        return row

    def value(self, seat: int) -> float:
        """Expected reward of the best response in `seat`."""
        return self.solve(seat)[1]

    def solve(self, seat: int) -> tuple[dict[str, int], float]:
        """The best action at each information state of `seat`, and the expected reward."""
        if seat not in self._solved:
            self._solved[seat] = _solve(self.game, self.policy, seat)
        return self._solved[seat]


def _solve(game: Game[Any], policy: Policy, seat: int) -> tuple[dict[str, int], float]:
    starts = list(game.chance())
    members: dict[str, list[tuple[float, Any]]] = defaultdict(list)
    depths: dict[str, int] = {}

    def visit(state: Any, reach: float, depth: int) -> None:
        movers = game.movers(state)
        if not movers:
            return
        if movers[0] == seat:
            key = game.info_state(state, seat)
            members[key].append((reach, state))
            depths[key] = depth
        for action, probability in _weights(game, policy, state, movers[0], seat):
            visit(_after(game, state, action), reach * probability, depth + 1)

    best: dict[str, int] = {}

    def value(state: Any) -> float:
        movers = game.movers(state)
        if not movers:
            outcome = game.outcome(state)
            assert outcome is not None
            return outcome.rewards[seat]
        if movers[0] == seat:
            return value(_after(game, state, best[game.info_state(state, seat)]))
        weights = _weights(game, policy, state, movers[0], seat)
        return sum(p * value(_after(game, state, action)) for action, p in weights if p)

    for probability, state in starts:
        visit(state, probability, 0)
    for key in sorted(members, key=lambda k: -depths[k]):
        legal = game.legal(members[key][0][1], seat) or ()
        worth = {a: sum(r * value(_after(game, s, a)) for r, s in members[key]) for a in legal}
        best[key] = max(worth, key=lambda action: (worth[action], -action))
    return best, sum(probability * value(state) for probability, state in starts)


def _weights(
    game: Game[Any], policy: Policy, state: Any, mover: int, seat: int
) -> list[tuple[int, float]]:
    legal = game.legal(state, mover) or ()
    if mover == seat:
        return [(action, 1.0) for action in legal]
    row = policy.distribution(Turn(game, state, mover, _NO_RNG))
    return [(action, row[action]) for action in legal]


def _after(game: Game[Any], state: Any, action: int) -> Any:
    return game.play(game.copy(state), {game.movers(state)[0]: action})
