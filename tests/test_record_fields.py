"""What a record claims beside the match itself: names and fields."""

import json
from dataclasses import asdict, replace

import pytest

import arenas
from arenas.core.record import MatchRecord, RecordError


@pytest.fixture(scope="module")
def record():
    (record,) = arenas.play_matches("KuhnPoker-v0", ["nash", "random"], 1)
    return record


@pytest.mark.parametrize("seats", [[], ["nash"], ["nash", "random", "random"], ["nash", None]])
def test_every_seat_has_a_name(record, seats):
    game = arenas.make_game("KuhnPoker-v0")
    assert record.problems(game) == []
    (problem,) = replace(record, seats=seats).problems(game)
    assert problem.startswith("2 seats need a name each")


@pytest.mark.parametrize("name", ["rewards", "digest", "seat"])
def test_a_field_that_stands_twice_is_refused(record, name):
    line = record.to_json()
    twice = line.replace(f'"{name}":', f'"{name}":9,"{name}":', 1)
    assert json.loads(twice) == json.loads(line)
    with pytest.raises(RecordError, match=f"'{name}' stands twice"):
        MatchRecord.from_json(twice)


def test_fields_may_stand_in_any_order(record):
    body = dict(reversed(json.loads(record.to_json()).items()))
    assert asdict(MatchRecord.from_json(json.dumps(body))) == asdict(record)
