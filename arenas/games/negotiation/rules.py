"""Negotiation on one row of integers: seats in turn offer, accept or deny trades of whole units.

An offer is one signed number a good, the amounts: what the mover receives (above zero) and gives
(below zero), so no good stands on both sides. It needs something on both sides, and the mover has
what it gives. It stands until another seat accepts it, makes an offer of its own, or all others
have denied it; with two seats an offer that is countered or denied is dead. Whoever accepts has
what the offer asks for, and the offerer still what it gives; nobody accepts an offer of its own.

A move's code has the kind lowest, then for each good its amount + LARGEST, in base
2 * LARGEST + 1. The DISCRETE form numbers the same moves otherwise: 0 accepts, 1 denies, and 2 on
is the number of the amounts.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

from arenas.core.rng import draw, scale

Row = Sequence[int]

PLAYERS, GOODS, TURNS, LARGEST, DISCRETE, STALE, SPEAK_UP, REWARD, FIXED, MIRRORED = range(10)
NOTHING, MOVES = 10, 11
"""Indices of the options.

LARGEST is the most units of a good that an offer can name. STALE keeps a denied offer standing,
lets everyone accept it, the offerer too, and takes accepting nothing for a pass; SPEAK_UP forbids
denying where nothing stands; both are quirks of published versions. FIXED deals what the blank row
holds. MIRRORED is how many seats on the deal of the seed is handed out. Two follow from others:
NOTHING is the number of the amounts that are all zero, MOVES the index of the first move's code.
"""

PLY, OFFERER, OFFERED, TRADES, TABLE = 12, 13, 14, 15, 16
"""Moves played; whose offer stands, or -1; the number of its amounts, its offerer receiving; trades
made; where the table of goods begins."""

LOW_VALUE, HIGH_VALUE, LOW_STOCK, HIGH_STOCK, PUBLIC = 0, 1, 2, 3, 4
"""What everyone knows of a good, PUBLIC numbers each: the ranges of a unit's value and of what a
seat starts with."""

VALUE, STOCK, START, PRIVATE = 0, 1, 2, 3
"""PRIVATE numbers for each seat and good: a unit's value to the seat, what it holds, and what it
started with.

Then follow, one number a seat, the amounts of its last offer or -1; then, one number a ply, the
codes of the moves or -1.
"""

OFFER, ACCEPT, DENY, KINDS = 0, 1, 2, 3

ZERO_SUM, SURPLUS, SHARED = 0, 1, 2
"""Values of REWARD."""


def row_length(players: int, goods: int, turns: int) -> int:
    """Numbers in the row of a match."""
    return TABLE + goods * (PUBLIC + players * PRIVATE) + players + turns


def public(row: Row, good: int) -> int:
    """Index of what everyone knows of a good."""
    return TABLE + good * PUBLIC


def private(row: Row, seat: int, good: int) -> int:
    """Index of a seat's numbers of a good."""
    return TABLE + row[GOODS] * (PUBLIC + seat * PRIVATE) + good * PRIVATE


def last_offer(row: Row, seat: int) -> int:
    """Index of a seat's last offer."""
    return row[MOVES] - row[PLAYERS] + seat


def base(row: Row) -> int:
    """How many amounts a good can have in an offer."""
    return 2 * row[LARGEST] + 1


def bundles(row: Row) -> int:
    """How many numbers of amounts there are: as many above NOTHING as below."""
    return 2 * row[NOTHING] + 1


def kind_of(row: Row, code: int) -> int:
    """OFFER, ACCEPT or DENY."""
    if row[DISCRETE] == 0:
        return code % KINDS
    return ACCEPT if code == 0 else DENY if code == 1 else OFFER


def bundle_of(row: Row, code: int) -> int:
    """The number of an offer's amounts."""
    return code // KINDS if row[DISCRETE] == 0 else code - 2


def code_of(row: Row, kind: int, bundle: int) -> int:
    """The code of a move; `bundle` matters for offers alone."""
    if row[DISCRETE] == 0:
        # Nothing given and nothing asked, so that a move has one code.
        return kind + KINDS * (bundle if kind == OFFER else row[NOTHING])
    return bundle + 2 if kind == OFFER else 0 if kind == ACCEPT else 1


def deal(row: MutableSequence[int], seed: int) -> None:
    """Draws what every seat starts with and what a unit is worth to it, uniform in the ranges."""
    players, goods = row[PLAYERS], row[GOODS]
    own = private(row, 0, 0)
    for seat in range(players):
        drawn = 2 * goods * ((seat + row[MIRRORED]) % players)
        for known in range(TABLE, TABLE + goods * PUBLIC, PUBLIC):
            if row[FIXED] == 0:
                low, high = row[known + LOW_STOCK], row[known + HIGH_STOCK]
                row[own + STOCK] = low + scale(draw(seed, drawn), high - low + 1)
                low, high = row[known + LOW_VALUE], row[known + HIGH_VALUE]
                row[own + VALUE] = low + scale(draw(seed, drawn + 1), high - low + 1)
            row[own + START] = row[own + STOCK]
            own += PRIVATE
            drawn += 2


