"""What a proposer is paid for a valid task, as a function of the share of attempts that solved it.

Each shape is a function of the solve rate s in 0..1, a whole number of solvers out of k. Values at
s = 0, 1/8, 1/2, 7/8, 1 with the published parameters:

| shape | after | pay | 0 | 1/8 | 1/2 | 7/8 | 1 |
| --- | --- | --- | --- | --- | --- | --- | --- |
| `one-minus` | SSP, arXiv 2510.18821 | 1 - s | 1 | .875 | .5 | .125 | 0 |
| `hump` | SSP, "intermediate" | 4s(1 - s) | 0 | .4375 | 1 | .4375 | 0 |
| `ssr` | SSR, arXiv 2512.18552 | 1 - 1.8s; -.8 at the ends | -.8 | .775 | .1 | -.575 | -.8 |
| `zero-ends` | AZR, arXiv 2505.03335 | 1 - s; 0 at the ends | 0 | .875 | .5 | .125 | 0 |
| `tent` | R-Zero, arXiv 2508.05004 | 1 - 2 abs(s - 1/2) | 0 | .25 | 1 | .25 | 0 |
| `band` | SvS | 1 for 1/8 <= s <= 5/8 | 0 | 1 | 1 | 0 | 0 |
| `gaussian` | SPELL | normal, mean 1/2, width 1/6; 0 at the ends | 0 | .08 | 1 | .08 | 0 |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

Shape = Callable[[float], float]
"""Pay of the proposer of a valid task by its solve rate."""


def one_minus(s: float) -> float:
    """1 - s: the harder the better, the impossible best; safe only behind a strict validator."""
    return 1.0 - s


def hump(s: float) -> float:
    """4s(1 - s): most for a task that half of the attempts solve."""
    return 4.0 * s * (1.0 - s)


def ssr(s: float, alpha: float = 0.8) -> float:
    """1 - (1 + alpha)s; -alpha for a task that all attempts solve, or none."""
    return 1.0 - (1.0 + alpha) * s if 0.0 < s < 1.0 else -alpha


def zero_ends(s: float) -> float:
    """1 - s; 0 for a task that all attempts solve, or none."""
    return 1.0 - s if 0.0 < s < 1.0 else 0.0


def tent(s: float) -> float:
    """1 - 2|s - 1/2|: as `hump`, with straight sides."""
    return 1.0 - 2.0 * abs(s - 0.5)


def band(s: float, low: float = 0.125, high: float = 0.625) -> float:
    """1 for a solve rate in low..high, both included; else 0."""
    return 1.0 if low <= s <= high else 0.0


def gaussian(s: float, mean: float = 0.5, width: float = 1 / 6) -> float:
    """exp(-(s - mean)^2 / (2 width^2)); 0 for a task that all attempts solve, or none."""
    return math.exp(-(((s - mean) / width) ** 2) / 2) if 0.0 < s < 1.0 else 0.0


SHAPES: dict[str, Callable[..., float]] = {
    "one-minus": one_minus,
    "hump": hump,
    "ssr": ssr,
    "zero-ends": zero_ends,
    "tent": tent,
    "band": band,
    "gaussian": gaussian,
}
"""The shapes by name."""

_PARAMETERS = {"ssr": 1, "band": 2, "gaussian": 2}


def read_shape(text: str) -> Shape:
    """A shape as an option writes it: its name, then its parameters: `ssr`, `band:0.2:0.6`.

    Raises:
        ValueError: there is no such shape, or a parameter is no number in its range.
    """
    name, *given = str(text).split(":")
    if name not in SHAPES:
        raise ValueError(f"pay={text!r}: the shapes are {', '.join(SHAPES)}")
    shape = SHAPES[name]
    most = _PARAMETERS.get(name, 0)
    try:
        numbers = [float(number) for number in given]
    except ValueError:
        raise ValueError(f"pay={text!r}: the parameters after {name} are numbers") from None
    if len(numbers) > most or not all(0.0 <= number <= 1.0 for number in numbers):
        raise ValueError(f"pay={text!r}: {name} takes at most {most} parameters, each in 0..1")
    if name == "gaussian" and numbers[1:] == [0.0]:
        raise ValueError(f"pay={text!r}: the width is more than 0")
    if not numbers:
        return shape
    return lambda s: shape(s, *numbers)


def expected(shape: Shape, p: float, attempts: int) -> float:
    """Mean pay for a task that each of `attempts` solvers solves with probability `p`, alone."""
    return math.fsum(
        math.comb(attempts, k) * p**k * (1.0 - p) ** (attempts - k) * shape(k / attempts)
        for k in range(attempts + 1)
    )


@lru_cache(maxsize=64)
def best(text: str, attempts: int, steps: int = 1_000) -> tuple[float, float]:
    """The solve probability (on a grid of 1/steps) that pays a proposer best, and its mean pay."""
    shape = read_shape(text)
    grid = [i / steps for i in range(steps + 1)]
    pays = [expected(shape, p, attempts) for p in grid]
    top = max(range(len(grid)), key=pays.__getitem__)
    return grid[top], pays[top]


def check_attempts(text: str, attempts: int) -> None:
    """Accepts a number of attempts with which a shape rewards some difficulty, silently.

    With one attempt `ssr` is a constant and `hump` is zero; with fewer than 4 the best that `ssr`
    pays on average is negative. Then no task is worth proposing.

    Raises:
        ValueError: no task has a positive mean pay.
    """
    p, pay = best(text, attempts)
    if pay > 0.0:
        return
    enough = next((n for n in range(attempts, 65) if best(text, n)[1] > 0.0), None)
    instead = f"take {enough} or more" if enough else "take another shape"
    raise ValueError(
        f"solvers={attempts} with pay={text!r}: so few attempts leave this reward no useful "
        f"optimum (the best mean pay is {pay:+.2f}, at a solve rate of {p:.2f}); {instead}"
    )
