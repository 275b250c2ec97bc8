"""Names: what exists is found, what does not is said, and other packages register like ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pettingzoo
import pytest
from cases import pettingzoo_checks
from toy_games import MatchingPennies, Solvers

import arenas
from arenas import registry
from arenas.core.policy import Policy, Reply
from arenas.policies.random import RandomPolicy

NAMES = ", ".join(entry.short for entry in arenas.entries())


def test_entries_list_the_games():
    ids = [entry.id for entry in arenas.entries()]
    assert {"selfplay/KuhnPoker-v0", "selfplay/TicTacToe-v0"} <= set(ids)
    assert sorted(ids) == ids
    assert all(entry.summary for entry in arenas.entries())


def test_every_public_name_is_there():
    for name in arenas.__all__:
        assert callable(getattr(arenas, name))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = arenas.nonsense


@pytest.mark.parametrize("make", [arenas.make, arenas.make_seat_env, arenas.make_game])
@pytest.mark.parametrize(
    ("game_id", "hint"),
    [
        ("KuhnPoker-v1", "Did you mean 'KuhnPoker-v0'?"),
        ("kuhnpoker-v0", "Did you mean 'KuhnPoker-v0'?"),
        ("TicTacToe", "Did you mean 'TicTacToe-v0'?"),
        ("selfplay/Chess-v0", ""),
        ("other/KuhnPoker-v0", ""),
        ("", ""),
    ],
)
def test_unknown_game(make, game_id, hint):
    with pytest.raises(arenas.registry.UnknownNameError) as error:
        make(game_id)
    assert f"no game is called {game_id!r}" in str(error.value)
    assert hint in str(error.value)
    assert str(error.value).endswith(f"There are: {NAMES}")


BAD_ARGUMENTS = [
    # arguments, and what the error says: what was wrong, what there is
    ({"player": 3}, ["no option of KuhnPoker-v0 is called 'player'", "hands, players, rules"]),
    ({"players": 7}, ["players=7", "2, 3 or 4"]),
    ({"view": "picture"}, ["view='picture'", "array, text, both"]),
    ({"illegal": "forgive"}, ["illegal='forgive'", "retry:K, raise, random-legal or penalty:X"]),
    ({"render_mode": "hologram"}, ["render_mode='hologram'", "ansi, rgb_array, human"]),
    ({"max_cycles": 0}, ["max_cycles=0", "at least 1, or None"]),
]


@pytest.mark.parametrize(("arguments", "said"), BAD_ARGUMENTS)
@pytest.mark.parametrize("make", [arenas.make, arenas.make_seat_env, gym.make])
def test_bad_arguments(make, arguments, said):
    with pytest.raises(ValueError, match=r"=|called") as error:
        make("selfplay/KuhnPoker-v0", **arguments)
    assert all(part in str(error.value) for part in said), error.value


BAD_SEATS = [
    ({"seat": 2}, ["seat=2", '0 to 1, "random" or "alternating"']),
    ({"seat": -1}, ["seat=-1", "0 to 1"]),
    ({"seat": "left"}, ["seat='left'", '"random" or "alternating"']),
    ({"seat": None}, ["seat=None", "0 to 1"]),
    ({"seat": [0]}, ["seat=[0]", "0 to 1"]),
    ({"opponent": ["random", "random"]}, ["2 opponents for the 1 other seats"]),
    ({"opponent": "alphago"}, ["no player of KuhnPoker-v0 is called 'alphago'", "nash", "random"]),
    ({"opponent": "nahs"}, ["Did you mean 'nash'?", "best-response, exact, human, language, nash"]),
    ({"opponent": "nash:2"}, ["alpha lies in"]),
    ({"opponent": "random:2"}, ["takes no argument", "'2'"]),
    ({"opponent": "best-response:"}, ["no player of KuhnPoker-v0 is called ''"]),
]


@pytest.mark.parametrize(("arguments", "said"), BAD_SEATS)
@pytest.mark.parametrize("make", [arenas.make_seat_env, gym.make])
def test_bad_seats_and_opponents(make, arguments, said):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the parts of the message are compared
        make("selfplay/KuhnPoker-v0", **arguments)
    assert all(part in str(error.value) for part in said), error.value


def test_wrong_number_of_players():
    with pytest.raises(ValueError, match="needs 2 players, one a seat; got 3"):
        arenas.play_matches("TicTacToe-v0", ["random"] * 3, 1)
    with pytest.raises(ValueError, match="needs 4 players, one a seat; got 2"):
        arenas.play_matches("KuhnPoker-v0", ["random"] * 2, 1, options={"players": 4})


@pytest.mark.parametrize(("n", "concurrency"), [(-1, 1), (1, 0)])
def test_bad_numbers_of_matches(n, concurrency):
    with pytest.raises(ValueError, match=r"n is at least 0|concurrency and repeats are at least 1"):
        arenas.play_matches("TicTacToe-v0", ["random"] * 2, n, concurrency=concurrency)


@pytest.mark.parametrize(
    ("game_id", "own"),
    [("KuhnPoker-v0", {"nash", "exact", "scripted"}), ("TicTacToe-v0", {"exact", "scripted"})],
)
def test_players_of_a_game(game_id, own):
    names = set(arenas.player_names(game_id))
    assert names >= own | {"random", "human", "best-response"}
    game = arenas.make_game(game_id)
    for name in own | {"random", "best-response:random"}:
        player = arenas.make_player(game_id, name, game)
        assert isinstance(player, Policy)
        assert player.name == name
    policy = RandomPolicy()
    assert arenas.make_player(game_id, policy, game) is policy


# -- games of other packages -----------------------------------------------------------------------


@pytest.fixture
def register():
    """`arenas.register` whose registrations are taken back after the test."""
    known = set(registry._entries)
    yield arenas.register
    for full in set(registry._entries) - known:
        del registry._entries[full], gym.registry[full]
        if hasattr(pettingzoo, "register"):
            from pettingzoo.env_registry import registration

            for table in (registration.aec_registry, registration.parallel_registry):
                table.pop(full, None)


class Even(Policy):
    """Always shows heads."""

    def __init__(self, game, argument):
        self.argument = argument

    def act(self, turns):
        return [Reply(0) for _ in turns]


PLAYERS = {"even": Even}


def test_a_game_of_another_package_is_made_everywhere(register):
    register(
        "elsewhere/MatchingPennies-v3",
        "toy_games:MatchingPennies",
        f"{__name__}:PLAYERS",
        options={"rounds": 2},
        summary="Two coins",
        simultaneous=True,
    )
    full = "elsewhere/MatchingPennies-v3"
    assert full in [entry.id for entry in arenas.entries()]
    assert arenas.make(full).game.rounds == 2
    assert arenas.make(full, rounds=5).game.rounds == 5
    assert arenas.make_parallel(full).metadata["name"] == full
    assert gym.make(full).unwrapped.game.rounds == 2
    assert "even" in arenas.player_names(full)
    assert arenas.make_player(full, "even:x", arenas.make_game(full)).argument == "x"
    pettingzoo_checks.parallel_api_test(arenas.make_parallel(full), 100)
    (record,) = arenas.play_matches(full, ["random", "random"], 1)
    assert record.problems(MatchingPennies(2)) == []
    if hasattr(pettingzoo, "register"):
        assert pettingzoo.make("aec", full).unwrapped.game.rounds == 2
        assert pettingzoo.make("parallel", full).unwrapped.game.rounds == 2


def test_a_bare_name_goes_into_our_namespace(register):
    register("Solvers-v0", "toy_games:Solvers")
    assert isinstance(arenas.make("Solvers-v0").game, Solvers)
    assert isinstance(gym.make("selfplay/Solvers-v0").unwrapped.game, Solvers)
    names = ["best-response", "human", "language", "network", "random", "server", "table"]
    assert arenas.player_names("Solvers-v0") == names
    with pytest.raises(ValueError, match="AEC environment"):
        arenas.make_parallel("Solvers-v0")


@pytest.mark.parametrize("taken", ["KuhnPoker-v0", "selfplay/KuhnPoker-v0"])
def test_a_taken_id_is_refused(register, taken):
    with pytest.raises(ValueError, match=r"registered already, as arenas\.games\.kuhn_poker"):
        register(taken, "toy_games:Solvers")


@pytest.mark.parametrize(
    "malformed", ["Solvers", "Solvers-v", "Solvers-v1.0", "a/b/Solvers-v0", "-v0", "", "My Game-v0"]
)
def test_a_malformed_id_is_refused(register, malformed):
    before = arenas.entries()
    with pytest.raises(ValueError, match="Name-vN or namespace/Name-vN"):
        register(malformed, "toy_games:Solvers")
    assert arenas.entries() == before


# -- the import ------------------------------------------------------------------------------------

IMPORT = """
import json, socket, sys
import numpy

def peak():  # Not ru_maxrss, which begins with what the parent process held.
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024

def refuse(*args, **kwargs):
    raise OSError("the network was touched")

socket.socket = socket.create_connection = socket.getaddrinfo = refuse
before = peak()
import arenas
grown = peak() - before
arenas.make("KuhnPoker-v0").reset(seed=0)
print(json.dumps([grown, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
HEAVY = {"torch", "pygame", "rich", "typer", "click", "pyspiel", "open_spiel", "textarena"}
HEAVY |= {"pandas", "matplotlib", "scipy", "numba", "jax", "supersuit", "requests"}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_importing_the_package_takes_little_and_touches_no_network():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    grown, imported = json.loads(done.stdout)
    assert grown < 40, f"{grown:.1f} MB more than the interpreter with NumPy"
    assert not HEAVY & set(imported)
