"""The benchmark scripts run and count what they say they count."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
GAMES = {"Kuhn poker": 2.25, "TicTacToe": 7.63}


def bench(script, *arguments):
    command = [sys.executable, FOLDER / script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("script", ["aec.py", "overcooked.py", "vector.py"])
def test_help_says_how_to_use_it(script):
    done = bench(script, "--help")
    assert done.returncode == 0, done.stderr
    assert "--quick" in done.stdout


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    """Our own rows, for a moment, without peers; the printed report and the JSON file."""
    file = tmp_path_factory.mktemp("benchmark") / "result.json"
    options = ["--batches", 64, "--seconds", 0.1, "--passes", 1, "--starts", 0, "--json", file]
    done = bench("vector.py", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(file.read_text(encoding="utf-8"))


def test_the_vector_benchmark_prints_a_table_of_rates(tiny_run):
    report, _ = tiny_run
    _, _, rates = report.partition("Steps a CPU second")
    lines = [line for line in rates.split("\n\n")[1].splitlines() if "arenas" in line]
    assert len(lines) == 3 * len(GAMES)
    for line in lines:
        assert line.startswith(tuple(GAMES))
        assert int(line.split()[-1].replace(",", "")) > 10_000
    assert "skipped: every peer" in report


def test_the_vector_benchmark_counts_whole_matches(tiny_run):
    _, result = tiny_run
    for row in result["rows"]:
        (only,) = row["passes"]
        assert only["decisions"] % 64 == 0
        assert only["cpu"] >= 0.1
        assert only["decisions"] / only["matches"] == pytest.approx(GAMES[row["game"]], rel=0.05)


def test_a_peers_interpreter_that_is_not_there_is_named():
    done = bench("vector.py", "--peers", "nowhere/bin/python")
    assert done.returncode == 2
    assert "nowhere/bin/python is not there" in done.stderr


def test_the_overcooked_benchmark_counts_joint_steps(tmp_path):
    file = tmp_path / "result.json"
    options = ["--kitchens", "cramped_room", "--batches", 64, "--seconds", 0.1, "--passes", 1]
    done = bench("overcooked.py", *options, "--json", file)
    assert done.returncode == 0, done.stderr
    assert "skipped: overcooked" in done.stdout
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert len(rows) == 6
    for row in rows:
        (only,) = row["passes"]
        if row["batch"] == 1:
            assert only["decisions"] == 400 * only["matches"]
        else:
            assert abs(only["decisions"] - 400 * only["matches"]) <= 400 * 64


def test_a_missing_interpreter_of_the_overcooked_benchmark_is_named():
    done = bench("overcooked.py", "--overcooked", "nowhere/bin/python")
    assert done.returncode == 2
    assert "nowhere/bin/python is not there" in done.stderr
