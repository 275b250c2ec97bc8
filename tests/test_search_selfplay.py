"""The loop of propose and solve, the learned player, and what the checks are for."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

import arenas
from arenas.baselines.search_selfplay import Step, Trainer, command, gradient, play, spread, train
from arenas.core.match import Match
from arenas.core.policy import Turn
from arenas.games.deep_search.checks import CHECKS
from arenas.games.deep_search.learned import FEATURES, LinearPlayer, describe_moves
from arenas.games.deep_search.structured import Layout

OPTIONS = {"moves": "numbered", "solvers": 2, "turns": 6, "engine": "sqlite", "reward": "hump"}


def game(**options):
    return arenas.make_game("DeepSearch-v0", **{**OPTIONS, **options})


def test_moves_are_described_from_the_view_alone():
    made = game()
    layout = Layout(made.results)
    kinds = set()
    for seed in range(15):
        match = Match(made, seed)
        while not match.over:
            seat = match.awaited[0]
            turn = Turn.of(match, seat)
            found = describe_moves(turn.view, turn.legal, layout)
            assert found.shape == (len(turn.legal), FEATURES)
            assert set(np.unique(found)) <= {0.0, 1.0}
            assert (found.sum(1) > 0).all()
            kinds |= {
                np.searchsorted([layout.open, layout.link, layout.ask, layout.answer], m, "right")
                for m in turn.legal
            }
            match.submit(seat, turn.sample())
    assert kinds == {0, 1, 2, 3, 4}


def test_the_gradient_is_that_of_the_log_probability():
    rng = np.random.default_rng(0)
    features = rng.integers(0, 2, (5, FEATURES)).astype(float)
    weights = rng.normal(0, 0.3, FEATURES)

    def log_probability(w):
        logits = features @ w
        return logits[2] - np.log(np.exp(logits).sum())

    logits = features @ weights
    shares = np.exp(logits) / np.exp(logits).sum()
    exact = gradient([Step(features, shares, 2)])
    for i in range(0, FEATURES, 7):
        nudge = np.zeros(FEATURES)
        nudge[i] = 1e-5
        slope = (log_probability(weights + nudge) - log_probability(weights - nudge)) / 2e-5
        assert exact[i] == pytest.approx(slope, abs=1e-6)


def test_the_gradient_of_entropy_is_exact():
    rng = np.random.default_rng(1)
    features = rng.integers(0, 2, (5, FEATURES)).astype(float)
    weights = rng.normal(0, 0.3, FEATURES)

    def shares(w):
        odds = np.exp(features @ w)
        return odds / odds.sum()

    exact = spread([Step(features, shares(weights), 0)])
    for i in range(0, FEATURES, 7):
        nudge = np.zeros(FEATURES)
        nudge[i] = 1e-5
        more, less = shares(weights + nudge), shares(weights - nudge)
        slope = (less @ np.log(less) - more @ np.log(more)) / 2e-5
        assert exact[i] == pytest.approx(slope, abs=1e-6)


def test_a_run_that_was_stopped_goes_on(tmp_path):
    options = {"solvers": 2, "engine": "sqlite"}
    whole = train(tmp_path / "whole", options, iterations=3, seed=3, batch=3, entropy=0.1)
    train(tmp_path / "part", options, iterations=1, seed=3, batch=3, entropy=0.1)
    part = train(tmp_path / "part", options, iterations=3, seed=3, batch=3, entropy=0.1)
    assert str(part) == str(whole)
    for name in ("curve.csv", "policy.json"):
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    with pytest.raises(ValueError, match="other settings"):
        train(tmp_path / "part", options, iterations=3, seed=4, batch=3)
    fresh = train(tmp_path / "part", options, iterations=1, seed=4, batch=3, resume=False)
    assert len(fresh) == 1


@pytest.mark.slow  # 25 batches of matches are played
def test_the_loop_learns_and_its_player_can_be_seated(tmp_path):
    made = game(solvers=3)
    # Entropy keeps questions in the band and slows so short a run.
    trainer = Trainer(made, made, seed=0, batch=16, rate=1.0, entropy=0.0)
    points = [trainer.step() for _ in range(25)]
    first, last = points[:5], points[-8:]
    assert np.mean([p.reward for p in last]) > np.mean([p.reward for p in first]) + 0.05
    assert np.mean([p.valid for p in last]) > np.mean([p.valid for p in first])
    assert all(p.fair == 1.0 for p in points if p.valid)
    path = tmp_path / "policy.json"
    trainer.player.write(path)
    options = {**OPTIONS, "solvers": 3}
    players = [f"learned:{path}", *["learned:" + str(path)] * 2, "random"]
    records = list(
        arenas.play_matches("DeepSearch-v0", players, 30, 9, swap=False, options=options)
    )
    scored = [record for record in records if record.reason == "scored"]
    assert len(scored) > 10
    won = np.mean([record.evidence["solved"] for record in scored], axis=0)
    assert won[:2].mean() > won[2]


def test_without_checks_what_is_accepted_is_seldom_fair():
    strict, loose = game(), game(skip=[name for name in CHECKS if name != "format"])
    trainer = Trainer(loose, strict, seed=1, batch=20)
    point = trainer.step()
    assert point.valid > 0
    assert point.fair < 0.9


def test_a_run_writes_its_curve_and_player(tmp_path):
    arguments = ["--iterations", "2", "--batch", "3", "--out", str(tmp_path / "run")]
    arguments += ["-o", "solvers=2", "-o", "engine=sqlite", "--skip", "needed"]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    assert "reward: " in done.output
    with (tmp_path / "run" / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == [1, 2]
    kept = json.loads((tmp_path / "run" / "policy.json").read_text())
    assert len(kept["proposer"]) == len(kept["solver"]) == FEATURES
    assert isinstance(
        LinearPlayer.read(game(), str(tmp_path / "run" / "policy.json")), LinearPlayer
    )


def test_the_same_seed_gives_the_same_curve(tmp_path):
    options = {"solvers": 2, "engine": "sqlite"}
    one, two = (train(tmp_path / n, options, iterations=2, seed=3, batch=4) for n in "ab")
    assert [tuple(map(str, p)) for p in one] == [tuple(map(str, p)) for p in two]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["KuhnPoker-v0"], "trains DeepSearch-v0"),
        (["--skip", "all"], "skip="),
        (["-o", "x"], "NAME"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, arguments, message):
    done = CliRunner().invoke(command, [*arguments, "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert message in done.output


def test_a_file_of_no_weights_and_a_game_of_calls_are_refused(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    for path in ("x.json", "y.json"):
        with pytest.raises(ValueError, match="not a file of weights"):
            LinearPlayer.read(game(), str(tmp_path / path))
    with pytest.raises(ValueError, match="moves=numbered"):
        LinearPlayer(arenas.make_game("DeepSearch-v0", engine="sqlite"))
    steps = play(Match(game(), 0), LinearPlayer(game()))
    assert len(steps) == 3
