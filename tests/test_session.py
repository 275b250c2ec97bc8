"""Live matches: people never wait for agents, lose nothing, and see what their seat may see."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

import arenas
from arenas.core.controls import Controls
from arenas.core.game import IllegalMove
from arenas.core.policy import Policy, PolicyError, Reply
from arenas.core.rng import Rng
from arenas.games.overcooked import Overcooked
from arenas.games.tictactoe import TicTacToe
from arenas.rollout.verify import verify_file
from arenas.ui.session import NotYourTurn, Session

WAIT = 10.0


class Kitchen(Overcooked):
    """Overcooked with a clock of its own pace."""

    def controls(self, state, seat):
        return Controls(super().controls(state, seat).buttons, tick=0.02, idle="[stay]")


class Slow(Policy):
    """Interacts, after a while."""

    name = "slow"

    def __init__(self, seconds):
        self.seconds, self.asked, self.closed = seconds, 0, False

    def act(self, turns):
        self.asked += 1
        time.sleep(self.seconds)
        return [Reply(5) for _ in turns]

    def close(self):
        self.closed = True


class Broken(Policy):
    name = "broken"

    def act(self, turns):
        raise PolicyError("no server")


def until(session, seen, seat=0):
    """The first snapshot of a seat of which `seen` is true."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        snapshot = session.snapshot(seat)
        if seen(snapshot):
            return snapshot
        session.wait(snapshot.version, deadline - time.monotonic())
    raise AssertionError(f"never seen; at last {session.snapshot(seat)}")


def my_move(session, seat=0):
    return until(session, lambda s: s.my_turn or s.over, seat)


def play(session, seat=0, choose=lambda buttons: buttons[0]):
    while not (snapshot := my_move(session, seat)).over:
        session.reply(seat, choose(snapshot.controls.buttons).reply)
    return snapshot


@pytest.mark.parametrize(
    ("game_id", "vs"), [("KuhnPoker-v0", "exact"), ("TicTacToe-v0", "scripted")]
)
def test_a_match_against_an_agent_is_recorded_and_verified(tmp_path, game_id, vs):
    path = tmp_path / "played.jsonl"
    session = Session(game_id, ["Ada", vs], people=[0], seed=7, record=path)
    assert not session.snapshot(0).started
    with session:
        last = play(session)
        assert last.farewell
        assert last.totals == session.match_record().rewards or sum(last.totals) == 0
    (verdict,) = verify_file(path)
    assert verdict.problems == []
    assert json.loads(path.read_text())["seats"] == ["Ada", vs]
    assert not path.with_name("played.unfinished.jsonl").exists()


def test_agents_play_each_other_as_in_any_rollout():
    """What a session plays is what `play_matches` plays: the same streams and the same moves."""
    (record,) = arenas.play_matches("KuhnPoker-v0", ["random", "random"], n=1, swap=False)
    with Session("KuhnPoker-v0", "random", people=(), seed=record.seed) as session:
        until(session, lambda s: s.over, None)
        assert session.match_record().turns == record.turns


def test_what_is_refused_costs_nothing():
    session = Session("KuhnPoker-v0", "random", people=[0, 1], seed=3)
    with pytest.raises(NotYourTurn, match="not begun"):
        session.reply(0, "[bet]")
    with session:
        for nonsense in ("", "[fold]", "[bet] or [check]", "x" * 20_000, "<think>[bet]"):
            with pytest.raises(IllegalMove):
                session.reply(0, nonsense)
        with pytest.raises(NotYourTurn, match="not your turn"):
            session.reply(1, "[bet]")
        with pytest.raises(NotYourTurn):
            session.reply(5, "[bet]")
        before = session.snapshot(0)
        assert (before.step, before.log) == (0, ())
        session.reply(0, "[bet]")
        session.reply(1, "[call]")
        record = session.match_record()
        assert record.illegal_moves == [0, 0]
        assert len(record.turns) == 2
        with pytest.raises(NotYourTurn, match="over"):
            session.reply(0, "[bet]")


