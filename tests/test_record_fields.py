"""What a record claims beside the match itself: names and fields."""

import json
from dataclasses import replace

import pytest

import arenas
from arenas.core.record import MatchRecord, RecordError


@pytest.fixture(scope="module")
def record():
    (record,) = arenas.play_matches("KuhnPoker-v0", ["nash", "random"], 1)
    return record


@pytest.mark.parametrize("seats", [[], ["nash"], ["nash", "random", "random"]])
def test_every_seat_has_a_name(record, seats):
    game = arenas.make_game("KuhnPoker-v0")
    assert record.problems(game) == []
    (problem,) = replace(record, seats=seats).problems(game)
    assert problem.endswith("names for 2 seats")


@pytest.mark.parametrize("name", ["rewards", "digest", "seat"])
def test_a_field_that_stands_twice_is_refused(record, name):
    line = record.to_json()
    twice = line.replace(f'"{name}":', f'"{name}":9,"{name}":', 1)
    assert json.loads(twice) == json.loads(line)
    with pytest.raises(RecordError, match=f"'{name}' stands twice"):
        MatchRecord.from_json(twice)


def test_the_digest_seals_the_line_as_it_stands(record):
    line = record.to_json()
    assert MatchRecord.from_json(line) == MatchRecord.from_json(line.encode() + b"\n") == record
    for changed in (line.replace(",", ", ", 1), line.replace(".0,", ",", 1)):
        assert json.loads(changed) == json.loads(line)
        with pytest.raises(RecordError, match="digest does not fit"):
            MatchRecord.from_json(changed)
