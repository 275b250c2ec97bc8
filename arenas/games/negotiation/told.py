"""What a seat is told: the rules and its part in them, then the table from where it sits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from arenas.core.talk import quoted
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation import text as words
from arenas.games.negotiation.presets import PRESETS

if TYPE_CHECKING:
    from arenas.games.negotiation.game import Negotiation

MAX_KEPT_MOVES = 1 << 12
"""Moves of each seat whose words are kept."""


def brief(game: Negotiation, seat: int) -> str:
    """The rules in words for a seat."""
    preset = PRESETS[game.preset]
    goods = ", ".join(
        f"{good.name} ({_range(good.value)} a unit, {_range(good.stock)} units)"
        for good in preset.goods
    )
    aim = {
        "zero_sum": "Whoever gains the most in worth, each by its own values, wins.",
        "surplus": "Your score is what your goods gain in worth to you, as a share of the "
        "most that everyone together could gain.",
        "shared": "Everyone's score is the sum of what everyone's goods gain in worth.",
    }[game.reward]
    others = game.players - 1
    deny = (
        "A denied offer stays on the table. "
        if game.blank[flat.STALE]
        else "An offer that is answered by another or denied is dead. "
    )
    talk = (
        "You may add one spoken line after the brackets; everyone hears it and it binds nobody."
        if game.talks
        else "Nothing else is heard."
    )
    one, two = game.goods[:2]
    return (
        f"You are {game.spec.agents[seat]} and trade goods with {others} other "
        f"player{'s' if others > 1 else ''}. The goods, with what a unit may be worth to "
        f"someone and what one may start with: {goods}. What you have and what it is worth to "
        f"you is private. You take turns, {game.spec.max_plies} in all. "
        f"In your turn you may offer a trade, accept the offer before you, or deny it. "
        f"{deny}{aim}\n"
        f"Reply with one move in square brackets: [Offer: 2 {one} -> 1 {two}] gives 2 {one} "
        f"and asks for 1 {two}; or [Accept]; or [Deny]. {talk} "
        f"You may reason inside <think>...</think> first; nobody else sees that."
    )


def _range(bounds: tuple[int, int]) -> str:
    low, high = bounds
    return str(low) if low == high else f"{low} to {high}"


class Situation:
    """Puts a seat's situation into words; what recurs is worded once and kept.

    Args:
        game: the rules.
    """

    def __init__(self, game: Negotiation) -> None:
        self._game = game
        self._agents = agents = game.spec.agents
        self._plies = plies = game.spec.max_plies
        self._events: tuple[dict[int, str], ...] = tuple({} for _ in agents)
        # How it ends, by ply: to whoever moves, by its answers, and to the others.
        answers = ("", " or [Deny]", " or [Accept]", " or [Accept] or [Deny]")
        turns = [f"\nTurn {ply + 1} of {plies}" for ply in range(plies)]
        self._asked = [
            [f"{turn}. Your move: [Offer: ...]{each}" for each in answers] for turn in turns
        ]
        self._waits = [
            f"{turn}: {agents[ply % len(agents)]} is to move." for ply, turn in enumerate(turns)
        ] + ["\nThe negotiation is over."]
        self._heard = [
            [_latest(ply, seat, len(agents)) for ply in range(plies + 1)]
            for seat in range(len(agents))
        ]

    def words(
        self,
        seat: int,
        ply: int,
        moves: Sequence[int],
        end: int,
        said: Sequence[str],
        own: Sequence[int],
        first: int,
        gain: int,
        answers: int,
    ) -> str:
        """What a seat is told.

        Args:
            seat: to whom.
            ply: moves played.
            moves, end: their codes stand before this index, at least the last one of each seat.
            said: the line that came with each move; empty in a game that does not talk.
            own, first: from this index on, the seat's private numbers, see `rules.PRIVATE`.
            gain: what it has gained.
            answers: 2 if the seat to move may accept, plus 1 if it may deny.
        """
        told = ""
        for back, other in self._heard[seat][ply]:
            code = moves[end + back]
            told += self._events[other].get(code) or self._event(other, code)
            if said and said[back]:
                told += f" and says {quoted(said[back])}"
            told += ".\n"
        held = ", ".join(
            [units[own[first + stock]][own[first + value]] for value, stock, units in self._units]
        )
        if ply < self._plies and ply % len(self._agents) == seat:
            turn = self._asked[ply][answers]
        else:
            turn = self._waits[ply]
        return f"{told}You have {held}. Your gain so far: {gain:+d}.{turn}"

    @cached_property
    def _units(self) -> list[tuple[int, int, list[list[str]]]]:
        """By good: where its value and its units stand, and both in words, by units and value."""
        goods, found = PRESETS[self._game.preset].goods, []
        for number, good in enumerate(goods):
            most, values = len(self._agents) * good.stock[1], range(good.value[1] + 1)
            words = [[f"{n} {good.name} worth {v} each" for v in values] for n in range(most + 1)]
            place = number * flat.PRIVATE
            found.append((place + flat.VALUE, place + flat.STOCK, words))
        return found

    def _event(self, seat: int, code: int) -> str:
        """What a seat did by a move."""
        blank, event = self._game.blank, "accepts"
        kind = flat.kind_of(blank, code)
        if kind == flat.OFFER:
            offered = self._game.amounts(flat.bundle_of(blank, code))
            event = "offers {} for {}".format(*words.terms(offered, self._game.goods))
        elif kind == flat.DENY:
            event = "denies"
        event = f"{self._agents[seat]} {event}"
        if len(self._events[seat]) < MAX_KEPT_MOVES:
            self._events[seat][code] = event
        return event


def _latest(ply: int, seat: int, players: int) -> tuple[tuple[int, int], ...]:
    """The last move of each other seat once `ply` moves were played: how far back, and whose."""
    first = max(0, ply - players + (ply % players == seat))
    return tuple((n - ply, n % players) for n in range(first, ply) if n % players != seat)
