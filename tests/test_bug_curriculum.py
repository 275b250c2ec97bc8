"""The network that chooses mutations, and its training."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_project import TINY

import arenas
from arenas.baselines.bug_curriculum import Adam, Point, Trainer, policy_gradient
from arenas.core.match import Match
from arenas.core.policy import Turn
from arenas.games.bug_repair.chooser import Layers, read, save
from arenas.games.bug_repair.menu import FEATURES
from arenas.games.bug_repair.project import keep, load
from arenas.training.folder import write_table


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("ARENAS_HOME", str(tmp_path))
    load.cache_clear()
    yield keep(TINY).name
    load.cache_clear()


def test_the_gradient_is_that_of_the_objective():
    rng = np.random.default_rng(0)
    layers = Layers(*(part + rng.normal(0, 0.3, part.shape) for part in Layers.draw(4, 0)))
    decisions = [(rng.random((5, FEATURES)), 2, 0.7), (rng.random((3, FEATURES)), 0, -0.4)]

    def objective(layers):
        total = 0.0
        for rows, choice, advantage in decisions:
            chances = layers.probabilities(rows)
            total += advantage * np.log(chances[choice]) - 0.1 * chances @ np.log(chances)
        return total / len(decisions)

    gradient, entropy = policy_gradient(layers, decisions, 0.1)
    assert 0 < entropy < np.log(5)
    for part, slope in zip(range(3), gradient, strict=True):
        for place in np.ndindex(slope.shape):
            moved = []
            for step in (1e-6, -1e-6):
                parts = [each.copy() for each in layers]
                parts[part][place] += step
                moved.append(objective(Layers(*parts)))
            assert slope[place] == pytest.approx((moved[0] - moved[1]) / 2e-6, abs=1e-6)


def test_it_learns_a_bandit():
    # Of three choices the second pays; the rows differ in one feature alone.
    layers, adam, rng = Layers.draw(8, 1), Adam(0.05), np.random.default_rng(2)
    rows = np.zeros((3, FEATURES))
    rows[1, 4] = 1
    assert layers.probabilities(rows)[1] < 0.4
    for _ in range(60):
        choices = rng.choice(3, size=16, p=layers.probabilities(rows))
        pays = (choices == 1).astype(float)
        decisions = [
            (rows, int(c), float(p - pays.mean())) for c, p in zip(choices, pays, strict=True)
        ]
        gradient, _ = policy_gradient(layers, decisions, 0.001)
        layers = adam.step(layers, gradient)
    assert layers.probabilities(rows)[1] > 0.9


def test_weights_are_kept(tmp_path):
    layers = Layers.draw(3, 5)
    save(layers, tmp_path / "chooser.json")
    again = read(tmp_path / "chooser.json")
    assert all((a == b).all() for a, b in zip(layers, again, strict=True))
    (tmp_path / "chooser.json").write_text('{"format": 9}')
    with pytest.raises(ValueError, match="no chooser of this version"):
        read(tmp_path / "chooser.json")


def test_a_batch_is_played_and_learned_from(tiny, tmp_path):
    options = {"projects": [tiny], "min_passing": 5, "solvers": 2, "tries": 1, "choices": 16}
    trainer = Trainer(options, batch=3)
    before = trainer.layers
    point = trainer.iterate()
    assert point.iteration == 1
    assert 0 <= point.in_band <= point.valid <= 1
    assert point.entropy > 2
    assert len(trainer.points) == 1
    assert any((a != b).any() for a, b in zip(before, trainer.layers, strict=True))
    write_table(Point._fields, trainer.points, tmp_path / "curve.csv")
    assert (tmp_path / "curve.csv").read_text().startswith("iteration,in_band,valid")
    save(trainer.layers, tmp_path / "chooser.json")
    player = arenas.make_player(
        "BugRepair-v0", f"chooser:{tmp_path / 'chooser.json'}", trainer.game
    )
    match = Match(trainer.game, 0)
    (reply,) = player.act([Turn.of(match, 0)])
    assert reply.move in trainer.game.legal(match.state, 0)
