"""Records in Parquet: read back they are the same lines, and `datasets` reads them as columns."""

from __future__ import annotations

import json

import pytest

import arenas
from arenas.rollout.record_files import read_parquet, write_parquet

pytest.importorskip("pyarrow")


def garbled(illegal):
    """A match in words with an illegal reply of odd characters."""
    env = arenas.make("KuhnPoker-v0", view="text", illegal=illegal)
    env.reset(seed=3)
    env.step('né "\n\x00 \U0001f0a1')
    while env.agents:
        over = env.match.over
        env.step(None if over else env.match.game.replies(env.match.state, env.match.awaited[0])[0])
    return env.record()


@pytest.fixture
def records():
    return [
        *arenas.play_matches("KuhnPoker-v0", ["nash", "random"], 30, options={"hands": 2}),
        *arenas.play_matches("Negotiation-v0", ["greedy", "random"], 3, max_cycles=2),
        *arenas.play_matches("DeepSearch-v0", ["random"] * 6, 1),
        *map(garbled, ("retry:1", "random-legal", "penalty:0.1")),
    ]


def test_records_read_back_are_the_same_lines(records, tmp_path):
    write_parquet(records, tmp_path / "records.parquet", rows=7)
    again = list(read_parquet(tmp_path / "records.parquet"))
    assert [record.to_json() for record in again] == [record.to_json() for record in records]


def test_datasets_reads_them_as_columns(records, tmp_path):
    datasets = pytest.importorskip("datasets")
    path = tmp_path / "records.parquet"
    write_parquet(records, path)
    table = datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path / "cache"))
    assert table["rewards"][:] == [record.rewards for record in records]
    assert table["digest"][0] == json.loads(records[0].to_json())["digest"]
    texts = [turn["text"] for turn in table[len(records) - 1]["turns"]]
    assert texts == [turn.get("text") for turn in records[-1].turns]


def test_a_lone_surrogate_becomes_a_question_mark(tmp_path):
    env = arenas.make("KuhnPoker-v0", view="text")
    env.reset(seed=3)
    for _ in range(2):
        env.step("\ud800")
    write_parquet([env.record()], tmp_path / "records.parquet")
    (again,) = read_parquet(tmp_path / "records.parquet")
    assert [turn["text"] for turn in again.turns] == ["?", "?"]


def test_no_records_make_an_empty_table(tmp_path):
    write_parquet([], tmp_path / "none.parquet")
    assert list(read_parquet(tmp_path / "none.parquet")) == []
