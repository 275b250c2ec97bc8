"""docs/architecture.md is true: its examples run, and its sketches keep the contract."""

import ast
import doctest
import re
from pathlib import Path

import pytest
import sketches
from registering import forget_registrations  # noqa: F401

import arenas
from arenas.core.match import Match
from arenas.core.parallel import ParallelGameEnv
from arenas.testing import check_game

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def sessions():
    names = {**vars(sketches), "Match": Match, "ParallelGameEnv": ParallelGameEnv}
    for heading, text in re.findall(r"\n### (\w+)(.*?)(?=\n##|\Z)", PAGE, re.DOTALL):
        blocks = re.findall(r"```pycon\n(.*?)```", text, re.DOTALL)
        yield pytest.param(blocks, dict(names), id=heading)


@pytest.mark.parametrize(("blocks", "names"), list(sessions()))
def test_sessions_show_what_happens(blocks, names):
    assert blocks
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    for block in blocks:
        session = doctest.DocTestParser().get_doctest(block, names, "architecture.md", None, 0)
        runner.run(session, clear_globs=False)
        names = session.globs
    assert runner.summarize().failed == 0


@pytest.mark.usefixtures("forget_registrations")
@pytest.mark.parametrize("game", sketches.SKETCHES)
def test_sketches_keep_the_contract(game):
    name = game.__name__
    simultaneous = game is sketches.Kitchen
    arenas.register(f"sketches/{name}-v0", f"sketches:{name}", simultaneous=simultaneous)
    check_game(f"sketches/{name}-v0")


def test_every_core_file_is_on_the_page():
    listed = set(re.findall(r"^\| `(\w+\.py)` \|", PAGE, re.MULTILINE))
    assert listed == {path.name for path in (ROOT / "arenas" / "core").glob("[a-z]*.py")}


def test_every_room_is_on_the_page():
    rooms = PAGE.split("## The rooms")[1].split("## The contract")[0]
    for path in (ROOT / "arenas").iterdir():
        if path.is_dir() and path.name != "__pycache__":
            assert re.search(rf"^{path.name}\b|\b{path.name}  ", rooms, re.MULTILINE), path.name


def test_there_is_one_aec_env():
    bases = [
        ast.unparse(base)
        for path in (ROOT / "arenas").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    ]
    assert sum(base.split("[")[0] == "AECEnv" for base in bases) == 1
