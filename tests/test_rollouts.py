"""Many matches at once: several games, players from a pool, slow players, early ends."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from dataclasses import replace

import pytest
from cases import Talker
from toy_games import MatchingPennies

import arenas
from arenas.core.match import Match
from arenas.core.policy import Policy, Reply, Stream
from arenas.policies.random import RandomPolicy
from arenas.registry import make_game
from arenas.rollout.matches import played_as
from arenas.rollout.scheduler import Running, run

GAMES = ["KuhnPoker-v0", ("TicTacToe-v0", {"size": 4}), ("KuhnPoker-v0", {"hands": 3})]


def lines(records):
    return [record.to_json() for record in records]


def test_several_games_are_played_in_turn_in_one_call():
    records = list(arenas.play_matches(GAMES, ["random", "scripted"], 12, 5))
    shapes = [(record.game, record.options) for record in records]
    wanted = [make_game("KuhnPoker-v0").options, make_game("TicTacToe-v0", size=4).options]
    wanted.append(make_game("KuhnPoker-v0", hands=3).options)
    assert [options for _, options in shapes[::2]] == wanted * 2
    assert shapes[::2] == shapes[1::2]
    assert [record.group for record in records] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [record.seats[0] for record in records] == ["random", "scripted"] * 6
    for record in records:
        assert record.problems(make_game(record.game, **record.options)) == []


def test_one_policy_answers_turns_of_all_games_together():
    batches = []

    class Watched(RandomPolicy):
        def act(self, turns):
            batches.append({turn.game.spec.name for turn in turns})
            return super().act(turns)

    policy = Watched()
    assert len(list(arenas.play_matches(GAMES, [policy, policy], 30))) == 30
    assert {"KuhnPoker", "TicTacToe"} in batches


def test_what_several_games_need_is_said():
    with pytest.raises(ValueError, match="no game to play"):
        arenas.play_matches([], ["random"] * 2, 1)
    with pytest.raises(ValueError, match="pairs of an id and options"):
        arenas.play_matches(["KuhnPoker-v0"], ["random"] * 2, 1, options={"players": 2})
    with pytest.raises(ValueError, match="needs 3 players"):
        arenas.play_matches(["KuhnPoker-v0", ("KuhnPoker-v0", {"players": 3})], ["random"] * 2, 1)


@pytest.mark.parametrize("swap", [True, False])
def test_a_function_seats_players_of_a_pool_group_by_group(swap):
    asked = []

    def seating(game_id, group):
        asked.append((game_id, group))
        return ["scripted", ("random", "exact", Talker(0.0))[group % 3]]

    records = list(
        arenas.play_matches(["TicTacToe-v0", "KuhnPoker-v0"], seating, 12, swap=swap, concurrency=3)
    )
    opponents = [next(n for n in record.seats if n != "scripted") for record in records]
    assert [each for each, _ in Counter(opponents).most_common()] == ["random", "exact", "talker"]
    assert [group for _, group in asked] == list(range(6 if swap else 12))
    assert lines(records) == lines(
        arenas.play_matches(["TicTacToe-v0", "KuhnPoker-v0"], seating, 12, swap=swap)
    )


class Signals(RandomPolicy):
    """A random player; at its `when`-th turn Ctrl-C is pressed, or it fails."""

    def __init__(self, when, error=None, waits=False):
        super().__init__()
        self.when, self.error, self.waits, self.count = when, error, waits, 0

    def act(self, turns):
        self.count += len(turns)
        if self.count >= self.when:
            if self.error is None:
                signal.raise_signal(signal.SIGINT)
            else:
                raise self.error
        return super().act(turns)


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("error", [None, RuntimeError("the server stays away")])
def test_what_is_finished_comes_out_before_an_early_end(error, waits):
    """Hands of two to three moves, of which some overtake others."""
    if waits and error is None:
        pytest.skip("the signal reaches the main thread alone")

    def seating(game_id, group):
        return [failing, "random"] if group % 2 else ["random", "random"]

    failing = Signals(70, error, waits)
    seen = []
    records = arenas.play_matches("KuhnPoker-v0", seating, 200, swap=False, concurrency=40)
    with pytest.raises(type(error) if error else KeyboardInterrupt):
        seen.extend(records)
    whole = lines(arenas.play_matches("KuhnPoker-v0", ["random"] * 2, 200, swap=False))
    numbers = [whole.index(line) for line in lines(seen)]
    assert numbers == sorted(numbers)
    assert 0 < len(numbers) < 200
    # Also those that had overtaken others.
    assert len(numbers) <= numbers[-1]


def test_a_slow_player_does_not_hold_up_matches_of_others():
    others_done = threading.Event()

    class Slow(RandomPolicy):
        waits = True

        def act(self, turns):
            # Would wait for ever if the rest waited for it.
            assert others_done.wait(30)
            return super().act(turns)

    class Counting(RandomPolicy):
        moves = 0

        def act(self, turns):
            self.moves += len(turns)
            if self.moves > 100:
                others_done.set()
            return super().act(turns)

    slow, fast = Slow(), Counting()

    def seating(game_id, group):
        return [slow, fast] if group == 0 else [fast, fast]

    records = list(arenas.play_matches("TicTacToe-v0", seating, 60, concurrency=8))
    assert others_done.is_set()
    assert lines(records) == lines(arenas.play_matches("TicTacToe-v0", ["random"] * 2, 60))


class Waiting(MatchingPennies):
    """Each step waits until those of four matches are under way, or fails."""

    def __init__(self, together, error=None):
        super().__init__(rounds=2)
        self.spec = replace(self.spec, waits=True)
        self.gate, self.error = threading.Barrier(together), error

    def apply(self, state, moves):
        if self.error and state:
            raise self.error
        self.gate.wait(30)
        return super().apply(state, moves)


def pennies(game, players, n):
    """Matches for `run`, whose game has no id."""
    for number in range(n):
        match = Match(game, number, language=True)
        yield Running(number, number, "toys/Pennies-v0", match, (0, 1), players)


@pytest.mark.parametrize("slow", [False, True])
def test_games_that_wait_are_stepped_side_by_side(slow):
    """Stepped one after another, the first would wait for ever."""

    class Player(RandomPolicy):
        waits = slow

    players = (Player(), RandomPolicy())
    waited = list(run(pennies(Waiting(together=4), players, 24), 4))
    assert [each.number for each in waited] == list(range(24))
    in_line = run(pennies(MatchingPennies(rounds=2), players, 24), 4)
    assert [each.match.log for each in waited] == [each.match.log for each in in_line]


def test_what_a_game_raises_in_its_thread_ends_the_rollout():
    game = Waiting(together=1, error=OSError("the sandbox is gone"))
    with pytest.raises(OSError, match="the sandbox is gone"):
        list(run(pennies(game, (RandomPolicy(),) * 2, 24), 4))


def test_turns_that_are_answered_one_by_one_keep_the_records():
    class OneByOne(Stream):
        def __init__(self, policy):
            self.policy, self.turns = policy, []

        def put(self, turns):
            self.turns += turns

        def take(self):
            turn = self.turns.pop()
            return list(zip([turn], self.policy.act([turn]), strict=True))

        def __len__(self):
            return len(self.turns)

    class Trickling(RandomPolicy):
        def stream(self):
            return OneByOne(self)

    players = [Trickling(), Trickling()]
    records = lines(arenas.play_matches(GAMES, players, 30, 2, concurrency=7))
    assert records == lines(arenas.play_matches(GAMES, ["random"] * 2, 30, 2))


def test_seats_that_move_at_once_are_answered_in_order_of_seats():
    game = MatchingPennies(rounds=2)
    players = [RandomPolicy(), Talker(0.0)]

    def start():
        for number in range(6):
            match = Match(game, number, language=True)
            sitting = (number % 2, 1 - number % 2)
            seated = tuple(players[player] for player in sitting)
            yield Running(number, number, "toys/Pennies-v0", match, sitting, seated, keep=True)

    for each in run(start(), 4):
        assert [entry.seat for entry in each.match.log] == [0, 1, 0, 1]
        assert [decision.seat for decision in each.decisions] == [0, 1, 0, 1]
        assert all(decision.legal == ("[heads]", "[tails]") for decision in each.decisions)


def test_memory_is_bounded_while_one_match_lags():
    """Matches ahead of an unfinished one are finished up to a limit, then wait for it."""
    release = []

    class Lagging(Policy):
        name = "lagging"

        def stream(self):
            return Held(self)

        def act(self, turns):
            return [Reply(turn.sample()) for turn in turns]

    class Held(Stream):
        def __init__(self, policy):
            self.policy, self.turns = policy, []

        def put(self, turns):
            self.turns += turns

        def take(self):
            release.append(len(finished))
            # Held back for a while, as long as others go on.
            if len(release) < 300:
                return []
            turns, self.turns = self.turns, []
            return list(zip(turns, self.policy.act(turns), strict=True))

        def __len__(self):
            return len(self.turns)

    finished, lagging = [], Lagging()

    def seating(game_id, group):
        finished.append(group)
        return [lagging, "random"] if group == 0 else ["random", "random"]

    records = list(arenas.play_matches("KuhnPoker-v0", seating, 500, swap=False, concurrency=4))
    assert len(records) == 500
    # Sixteen times the concurrency, and those under way.
    assert max(release) <= 16 * 4 + 3 * 4


def test_finished_matches_come_with_who_sat_where():
    for each in played_as(lambda each: each, "KuhnPoker-v0", ["nash", "random"], 4):
        names = [("nash", "random")[player] for player in each.sitting]
        assert [policy.name for policy in each.policies] == names
        assert each.decisions == []
