"""Small games that stand for turn structures which no registered game has yet."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from arenas.core.game import Game, GameSpec
from arenas.core.outcome import Outcome


class MatchingPennies(Game):
    """Two seats choose at once, `rounds` times; seat 0 wins a chip on a match, else seat 1."""

    def __init__(self, rounds=3):
        self.rounds = rounds
        self.spec = GameSpec(
            name="MatchingPennies",
            version="1",
            roles=("even", "odd"),
            payoff="zero_sum",
            information="perfect",
            observation_space=spaces.Box(-1, 1, (2 * rounds + 1,), np.int8),
            action_space=spaces.Discrete(2),
            reward_range=(-rounds, rounds),
            max_plies=2 * rounds,
            simultaneous=True,
            step_rewards=True,
        )

    def new(self, rng):
        return ()

    def movers(self, state):
        return (0, 1) if len(state) < self.rounds else ()

    def legal(self, state, seat):
        return (0, 1)

    def apply(self, state, moves):
        return (*state, (moves[0], moves[1]))

    def returns(self, state):
        lead = sum(1 if a == b else -1 for a, b in state)
        return (float(lead), float(-lead))

    def outcome(self, state):
        if len(state) < self.rounds:
            return None
        return Outcome(self.returns(state), "played", {"coins": [list(pair) for pair in state]})

    def key(self, state):
        return state

    def view(self, state, seat):
        view = np.full(2 * self.rounds + 1, -1, np.int8)
        view[0] = 1
        for i, pair in enumerate(state):
            view[1 + 2 * i : 3 + 2 * i] = pair[seat], pair[1 - seat]
        return view

    def brief(self, seat):
        return f"You are {self.spec.agents[seat]}. Choose [heads] or [tails]; equal coins pay even."

    def tell(self, state, seat):
        words = [f"{'ht'[pair[seat]]}/{'ht'[pair[1 - seat]]}" for pair in state]
        return f"Rounds so far, yours first: {' '.join(words) or 'none'}."

    def format(self, state, seat, move):
        return ("[heads]", "[tails]")[move]

    def reply_examples(self):
        return ("[heads]", "[tails]")


class Solvers(Game):
    """Independent solvers guess one secret digit; seat s has `tries[s]` guesses of its own."""

    def __init__(self, tries=(1, 2, 3)):
        self.tries = list(tries)
        self.spec = GameSpec(
            name="Solvers",
            version="1",
            roles=("solver",) * len(self.tries),
            payoff="general_sum",
            information="imperfect",
            observation_space=spaces.Box(0, 10, (max(self.tries) + 1,), np.int8),
            action_space=spaces.Discrete(10),
            reward_range=(0.0, 1.0),
            max_plies=sum(self.tries),
            has_chance=True,
            independent=True,
            # Only with equal tries do all seats move at every step.
            simultaneous=len(set(self.tries)) == 1,
        )

    def new(self, rng):
        return rng.below(10), ((),) * len(self.tries)

    def movers(self, state):
        return tuple(s for s, own in enumerate(state[1]) if len(own) < self.tries[s])

    def legal(self, state, seat):
        return range(10)

    def apply(self, state, moves):
        secret, guesses = state
        return secret, tuple(
            (*own, moves[s]) if s in moves else own for s, own in enumerate(guesses)
        )

    def outcome(self, state):
        if self.movers(state):
            return None
        secret, guesses = state
        rewards = tuple(float(secret in own) for own in guesses)
        return Outcome(rewards, "scored", {"secret": secret, "guesses": [list(g) for g in guesses]})

    def key(self, state):
        return state

    def resample(self, state, seat, rng):
        return rng.below(10), tuple(
            own if s == seat else tuple(rng.below(10) for _ in own)
            for s, own in enumerate(state[1])
        )

    def view(self, state, seat):
        own = state[1][seat]
        view = np.full(max(self.tries) + 1, 10, np.int8)
        view[0] = len(own)
        view[1 : 1 + len(own)] = own
        return view

    def brief(self, seat):
        return f"Guess the digit in {self.tries[seat]} tries, for example [7]."

    def tell(self, state, seat):
        return f"You have guessed {len(state[1][seat])} times."

    def reply_examples(self):
        return ("[0]", "[9]")


PLAYERS = {}
