"""A language model in every seat of deep search: calls in words, records that replay."""

from __future__ import annotations

import pytest

import arenas

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("xgrammar")

from tiny_language import make_model, make_tokenizer

OPTIONS = {"engine": "sqlite", "solvers": 2, "turns": 3, "results": 1, "result_chars": 200}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    make_model(max_position_embeddings=16_384).save_pretrained(path)
    make_tokenizer().save_pretrained(path)
    return path


@pytest.mark.slow  # prompts of thousands of tokens go through a model
def test_a_model_makes_calls_in_every_seat(folder):
    player = f"language:{folder}?moves=constrained&max_tokens=40"
    players = [player, player, "reader"]
    game = arenas.make_game("DeepSearch-v0", **OPTIONS)
    records = list(arenas.play_matches("DeepSearch-v0", players, 2, 0, swap=False, options=OPTIONS))
    for record in records:
        assert record.problems(game) == []
        assert any("text" in turn for turn in record.turns if turn["seat"] == 0)
        assert record.reason in ("invalid", "scored")
