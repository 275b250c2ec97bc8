"""Overcooked on one row of integers: the dynamics of overcooked-ai, step by step.

All cooks act at once. In a step the interactions come first, cook 0's, then cook 1's, each in what
the one before has left; then all movement at once; then the pots cook. What is the same for every
match of a kitchen lies in the `table`, see `tables.py`, and what changes in the `row`.

Source: overcooked-ai (Carroll et al. 2019, "On the Utility of Learning about Humans for Human-AI
Coordination"), whose recorded transitions the tests replay. README.md says where we differ.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import Any

from arenas.core.rng import draw, scale

Table = Sequence[int]
Row = Sequence[int]

NORTH, SOUTH, EAST, WEST, STAY, INTERACT = 0, 1, 2, 3, 4, 5
"""The six actions; the first four are directions too."""

FLOOR, COUNTER, ONIONS, TOMATOES, DISHES, POT, HATCH = 0, 1, 2, 3, 4, 5, 6
"""Kinds of cells."""

NOTHING, ONION, TOMATO, DISH, SOUP = 0, 1, 2, 3, 4
"""What hands and counters hold, in the lowest three bits of a number. The four bits above them are
the recipe of a soup."""

# A recipe is `onions + 4 * tomatoes`. A pot holds its recipe in four bits and above them the steps
# that it has cooked plus one, or 0 while it does not cook; an empty pot is 0.

WIDTH, COOKS, NEW_DYNAMICS, HORIZON, PUBLISHED, STARTS, RADIUS, VECTOR = 0, 1, 2, 3, 4, 5, 6, 7
PLACEMENT, DISH_REWARD, SOUP_REWARD, COUNTERS, POTS, CELLS, HEIGHT = 8, 9, 10, 11, 12, 13, 14
"""Places in the table of single numbers; RADIUS is -1 where everything is seen."""

KINDS, SLOTS, SITES, PLACES, POT_PLACES, NEAREST = 16, 17, 18, 19, 20, 21
"""Places of the numbers at which lists begin: kind, slot in the row and offset in the planes of
every cell; cells of the counters; cells of the pots; what is nearest."""

PAY, TIMES, BEST, BEGIN = 32, 48, 64, 80
"""Where lists of sixteen begin: pay of a recipe, its cooking time, the best pay that can become of
it; then `BEGINNINGS` numbers for each cook, and a pot's content for each pot."""

START_CELL, START_FACING, START_HELD, AREA, AREA_SIZE, BEGINNINGS = 0, 1, 2, 3, 4, 5
"""Of a cook at the start: cell, direction, what it holds; where its area begins, and its size."""

FIXED, RANDOM_PLACES, RANDOM_KITCHEN = 0, 1, 2
"""Values of STARTS."""

CLOCK, SCORE, BRIGADE = 0, 1, 2
"""Of the row: steps played, points so far, where the cooks begin."""

CELL, FACING, HELD, ACTION, EVENTS, PAID, SHAPED, AIM = 0, 1, 2, 3, 4, 5, 6, 7
SERVED, DONE, DONE_AT, TOTAL_PAID, TOTAL_SHAPED, COUNTS = 8, 9, 10, 11, 12, 13
"""Of a cook: its cell, direction and hands; its last action (-1 before the first) and what came of
it: bit set of events, points, shaped reward; scratch; the recipe that it delivered last; its last
events that were any, and the step after which they had come; its points and shaped rewards so far;
how often each event came."""

EVENT_NAMES = (
    "tomato_pickup",
    "useful_tomato_pickup",
    "tomato_drop",
    "useful_tomato_drop",
    "potting_tomato",
    "onion_pickup",
    "useful_onion_pickup",
    "onion_drop",
    "useful_onion_drop",
    "potting_onion",
    "dish_pickup",
    "useful_dish_pickup",
    "dish_drop",
    "useful_dish_drop",
    "soup_pickup",
    "soup_delivery",
    "soup_drop",
    "optimal_onion_potting",
    "optimal_tomato_potting",
    "viable_onion_potting",
    "viable_tomato_potting",
    "catastrophic_onion_potting",
    "catastrophic_tomato_potting",
    "useless_onion_potting",
    "useless_tomato_potting",
    "cooking_start",
)
"""Events by bit: the 25 of overcooked-ai in its order, and one of ours."""

