"""Moves that are objects: kept as fresh JSON values, so every finished match can be recorded."""

import numpy as np
import pytest
from sketches import Deal

from arenas.core.match import Match
from arenas.core.record import MatchRecord


def offer(**fields):
    return {"kind": "offer", "give": [1, 0], "ask": [0, 1], "say": "", **fields}


def test_a_move_does_not_change_with_what_was_submitted():
    match = Match(Deal(), 1)
    move = offer()
    match.submit(0, move)
    move["give"][0] = 3
    assert match.state.moves == (offer(),)
    assert match.log[0].move == offer()


@pytest.mark.parametrize("move", [offer(give=np.array([1, 0])), offer(say=float("nan")), object()])
def test_what_is_no_json_value_is_an_error_and_changes_nothing(move):
    match = Match(Deal(), 1)
    with pytest.raises(TypeError, match="a move is a JSON value"):
        match.submit(0, move)
    assert match.log == []
    assert match.awaited == (0,)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_reply_that_is_no_json_value_is_illegal_and_can_be_recorded(number):
    match = Match(Deal(), 1)
    reply = f'{{"kind": "offer", "give": [{number}, 0], "ask": [0, 1], "say": ""}}'
    match.reply(0, reply)
    assert "JSON" in match.last_illegal[0]
    match.reply(0, reply)
    record = MatchRecord.of(match, "sketches/Deal-v0", ["a", "b"])
    assert MatchRecord.from_json(record.to_json()).problems(Deal()) == []


def test_tuples_are_kept_as_lists():
    match = Match(Deal(), 1)
    match.submit(0, offer(give=(1, 0)))
    assert match.state.moves == (offer(),)
