"""Cooks: planners, and partners with a bias; see README.md in the folder above."""

from arenas.games.overcooked.players.cook import Stay
from arenas.games.overcooked.players.courier import Courier, DishOnly, Lazy, OnionOnly, Slow
from arenas.games.overcooked.players.greedy import Greedy

PLAYERS = {
    "courier": Courier,
    "dish-only": DishOnly,
    "greedy": Greedy,
    "lazy": Lazy,
    "onion-only": OnionOnly,
    "scripted": Courier,
    "slow": Slow,
    "stay": Stay,
}
