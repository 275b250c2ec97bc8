"""One learner against policies in lockstep: the moves of `SeatEnv` and of `play_matches`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import arenas
from arenas.core.policy import Policy, Reply
from arenas.policies.network import ActorCritic, NetworkPolicy
from arenas.policies.tabular import TabularPolicy
from arenas.registry import make_game, make_seat_env
from arenas.rollout.matches import play_matches

torch.set_num_threads(1)


class Talker(Policy):
    """Names a random move in words, or none at all."""

    name = "talker"

    def act(self, turns):
        return [
            Reply(text="I pass on words" if turn.rng.random() < 0.1 else turn.format(turn.sample()))
            for turn in turns
        ]


class Blunderer(Policy):
    """Plays an action that may be illegal."""

    name = "blunderer"

    def act(self, turns):
        return [Reply(turn.rng.below(turn.game.num_actions + 1)) for turn in turns]


def skewed(game):
    """A table with other odds at every information state."""
    table = {}
    stack = [state for _, state in game.chance()]
    while stack:
        state = stack.pop()
        for seat in game.movers(state):
            odds = len(table) % 7 / 7
            table.setdefault(game.info_state(state, seat), [odds, 1 - odds])
            stack += [game.apply(state, {seat: move}) for move in game.legal(state, seat)]
    return TabularPolicy(table)


def network(game):
    return NetworkPolicy(game, ActorCritic.for_game(game, (8,), torch.Generator().manual_seed(3)))


CASES = [
    ("KuhnPoker-v0", {}, "nash"),
    ("KuhnPoker-v0", {}, skewed),
    ("KuhnPoker-v0", {"players": 3}, ["random", "scripted"]),
    ("KuhnPoker-v0", {"players": 3}, network),
    ("KuhnPoker-v0", {"players": 4}, [Talker(), "random", Blunderer()]),
    ("KuhnPoker-v0", {"hands": 4}, Talker()),
    ("TicTacToe-v0", {}, "scripted"),
    ("TicTacToe-v0", {}, "exact"),
    ("TicTacToe-v0", {}, network),
    ("TicTacToe-v0", {"size": 4}, "random"),
    ("TicTacToe-v0", {"size": 5}, Blunderer()),
]


def opponents_in(game, opponent):
    return opponent(game) if callable(opponent) else opponent


@pytest.mark.parametrize("illegal", ["retry:1", "random-legal", "penalty:0.5"])
@pytest.mark.parametrize(("game_id", "options", "opponent"), CASES)
def test_matches_are_those_of_play_matches(game_id, options, opponent, illegal):
    game = make_game(game_id, **options)
    seats = game.spec.seats
    others = opponents_in(game, opponent)
    others = others if isinstance(others, list) else [others] * (seats - 1)
    compared = 0
    for learner in range(seats):
        player = Blunderer()
        sitting = [*others[:learner], player, *others[learner:]]
        rules = {"illegal": illegal, "max_cycles": 6}
        records = list(
            play_matches(game_id, sitting, n=12, seed=5, swap=False, options=options, **rules)
        )
        env = arenas.make_vec(
            game_id,
            12,
            layout="one_learner",
            opponent=others,
            seat=learner,
            autoreset="disabled",
            **rules,
            **options,
        )
        env.reset(seed=[record.seed for record in records])
        returns = np.full((12, seats), np.nan)
        length, illegal_moves = np.zeros(12), np.zeros((12, seats))
        running = np.ones(12, bool)
        while running.any():
            actions = np.zeros(12, np.int64)
            actions[running] = player.act_in(env, running)
            # Finished matches are played again, and not looked at.
            *_, info = env.step(np.where(running, actions, 0))
            ended = info["_match"]
            new = ended & running
            returns[new] = info["match"]["returns"][new]
            length[new] = info["match"]["length"][new]
            illegal_moves[new] = info["match"]["illegal_moves"][new]
            running &= ~ended
            if ended.any():
                env.reset(options={"reset_mask": ended})
        for game_number, record in enumerate(records):
            match = record.replay(game)
            if match.submitted[learner] == 0:
                # A match without a learner's move is passed over, see `SeatEnv.reset`.
                continue
            compared += 1
            assert returns[game_number].tolist() == list(record.rewards)
            assert length[game_number] == match.plies
            assert illegal_moves[game_number].tolist() == list(match.illegal_moves)
    assert compared > 10 * seats


@pytest.mark.parametrize("seat", [0, 1, "alternating", "random"])
@pytest.mark.parametrize(("game_id", "options", "opponent"), CASES)
def test_each_step_is_that_of_seat_envs(game_id, options, opponent, seat):
    opponent = opponents_in(make_game(game_id, **options), opponent)
    kwargs = {"opponent": opponent, "illegal": "retry:2", **options}
    vec = arenas.make_vec(
        game_id, 6, layout="one_learner", seat=seat, autoreset="disabled", **kwargs
    )
    sync = SyncVectorEnv(
        [lambda: make_seat_env(game_id, **kwargs)] * 6, autoreset_mode=AutoresetMode.DISABLED
    )
    seen = set()
    for seeds in (range(6), range(60, 66), range(600, 606)):
        observation, info = vec.reset(seed=list(seeds))
        for env, learner in zip(sync.envs, info["seat"].tolist(), strict=True):
            env.seat = learner
            seen.add(learner)
        expected, told = sync.reset(seed=list(seeds))
        over = np.zeros(6, bool)
        while not over.any():
            for name in ("observation", "action_mask"):
                np.testing.assert_array_equal(observation[name], expected[name])
            np.testing.assert_array_equal(info["illegal_moves"], told["illegal_moves"])
            actions = observation["action_mask"].argmax(1)
            actions[0] = len(seen) % 2
            observation, reward, terminated, truncated, info = vec.step(actions)
            expected, theirs, ended, cut, told = sync.step(actions)
            np.testing.assert_array_equal(reward, theirs)
            np.testing.assert_array_equal(terminated, ended)
            np.testing.assert_array_equal(truncated, cut)
            over = terminated | truncated
        for name in ("observation", "action_mask"):
            np.testing.assert_array_equal(observation[name], expected[name])
    assert seen == ({seat} if isinstance(seat, int) else {0} if seat == "alternating" else seen)
    assert seat != "random" or len(seen) > 1


def test_alternating_seats_move_on_with_each_match_of_a_game():
    env = arenas.make_vec("KuhnPoker-v0", 3, players=3, layout="one_learner", copy=True)
    _, info = env.reset(seed=0)
    seats = [info["seat"]]
    matches = np.zeros(3, np.int64)
    for _ in range(30):
        *_, info = env.step(np.zeros(3, np.int64))
        matches += info["_match"]
        np.testing.assert_array_equal(info["seat"], matches % 3)
        ended = info["_match"]
        np.testing.assert_array_equal(info["final_info"]["seat"][ended], (matches - 1)[ended] % 3)
    env.reset()
    assert env.reset(seed=0)[1]["seat"].tolist() == seats[0].tolist() == [0, 0, 0]


def test_self_as_the_opponent_is_self_play():
    env = arenas.make_vec("KuhnPoker-v0", 2, layout="one_learner", opponent="self")
    assert env.reset(seed=0)[1]["seat"].tolist() == [0, 0]
    assert env.step([0, 0])[4]["seat"].tolist() == [1, 1]


def test_a_policys_answer_is_a_whole_number():
    class Halves(Policy):
        def act(self, turns):
            return [Reply(0.5) for _ in turns]

    env = arenas.make_vec("KuhnPoker-v0", 2, layout="one_learner", opponent=Halves(), seat=0)
    env.reset(seed=0)
    with pytest.raises(TypeError, match="integer"):
        env.step([0, 0])


def test_matches_that_end_before_the_learners_move_are_skipped():
    class Quitter(Policy):
        def act(self, turns):
            return [Reply(turn.rng.below(2) * 5) for turn in turns]

    env = arenas.make_vec(
        "KuhnPoker-v0", 8, layout="one_learner", opponent=Quitter(), seat=1, illegal="retry:0"
    )
    env.reset(seed=0)
    assert (env.matches > 0).any()
    assert env.reset(seed=0)[0]["action_mask"].all()
    hopeless = Blunderer()
    hopeless.act = lambda turns: [Reply(5) for _ in turns]
    env = arenas.make_vec(
        "KuhnPoker-v0", 2, layout="one_learner", opponent=hopeless, seat=1, illegal="retry:0"
    )
    with pytest.raises(RuntimeError, match="matches in a row ended before"):
        env.reset(seed=0)
