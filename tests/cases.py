"""What several test files share: the games under test, random play, and what an agent can see."""

from __future__ import annotations

import random
import warnings
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pytest

import arenas
from arenas.core.match import Match
from arenas.core.policy import Policy, Reply
from arenas.core.rng import Rng

with warnings.catch_warnings():
    # PettingZoo's checkers import its example games in a way that it has itself deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo import test as pettingzoo_checks

__all__ = [
    "CASES",
    "GARBAGE",
    "HIDDEN",
    "IDS",
    "ILLEGAL",
    "SILENT",
    "VIEWS",
    "Talker",
    "finish",
    "global_random_untouched",
    "illegal_action",
    "kuhn_hand",
    "legal_move",
    "legal_moves",
    "pettingzoo_checks",
    "plain",
    "random_action",
    "random_move",
    "random_positions",
    "sampling",
    "seen",
    "warned",
]

VIEWS = ("array", "text", "both")
ILLEGAL = ("retry:0", "retry:1", "retry:3", "raise", "random-legal", "penalty:0.5")


def _is_for_all_checks(game_id):
    """Whether a game goes through every check of every file.

    Not where an optional library is missing, and not one that waits for test runs or the like in
    each move: such games have checks of their own, with fewer matches.
    """
    try:
        return not arenas.make_game(game_id).spec.waits
    except ImportError:
        return False


OWN_TESTS = {"selfplay/DeepSearch-v0", "selfplay/TextArena-v0"}
"""Games whose own files run these checkers on them: tool calls, six seats and more; and any reply
at all, which nobody can list."""

IDS = [
    entry.id
    for entry in arenas.entries()
    if entry.id not in OWN_TESTS and _is_for_all_checks(entry.id)
]
GARBAGE = (
    "",
    "[resign]",
    "<think>[bet] [0]",
    "[99] or else [-1]",
    "I [check], no, [bet], or [fold]? [call]! [pass]",
    "é日本\x00\ud800" * 50,
)
"""Replies that name no legal move of any game: none, several, hidden ones, or noise."""

_OPTIONS = {
    "selfplay/KuhnPoker-v0": (
        {},
        {"players": 3},
        {"players": 4},
        {"hands": 5},
        {"players": 3, "hands": 2},
        {"rules": "textarena-0.7.4"},
        {"rules": "spiral-v1"},
    ),
    "selfplay/Negotiation-v0": (
        {},
        {"preset": "two", "moves": "discrete", "largest": 3},
        {"players": 3, "preset": "eight", "reward": "shared"},
        {"rules": "textarena-0.7.4", "talk": False},
        {"rules": "spiral-v1"},
        {"rules": "spiral-v2", "turns": 4},
    ),
    "selfplay/OpenSpiel-v0": ({"game": "kuhn_poker"}, {"game": "tic_tac_toe"}),
    "selfplay/Overcooked-v0": (
        {"horizon": 12},
        {"horizon": 12, "kitchen": "mdp_test", "dynamics": "new", "starts": "everything"},
        {"horizon": 8, "kitchen": "centre_pots", "features": "vector"},
        {"horizon": 8, "kitchen": "multiplayer_schelling", "starts": "places"},
    ),
    "selfplay/Spy-v0": (
        {"players": 3, "rounds": 1, "spy_sees": "pair"},
        {"published": "v1-code", "scenes": "charts", "rounds": 1},
    ),
    "selfplay/TicTacToe-v0": ({}, {"size": 5}, {"size": 4, "win_length": 3}),
}


def _case(game_id, options):
    words = ",".join(f"{name}={value}" for name, value in options.items())
    return pytest.param(game_id, options, id=f"{game_id.split('/')[1]}({words})")


CASES = [_case(game_id, options) for game_id in IDS for options in _OPTIONS.get(game_id, ({},))]
"""Each of these games with every set of options under test."""
HIDDEN = [
    case
    for case in CASES
    if arenas.make_game(case.values[0], **case.values[1]).spec.information == "imperfect"
]
"""Those in which seats know different things."""
SILENT = [
    case
    for case in CASES
    if not getattr(arenas.make_game(case.values[0], **case.values[1]), "talks", False)
]
"""Those in which nothing is heard of a reply but its move."""


def plain(value):
    """A value with its arrays and containers turned into tuples, so that == compares all of it."""
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.shape, value.tobytes())
    if isinstance(value, dict):
        return tuple((key, plain(value[key])) for key in sorted(value))
    if isinstance(value, (list, tuple)):
        return tuple(plain(item) for item in value)
    return value


