"""A small network that chooses among the mutations of the structured view.

One perceptron scores every choice by its row of the view, and a softmax over the legal ones draws:
so what it learns does not depend on the order or number of choices, and it plays any project. It is
NumPy throughout; `arenas/baselines/bug_curriculum.py` trains it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from arenas.core.policy import StochasticPolicy, Turn
from arenas.games.bug_repair.menu import FEATURES

FORMAT = 1


class Layers(NamedTuple):
    """Weights: `w` (FEATURES, hidden), `b` (hidden,), `v` (hidden,); float64."""

    w: np.ndarray
    b: np.ndarray
    v: np.ndarray

    @classmethod
    def draw(cls, hidden: int, seed: int) -> Layers:
        """Fresh weights, whose choices are almost uniform."""
        rng = np.random.default_rng(seed)
        w = rng.normal(0.0, FEATURES**-0.5, (FEATURES, hidden))
        return cls(w, np.zeros(hidden), rng.normal(0.0, 0.01, hidden))

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """The score of each row: (n,) of (n, FEATURES)."""
        return np.asarray(np.tanh(rows @ self.w + self.b) @ self.v)

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """The softmax of the scores: (n,)."""
        scores = self.scores(rows)
        weights = np.exp(scores - scores.max())
        return np.asarray(weights / weights.sum())

    def gradient(self, rows: np.ndarray, outer: np.ndarray) -> Layers:
        """The gradient of `outer @ scores(rows)`, outer (n,)."""
        hidden = np.tanh(rows @ self.w + self.b)
        inner = outer[:, None] * self.v * (1.0 - hidden**2)
        return Layers(rows.T @ inner, inner.sum(0), hidden.T @ outer)


class Chooser(StochasticPolicy):
    """Plays the injector's seat of structured bug repair.

    Raises:
        ValueError: (when asked) the game is not structured bug repair.
    """

    name = "chooser"
    trainable = True
    waits = True

    def __init__(self, layers: Layers) -> None:
        self.layers = layers

    def distribution(self, turn: Turn) -> Sequence[float]:
        legal = list(turn.legal or ())
        if not legal or turn.view.ndim != 2 or turn.view.shape[1] != FEATURES:
            raise ValueError('a chooser plays BugRepair-v0 with acting="structured"')
        chances = np.zeros(turn.game.num_actions)
        chances[legal] = self.layers.probabilities(turn.view[legal].astype(np.float64))
        return [float(chance) for chance in chances]


def save(layers: Layers, path: Path) -> None:
    """Writes weights as JSON."""
    body = {"format": FORMAT, **{k: v.tolist() for k, v in layers._asdict().items()}}
    path.write_text(json.dumps(body) + "\n", encoding="ascii")


def read(path: Path) -> Layers:
    """Reads weights.

    Raises:
        ValueError: they are not of this view.
        OSError: the file cannot be read.
    """
    body = json.loads(path.read_text(encoding="ascii"))
    if body.get("format") != FORMAT:
        raise ValueError(f"{path} is no chooser of this version")
    layers = Layers(*(np.array(body[name], np.float64) for name in Layers._fields))
    if layers.w.shape != (FEATURES, layers.b.size) or layers.v.shape != layers.b.shape:
        raise ValueError(f"{path} is of another view: {layers.w.shape}")
    return layers