def to_move(row: Row) -> int:
    """The seat to move; -1 when the match is over."""
    return -1 if row[PLY] == row[TURNS] else row[PLY] % row[PLAYERS]


def may_accept(row: Row) -> bool:
    """Whether the seat to move may accept the offer that stands."""
    offerer = row[OFFERER]
    if offerer < 0:
        return row[STALE] != 0
    seat, goods, largest = row[PLY] % row[PLAYERS], row[GOODS], row[LARGEST]
    if offerer == seat and row[STALE] == 0:
        return False
    left, size = row[OFFERED], 2 * largest + 1
    first = TABLE + goods * PUBLIC + STOCK
    mine, theirs = goods * seat * PRIVATE, goods * offerer * PRIVATE
    for held in range(first, first + goods * PRIVATE, PRIVATE):
        amount = left % size - largest
        if amount != 0 and (amount > row[held + mine] or -amount > row[held + theirs]):
            return False
        left //= size
    return True


def may_deny(row: Row) -> bool:
    """Whether the seat to move may deny, which passes where no offer stands."""
    return row[SPEAK_UP] == 0 or row[OFFERER] >= 0


def may_offer(row: Row, bundle: int) -> bool:
    """Whether the seat to move may offer these amounts."""
    goods, largest = row[GOODS], row[LARGEST]
    size, first = 2 * largest + 1, private(row, row[PLY] % row[PLAYERS], 0) + STOCK
    gives, asks = False, False
    for held in range(first, first + goods * PRIVATE, PRIVATE):
        amount = bundle % size - largest
        if amount > 0:
            asks = True
        elif amount < 0:
            if -amount > row[held]:
                return False
            gives = True
        bundle //= size
    return bundle == 0 and gives and asks


def is_legal(row: Row, code: int) -> bool:
    """Whether the seat to move may play a code; amounts of a move that is no offer are ignored."""
    kind = kind_of(row, code)
    if kind == OFFER:
        return may_offer(row, bundle_of(row, code))
    return may_accept(row) if kind == ACCEPT else may_deny(row)


def legal(row: Row, out: MutableSequence[int]) -> None:
    """Marks the kinds, then for each good the amounts from what is held up to LARGEST.

    In the DISCRETE form: marks the legal moves.
    """
    seat, goods, largest, size = to_move(row), row[GOODS], row[LARGEST], base(row)
    if row[DISCRETE] != 0:
        list_offers(row, out)
        out[0], out[1] = 1 if may_accept(row) else 0, 1 if may_deny(row) else 0
        return
    out[OFFER] = 1
    out[ACCEPT], out[DENY] = 1 if may_accept(row) else 0, 1 if may_deny(row) else 0
    for good in range(goods):
        held = min(row[private(row, seat, good) + STOCK], largest)
        start = KINDS + good * size + largest
        for place in range(start - held, start + largest + 1):
            out[place] = 1


