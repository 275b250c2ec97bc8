"""Tournaments: cross-play, ratings with intervals, and the command."""

from __future__ import annotations

import json
import math
import random
import signal
from dataclasses import replace
from itertools import combinations

import pytest
from click.testing import CliRunner

import arenas
from arenas.cli import app
from arenas.policies.random import RandomPolicy
from arenas.rating.results import Results
from arenas.rating.tournament import MEAN_ELO, Tournament
from arenas.rollout.matches import seated

PLAYERS = ["exact", "scripted", "random"]
THREE = ["random", "scripted", "best-response:random"]
(PATTERN,) = arenas.play_matches("KuhnPoker-v0", ["random", "random"], 1)


def record_of(rewards, group):
    """A record that differs from a real one in what a tournament reads."""
    return replace(PATTERN, rewards=list(rewards), illegal_moves=[0] * len(rewards), group=group)


def played(players, n, **options):
    """A tournament of Kuhn poker."""
    table = Tournament(players, 2)
    for line_up in table.line_ups:
        names = [players[player] for player in line_up]
        for record, sitting in seated(arenas.play_matches("KuhnPoker-v0", names, n), names):
            table.add(record, [line_up[player] for player in sitting])
    return table


def test_pairs_are_those_of_matches_between_two():
    table = played(PLAYERS, 200)
    for a, b in combinations(range(3), 2):
        names = [PLAYERS[a], PLAYERS[b]]
        results = Results(names)
        for record, sitting in seated(arenas.play_matches("KuhnPoker-v0", names, 200), names):
            results.add(record, sitting)
        for player, other, row in zip((a, b), (b, a), results.table(), strict=True):
            mean = table.against(player, other)
            assert (mean.mean, mean.interval, mean.matches) == (row.mean, row.interval, 200)
    assert table.against(0, 0) is None
    assert table.matches == 600


def test_standings_are_means_over_all_others():
    table = played(PLAYERS, 200)
    standings = {each.player: each for each in table.standings()}
    assert list(standings) == sorted(
        standings, key=lambda name: standings[name].overall.mean, reverse=True
    )
    for place, name in enumerate(PLAYERS):
        others = [table.against(place, other) for other in range(3) if other != place]
        mean = sum(other.mean for other in others) / 2
        assert standings[name].overall.mean == pytest.approx(mean)
        assert standings[name].overall.matches == 400
        seats = standings[name].by_seat
        assert sum(seat.mean for seat in seats) / 2 == pytest.approx(mean)
        # The same deals against everyone: as many samples as deals.
        assert math.isfinite(standings[name].overall.interval)


def simulated(strengths, n, seed, seats=2):
    """A tournament of players whose finishing orders are drawn by their Elo (Plackett-Luce)."""
    rng = random.Random(seed)
    names = list(strengths)
    table = Tournament(names, seats)
    for line_up in table.line_ups:
        for number in range(n):
            left, rewards = list(range(seats)), [0.0] * seats
            for rank in range(seats):
                weights = [10 ** (strengths[names[line_up[s]]] / 400) for s in left]
                first = rng.choices(left, weights)[0]
                left.remove(first)
                rewards[first] = float(-rank)
            table.add(record_of(rewards, number), line_up)
    return table


@pytest.mark.parametrize("seats", [2, 3])
def test_ratings_find_the_strengths_and_say_how_surely(seats):
    strengths = {"a": -200, "b": -50, "c": 0, "d": 250}
    inside = total = 0
    for seed in range(12):
        for each in simulated(strengths, 150, seed, seats).standings():
            off = each.elo - MEAN_ELO - strengths[each.player]
            inside += abs(off) <= each.elo_interval
            total += 1
            assert abs(off) < 150
            assert 30 < each.elo_interval < 100
    assert inside / total >= 0.9


def test_ratings_average_to_their_middle_and_draws_are_even():
    table = Tournament(["a", "b", "c"], 2)
    for line_up in table.line_ups:
        for number in range(50):
            table.add(record_of([0.0, 0.0], number), line_up)
    ratings = [each.elo for each in table.standings()]
    assert sum(ratings) / 3 == pytest.approx(MEAN_ELO)
    assert max(ratings) - min(ratings) < 1