NUM_EVENTS = 26
PICKUP, USEFUL_PICKUP, DROP, USEFUL_DROP, POTTING = 0, 1, 2, 3, 4
"""Events of an ingredient or dish, counted from `first_event`."""
SOUP_PICKUP, SOUP_DELIVERY, SOUP_DROP, OPTIMAL, VIABLE, CATASTROPHIC, USELESS = (
    14,
    15,
    16,
    17,
    19,
    21,
    23,
)
COOKING_START = 25

COOK = COUNTS + NUM_EVENTS
"""Numbers of a cook."""

URGENT = 40
"""Steps before the end from which on the last plane is lit."""

PLANES = 16
"""Planes beside the five of each cook."""

COOK_FEATURES, NEAR = 46, 6
"""Numbers that describe a cook in the vector view; entries of NEAREST for a cell and direction."""


def row_length(cooks: int, counters: int, pots: int) -> int:
    """Numbers in the row of a match."""
    return BRIGADE + cooks * COOK + counters + pots


def counter_base(table: Table) -> int:
    """Where the counters begin in a row."""
    return BRIGADE + table[COOKS] * COOK


def pot_base(table: Table) -> int:
    """Where the pots begin in a row."""
    return counter_base(table) + table[COUNTERS]


def deal(table: Table, row: MutableSequence[int], seed: int) -> None:
    """Sets up a start in a zeroed row."""
    cooks, used = table[COOKS], 0
    for k in range(cooks):
        me, start = BRIGADE + k * COOK, BEGIN + k * BEGINNINGS
        row[me + CELL] = table[start + START_CELL]
        row[me + FACING] = table[start + START_FACING]
        row[me + HELD] = table[start + START_HELD]
        row[me + ACTION] = -1
        if table[STARTS] != FIXED:
            row[me + FACING] = scale(draw(seed, used), 4)
            row[me + CELL] = free_cell(table, row, k, draw(seed, used + 1))
            used += 2
    pots = BEGIN + cooks * BEGINNINGS
    for p in range(table[POTS]):
        row[pot_base(table) + p] = table[pots + p]
    if table[STARTS] == RANDOM_KITCHEN:
        scatter(table, row, seed, used)


def free_cell(table: Table, row: Row, k: int, word: int) -> int:
    """The cell of cook k's area that a word of chance names, free of the cooks before it."""
    start = BEGIN + k * BEGINNINGS
    area, size = table[start + AREA], table[start + AREA_SIZE]
    free = 0
    for j in range(size):
        if standing(row, k, table[area + j]) < 0:
            free += 1
    left = scale(word, free)
    for j in range(size):
        if standing(row, k, table[area + j]) < 0:
            left -= 1
            if left < 0:
                return table[area + j]
    return table[start + START_CELL]


def standing(row: Row, cooks: int, cell: int) -> int:
    """Which of the first `cooks` cooks stands on a cell; -1 if none does."""
    for k in range(cooks):
        if row[BRIGADE + k * COOK + CELL] == cell:
            return k
    return -1


def scatter(table: Table, row: MutableSequence[int], seed: int, used: int) -> None:
    """Fills hands (one in two), counters (one in eight) and pots at random, with what there is."""
    for k in range(table[COOKS]):
        if scale(draw(seed, used), 2) == 1:
            row[BRIGADE + k * COOK + HELD] = some_thing(table, draw(seed, used + 1))
        used += 2
    for c in range(table[COUNTERS]):
        if scale(draw(seed, used), 8) == 0:
            row[counter_base(table) + c] = some_thing(table, draw(seed, used + 1))
        used += 2
    for p in range(table[POTS]):
        row[pot_base(table) + p] = some_content(table, seed, used)
        used += 3


def some_content(table: Table, seed: int, used: int) -> int:
    """What a pot holds by three words of chance: nothing, some of a recipe that pays, or a soup."""
    recipe, state = some_recipe(table, draw(seed, used + 1)), scale(draw(seed, used), 3)
    if state == 1 and items(recipe) > 1:
        # Without the last ingredient, so that the old dynamics need not cook it at once.
        return recipe - 1 if recipe & 3 else recipe - 4
    if state == 2:
        return recipe + 16 * (1 + scale(draw(seed, used + 2), table[TIMES + recipe] + 1))
    return 0


