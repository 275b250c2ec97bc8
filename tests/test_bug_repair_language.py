"""Language models in both roles of bug repair."""

from __future__ import annotations

import pytest
from tiny_project import CLAMP, TINY, TREE, changed, without

pytest.importorskip("transformers")

from tiny_language import make_model, make_tokenizer

from arenas.core.record import MatchRecord
from arenas.games.bug_repair import BugRepair
from arenas.games.bug_repair.project import keep, load
from arenas.policies.language import LanguagePolicy, Sampling
from arenas.rollout.trajectories import play_trajectories


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("ARENAS_HOME", str(tmp_path))
    load.cache_clear()
    yield keep(TINY).name
    load.cache_clear()


def model(moves, **sampling):
    network = make_model(max_position_embeddings=8_192)
    return LanguagePolicy(network, make_tokenizer(), moves=moves, sampling=Sampling(**sampling))


def test_a_tiny_model_plays_both_roles(tiny):
    options = {"projects": [tiny], "min_passing": 5, "solvers": 4, "choices": 8, "tries": 1}
    player = model("scored")
    played = list(
        play_trajectories("BugRepair-v0", [player] * 5, 3, seed=1, options=options, swap=False)
    )
    game = BugRepair(**options)
    for each in played:
        assert each.record.reason in ("scored", "invalid")
        assert each.record.illegal_moves == [0] * 5
        assert MatchRecord.from_json(each.record.to_json()).problems(game) == []
        (turn,) = each.seats[0].turns
        assert turn.tokens.kind == "scored"
        assert len(turn.tokens.candidates) == 8
    assert any(each.record.reason == "scored" for each in played)
    game.close()


def test_a_tiny_model_calls_tools(tiny):
    broken = changed(*CLAMP)
    weaker = without("test_clamp", tree=broken)
    parts = {"files": None, "script": None, "parser": None}
    artifact = {"bug": TREE.diff(broken), "weaken": broken.diff(weaker), **parts}
    given = [{"project": tiny, "artifact": artifact, "failed": ""}]
    options = {"acting": "agentic", "min_passing": 5, "solvers": 1, "pay": "one-minus"}
    player = model("constrained", max_tokens=24)
    (played,) = play_trajectories(
        "BugRepair-v0",
        [player] * 2,
        1,
        options={**options, "solver_turns": 2, "projects": [tiny], "given": given},
        swap=False,
    )
    # What it writes is well formed as far as the budget lets it; nobody's failure stops the rest.
    assert played.record.reason == "scored"
    assert played.record.evidence["solved"] == [False]
    assert len(played.seats[1].turns) >= 1
