"""docs/adding_a_game.md works: the game is taken from the page, tried, tested and shared."""

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from registering import forget_registrations  # noqa: F401

import arenas
from arenas.core.record import MatchRecord
from arenas.testing import check_game

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "adding_a_game.md").read_text(encoding="utf-8")
ID = "RockPaperScissors-v0"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


GAME, TESTS = blocks("python")


@pytest.fixture
def folder(tmp_path, monkeypatch, forget_registrations):  # noqa: F811
    """The current folder, holding the page's files; rps.py is importable and not imported yet."""
    (tmp_path / "rps.py").write_text(GAME, encoding="utf-8")
    (tmp_path / "test_rps.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "rps.txt").write_text(blocks("text")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("rps", None)


@pytest.fixture
def rps(folder):
    return importlib.import_module("rps")


def run(folder, *args):
    path = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        [sys.executable, *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_game_takes_less_than_100_lines():
    assert len(GAME.splitlines()) < 100


@pytest.mark.usefixtures("rps")
def test_it_keeps_the_contract_and_passes_the_checkers():
    check_game(ID)


def test_sessions_show_what_happens(folder):
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    names = {}
    for block in blocks("pycon"):
        session = doctest.DocTestParser().get_doctest(block, names, "adding_a_game.md", None, 0)
        runner.run(session, clear_globs=False)
        names = session.globs
    assert runner.summarize().failed == 0


@pytest.mark.usefixtures("rps")
def test_aec_pays_the_winner_of_more_rounds():
    env = arenas.make(ID)
    env.reset(seed=0)
    asked = []
    for move in [1, 0, 2, 2, 0, 0]:
        asked.append(env.agent_selection)
        env.step(move)
    assert asked == ["player_0", "player_1"] * 3
    assert env.rewards == {"player_0": 1.0, "player_1": -1.0}
    assert all(env.terminations.values())


@pytest.mark.usefixtures("rps")
def test_nobody_sees_the_other_move_before_its_own_is_in():
    env = arenas.make(ID, view="both")
    env.reset(seed=0)
    before = env.observe("player_1")
    env.step(2)
    after = env.observe("player_1")
    assert np.array_equal(before["observation"], after["observation"])
    assert before["text"] == after["text"]


@pytest.mark.usefixtures("rps")
def test_parallel_plays_the_same_match():
    env = arenas.make_parallel(ID)
    env.reset(seed=0)
    totals = {"player_0": 0.0, "player_1": 0.0}
    for moves in [(1, 0), (2, 2), (0, 0)]:
        _, rewards, terminations, *_ = env.step(dict(zip(env.agents, moves, strict=True)))
        totals = {agent: totals[agent] + rewards[agent] for agent in totals}
    assert totals == {"player_0": 1.0, "player_1": -1.0}
    assert terminations == {"player_0": True, "player_1": True}
    assert env.agents == []


@pytest.mark.usefixtures("rps")
def test_its_player_beats_one_that_repeats_itself():
    env = gymnasium.make(f"selfplay/{ID}", opponent="beat-last", rounds=20)
    env.reset(seed=0)
    for _ in range(20):
        _, reward, over, _, info = env.step(0)
    assert over
    assert reward == -1.0
    assert info["rewards"][1 - info["seat"]] == 1.0


@pytest.mark.usefixtures("rps")
def test_records_verify():
    for record in arenas.play_matches(ID, ["beat-last", "random"], 20, seed=3):
        read = MatchRecord.from_json(record.to_json())
        assert read == record
        assert read.problems(arenas.make_game(ID)) == []


def test_the_tests_on_the_page_pass(folder):
    config = folder / "pytest.ini"
    config.write_text("[pytest]\n")
    result = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_rps.py")
    assert result.returncode == 0, result.stdout
    before = (folder / "rps.txt").read_text()
    (folder / "rps.txt").unlink()
    assert run(folder, "test_rps.py").returncode == 0
    assert (folder / "rps.txt").read_text() == before


def test_it_is_found_without_an_import_once_installed(folder):
    entry = re.search(r'entry-points\."(arenas\.games)"\]\n(.*)', blocks("toml")[0])
    info = folder / "rps-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rps\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[{entry[1]}]\n{entry[2].replace(chr(34), '')}\n")
    assert ID in run(folder, "-m", "arenas", "list", "--json").stdout
    command = f"arenas match {ID} --seats beat-last random"
    assert f"`{command}`" in PAGE
    result = run(folder, "-m", *command.split())
    assert "beat-last" in result.stdout, result.stderr
    assert run(folder, "-c", f"import arenas; arenas.make('{ID}')").returncode == 0
    made = f"import gymnasium; gymnasium.make('rps:selfplay/{ID}')"
    assert run(folder, "-c", made).returncode == 0