def some_recipe(table: Table, word: int) -> int:
    """The recipe that pays which a word of chance names."""
    paying = 0
    for recipe in range(16):
        if table[PAY + recipe] > 0 and may_cook(table, recipe):
            paying += 1
    left = scale(word, paying)
    for recipe in range(16):
        if table[PAY + recipe] > 0 and may_cook(table, recipe):
            left -= 1
            if left < 0:
                return recipe
    return 3


def may_cook(table: Table, recipe: int) -> bool:
    """Whether a recipe ever starts to cook: in the old dynamics only one of three ingredients."""
    return table[NEW_DYNAMICS] == 1 or items(recipe) == 3


def some_thing(table: Table, word: int) -> int:
    """An ingredient of a recipe that pays, a dish or a soup, with even odds."""
    what = scale(word, 3)
    recipe = some_recipe(table, draw(word, 0))
    if what == 0:
        return DISH
    if what == 1:
        return SOUP | recipe << 3
    return ONION if scale(draw(word, 1), items(recipe)) < recipe & 3 else TOMATO


def over(table: Table, row: Row) -> bool:
    """Whether the kitchen has closed."""
    return row[CLOCK] >= table[HORIZON]


def play(table: Table, row: MutableSequence[int], actions: Sequence[int]) -> None:
    """Plays an action of every cook."""
    cooks = table[COOKS]
    # The pots as they are before anyone acts, which is what "useful" goes by.
    full, begun, first_pot = 0, 0, pot_base(table)
    for p in range(first_pot, first_pot + table[POTS]):
        if row[p] >= 16 or items(row[p]) == 3:
            full += 1
        if row[p] >= 16 or 0 < items(row[p]) < 3:
            begun += 1
    for k in range(cooks):
        me = BRIGADE + k * COOK
        row[me + EVENTS] = row[me + PAID] = row[me + SHAPED] = 0
        row[me + ACTION] = actions[k]
    for k in range(cooks):
        if actions[k] == INTERACT:
            interact(table, row, k, full, begun)
    move(table, row)
    row[CLOCK] += 1
    cook(table, row)
    for k in range(cooks):
        me = BRIGADE + k * COOK
        if row[me + EVENTS] != 0:
            account(row, me)


def items(content: int) -> int:
    """Number of ingredients in a pot."""
    return (content & 3) + (content >> 2 & 3)


def step_from(table: Table, cell: int, direction: int) -> int:
    """The cell next to a cell of floor."""
    if direction < 2:
        return cell - table[WIDTH] if direction == NORTH else cell + table[WIDTH]
    return cell + 1 if direction == EAST else cell - 1


def move(table: Table, row: MutableSequence[int]) -> None:
    """Turns and moves all cooks; if two would meet or change places, nobody moves."""
    cooks = table[COOKS]
    moved = False
    for k in range(cooks):
        me = BRIGADE + k * COOK
        row[me + AIM] = row[me + CELL]
        if row[me + ACTION] < STAY:
            row[me + FACING] = row[me + ACTION]
            aim = step_from(table, row[me + CELL], row[me + ACTION])
            if table[table[KINDS] + aim] == FLOOR:
                row[me + AIM] = aim
                moved = True
    if not moved:
        return
    for k in range(cooks):
        me = BRIGADE + k * COOK
        for j in range(k):
            other = BRIGADE + j * COOK
            same = row[me + AIM] == row[other + AIM]
            swap = row[me + AIM] == row[other + CELL] and row[other + AIM] == row[me + CELL]
            if same or swap:
                return
    for k in range(cooks):
        row[BRIGADE + k * COOK + CELL] = row[BRIGADE + k * COOK + AIM]


def cook(table: Table, row: MutableSequence[int]) -> None:
    """The pots go on cooking; in the old dynamics a pot with three ingredients begins by itself."""
    first_pot = pot_base(table)
    for p in range(first_pot, first_pot + table[POTS]):
        content = row[p]
        if content < 16 and table[NEW_DYNAMICS] == 0 and items(content) == 3:
            content += 16
        if content >= 16 and (content >> 4) - 1 < table[TIMES + (content & 15)]:
            content += 16
        row[p] = content


def is_ready(table: Table, content: int) -> bool:
    """Whether the soup in a pot can be taken out."""
    return content >= 16 and (content >> 4) - 1 >= table[TIMES + (content & 15)]