def test_cooperating_players_meet_themselves_and_are_not_rated():
    table = Tournament(["a", "b"], 2, mirror=True, rated=False)
    assert table.line_ups == [(0, 0), (0, 1), (1, 1)]
    for line_up, reward in zip(table.line_ups, (9.0, 3.0, 5.0), strict=True):
        table.add(record_of([reward, reward], 0), line_up)
    assert [table.against(0, 0).mean, table.against(0, 1).mean, table.against(1, 1).mean] == [
        9,
        3,
        5,
    ]
    # What a player gets with itself says nothing of how it cooperates with others.
    assert [each.overall.mean for each in table.standings()] == [3, 3]
    assert [each.elo for each in table.standings()] == [None, None]
    alone = Tournament(["a"], 2, mirror=True, rated=False)
    alone.add(record_of([9.0, 9.0], 0), (0, 0))
    assert alone.standings()[0].overall.mean == 9


@pytest.mark.parametrize(
    ("players", "seats", "mirror", "message"),
    [
        (["a", "b", "a"], 2, False, "named twice"),
        (["a"], 2, False, "1 players for 2 seats: name 2 or more"),
        ([str(i) for i in range(60)], 4, True, "line-ups"),
    ],
)
def test_impossible_tournaments_are_refused(players, seats, mirror, message):
    with pytest.raises(ValueError, match=message):
        Tournament(players, seats, mirror)


def run(*arguments):
    return CliRunner().invoke(app, ["tournament", *arguments])


def test_the_command_prints_standings_and_pairs_and_keeps_records(tmp_path):
    records, picture = tmp_path / "all.jsonl", tmp_path / "table.png"
    line = ["KuhnPoker-v0", "--players", *PLAYERS, "-n", "60", "--record", str(records)]
    result = run(*line, "--plot", str(picture))
    assert result.exit_code == 0, result.output
    for name in PLAYERS:
        assert f"with {name}" in result.output
    assert "Elo" in result.output
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert sum(not verdict.problems for verdict in arenas.verify_file(records)) == 180
    again = run(*line)
    assert again.exit_code == 1
    assert "say --append or --overwrite" in again.output


def test_the_command_gives_json():
    result = run("KuhnPoker-v0", "-p", *PLAYERS, "-n", "60", "--json")
    found = json.loads(result.stdout)
    table = played(PLAYERS, 60)
    assert found["standings"] == [each.to_json() for each in table.standings()]
    assert len(found["against"]) == 6
    assert found["against"][0]["mean"] == table.against(0, 1).mean


def test_three_seats_make_line_ups_of_three():
    result = run(
        "KuhnPoker-v0", "-o", "players=3", "-p", "random", "scripted", "--mirror", "--json"
    )
    found = json.loads(result.stdout)
    assert found["against"] == []
    assert {each["player"] for each in found["standings"]} == {"random", "scripted"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["KuhnPoker-v0", "-p", "random"], "1 players for 2 seats"),
        (["KuhnPoker-v0", "-p", "random", "nobody"], "no player of KuhnPoker-v0"),
        (["KuhnPoker-v0", "-o", "players=3", "-p", *THREE, "--plot", "x.png"], "has 3"),
        (["KuhnPoker-v0", "-p", "random", "scripted", "--plot", "x.nothing"], "nothing"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, "-n", "4")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert message in result.output


def test_ctrl_c_keeps_what_was_played(monkeypatch):
    class Pressed(RandomPolicy):
        turns = 0

        def act(self, turns):
            self.turns += len(turns)
            if self.turns > 500:
                signal.raise_signal(signal.SIGINT)
            return super().act(turns)

    make, pressed = arenas.make_player, Pressed()
    monkeypatch.setattr(
        arenas, "make_player", lambda *args: pressed if args[1] == "random" else make(*args)
    )
    result = run("KuhnPoker-v0", "-p", *PLAYERS, "-n", "3000")
    assert result.exit_code == 130
    assert "stopped after" in result.output
    assert "exact" in result.output