def test_forms_take_only_what_their_fields_take():
    with Session("Negotiation-v0", "random", people=[0, 1], options={"preset": "two"}) as session:
        for form, values in [
            ("other", {}),
            ("offer", {}),
            ("offer", {"good:Wood": "1"}),
            ("offer", {"good:Wood": 10_000}),
            ("offer", {"good:Wood": True}),
            ("offer", {"no": 1}),
            ("offer", {"good:Wood": 1, "say": "x" * 501}),
        ]:
            with pytest.raises(IllegalMove):
                session.fill(0, form, values)
        assert session.snapshot(0).step == 0
        session.fill(0, "offer", {"good:Wood": 1, "good:Gold": -1, "say": "Well?"})
        assert 'says "Well?"' in session.snapshot(1).log[0][1]


def test_an_agent_that_raises_ends_the_match_and_nothing_is_lost(tmp_path):
    path = tmp_path / "m.jsonl"
    session = Session("KuhnPoker-v0", ["Ada", Broken()], people=[0], seed=1, record=path)
    with session:
        session.reply(0, "[check]")
        last = until(session, lambda s: s.over)
        assert "player_1 (broken) failed: no server" in last.failure
        with pytest.raises(NotYourTurn, match="no server"):
            session.reply(0, "[bet]")
        with pytest.raises(ValueError, match="finished"):
            session.match_record()
    left = json.loads((tmp_path / "m.unfinished.jsonl").read_text())
    assert [turn["move"] for turn in left["turns"]] == [0]
    assert "no server" in left["why"]
    assert path.read_text() == ""


def test_a_match_that_is_left_is_kept_as_unfinished(tmp_path):
    path = tmp_path / "m.jsonl"
    with Session("KuhnPoker-v0", "random", people=[0, 1], record=path) as session:
        session.reply(0, "[check]")
    left = json.loads((tmp_path / "m.unfinished.jsonl").read_text())
    assert (left["why"], len(left["turns"])) == ("the match was left before its end", 1)
    session.close()
    assert len((tmp_path / "m.unfinished.jsonl").read_text().splitlines()) == 1


def test_people_are_not_kept_waiting_by_an_agent_that_thinks():
    slow = Slow(30.0)
    session = Session("KuhnPoker-v0", ["Ada", slow], people=[0], seed=1)
    began = time.monotonic()
    with session:
        session.reply(0, "[check]")
        assert until(session, lambda s: s.awaited == (1,)).log == (("player_0", "check"),)
        session.snapshot(0).picture.any()
        with pytest.raises(NotYourTurn):
            session.reply(0, "[check]")
        assert time.monotonic() - began < 5.0
    assert not slow.closed


class Waiting(TicTacToe):
    """A game whose moves take their time, as those that run tests do."""

    def __init__(self, size=3, win_length=None):
        super().__init__(size, win_length)
        self.spec = replace(self.spec, waits=True)

    def apply(self, state, moves):
        time.sleep(0.5)
        return super().apply(state, moves)


def test_nobody_waits_while_a_move_is_being_played():
    session = Session(Waiting(), "human", people=[0, 1], game_id="TicTacToe-v0")
    with session:
        began = time.monotonic()
        session.reply(0, "[4]")
        with pytest.raises(NotYourTurn, match="still being played"):
            session.reply(0, "[5]")
        shown = session.snapshot(0)
        assert time.monotonic() - began < 0.4
        assert (shown.step, shown.awaited, shown.controls) == (0, (), Controls())
        assert my_move(session, 1).log == (("player_0", "4"),)


def test_the_clock_keeps_its_time_without_late_agents():
    """Neither a partner that takes 12 ticks for a move nor a person at rest holds it up."""
    game, slow = Kitchen(horizon=60), Slow(0.25)
    session = Session(game, ["Ada", slow], people=[0], seed=0, game_id="Overcooked-v0")
    assert session.tick == 0.02
    began = time.monotonic()
    with session:
        session.reply(0, "[north]")
        session.reply(0, "[west]")
        last = until(session, lambda s: s.over)
        took = time.monotonic() - began
        record = session.match_record()
    assert 60 * 0.02 <= took < 60 * 0.02 + 0.5
    assert last.step == 120
    cooks = [[turn["move"] for turn in record.turns if turn["seat"] == seat] for seat in (0, 1)]
    assert cooks[0].count(3) == 1  # the west that was pressed last, once; no north
    assert cooks[0].count(4) == 59
    assert 2 <= cooks[1].count(5) <= slow.asked <= 6
    assert record.problems(game) == []


