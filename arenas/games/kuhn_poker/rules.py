"""Kuhn poker for 2 to 4 players on one row of integers, one or more hands a match.

Two actions: 0 passes (a check, or a fold when facing a bet), 1 bets (or calls). Seats act in turn
from the opener. After the first bet every other seat answers once; if nobody bets, each seat has
passed once. The opener moves one seat on with every hand.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

from arenas.core.rng import draw, scale

Row = Sequence[int]

PLAYERS, HANDS, BET, OPENER, SCORING, HAND, TABLE = 0, 1, 2, 3, 4, 5, 6
"""Indices of the row: four options, the current hand (HANDS when over), where the hands begin.

Each hand takes a stretch of `stretch(row)` numbers from TABLE on: ACTED, BETTOR, CALLS, then the
card of each seat. The chips that each seat has won or lost so far follow the last hand.
"""

ACTED, BETTOR, CALLS, CARDS = 0, 1, 2, 3
"""Within a hand: actions so far; position of the first bettor or -1; bit set of those who put the
bet in. A position counts from the opener."""

PASS, BETS = 0, 1
"""The two actions."""

CHIPS, MORE_CHIPS, LAST_HAND = 0, 1, 2
"""Values of SCORING: chips won; +-1 for having more chips; +-1 for winning the last hand."""


def row_length(players: int, hands: int) -> int:
    """Numbers in the row of a match."""
    return TABLE + hands * (CARDS + players) + players


def hand_base(row: Row, hand: int) -> int:
    """Index at which a hand's stretch begins; for hand = HANDS, where the chips begin."""
    return TABLE + hand * (CARDS + row[PLAYERS])


def deal(row: MutableSequence[int], seed: int) -> None:
    """Deals every hand: a card of 0 (lowest) to PLAYERS for each seat, one card left over."""
    players = row[PLAYERS]
    used = 0
    for hand in range(row[HANDS]):
        base = hand_base(row, hand)
        row[base + BETTOR] = -1
        # The cards left, four bits each, the lowest card lowest.
        deck = 0x43210
        for seat in range(players):
            place = 4 * scale(draw(seed, used), players + 1 - seat)
            used += 1
            row[base + CARDS + seat] = deck >> place & 15
            lower = (1 << place) - 1
            deck = deck & lower | deck >> 4 & ~lower


def opener(row: Row, hand: int) -> int:
    """The seat that acts first in a hand."""
    return (row[OPENER] + hand) % row[PLAYERS]


def to_move(row: Row) -> int:
    """The seat to move; -1 when the match is over."""
    hand = row[HAND]
    if hand == row[HANDS]:
        return -1
    return (opener(row, hand) + row[hand_base(row, hand) + ACTED]) % row[PLAYERS]


def legal(row: Row, out: MutableSequence[int]) -> None:
    """Both actions are legal at every turn."""
    out[PASS] = out[BETS] = 1


def faces_bet(row: Row) -> bool:
    """Whether the seat to move answers a bet."""
    return row[hand_base(row, row[HAND]) + BETTOR] >= 0


def play(row: MutableSequence[int], action: int) -> None:
    """Plays an action of the seat to move; settles the hand when it was the last one."""
    players, base = row[PLAYERS], hand_base(row, row[HAND])
    position = row[base + ACTED] % players
    row[base + ACTED] += 1
    if action == BETS:
        row[base + CALLS] |= 1 << position
        if row[base + BETTOR] < 0:
            row[base + BETTOR] = position
    bettor = row[base + BETTOR]
    if row[base + ACTED] == (players if bettor < 0 else players + bettor):
        settle(row)
        row[HAND] += 1


def winner(row: Row, hand: int) -> int:
    """The seat with the highest card among those who put the bet in, or of all if nobody bet."""
    players, base, first = row[PLAYERS], hand_base(row, hand), opener(row, hand)
    calls = row[base + CALLS]
    best, best_card = -1, -1
    for position in range(players):
        seat = (first + position) % players
        if (calls == 0 or calls >> position & 1 == 1) and row[base + CARDS + seat] > best_card:
            best, best_card = seat, row[base + CARDS + seat]
    return best


def settle(row: MutableSequence[int]) -> None:
    """Moves the chips of the current hand: each pays an ante of 1, and BET if it put the bet in."""
    players, hand = row[PLAYERS], row[HAND]
    base, chips, first = hand_base(row, hand), hand_base(row, row[HANDS]), opener(row, hand)
    pot = 0
    for position in range(players):
        paid = 1 + row[BET] * (row[base + CALLS] >> position & 1)
        row[chips + (first + position) % players] -= paid
        pot += paid
    row[chips + winner(row, hand)] += pot


def observe(row: Row, seat: int, out: MutableSequence[int]) -> None:
    """Fills the view of the current hand (of the last one when the match is over).

    One-hot position counted from the opener (players), one-hot own card (players + 1), one pair
    (passed, bet) for each of the 2 * players - 1 actions a hand can have; in a match of several
    hands then the hands finished and each seat's chips so far, own first.
    """
    players, hands = row[PLAYERS], row[HANDS]
    hand = min(row[HAND], hands - 1)
    base = hand_base(row, hand)
    out[(seat - opener(row, hand)) % players] = 1
    out[players + row[base + CARDS + seat]] = 1
    index = 2 * players + 1
    for turn in range(row[base + ACTED]):
        out[index + bet_at(row, hand, turn)] = 1
        index += 2
    if hands > 1:
        index = 6 * players - 1
        chips = hand_base(row, hands)
        out[index] = row[HAND]
        for i in range(players):
            out[index + 1 + i] = row[chips + (seat + i) % players]


def bet_at(row: Row, hand: int, turn: int) -> int:
    """The action (0 or 1) at a turn of a hand that was played."""
    base, players = hand_base(row, hand), row[PLAYERS]
    bettor = row[base + BETTOR]
    if bettor < 0 or turn < bettor:
        return PASS
    return row[base + CALLS] >> (turn % players) & 1


def score(row: Row, out: MutableSequence[float]) -> None:
    """Chips won or lost over the match, or +-1 by SCORING in the two-player variants."""
    players, chips = row[PLAYERS], hand_base(row, row[HANDS])
    if row[SCORING] == LAST_HAND:
        last = winner(row, row[HANDS] - 1)
        out[last], out[1 - last] = 1.0, -1.0
    elif row[SCORING] == MORE_CHIPS:
        lead = row[chips] - row[chips + 1]
        out[0] = 1.0 * ((lead > 0) - (lead < 0))
        out[1] = 0.0 - out[0]
    else:
        for seat in range(players):
            out[seat] = 1.0 * row[chips + seat]