def interact(table: Table, row: MutableSequence[int], k: int, full: int, begun: int) -> None:
    """What cook k does with the cell that it faces.

    Args:
        table, row: of the match.
        k: the cook.
        full, begun: pots that take no more ingredients, and pots that cook, are ready or have one
            or two ingredients; both before anyone acted.
    """
    me = BRIGADE + k * COOK
    cell = step_from(table, row[me + CELL], row[me + FACING])
    kind, held = table[table[KINDS] + cell], row[me + HELD]
    if kind == COUNTER:
        slot = counter_base(table) + table[table[SLOTS] + cell]
        if (held == NOTHING) != (row[slot] == NOTHING):
            handle(table, row, k, max(held, row[slot]), held != NOTHING, full)
            row[me + HELD] = row[slot]
            row[slot] = held
    elif kind == POT:
        use_pot(table, row, me, pot_base(table) + table[table[SLOTS] + cell])
    elif kind == HATCH:
        if held & 7 == SOUP:
            row[me + EVENTS] |= 1 << SOUP_DELIVERY
            row[me + SERVED] = held >> 3
            row[me + PAID] = table[PAY + (held >> 3)]
            row[SCORE] += row[me + PAID]
            row[me + HELD] = NOTHING
    elif held == NOTHING and kind != FLOOR:
        # Dispensers are numbered like what they give.
        thing = kind - ONIONS + ONION
        if thing == DISH and dish_helps(table, row, begun):
            row[me + SHAPED] += table[DISH_REWARD]
            row[me + EVENTS] |= 1 << (first_event(DISH) + USEFUL_PICKUP)
        if thing == DISH:
            row[me + EVENTS] |= 1 << (first_event(DISH) + PICKUP)
        elif thing == ONION or table[PUBLISHED] == 0:
            handle(table, row, k, thing, False, full)
        row[me + HELD] = thing


def first_event(thing: int) -> int:
    """The first event of a kind of thing, PICKUP."""
    if thing == ONION:
        return 5
    return 0 if thing == TOMATO else 10


def handle(
    table: Table, row: MutableSequence[int], k: int, thing: int, down: bool, full: int
) -> None:
    """Notes that cook k picks a thing up or puts it down."""
    me, kind = BRIGADE + k * COOK, thing & 7
    if kind == SOUP:
        row[me + EVENTS] |= 1 << (SOUP_DROP if down else SOUP_PICKUP)
        return
    happened = 1 << (DROP if down else PICKUP)
    if kind == DISH:
        # A dish that lies on a counter is there for everyone, so taking it is never useful.
        useful = down and full == 0 and not other_holds(table, row, k, ONION)
    else:
        stuck = full == table[POTS] and not other_holds(table, row, k, DISH)
        useful = stuck == down
    if useful and (table[PUBLISHED] == 0 or table[COOKS] == 2):
        happened |= 1 << (USEFUL_DROP if down else USEFUL_PICKUP)
    row[me + EVENTS] |= happened << first_event(kind)


def other_holds(table: Table, row: Row, k: int, thing: int) -> bool:
    """Whether a cook other than k holds a thing of this kind."""
    holds = False
    for j in range(table[COOKS]):
        if j != k and row[BRIGADE + j * COOK + HELD] == thing:
            holds = True
    return holds


def dish_helps(table: Table, row: Row, begun: int) -> bool:
    """Whether one more dish is useful: none lies about, and fewer are held than pots begun."""
    if table[PUBLISHED] == 1 and table[COOKS] != 2:
        return False
    first_counter = counter_base(table)
    for c in range(first_counter, first_counter + table[COUNTERS]):
        if row[c] == DISH:
            return False
    held = 0
    for j in range(table[COOKS]):
        if row[BRIGADE + j * COOK + HELD] == DISH:
            held += 1
    return held < begun