def list_offers(row: Row, out: MutableSequence[int]) -> None:
    """Marks the legal offers of the DISCRETE form, a run of the first good at a time."""
    seat, largest, size = to_move(row), row[LARGEST], base(row)
    held = min(row[private(row, seat, 0) + STOCK], largest)
    for rest in range(bundles(row) // size):
        owned, gives, asks, left = True, False, False, rest
        for good in range(1, row[GOODS]):
            amount = left % size - largest
            left //= size
            owned = owned and -amount <= row[private(row, seat, good) + STOCK]
            gives = gives or amount < 0
            asks = asks or amount > 0
        # The first good has to bring the side that is still missing.
        low = -held if asks else 1
        high = largest if gives else -1
        if owned and (gives or asks):
            zero = 2 + rest * size + largest
            for place in range(zero + low, zero + high + 1):
                out[place] = 1
            if not (gives and asks):
                out[zero] = 0


def sample(row: Row, word: int) -> int:
    """A random legal code: an answer or an offer, each legal one with some chance.

    A quarter accepts where that is possible, a quarter denies. An offer gives one good and asks for
    another, both uniform, and has each other good on one of its sides with chance 1/8; what is
    given is uniform in 1 to what is held, what is asked in 1 to LARGEST.
    """
    kind = scale(draw(word, 0), 4)
    if kind == 0 and may_accept(row):
        return code_of(row, ACCEPT, 0)
    if kind == 1 and may_deny(row):
        return code_of(row, DENY, 0)
    seat, goods, largest, size = to_move(row), row[GOODS], row[LARGEST], base(row)
    owned = 0
    for good in range(goods):
        if row[private(row, seat, good) + STOCK] > 0:
            owned += 1
    nth, given = scale(draw(word, 1), owned), 0
    for good in range(goods):
        if row[private(row, seat, good) + STOCK] > 0:
            if nth == 0:
                given = good
            nth -= 1
    asked = (given + 1 + scale(draw(word, 2), goods - 1)) % goods
    bundle, weight = 0, 1
    for good in range(goods):
        held = min(row[private(row, seat, good) + STOCK], largest)
        side = scale(draw(word, 3 + 2 * good), 16)
        amount = 0
        if good == given or (good != asked and side == 0 and held > 0):
            amount = -1 - scale(draw(word, 4 + 2 * good), held)
        elif good == asked or side == 1:
            amount = 1 + scale(draw(word, 4 + 2 * good), largest)
        bundle += (amount + largest) * weight
        weight *= size
    return code_of(row, OFFER, bundle)


def play(row: MutableSequence[int], code: int) -> None:
    """Plays a legal move of the seat to move."""
    ply, kind = row[PLY], kind_of(row, code)
    seat = ply % row[PLAYERS]
    if kind == OFFER:
        row[OFFERER], row[OFFERED] = seat, bundle_of(row, code)
        row[last_offer(row, seat)] = row[OFFERED]
    else:
        code = code_of(row, kind, 0)
        if kind == ACCEPT:
            trade(row, seat)
    row[row[MOVES] + ply] = code
    row[PLY] = ply + 1
    # An offer is dead once it comes back to its offerer.
    if row[OFFERER] == (ply + 1) % row[PLAYERS] and row[STALE] == 0:
        row[OFFERER] = -1


def trade(row: MutableSequence[int], seat: int) -> None:
    """Moves the goods of the offer that stands, which `seat` accepts."""
    offerer, left, size = row[OFFERER], row[OFFERED], base(row)
    row[OFFERER] = -1
    if offerer < 0 or offerer == seat:
        return
    row[TRADES] += 1
    mine, theirs = private(row, seat, 0) + STOCK, private(row, offerer, 0) + STOCK
    for place in range(0, row[GOODS] * PRIVATE, PRIVATE):
        amount = left % size - row[LARGEST]
        row[theirs + place] += amount
        row[mine + place] -= amount
        left //= size


def gain(row: Row, seat: int) -> int:
    """By how much a seat's goods are worth more to it than at the start."""
    total, first = 0, private(row, seat, 0)
    for own in range(first, first + row[GOODS] * PRIVATE, PRIVATE):
        total += row[own + VALUE] * (row[own + STOCK] - row[own + START])
    return total


def surplus(row: Row) -> int:
    """The most that all gains can sum to: every unit with the seat that values it most."""
    total = 0
    for good in range(row[GOODS]):
        best, units, worth = 0, 0, 0
        for seat in range(row[PLAYERS]):
            own = private(row, seat, good)
            best = max(best, row[own + VALUE])
            units += row[own + START]
            worth += row[own + START] * row[own + VALUE]
        total += best * units - worth
    return total


def observe(row: Row, seat: int, out: MutableSequence[int]) -> None:
    """Fills what a seat sees; nothing of what others hold or value.

    Turns left; seats from the offerer to this one, plus 1, or 0 if no offer stands; trades made;
    then one number a good each: a unit's value, units held, units at the start, the offer that
    stands, the own last offer, and the last offer of each other seat in turn. Offers are in units
    that this seat would receive (below zero: give); zeros if there is none.
    """
    players, goods = row[PLAYERS], row[GOODS]
    out[0] = row[TURNS] - row[PLY]
    offerer = row[OFFERER]
    out[1] = 0 if offerer < 0 else (seat - offerer) % players + 1
    out[2] = row[TRADES]
    for good in range(goods):
        own = private(row, seat, good)
        out[3 + good] = row[own + VALUE]
        out[3 + goods + good] = row[own + STOCK]
        out[3 + 2 * goods + good] = row[own + START]
    if offerer >= 0:
        show_offer(row, row[OFFERED], offerer == seat, 3 + 3 * goods, out)
    for i in range(players):
        offered = row[last_offer(row, (seat + i) % players)]
        if offered >= 0:
            show_offer(row, offered, i == 0, 3 + (4 + i) * goods, out)


def show_offer(row: Row, bundle: int, own: bool, place: int, out: MutableSequence[int]) -> None:
    """Writes an offer's amounts as a seat would receive them."""
    size = base(row)
    for good in range(row[GOODS]):
        amount = bundle % size - row[LARGEST]
        bundle //= size
        out[place + good] = amount if own else -amount


def score(row: Row, out: MutableSequence[float]) -> None:
    """Rewards from the final holdings, by REWARD.

    ZERO_SUM: 1 for the largest gain, shared by those who have it, what the others pay, 1 each;
    SURPLUS: the own gain as a share of `surplus`, within -1 and 1; SHARED: the sum of gains.
    """
    players = row[PLAYERS]
    most, winners, total = 0, 0, 0
    for seat in range(players):
        own = gain(row, seat)
        out[seat] = 1.0 * own
        total += own
        if seat == 0 or own > most:
            most, winners = own, 0
        if own == most:
            winners += 1
    possible = max(surplus(row), 1) if row[REWARD] == SURPLUS else 1
    for seat in range(players):
        if row[REWARD] == SHARED:
            out[seat] = 1.0 * total
        elif row[REWARD] == SURPLUS:
            out[seat] = max(-1.0, min(1.0, out[seat] / possible))
        elif out[seat] < most:
            out[seat] = -1.0
        else:
            out[seat] = 1.0 * (players - winners) / winners
