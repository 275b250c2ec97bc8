"""`arenas export` writes records where other tools read them."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from click.testing import CliRunner

import arenas
from arenas.cli import app
from arenas.core.record import write_records
from arenas.rollout.record_files import read_parquet


@pytest.fixture
def records(tmp_path):
    records = list(arenas.play_matches("KuhnPoker-v0", ["nash", "random"], 8))
    with (tmp_path / "kuhn.jsonl").open("w") as file:
        write_records(records, file)
    return records


def export(folder, *args, status=0):
    done = CliRunner().invoke(app, ["export", str(folder / "kuhn.jsonl"), *map(str, args)])
    assert done.exit_code == status, done.output
    return done.output


def test_a_table(records, tmp_path):
    pytest.importorskip("pyarrow")
    table = tmp_path / "kuhn.parquet"
    assert export(tmp_path, "--parquet", table) == f"{table}\n"
    assert list(read_parquet(table)) == records
    assert "say --overwrite" in export(tmp_path, "--parquet", table, status=1)
    export(tmp_path, "--parquet", table, "--overwrite")


def test_a_dataset_of_minari(records, tmp_path, monkeypatch):
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    said = export(tmp_path, "--minari", "kuhn/nash-v0", "--player", "nash")
    assert said == "kuhn/nash-v0: 8 episodes, 0 left out\n"
    assert minari.load_dataset("kuhn/nash-v0").total_episodes == 8
    assert "already exists" in export(tmp_path, "--minari", "kuhn/nash-v0", status=1)


def test_what_is_wrong_is_said(records, tmp_path):
    assert "say what to write" in export(tmp_path, status=2)
    assert "goes with --minari" in export(tmp_path, "--parquet", "x", "--player", "y", status=2)
    if find_spec("minari") is None:
        assert "selfplay-arenas[minari]" in export(tmp_path, "--minari", "kuhn-v0", status=1)
    pytest.importorskip("pyarrow")
    file = tmp_path / "kuhn.jsonl"
    file.write_text(file.read_text() + "not JSON\n")
    said = export(tmp_path, "--parquet", tmp_path / "bad.parquet", status=1)
    assert "kuhn.jsonl:9: not JSON" in said
