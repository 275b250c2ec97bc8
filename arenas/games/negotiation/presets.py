"""Goods, ranges and published rules by name."""

from __future__ import annotations

from typing import NamedTuple


class Good(NamedTuple):
    """A good and what everyone knows of it: ranges of a unit's value and of a seat's stock."""

    name: str
    value: tuple[int, int]
    stock: tuple[int, int]


class Preset(NamedTuple):
    """The goods of a match; `values` by seat, in turn, where they are not drawn."""

    goods: tuple[Good, ...]
    values: tuple[tuple[int, ...], ...] = ()


_STOCK = (5, 25)
# A base value give or take a fifth, within 5 and 40: TextArena 0.7.4 and SPIRAL.
_FOUR = (
    Good("Wheat", (5, 6), _STOCK),
    Good("Wood", (8, 12), _STOCK),
    Good("Sheep", (12, 18), _STOCK),
    Good("Brick", (20, 30), _STOCK),
)

PRESETS = {
    # SPIRAL's first version: ten of each, values that never change. The seats are told a range.
    "two": Preset(
        (Good("Wood", (5, 15), (10, 10)), Good("Gold", (5, 15), (10, 10))),
        values=((5, 15), (15, 5)),
    ),
    "five": Preset((*_FOUR, Good("Ore", (32, 40), _STOCK))),
    "five-gold": Preset((*_FOUR, Good("Gold", (32, 40), _STOCK))),
    # Ours: the same spread over three more goods.
    "eight": Preset(
        (
            *_FOUR,
            Good("Ore", (32, 40), _STOCK),
            Good("Stone", (16, 24), _STOCK),
            Good("Cloth", (24, 36), _STOCK),
            Good("Gold", (36, 54), _STOCK),
        )
    ),
}


class Variant(NamedTuple):
    """What a named set of rules fixes, and its defaults.

    Attributes:
        preset, reward: unless others are asked for.
        extra: moves beyond the number of turns.
        stale: a denied offer stays alive, its offerer may accept it, and accepting nothing passes.
        speak_up: there is no denying where nothing stands.
        players: the most seats.
    """

    preset: str = "five"
    reward: str = "surplus"
    extra: int = 0
    stale: bool = False
    speak_up: bool = False
    players: int = 4


VARIANTS = {
    "standard": Variant(),
    "textarena-0.7.4": Variant(reward="zero_sum", extra=1, stale=True, players=2),
    "spiral-v1": Variant(preset="two", reward="zero_sum", players=2),
    "spiral-v2": Variant(preset="five-gold", reward="zero_sum", speak_up=True, players=2),
}

REWARDS = {"zero_sum": "zero_sum", "surplus": "general_sum", "shared": "common"}
"""Rewards by name, in the order of their numbers in the rules, and the payoff of each."""
