"""Kuhn poker in words, hand by hand.

A match has thousands of positions but few different hands, so each phrase is worked out once. A
hand is the row of a match of that hand alone (see `rules`), as a tuple.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from arenas.games.kuhn_poker import rules as flat

Hand = tuple[int, ...]

WORDS = (("check", "bet"), ("fold", "call"))
"""Words of the two actions: before a bet, and facing one."""

RANKS = {2: "JQK", 3: "JQKA", 4: "TJQKA"}
"""Cards by number of players, lowest first."""

MAX_PHRASES = 1 << 12


def single(row: flat.Row, hand: int) -> Hand:
    """One hand of a match."""
    start = flat.hand_base(row, hand)
    alone = (row[flat.PLAYERS], 1, row[flat.BET], flat.opener(row, hand), row[flat.SCORING], 0)
    return (*alone, *row[start : start + flat.CARDS + row[flat.PLAYERS]])


def card_of(hand: Hand, seat: int) -> int:
    """A seat's card, 0 the lowest."""
    return hand[flat.TABLE + flat.CARDS + seat]


@lru_cache(maxsize=MAX_PHRASES)
def history(hand: Hand) -> str:
    """The actions of a hand so far: `p` for a pass, `b` for a bet."""
    acted = hand[flat.TABLE + flat.ACTED]
    return "".join("pb"[flat.bet_at(hand, 0, turn)] for turn in range(acted))


@lru_cache(maxsize=MAX_PHRASES)
def shown(hand: Hand) -> Mapping[int, int]:
    """Cards that a finished hand showed, by seat; none when all but one folded."""
    players, first = hand[flat.PLAYERS], hand[flat.OPENER]
    calls = hand[flat.TABLE + flat.CALLS]
    stayed = [(first + p) % players for p in range(players) if calls >> p & 1]
    seats = stayed or list(range(players))
    return {seat: card_of(hand, seat) for seat in seats} if len(seats) > 1 else {}


@lru_cache(maxsize=MAX_PHRASES)
def said(hand: Hand, agents: tuple[str, ...]) -> str:
    """The actions of a hand so far: "player_0 checks, player_1 bets"."""
    bettor, lines = hand[flat.TABLE + flat.BETTOR], []
    for turn, letter in enumerate(history(hand)):
        word = WORDS[0 <= bettor < turn]["pb".index(letter)]
        lines.append(f"{agents[(hand[flat.OPENER] + turn) % len(agents)]} {word}s")
    return ", ".join(lines)


@lru_cache(maxsize=MAX_PHRASES)
def result(hand: Hand, agents: tuple[str, ...]) -> str:
    """How a finished hand went."""
    ranks = RANKS[hand[flat.PLAYERS]]
    cards = ", ".join(f"{agents[seat]} {ranks[card]}" for seat, card in shown(hand).items())
    end = f"showdown: {cards}; " if cards else ""
    return f"{said(hand, agents)}; {end}{agents[flat.winner(hand, 0)]} takes the pot."


@lru_cache(maxsize=MAX_PHRASES)
def situation(hand: Hand, agents: tuple[str, ...], seat: int) -> str:
    """What a seat knows of a hand under way, and what it may do."""
    rank = RANKS[hand[flat.PLAYERS]][card_of(hand, seat)]
    actions = said(hand, agents)
    mover = flat.to_move(hand)
    if seat != mover:
        so_far = f" So far: {actions}." if actions else ""
        return f"Your card: {rank}.{so_far} {agents[mover]} is to move."
    so_far = f"So far: {actions}." if actions else "You act first."
    moves = " or ".join(f"[{word}]" for word in WORDS[flat.faces_bet(hand)])
    return f"Your card: {rank}. {so_far} Your move: {moves}"