def use_pot(table: Table, row: MutableSequence[int], me: int, pot: int) -> None:
    """What the cook at `me` in the row does with a pot that it faces."""
    held, content = row[me + HELD], row[pot]
    if held == NOTHING:
        if table[NEW_DYNAMICS] == 1 and 0 < content < 16:
            row[pot] = content + 16
            row[me + EVENTS] |= 1 << COOKING_START
    elif held == DISH:
        if is_ready(table, content):
            row[me + HELD] = SOUP | (content & 15) << 3
            row[pot] = 0
            row[me + SHAPED] += table[SOUP_REWARD]
            row[me + EVENTS] |= 1 << SOUP_PICKUP
    elif held & 7 != SOUP and content < 16 and items(content) < 3:
        row[pot] = content + (1 if held == ONION else 4)
        row[me + HELD] = NOTHING
        row[me + SHAPED] += table[PLACEMENT]
        before, after = table[BEST + content], table[BEST + row[pot]]
        happened = 0
        if before == after:
            happened |= 1 << OPTIMAL
        if after > 0:
            happened |= 1 << VIABLE
        if before > 0 and after == 0:
            happened |= 1 << CATASTROPHIC
        if before == 0:
            happened |= 1 << USELESS
        # The bits of an onion; a tomato's stand one further.
        happened <<= held - ONION
        row[me + EVENTS] |= happened | 1 << (first_event(held) + POTTING)


def account(row: MutableSequence[int], me: int) -> None:
    """Adds up what the cook at `me` in the row has done in this step."""
    events = row[me + EVENTS]
    row[me + DONE] = events
    row[me + DONE_AT] = row[CLOCK]
    row[me + TOTAL_PAID] += row[me + PAID]
    row[me + TOTAL_SHAPED] += row[me + SHAPED]
    for event in range(NUM_EVENTS):
        row[me + COUNTS + event] += events >> event & 1


def worth(table: Table, row: Row, seat: int) -> float:
    """Points so far, which the cooks share."""
    return 1.0 * row[SCORE]


def report(table: Table, row: Row, seat: int, out: MutableSequence[int]) -> None:
    """Fills points, shaped reward and bit set of events of a seat's last action."""
    me = BRIGADE + seat * COOK
    out[0] = row[me + PAID]
    out[1] = row[me + SHAPED]
    out[2] = row[me + EVENTS]


# -- views -----------------------------------------------------------------------------------------


def observe(table: Table, row: Row, seat: int, out: MutableSequence[Any]) -> None:
    """Draws what a seat sees onto a copy of the backdrop, which holds all that never changes."""
    if table[VECTOR] == 1:
        show_vector(table, row, seat, out)
    else:
        show_planes(table, row, seat, out)


def nth_cook(seat: int, j: int) -> int:
    """The cook that a view names in place j: its own first, the others in the order of seats."""
    if j == 0:
        return seat
    return j - 1 if j <= seat else j


def is_near(table: Table, row: Row, seat: int, cell: int) -> bool:
    """Whether a seat sees a cell: it lies within RADIUS of it, as a king moves."""
    radius = table[RADIUS]
    if radius < 0:
        return True
    width, own = table[WIDTH], row[BRIGADE + seat * COOK + CELL]
    across, down = cell % width - own % width, cell // width - own // width
    return max(abs(across), abs(down)) <= radius


def show_planes(table: Table, row: Row, seat: int, out: MutableSequence[Any]) -> None:
    """The lossless encoding of overcooked-ai, (width, height, planes); see README.md."""
    cooks, sites, all_of_it = table[COOKS], table[SITES], table[RADIUS] < 0
    rest = 5 * cooks
    for j in range(cooks):
        other = BRIGADE + nth_cook(seat, j) * COOK
        cell = row[other + CELL]
        if all_of_it or is_near(table, row, seat, cell):
            site = table[sites + cell]
            out[site + j] = 1
            out[site + cooks + 4 * j + row[other + FACING]] = 1
            show_thing(row[other + HELD], site + rest, out)
    first_counter, first_pot = counter_base(table), pot_base(table)
    places = table[PLACES] - first_counter
    for c in range(first_counter, first_pot):
        thing = row[c]
        if thing != NOTHING:
            cell = table[places + c]
            if all_of_it or is_near(table, row, seat, cell):
                show_thing(thing, table[sites + cell] + rest, out)
    for p in range(table[POTS]):
        content = row[first_pot + p]
        if content != 0:
            cell = table[table[POT_PLACES] + p]
            if all_of_it or is_near(table, row, seat, cell):
                show_pot(table, content, table[sites + cell] + rest, out)
    if table[HORIZON] - row[CLOCK] < URGENT:
        stride = rest + PLANES
        for cell in range(table[CELLS]):
            out[cell * stride + rest + 15] = 1


