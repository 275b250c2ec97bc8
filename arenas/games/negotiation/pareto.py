"""The exact Pareto front of a deal between two seats.

Every allocation of all units is a pair of gains. For each gain of seat 0 that some allocation
reaches, dynamic programming over the goods finds the largest gain of seat 1 with it; the front is
what is left without the pairs that another one beats in one gain and does not fall short of in the
other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt

import numpy as np

Rows = tuple[tuple[int, ...], ...]

_NEVER = np.iinfo(np.int64).min // 2


@lru_cache(maxsize=256)
def front(values: Rows, start: Rows) -> tuple[tuple[int, int], ...]:
    """Gains of both seats in every efficient allocation, those of seat 0 ascending.

    Args:
        values: what a unit of each good is worth, by seat.
        start: units of each good, by seat.
    """
    (own, other), totals = values, [a + b for a, b in zip(*start, strict=True)]
    size = sum(value * units for value, units in zip(own, totals, strict=True)) + 1
    # best[a]: the most that seat 1 can hold in worth when seat 0's goods are worth exactly a.
    best = np.full(size, _NEVER)
    best[0] = sum(value * units for value, units in zip(other, totals, strict=True))
    reached = 1
    for mine, theirs, units in zip(own, other, totals, strict=True):
        # Units in bundles of 1, 2, 4, ... and the rest make every number of them.
        bundle = 1
        while units:
            count = min(bundle, units)
            moved = best[:reached] - theirs * count
            reached += mine * count
            shifted = best[mine * count : reached]
            np.maximum(shifted, moved, out=shifted)
            units -= count
            bundle *= 2
    # An allocation is efficient if everything that is better for seat 0 is worse for seat 1.
    later = np.maximum.accumulate(best[::-1])[::-1]
    efficient = np.flatnonzero(best > np.append(later[1:], _NEVER))
    before = [
        sum(value * units for value, units in zip(*each, strict=True))
        for each in zip(values, start, strict=True)
    ]
    pairs = zip(efficient.tolist(), best[efficient].tolist(), strict=True)
    return tuple((mine - before[0], theirs - before[1]) for mine, theirs in pairs)


def distance(efficient: Sequence[tuple[int, int]], gains: Sequence[int]) -> float:
    """Euclidean distance from a pair of gains to the nearest efficient one, in units of worth."""
    near = (np.array(efficient) - np.array(gains)) ** 2
    return sqrt(int(near.sum(1).min()))
