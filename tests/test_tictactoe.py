"""TicTacToe: lines against a plain search of the cells, exact play, scripted play, options."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest
from cases import random_positions

import arenas
from arenas.core.match import Match
from arenas.core.policy import Turn
from arenas.core.rng import Rng
from arenas.games.tictactoe import rules

BOARDS = [(size, length) for size in range(3, 8) for length in range(3, size + 1)]


@cache
def lines(size, length):
    """Every line of cells, as sets of cell numbers."""
    found = []
    for r, c in np.ndindex(size, size):
        for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
            cells = [(r + i * dr, c + i * dc) for i in range(length)]
            if all(0 <= x < size and 0 <= y < size for x, y in cells):
                found.append(frozenset(x * size + y for x, y in cells))
    return found


def owns_line(cells, size, length):
    return any(line <= cells for line in lines(size, length))


def completing(cells, free, size, length):
    """The free cells that complete a line of `cells`."""
    gaps = [line - cells for line in lines(size, length)]
    return {cell for gap in gaps if len(gap) == 1 for cell in gap if cell in free}


def stones(cells, size):
    """The bitboard of a set of cell numbers: a guard column stands after each row."""
    return sum(1 << (cell // size * (size + 1) + cell % size) for cell in cells)


@pytest.mark.parametrize(("size", "length"), BOARDS)
def test_lines_are_found_as_by_looking_at_every_cell(size, length):
    rng = random.Random(0)
    for line in lines(size, length):
        assert rules.has_line(stones(line, size), size, length)
        for cell in line:
            assert not rules.has_line(stones(line - {cell}, size), size, length)
    found = set()
    for _ in range(150):
        cells = set(rng.sample(range(size * size), rng.randint(length, size * size)))
        found.add(owns_line(cells, size, length))
        assert rules.has_line(stones(cells, size), size, length) == owns_line(cells, size, length)
    assert found == {True, False}


@pytest.mark.parametrize(("size", "length"), BOARDS)
def test_random_games_end_as_a_second_referee_says(size, length):
    game = arenas.make_game("TicTacToe-v0", size=size, win_length=length)
    rng, results = random.Random(0), set()
    for seed in range(40):
        match, owned = Match(game, seed), (set(), set())
        while match.outcome is None:
            seat = match.plies % 2
            assert match.awaited == (seat,)
            free = sorted(set(range(size * size)) - owned[0] - owned[1])
            assert list(game.legal(match.state, seat)) == free
            cell = rng.choice(free)
            owned[seat].add(cell)
            match.submit(seat, cell)
            won = owns_line(owned[seat], size, length)
            assert (match.outcome is not None) == (won or len(free) == 1)
        board = np.full((size, size), ".")
        for mark, cells in zip("XO", owned, strict=True):
            board.flat[list(cells)] = mark
        assert match.outcome.evidence == {"board": "/".join("".join(row) for row in board)}
        assert match.outcome.rewards == (((1, -1), (-1, 1))[seat] if won else (0, 0))
        assert match.outcome.reason == ("line" if won else "draw")
        results.add(match.outcome.rewards)
    assert len(results) > 1


@pytest.mark.parametrize(("size", "length"), [(3, 3), (5, 4)])
def test_view_shows_own_stones_the_others_and_empty_cells(size, length):
    game = arenas.make_game("TicTacToe-v0", size=size, win_length=length)
    for state, _ in random_positions(game, 20):
        board = np.array([list(row) for row in game.info_state(state, 0).split("/")])
        planes = [board == "X", board == "O", board == "."]
        assert (game.view(state, 0) == np.stack(planes, -1)).all()
        assert (game.view(state, 1) == np.stack([planes[1], planes[0], planes[2]], -1)).all()


# -- players ---------------------------------------------------------------------------------------


@cache
def value(board, mark):
    """Value to `mark`, who is to move, of a 3x3 board of 9 characters: plain minimax."""
    other = "XO"[mark == "X"]
    if owns_line({i for i, m in enumerate(board) if m == other}, 3, 3):
        return -1
    moves = [board[:i] + mark + board[i + 1 :] for i, m in enumerate(board) if m == "."]
    return max((-value(after, other) for after in moves), default=0)


def test_the_game_is_a_draw():
    game = arenas.make_game("TicTacToe-v0")
    exact = arenas.make_player("TicTacToe-v0", "exact", game)
    assert value("." * 9, "X") == 0
    assert exact.value(list(game.new(Rng(0)).row)) == 0


def test_exact_player_spreads_over_all_best_moves_of_every_position():
    game = arenas.make_game("TicTacToe-v0")
    exact = arenas.make_player("TicTacToe-v0", "exact", game)
    visited = set()

    def visit(state):
        if not game.movers(state) or game.key(state) in visited:
            return
        visited.add(game.key(state))
        (seat,) = game.movers(state)
        board, mark, other = game.info_state(state, seat).replace("/", ""), *("XO", "OX")[seat]
        worth = {
            cell: -value(board[:cell] + mark + board[cell + 1 :], other)
            for cell in game.legal(state, seat)
        }
        best = {cell for cell, v in worth.items() if v == max(worth.values())}
        row = exact.distribution(Turn(game, state, seat, Rng(0)))
        assert row == pytest.approx([(cell in best) / len(best) for cell in range(9)])
        for cell in worth:
            visit(game.play(game.copy(state), {seat: cell}))

    visit(game.new(Rng(0)))
    assert len(visited) == 4_520  # Positions in which somebody is to move.


def test_exact_player_never_loses_to_random_play():
    results = {0: [], 1: []}
    for record in arenas.play_matches("TicTacToe-v0", ["exact", "random"], 10_000):
        seat = record.seats.index("exact")
        results[seat].append(record.rewards[seat])
    assert len(results[0]) == len(results[1]) == 5_000
    for rewards in results.values():
        assert min(rewards) >= 0
        assert np.mean(rewards) > 0.5


def test_exact_players_draw():
    records = list(arenas.play_matches("TicTacToe-v0", ["exact", "exact"], 500))
    assert {tuple(record.rewards) for record in records} == {(0, 0)}
    # Not always the same way: equally good moves are drawn by lot.
    assert len({record.evidence["board"] for record in records}) > 10


@pytest.mark.parametrize(("size", "length"), [(3, 3), (4, 3), (5, 4), (7, 4)])
def test_scripted_player_takes_wins_and_stops_the_others(size, length):
    game = arenas.make_game("TicTacToe-v0", size=size, win_length=length)
    scripted = arenas.make_player("TicTacToe-v0", "scripted", game)
    cases = {"win": 0, "block": 0, "else": 0}
    for state, seat in random_positions(game, 200):
        board, legal = game.info_state(state, seat).replace("/", ""), game.legal(state, seat)
        wins, blocks = (
            completing({i for i, m in enumerate(board) if m == mark}, legal, size, length)
            for mark in ("XO", "OX")[seat]
        )
        row = scripted.distribution(Turn(game, state, seat, Rng(0)))
        chosen = {cell for cell, p in enumerate(row) if p}
        assert sum(row) == pytest.approx(1)
        if wins:
            cases["win"] += 1
            assert chosen == wins
        elif blocks:
            cases["block"] += 1
            assert chosen == blocks
        else:
            cases["else"] += 1
            assert chosen <= set(legal)
    assert min(cases.values()) > 20


def test_exact_player_refuses_boards_it_cannot_search():
    game = arenas.make_game("TicTacToe-v0", size=4)
    with pytest.raises(ValueError, match=r"4x4 board is too large.*'scripted'"):
        arenas.make_player("TicTacToe-v0", "exact", game)


# -- options and words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"size": 2}, "3 to 7"),
        ({"size": 8}, "3 to 7"),
        ({"size": 3.0}, "3 to 7"),
        ({"size": "3"}, "3 to 7"),
        ({"size": None}, "3 to 7"),
        ({"win_length": 2}, "3 to size=3"),
        ({"size": 5, "win_length": 6}, "3 to size=5"),
        ({"size": 5, "win_length": 4.0}, "3 to size=5"),
    ],
)
def test_bad_sizes_are_refused_with_what_is_possible(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        arenas.make("TicTacToe-v0", **options)


@pytest.mark.parametrize(("size", "length"), [(3, 3), (4, 4), (5, 4), (6, 4), (7, 4)])
def test_default_win_length(size, length):
    assert arenas.make_game("TicTacToe-v0", size=size).win_length == length


def test_a_taken_cell_is_refused_with_the_free_ones():
    env = arenas.make("TicTacToe-v0", view="text")
    env.reset(seed=0)
    env.step("[4]")
    env.step("[4]")
    reason = env.infos["player_1"]["illegal_reason"]
    assert "[4] is not a legal move" in reason
    assert "[0] [1] [2] [3] [5] [6] [7] [8]" in reason
    assert env.agent_selection == "player_1"


def test_the_prompt_says_what_the_seat_needs_to_know():
    env = arenas.make("TicTacToe-v0", size=5, view="text")
    env.reset(seed=0)
    env.step("[12]")
    text = env.last()[0]["text"]
    assert "You play O in TicTacToe on a 5x5 board" in text
    assert "4 stones of your own in a row" in text
    assert "10 | 11 |  X | 13 | 14" in text
    assert "Free cells: 0 1 2 3 4 5 6 7 8 9 10 11 13" in text
