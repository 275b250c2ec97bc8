"""The tabular baseline: its curve is true, its policy can be played, its errors say what to do."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from importlib.util import find_spec

import pytest
from click.testing import CliRunner

import arenas
from arenas.policies.tabular import TabularPolicy
from arenas.rating.exploitability import nash_conv

pyspiel = pytest.importorskip("pyspiel", reason="OpenSpiel is optional")

from arenas.adapters.openspiel import to_openspiel  # noqa: E402
from arenas.baselines.cfr import Solver, command  # noqa: E402


def run(*args, status=0):
    done = CliRunner().invoke(command, list(map(str, args)))
    assert done.exit_code == status, done.output
    return done


@pytest.mark.parametrize("players", [2, 3])
@pytest.mark.parametrize("name", ["cfr", "cfr+", "mccfr"])
def test_nash_conv_of_the_average_is_openspiels(name, players):
    from open_spiel.python import policy
    from open_spiel.python.algorithms import exploitability

    solver = Solver("KuhnPoker-v0", {"players": players}, name, seed=1)
    solver.run(200)
    game = to_openspiel("KuhnPoker-v0", players=players)
    peer = policy.TabularPolicy(game)
    for key, row in solver.average().table.items():
        peer.action_probability_array[peer.state_lookup[key]] = row
    theirs = exploitability.nash_conv(game, peer)
    assert solver.measure().nash_conv == pytest.approx(theirs, abs=1e-9)
    if name != "mccfr":
        of_solver = pyspiel.nash_conv(game, solver._solver.average_policy())
        assert solver.measure().nash_conv == pytest.approx(of_solver, abs=1e-9)


def test_a_run_leaves_its_curve_and_a_policy_that_plays(tmp_path):
    out = tmp_path / "run"
    done = run("KuhnPoker-v0", "--iterations", 400, "--every", 100, "--out", out)
    assert "after 400 iterations" in done.output
    with (out / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == [0, 100, 200, 300, 400]
    gaps = [float(row["nash_conv"]) for row in rows]
    assert gaps[0] == pytest.approx(11 / 12)
    assert max(gaps[1:]) < gaps[0] / 100
    assert gaps[-1] < 1e-3
    assert float(rows[-1]["exploitability"]) == pytest.approx(gaps[-1] / 2)
    if find_spec("matplotlib"):
        assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "config.json").read_text())["solver"] == "cfr+"

    game = arenas.make_game("KuhnPoker-v0")
    policy = TabularPolicy.load(out / "policy.json", game)
    assert nash_conv(game, policy).total == pytest.approx(gaps[-1], abs=1e-12)
    assert nash_conv(game, policy).values[0] == pytest.approx(-1 / 18, abs=1e-3)
    (record,) = arenas.play_matches("KuhnPoker-v0", [f"table:{out / 'policy.json'}", "random"], n=1)
    assert record.problems(game) == []


def test_sampling_follows_its_seed():
    tables = []
    for seed in (1, 1, 2):
        solver = Solver("KuhnPoker-v0", {}, "mccfr", seed)
        solver.run(50)
        tables.append(solver.average().table)
    assert tables[0] == tables[1] != tables[2]


def test_options_of_the_game_are_kept(tmp_path):
    run("KuhnPoker-v0", "-o", "players=3", "--iterations", 10, "--out", tmp_path)
    game = arenas.make_game("KuhnPoker-v0", players=3)
    assert TabularPolicy.load(tmp_path / "policy.json", game).name.startswith("table:")
    complaint = run("KuhnPoker-v0", "--iterations", 10, "--out", tmp_path, status=1).output
    assert "say --overwrite" in complaint
    run("KuhnPoker-v0", "--iterations", 10, "--out", tmp_path, "--overwrite")


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["KuhnPoker-v0", "-o", "hands=50"], "too many to list"),
        (["KuhnPoker-v0", "-o", "hands"], "NAME=VALUE"),
        (["KuhnPokr-v0"], "Did you mean 'KuhnPoker-v0'"),
        (["OpenSpiel-v0"], "chance during the match"),
    ],
)
def test_what_cannot_be_solved_is_refused(args, complaint, tmp_path):
    assert complaint in run(*args, "--out", tmp_path, status=1).output


def test_without_openspiel_the_command_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['pyspiel'] = None; from arenas.baselines.cfr import command; "
        f"command(['KuhnPoker-v0', '--out', {str(tmp_path)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install selfplay-arenas[openspiel]" in done.stderr


def test_the_module_runs():
    module = [sys.executable, "-m", "arenas.baselines.cfr", "--help"]
    done = subprocess.run(module, capture_output=True, text=True, check=True)
    assert "GAME_ID" in done.stdout
