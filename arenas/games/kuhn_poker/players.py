"""Scripted and exact players of Kuhn poker."""

from __future__ import annotations

from collections.abc import Sequence

from arenas.core.policy import StochasticPolicy, Turn
from arenas.games.kuhn_poker.game import KuhnPoker

FIRST_MOVER_VALUE = -1 / 18
"""Value of the two-player game to whoever acts first, in chips (Kuhn 1950)."""


class CardStrength(StochasticPolicy):
    """Bets and calls with the highest card, calls half the time with the second, else passes.

    Competent rather than exact; plays every option of the game.
    """

    name = "scripted"

    def __init__(self, game: KuhnPoker, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player 'scripted' takes no argument, got {argument!r}")
        self.players = game.players

    def distribution(self, turn: Turn) -> Sequence[float]:
        card, history = _now(turn)
        if card == self.players:
            put_in = 1.0
        elif card == self.players - 1:
            put_in = 0.5 if "b" in history else 0.0
        else:
            put_in = 0.0
        return (1.0 - put_in, put_in)


class Nash(StochasticPolicy):
    """The Nash equilibria of two-player Kuhn poker: one for each alpha in [0, 1/3].

    The first mover bets the jack with probability alpha, never the queen, the king with 3 alpha,
    and calls with the queen with alpha + 1/3; the second mover's strategy is unique: it bets the
    jack with probability 1/3 after a check and calls with the queen with 1/3. Source: Kuhn, "A
    simplified two-person poker", Contributions to the Theory of Games I (1950).

    Args:
        argument: alpha; 1/3 if empty.

    Raises:
        ValueError: alpha is not a number in [0, 1/3], or the game is not Kuhn's own for two
            players. A match of several hands is fine: it is played hand by hand, which stays an
            equilibrium because the rewards are chips.
    """

    name = "nash"

    def __init__(self, game: KuhnPoker, argument: str = "") -> None:
        if game.players != 2 or game.rules != "kuhn-1950":
            raise ValueError(
                "the Nash family is known for two players under rules='kuhn-1950'; "
                "elsewhere take 'scripted' or 'random'"
            )
        try:
            alpha = float(argument) if argument else 1 / 3
        except ValueError:
            raise ValueError(f"nash:{argument}: alpha is a number in [0, 1/3]") from None
        if not 0 <= alpha <= 1 / 3 + 1e-9:
            raise ValueError(f"nash:{argument}: alpha lies in [0, 1/3]")
        self.put_in = {
            "": (alpha, 0.0, 3 * alpha),
            "p": (1 / 3, 0.0, 1.0),
            "b": (0.0, 1 / 3, 1.0),
            "pb": (0.0, alpha + 1 / 3, 1.0),
        }

    def distribution(self, turn: Turn) -> Sequence[float]:
        card, history = _now(turn)
        put_in = min(1.0, self.put_in[history][card])
        return (1.0 - put_in, put_in)


def _now(turn: Turn) -> tuple[int, str]:
    """Own card and the actions of the current hand."""
    hand = turn.info_state.rsplit("/", 1)[-1]
    return int(hand[0]), hand[1:]


PLAYERS = {"scripted": CardStrength, "nash": Nash, "exact": Nash}
