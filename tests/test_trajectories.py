"""Trajectories: what a seat is paid for what, and in files."""

from __future__ import annotations

import dataclasses
import io

import pytest
from cases import Talker
from spelling import Spelling, trajectories

from arenas.core.policy import Tokens
from arenas.rollout.trajectories import Row, play_trajectories
from arenas.rollout.trajectory_files import (
    from_dict,
    read_jsonl,
    read_parquet,
    to_dict,
    write_jsonl,
    write_parquet,
)


@pytest.mark.parametrize(
    ("game", "options"), [("TicTacToe-v0", {}), ("KuhnPoker-v0", {"hands": 4, "players": 3})]
)
@pytest.mark.parametrize("illegal", ["retry:1", "penalty:0.25", "random-legal"])
def test_rewards_of_turns_add_up_to_the_return(game, options, illegal):
    players = [Talker(0.3), Talker(0.3), Talker(0.3)][: options.get("players", 2)]
    for each in play_trajectories(game, players, 9, options=options, illegal=illegal):
        for trajectory in each.seats:
            assert trajectory.reward == each.record.rewards[trajectory.seat]
            turns, before = trajectory.turns, 0.0
            for turn in each.record.turns:
                if turn["seat"] == trajectory.seat:
                    break
                # Its share of what others were fined before its first turn.
                fined = illegal.startswith("penalty") and "illegal" in turn
                before += 0.25 / (len(players) - 1) if fined else 0.0
            if turns:
                paid = before + sum(turn.reward for turn in turns)
                assert paid == pytest.approx(trajectory.reward)
            assert [turn.illegal for turn in turns] == [
                turn.get("illegal") for turn in each.record.turns if turn["seat"] == trajectory.seat
            ]
            for turn in turns:
                if turn.illegal is None:
                    assert turn.move is not None
                    assert len(turn.legal) > 0


def test_a_penalty_is_paid_in_the_turn_that_earned_it():
    class Wrong(Spelling):
        def _say(self, turn):
            said = super()._say(turn)
            return dataclasses.replace(said, text="no move")

    for trajectory in trajectories("KuhnPoker-v0", [Wrong(), "random"], n=4, illegal="penalty:0.5"):
        if trajectory.player == "spelling":
            assert all(turn.illegal for turn in trajectory.turns)
            assert all(turn.reward == -0.5 for turn in trajectory.turns[:-1])


def test_seats_say_who_sat_there_with_which_weights():
    for trajectory in trajectories(players=[Spelling(3), "random"]):
        if trajectory.player == "random":
            assert (trajectory.trainable, trajectory.version_start) == (False, None)
            assert trajectory.rows() == []
            assert all(turn.tokens is None for turn in trajectory.turns)
        else:
            assert trajectory.trainable
            assert (trajectory.version_start, trajectory.version_end) == (3, 3)
        assert trajectory.agent == f"player_{trajectory.seat}"
        assert trajectory.role == "player"


def test_turns_become_one_row_where_each_prompt_begins_with_what_came_before():
    for trajectory in trajectories():
        (row,) = trajectory.rows()
        assert row.rewards == [turn.reward for turn in trajectory.turns]
        text = "".join(map(chr, row.ids))
        place = 0
        for turn, (start, end) in zip(trajectory.turns, row.spans, strict=True):
            tokens = turn.tokens
            assert tuple(row.ids[:start]) == tokens.prompt
            assert text[start:end] == turn.text
            assert not any(row.mask[place:start])
            assert all(row.mask[start:end])
            assert tuple(row.logprobs[start:end]) == tokens.logprobs
            place = end
        assert row.prompt == len(trajectory.turns[0].tokens.prompt)
        assert place == len(row.ids) == len(row.mask) == len(row.logprobs)


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": (1, 2, 9, 5)},
        {"prompt": (1, 2)},
        {"kind": "scored"},
        {"temperature": 0.5},
    ],
)
def test_anything_else_begins_a_new_row(change):
    first = Tokens((1, 2), (3,), (-1.0,))
    same = Tokens((1, 2, 3, 4), (5, 6), None, mask=(True, False))
    row = Row.of(first, 0.5)
    assert not row.continued(dataclasses.replace(same, **change), 1.0)
    assert row == Row.of(first, 0.5)
    assert row.continued(same, 1.0)
    assert row.ids == [1, 2, 3, 4, 5, 6]
    assert row.mask == [False, False, True, False, True, False]
    assert row.logprobs == [0, 0, -1.0, 0, 0, 0]
    assert (row.prompt, row.spans, row.rewards) == (2, [(2, 3), (4, 6)], [0.5, 1.0])


def test_a_row_says_what_each_choice_was_among():
    listed = ((7, 8, 9), (7, 5, 9), (4, 9))
    first = Tokens((1,), (7, 5, 9), (-1.0, -1.0, 0.0), "constrained", candidates=listed)
    cut = Tokens((1, 7, 5, 9, 2), (7,), (-1.0,), "constrained", finish="length", candidates=listed)
    row = Row.of(first, 0.0)
    assert row.continued(cut, 0.0)
    assert row.allowed() == [(), (4, 7), (5, 8), (9,), (), (4, 7)]
    assert Row.of(Tokens((1,), (2,)), 0.0).allowed() == [(), ()]
    for kind, reason in (("scored", "chosen as a whole"), ("constrained", "not listed")):
        with pytest.raises(ValueError, match=reason):
            Row.of(Tokens((1,), (2,), kind=kind), 0.0).allowed()


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="logprobs: 1 values for 2"):
        Tokens((1,), (2, 3), (-1.0,))


# -- files -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def some():
    """Two games, players with and without tokens, versions of both kinds, illegal turns."""
    games = ["TicTacToe-v0", ("KuhnPoker-v0", {"hands": 2})]
    found = trajectories(games, [Spelling(), Talker(0.3)], 8) + trajectories(n=2)
    assert any("\ud800" in (turn.text or "") for t in found for turn in t.turns)
    return [dataclasses.replace(t, turns=tuple(map(writable, t.turns))) for t in found]


def writable(turn):
    """A turn as files hold it: without lone surrogates."""
    text = turn.text and turn.text.replace("\ud800", "?")
    return dataclasses.replace(turn, text=text)


def test_json_lines_read_back(some, tmp_path):
    path = tmp_path / "some.jsonl"
    with path.open("w", encoding="ascii") as file:
        write_jsonl(some, file)
    assert list(read_jsonl(path)) == some
    with pytest.raises(ValueError, match="format is None"):
        from_dict({})


def test_parquet_reads_back_also_by_datasets(some, tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "some.parquet"
    write_parquet(iter(some), path, rows=3)
    assert list(read_parquet(path)) == some
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    table = datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path))
    assert table.num_rows == len(some)
    assert [from_dict(row) for row in table] == some


def test_columns_of_files_are_the_fields(some, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from arenas.rollout.trajectory_files import _columns

    schema = pyarrow.schema(_columns(pyarrow))
    body = to_dict(some[0])
    assert schema.names == list(body)
    fields = [field.name for field in schema.field("turns").type.value_type]
    assert set(fields) == set(body["turns"][0])


def test_an_empty_file_has_the_same_columns(tmp_path):
    pytest.importorskip("pyarrow")
    write_parquet([], tmp_path / "none.parquet")
    assert list(read_parquet(tmp_path / "none.parquet")) == []


def test_json_lines_are_ascii(some):
    file = io.StringIO()
    write_jsonl(some, file)
    assert file.getvalue().isascii()
