"""What is finished comes out of `play_matches` when a policy fails or Ctrl-C is pressed."""

from __future__ import annotations

import pytest

import arenas
from arenas.core.policy import Policy, PolicyError, Reply
from arenas.rollout.matches import seated, sitting_of

N = 60


class Stopped(Policy):
    """Random, but holds up match `held` until call number 40 fails."""

    name = "random"

    def __init__(self, held, error):
        self.held, self.error, self.calls = held, error, 0

    def act(self, turns):
        self.calls += 1
        if self.calls == 40:
            raise self.error
        return [
            Reply(text="let me think") if turn.match_id == self.held else Reply(turn.sample())
            for turn in turns
        ]


def played(players, concurrency=64):
    """The lines of the records that come out, and the error that comes after them."""
    lines = []
    try:
        for record in arenas.play_matches(
            "KuhnPoker-v0", players, N, concurrency=concurrency, illegal="retry:1000"
        ):
            lines.append(record.to_json())
    except (PolicyError, KeyboardInterrupt) as error:
        return lines, error
    return lines, None


@pytest.mark.parametrize("error", [PolicyError("gone"), KeyboardInterrupt()])
@pytest.mark.parametrize("held", [0, 1, 33, N - 1])
def test_what_is_finished_comes_out_before_the_error(held, error):
    whole, none = played(["random", "random"])
    assert none is None
    player = Stopped(held, error)
    lines, raised = played([player, player])
    assert raised is error
    assert lines == whole[:held] + whole[held + 1 :]


def test_what_was_not_begun_is_missing():
    whole, _ = played(["random", "random"])
    player = Stopped(0, PolicyError("gone"))
    lines, _ = played([player, player], concurrency=2)
    assert 0 < len(lines) < N - 1
    assert lines == whole[1 : len(lines) + 1]


@pytest.mark.parametrize("players", [["nash", "random"], ["random", "random"]])
@pytest.mark.parametrize("swap", [True, False])
def test_seats_are_told_from_the_records(players, swap):
    records = list(arenas.play_matches("KuhnPoker-v0", players, 9, swap=swap))
    sittings = [sitting_of(number, 2, swap) for number in range(9)]
    assert list(seated(records, players, swap)) == list(zip(records, sittings, strict=True))
    if players[0] != players[1]:
        assert list(seated(records[3:], players, swap)) == list(
            zip(records[3:], sittings[3:], strict=True)
        )
