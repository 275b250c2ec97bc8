"""Projects that are added: from folders, archives and the package index."""

from __future__ import annotations

import json
import tarfile

import pytest
from click.testing import CliRunner
from tiny_project import FILES, TREE

import arenas
from arenas.cli import app
from arenas.core.match import Match
from arenas.core.policy import Turn, answer
from arenas.core.record import MatchRecord
from arenas.games.bug_repair.adding import add
from arenas.games.bug_repair.project import ProjectError, added, load, shipped

MORE_TESTS = """\
import pytest


@pytest.mark.parametrize("n", range(5))
def test_n(n):
    assert n >= 0
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ARENAS_HOME", str(tmp_path / "home"))
    load.cache_clear()
    yield
    load.cache_clear()


@pytest.fixture
def folder(tmp_path):
    """The tiny project with a few tests more, one file that cannot be collected, and clutter."""
    root = tmp_path / "little-1.0"
    TREE.write(root)
    for path, text in {
        "tests/test_more.py": MORE_TESTS,
        "tests/test_missing.py": "import nothing_of_that_name\n",
        "docs/guide.md": "not kept",
        "tiny/data.bin": None,
    }.items():
        target = root / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"\xff\xfe\x00" if text is None else text.encode())
    return root


def test_a_folder_is_tried_out_and_kept(folder):
    found = add(str(folder))
    assert found.project.name == f"little-1.0@{found.project.tree.hash[:12]}"
    assert found.left_out == ("tests/test_missing.py",)
    assert len(found.suite.passing) == 16
    assert added() == (found.project.name,)
    again = load("little-1.0")
    assert again == found.project
    assert "docs/guide.md" not in again.tree
    assert "tiny/data.bin" not in again.tree
    assert again.tree.text("tiny/words.py") == FILES["tiny/words.py"]


def test_an_archive_is_the_same_project(folder, tmp_path):
    archive = tmp_path / "little-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "little-1.0")
    assert add(str(archive)).project == add(str(folder)).project


@pytest.mark.parametrize("name", ["../escape.py", "/tmp/escape.py"])
def test_an_archive_that_reaches_out_is_refused(tmp_path, name):
    archive, inside = tmp_path / "bad.tar", tmp_path / "inside.py"
    inside.write_text("x = 1\n")
    with tarfile.open(archive, "w") as tar:
        reaching = tar.gettarinfo(inside)
        reaching.name = name
        with inside.open("rb") as file:
            tar.addfile(reaching, file)
        tar.add(inside, "other/test_x.py")
    with pytest.raises(ProjectError, match=r"normal path|absolute"):
        add(str(archive))


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.py": "x = 1\n"}, "has no test files"),
        (
            {"test_a.py": "def test_a():\n    assert True\n"},
            "1 tests of few pass, and more than 10",
        ),
        ({"test_a.py": "import nothing_of_that_name\n"}, "do not run"),
    ],
)
def test_projects_that_cannot_be_played(tmp_path, files, reason):
    root = tmp_path / "few"
    root.mkdir()
    for path, text in files.items():
        (root / path).write_text(text)
    with pytest.raises(ProjectError, match=reason):
        add(str(root))
    assert added() == ()


def test_there_is_no_such_source(tmp_path):
    with pytest.raises(ProjectError, match="no folder or archive"):
        add(str(tmp_path / "none"))
    (tmp_path / "torn.tar.gz").write_bytes(b"\x1f\x8b torn")
    with pytest.raises(ProjectError, match="cannot be read"):
        add(str(tmp_path / "torn.tar.gz"))


def test_the_command_line(folder, tmp_path):
    def run(*arguments, code=0):
        done = CliRunner().invoke(app, ["repos", *map(str, arguments)])
        assert done.exit_code == code, done.output
        return done.output

    rows = json.loads(run("list", "--json"))
    assert [row["name"] for row in rows] == list(shipped())
    assert "16 tests pass" in run("add", folder, "--name", "mine")
    assert "tests/test_missing.py" in run("add", folder, "--name", "mine")
    (name,) = added()
    assert name.startswith("mine@")
    assert "mine@" in run("list")
    run("export", "mine", tmp_path / "out")
    assert (tmp_path / "out" / "tiny" / "words.py").read_text() == FILES["tiny/words.py"]
    assert "exists already" in run("export", "mine", tmp_path / "out", code=1)
    run("remove", "mine")
    assert added() == ()
    assert "no project 'mine'" in run("remove", "mine", code=1)


@pytest.mark.slow  # Downloads three projects and runs their suites, hundreds of tests, many times.
@pytest.mark.parametrize("requirement", ["parse==1.22.4", "inflection==0.5.1", "cachetools==5.5.0"])
def test_real_projects_are_added_and_played(requirement):
    try:
        found = add(requirement)
    except ProjectError as error:
        if "pip cannot download" in str(error):
            pytest.skip(f"the package index is out of reach: {error}")
        raise
    assert len(found.suite.passing) > 50
    game = arenas.make_game("BugRepair-v0", projects=[found.project.name], solvers=4, choices=32)
    player = arenas.make_player("BugRepair-v0", "scripted", game)
    match = Match(game, 1)
    while not match.over:
        seat = match.awaited[0]
        answer(match, seat, player.act([Turn.of(match, seat)])[0])
    assert match.outcome.reason == "scored", match.outcome.evidence["checks"]
    record = MatchRecord.of(match, "selfplay/BugRepair-v0", ["scripted"] * 5)
    assert record.problems(game) == []
    game.close()