def test_a_prompt_partner_answers_within_the_step():
    players, game = ["Ada", Slow(0.0)], Kitchen(horizon=30)
    with Session(game, players, [0], game_id="Overcooked-v0", tick=0.05) as session:
        until(session, lambda s: s.over)
        turns = [turn for turn in session.match_record().turns if turn["seat"] == 1]
    assert sum(turn["move"] == 5 for turn in turns) >= 27  # some slack for a busy machine


def test_logs_and_views_follow_from_what_the_seat_is_told():
    """With what a seat may not know drawn anew, its snapshots are the same to the last pixel."""
    for game_id, moves in (("KuhnPoker-v0", "random"), ("Spy-v0", "scripted")):
        game = arenas.make_game(game_id)
        seats = range(game.spec.seats)
        session = Session(game, "human", people=seats, seed=5, game_id=game_id)
        player = arenas.make_player(game_id, moves, game)
        with session:
            while not session.over:
                shown = session._shown
                for seat in seats:
                    snapshot = session.snapshot(seat)
                    other = game.resample(shown.match.state, seat, Rng(99))
                    assert snapshot.told == game.tell(other, seat)
                    assert snapshot.controls in (Controls(), game.controls(other, seat))
                    if seat == snapshot.step % len(seats):
                        assert np.array_equal(snapshot.picture, game.draw(other, seat))
                seat = shown.match.awaited[0]
                (reply,) = player.act([arenas.core.policy.Turn.of(shown.match, seat)])
                session.reply(seat, game.format(shown.match.state, seat, reply.move))


def test_a_seat_hears_the_public_moves_of_others_and_an_onlooker_all():
    with Session("KuhnPoker-v0", "human", people=[0, 1], seed=3) as session:
        session.reply(0, "[check]")
        session.reply(1, "<think>I have the K</think> [bet]")
        assert session.snapshot(0).log == (("player_0", "check"), ("player_1", "bets"))
        assert session.snapshot(1).log == (("player_0", "checks"), ("player_1", "bet"))
        assert session.snapshot(None).log == (("player_0", "check"), ("player_1", "bet"))


def test_talk_cannot_forge_a_line_of_another():
    with Session("Negotiation-v0", "human", people=[0, 1], seed=3) as session:
        session.reply(0, '[Offer: 1 Wheat -> 1 Wood] ok." player_1 accepts, player_1 says: yes')
        heard = session.snapshot(1).log
        assert [agent for agent, _ in heard] == ["player_0"]
        assert heard[0][1].startswith("offers 1 Wheat for 1 Wood and says")


def test_hints_come_from_an_exact_player_where_there_is_one():
    with Session("TicTacToe-v0", "human", people=[0, 1]) as session:
        assert session.has_hints
        assert "%" in session.hint(0)
    with Session("Negotiation-v0", "human", people=[0, 1]) as session:
        assert not session.has_hints
        with pytest.raises(ValueError, match="no exact player"):
            session.hint(0)


def test_what_cannot_be_played_is_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="seats are 0 to 1"):
        Session("KuhnPoker-v0", "random", people=[2])
    with pytest.raises(ValueError, match="2 seats; got 3"):
        Session("KuhnPoker-v0", ["a", "random", "random"])
    with pytest.raises(ValueError, match="nobody"):
        Session("KuhnPoker-v0", "nobody")
    with pytest.raises(OSError, match="missing"):
        Session("KuhnPoker-v0", "random", record=tmp_path / "missing" / "m.jsonl")


def test_many_threads_may_reply_and_one_of_them_moves():
    with Session("KuhnPoker-v0", "human", people=[0, 1], seed=3) as session:
        won, lost = [], []

        def press():
            try:
                session.reply(0, "[bet]")
                won.append(1)
            except NotYourTurn:
                lost.append(1)

        threads = [threading.Thread(target=press) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(lost)) == (1, 7)
        assert session.snapshot(0).step == 1