def show_thing(thing: int, site: int, out: MutableSequence[Any]) -> None:
    """Lights the planes of a thing in a hand or on a counter."""
    kind = thing & 7
    if kind == SOUP:
        out[site + 8] = thing >> 3 & 3
        out[site + 9] = thing >> 5 & 3
        out[site + 11] = 1
    elif kind == DISH:
        out[site + 12] = 1
    elif kind == ONION:
        out[site + 13] = 1
    elif kind == TOMATO:
        out[site + 14] = 1


def show_pot(table: Table, content: int, site: int, out: MutableSequence[Any]) -> None:
    """Lights the planes of a pot that is not empty."""
    onions, tomatoes = content & 3, content >> 2 & 3
    if content < 16:
        out[site + 6] = onions
        out[site + 7] = tomatoes
    else:
        left = table[TIMES + (content & 15)] - ((content >> 4) - 1)
        out[site + 8] = onions
        out[site + 9] = tomatoes
        out[site + 10] = left
        if left <= 0:
            out[site + 11] = 1


def show_vector(table: Table, row: Row, seat: int, out: MutableSequence[Any]) -> None:
    """The feature vector of overcooked-ai, 48 numbers a cook; see README.md."""
    cooks, width = table[COOKS], table[WIDTH]
    own = row[BRIGADE + seat * COOK + CELL]
    at = cooks * COOK_FEATURES
    for j in range(cooks):
        k = nth_cook(seat, j)
        cell = row[BRIGADE + k * COOK + CELL]
        if is_near(table, row, seat, cell):
            show_cook(table, row, seat, k, j * COOK_FEATURES, out)
            if j > 0:
                out[at + 2 * j - 2] = cell % width - own % width
                out[at + 2 * j - 1] = cell // width - own // width
    out[at + 2 * cooks - 2] = own % width
    out[at + 2 * cooks - 1] = own // width


def show_cook(
    table: Table, row: Row, seat: int, k: int, at: int, out: MutableSequence[Any]
) -> None:
    """What the vector says of cook k, from place `at` on."""
    me = BRIGADE + k * COOK
    cell, facing, held = row[me + CELL], row[me + FACING], row[me + HELD]
    out[at + facing] = 1
    kind = held & 7
    if kind == ONION:
        out[at + 4] = 1
    elif kind == SOUP:
        out[at + 5] = 1
        out[at + 16] = held >> 3 & 3
        out[at + 17] = held >> 5 & 3
    elif kind == DISH:
        out[at + 6] = 1
    elif kind == TOMATO:
        out[at + 7] = 1
    near = table[NEAREST] + (4 * cell + facing) * NEAR
    for i in range(3):
        # Onions, tomatoes, dishes: nothing to look for where the hand is full of it.
        if kind != ONION + i:
            show_way(table, cell, table[near + 2 + i], at + 8 + 2 * i, out)
    show_way(table, cell, table[near + 5], at + 18, out)
    for i in range(2):
        p = table[near + i]
        if p >= 0:
            place, place_cell = at + 22 + 10 * i, table[table[POT_PLACES] + p]
            if is_near(table, row, seat, place_cell):
                show_near_pot(table, row[pot_base(table) + p], place, out)
            show_way(table, cell, place_cell, place + 8, out)
    for direction in range(4):
        if table[table[KINDS] + step_from(table, cell, direction)] != FLOOR:
            out[at + 42 + direction] = 1


def show_way(table: Table, cell: int, to: int, at: int, out: MutableSequence[Any]) -> None:
    """How far it is to a cell, across and down; nothing if there is no such cell (-1)."""
    if to >= 0:
        width = table[WIDTH]
        out[at] = to % width - cell % width
        out[at + 1] = to // width - cell // width


def show_near_pot(table: Table, content: int, at: int, out: MutableSequence[Any]) -> None:
    """What the vector says of a pot: it is there, empty, full, cooking, ready; contents; time."""
    out[at] = 1
    ready = is_ready(table, content)
    if content == 0:
        out[at + 1] = 1
    if content >= 16 or items(content) == 3:
        out[at + 2] = 1
    if content >= 16 and not ready:
        out[at + 3] = 1
    if ready:
        out[at + 4] = 1
    out[at + 5] = content & 3
    out[at + 6] = content >> 2 & 3
    if content >= 16:
        out[at + 7] = table[TIMES + (content & 15)] - ((content >> 4) - 1)