def seen(env):
    """Everything that the agents of an AEC environment can see of it now, as one value."""
    return plain(
        {
            "agents": env.agents,
            "selection": env.agent_selection,
            "rewards": env.rewards,
            "cumulative": env._cumulative_rewards,
            "terminations": env.terminations,
            "truncations": env.truncations,
            "infos": env.infos,
            "observations": [env.observe(agent) for agent in env.possible_agents],
            "messages": [env.messages(agent) for agent in env.possible_agents]
            if env.match.conversation is not None
            else [],
        }
    )


def speaks(view, rng):
    return view == "text" or (view == "both" and rng.random() < 0.5)


def legal_move(game, state, seat, rng):
    """A random legal move of a seat, also where moves cannot be listed."""
    legal = game.legal(state, seat)
    if legal is None:
        return game.sample(state, seat, Rng(rng.getrandbits(63)))
    return rng.choice(legal)


def legal_moves(game, state, seat, rng):
    """All legal moves of a seat, or some where they cannot be listed."""
    legal = game.legal(state, seat)
    if legal is not None:
        return legal
    some = [legal_move(game, state, seat, rng) for _ in range(20)]
    return [move for number, move in enumerate(some) if move not in some[:number]]


def random_move(match, seat, view, rng):
    """A random legal move of a seat as an action of a view: a move, or a reply in words."""
    move = legal_move(match.game, match.state, seat, rng)
    return match.game.format(match.state, seat, move) if speaks(view, rng) else move


def random_action(env, rng):
    """A random legal action of the agent to move in an AEC environment."""
    return random_move(env.match, env.possible_agents.index(env.agent_selection), env.view, rng)


def illegal_action(env, rng):
    """An action that the rules forbid: a move out of range or taken, or a garbled reply."""
    if speaks(env.view, rng):
        return rng.choice(GARBAGE)
    match, seat = env.match, env.possible_agents.index(env.agent_selection)
    legal = match.game.legal(match.state, seat)
    if legal is None:
        numbers = env.action_space(env.agent_selection).nvec
        return rng.choice([[-1] * len(numbers), numbers, [0] * len(numbers), [0]])
    return rng.choice([a for a in (-1, *range(match.game.num_actions), 99) if a not in legal])


def finish(env, rng):
    """Plays random legal moves until the match is over."""
    while env.match.outcome is None:
        env.step(random_action(env, rng))


def random_positions(game, matches, seed=0):
    """Random matches, position by position: (state, seat to move)."""
    rng = random.Random(seed)
    for number in range(matches):
        match = Match(game, seed + number)
        while match.outcome is None:
            seat = match.awaited[0]
            yield match.state, seat
            match.submit(seat, legal_move(game, match.state, seat, rng))


class KuhnHand(NamedTuple):
    """How a hand of Kuhn poker ended."""

    chips: list[int]
    contenders: list[int]
    winner: int


def kuhn_hand(cards, actions, opener, bet=1):
    """A second, plain reading of Kuhn's rules; None while the hand goes on.

    `cards` are ranks by seat and `actions` "p" or "b" in turn, from the opener on.
    """
    players = len(cards)
    turns = [(opener + i) % players for i in range(2 * players)]
    if "b" in actions:
        first = actions.index("b")
        answers = list(zip(turns[first + 1 :], actions[first + 1 :], strict=False))
        if len(answers) < players - 1:
            return None
        contenders = [turns[first], *(seat for seat, action in answers if action == "b")]
        paid = [1 + bet * (seat in contenders) for seat in range(players)]
    else:
        if len(actions) < players:
            return None
        contenders, paid = list(range(players)), [1] * players
    winner = max(contenders, key=cards.__getitem__)
    chips = [sum(paid) * (seat == winner) - paid[seat] for seat in range(players)]
    return KuhnHand(chips, contenders, winner)


class Talker(Policy):
    """Replies in words, as a language model would: reasoning, chatter, now and then nonsense."""

    name = "talker"
    speaks = True

    def __init__(self, nonsense=0.2):
        self.nonsense = nonsense

    def act(self, turns):
        return [Reply(text=self._say(turn)) for turn in turns]

    def _say(self, turn):
        if turn.rng.random() < self.nonsense:
            return turn.rng.choice(GARBAGE)
        move = turn.format(turn.sample())
        forms = (move, f"<think>or not?</think>I play {move}.", f"\\boxed{{{move.upper()}}}")
        return turn.rng.choice(forms)


def sampling(space, choose):
    """Makes a space sample what `choose()` returns, for checkers that choose actions blindly."""
    space.sample = lambda mask=None, probability=None: choose()


@contextmanager
def warned():
    """Collects the warnings of a block, whatever the filters; yields the set of messages."""
    messages = set()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
    messages |= {str(warning.message) for warning in caught}


@contextmanager
def global_random_untouched():
    """Fails if the block moved the global generators of `random` or NumPy."""

    def states():
        return random.getstate(), plain(np.random.get_state(legacy=False)["state"])

    before = states()
    yield
    assert states() == before
