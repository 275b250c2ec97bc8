"""The exact best response to other seats, by backward induction over the whole game."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from arenas.core.game import Game
from arenas.core.policy import Policy, StochasticPolicy, Turn
from arenas.policies.game_tree import SEVERAL, GameTree, Rows, check_kind


class Response(NamedTuple):
    """What earns one seat most against given play of the others.

    Attributes:
        actions: the action at each information state of the seat, by its key.
        value: expected reward.
    """

    actions: dict[str, int]
    value: float


def best_response(tree: GameTree, rows: Rows, seat: int) -> Response:
    """The best response of `seat` to the rows of all others; the lowest of equal actions.

    Raises:
        ValueError: `seat` forgets its own actions, so induction does not find its best response.
    """
    infosets, children, rewards = tree.infosets, tree.children, tree.rewards
    for each in infosets:
        # Where a state is known for sure, its past does not matter.
        if each.seat == seat and each.origin == SEVERAL and len(each.nodes) > 1:
            raise ValueError(
                f"{tree.game!r}: at {each.key!r} seat {seat} has forgotten what it did, "
                "and a best response needs perfect recall"
            )
    reach = tree.reach(rows, free=seat)
    best: dict[int, int] = {}
    values: dict[int, float] = {}

    def value(node: int) -> float:
        known = values.get(node)
        if known is None:
            number = tree.infoset[node]
            if number < 0:
                known = rewards[node][seat]  # type: ignore[index]
            elif infosets[number].seat == seat:
                known = value(children[node][choose(number)])
            else:
                known = sum(
                    probability * value(child)
                    for probability, child in zip(rows[number], children[node], strict=True)
                )
            values[node] = known
        return known

    def choose(number: int) -> int:
        place = best.get(number)
        if place is None:
            infoset = infosets[number]
            worth = [
                sum(reach[node] * value(children[node][place]) for node in infoset.nodes)
                for place in range(len(infoset.legal))
            ]
            place = best[number] = worth.index(max(worth))
        return place

    # From the ends upwards, so that the recursion stays shallow.
    for node in reversed(range(len(tree))):
        value(node)
    actions = {infosets[n].key: infosets[n].legal[place] for n, place in best.items()}
    return Response(actions, sum(p * values[node] for node, p in tree.starts.items()))


class BestResponse(StochasticPolicy):
    """Plays, in whichever seat, what earns most against `policy` in all the other seats.

    The game is walked and each seat's response computed when first needed. Among equal actions the
    lowest is played.

    Args:
        game: sequential, with discrete actions and starting states that can be listed.
        policy: able to say its `distribution`.

    Raises:
        ValueError: the game's moves are not discrete or are simultaneous.
    """

    def __init__(self, game: Game[Any], policy: Policy) -> None:
        check_kind(game)
        self.game = game
        self.policy = policy
        self.name = f"best-response:{policy.name}"
        self._solved: dict[int, Response] = {}

    def distribution(self, turn: Turn) -> Sequence[float]:
        row = [0.0] * self.game.num_actions
        row[self.solve(turn.seat).actions[turn.info_state]] = 1.0
        return row

    def value(self, seat: int) -> float:
        """Expected reward of the best response in `seat`."""
        return self.solve(seat).value

    def solve(self, seat: int) -> Response:
        """The best action at each information state of `seat`, and the expected reward.

        Raises:
            ValueError: the game is too large to walk, or `seat` forgets its own actions.
            TypeError: the policy cannot say its distribution.
        """
        if seat not in self._solved:
            tree, rows = self._walked
            self._solved[seat] = best_response(tree, rows, seat)
        return self._solved[seat]

    @cached_property
    def _walked(self) -> tuple[GameTree, Rows]:
        tree = GameTree(self.game)
        return tree, tree.rows(self.policy)
