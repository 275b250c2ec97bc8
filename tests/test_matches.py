"""Matches through their environments: any input, in any order, and what must hold after it."""

from __future__ import annotations

import itertools
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from cases import (
    CASES,
    GARBAGE,
    IDS,
    ILLEGAL,
    VIEWS,
    Talker,
    finish,
    global_random_untouched,
    illegal_action,
    plain,
    random_action,
    random_move,
    seen,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from toy_games import MatchingPennies, Solvers

import arenas
from arenas.core.aec import GameEnv
from arenas.core.game import IllegalMove
from arenas.core.match import Match, MatchOver
from arenas.core.outcome import RulesError
from arenas.core.policy import Turn
from arenas.core.record import MatchRecord

# -- any input in any order ------------------------------------------------------------------------


def registered(game_id, options):
    return lambda **kwargs: arenas.make(game_id, **options, **kwargs)


def toy(game):
    return lambda **kwargs: GameEnv(game, **kwargs)


GAMES = [registered(*case.values) for case in CASES]
GAMES += [toy(game) for game in (MatchingPennies(), Solvers([1, 2, 3]), Solvers([2, 2]))]


class Table:
    """One match in an environment, with an account of its own to compare the environment with."""

    def __init__(self, make, seed):
        self.make, self.seed = make, seed
        self.inputs = []
        self.start(make())

    def start(self, env):
        self.env = env
        env.reset(seed=self.seed)
        agents = env.possible_agents
        self.illegal, self.paid, self.owed = (dict.fromkeys(agents, 0) for _ in range(3))
        self.trace = [seen(env)]

    @property
    def over(self):
        return self.env.match.outcome is not None

    def step(self, action):
        """Steps, keeping account of rewards and illegal moves; what is refused changes nothing."""
        env, agent = self.env, self.env.agent_selection
        was_over, before = self.over, seen(env)
        legal = action is None or self.is_legal(action)
        try:
            env.step(action)
        except IllegalMove:
            assert str(env.illegal) == "raise"
            assert not legal
            assert seen(env) == before
            return
        assert legal or str(env.illegal) != "raise"
        self.inputs.append(action)
        self.trace.append(seen(env))
        if was_over:
            return
        self.owed[agent] = 0
        for name, reward in env.rewards.items():
            self.paid[name] += reward
            self.owed[name] += reward
        self.illegal[agent] += not legal
        assert env.infos[agent]["illegal_moves"] == self.illegal[agent]
        assert ("illegal_reason" in env.infos[agent]) == (not legal)

    def is_legal(self, action):
        match, seat = self.env.match, self.env.possible_agents.index(self.env.agent_selection)
        if match.outcome is not None:
            return False
        if isinstance(action, np.ndarray):
            action = action.tolist()
        try:
            if isinstance(action, str):
                action = match.game.parse(match.state, seat, action)
            match.game.check(match.state, seat, action)
        except IllegalMove:
            return False
        return True

    def check(self):
        env = self.env
        if env.agents and not self.over:
            assert env.agents == env.possible_agents
            assert not any([*env.terminations.values(), *env.truncations.values()])
            seat = env.possible_agents.index(env.agent_selection)
            assert seat in env.match.awaited
        if env.agents:
            assert env.last()[1] == env._cumulative_rewards[env.agent_selection]
            assert env._cumulative_rewards == {a: self.owed[a] for a in env.agents}
        if self.over:
            outcome = env.match.outcome
            assert list(self.paid.values()) == pytest.approx(list(outcome.rewards), abs=1e-9)
            if env.game.spec.payoff == "zero_sum":
                assert sum(outcome.rewards) == pytest.approx(0, abs=1e-9)
            for agent in env.agents:
                assert env.terminations[agent] == (not outcome.truncated)
                assert env.truncations[agent] == outcome.truncated
                assert env.infos[agent]["ending"] == outcome.reason
        for agent in env.possible_agents:
            assert env.observation_space(agent).contains(env.observe(agent))


def some(which):
    """Lets a rule run only while there is a table of a kind."""
    return precondition(lambda self: any(map(which, self.tables)))


def running(table):
    return not table.over


def finished(table):
    return table.over and table.env.agents


def left(table):
    return not table.env.agents


class Matches(RuleBasedStateMachine):
    """Several matches side by side, whose inputs come in any order."""

    number = st.integers(0, 5)
    rng = st.randoms(use_true_random=False)

    def __init__(self):
        super().__init__()
        self.tables, self.saved = [], []

    def pick(self, number, which):
        tables = list(filter(which, self.tables))
        return tables[number % len(tables)]

    @precondition(lambda self: sum(map(running, self.tables)) < 3)
    @rule(
        game=st.sampled_from(GAMES),
        view=st.sampled_from(VIEWS),
        illegal=st.sampled_from(ILLEGAL),
        max_cycles=st.sampled_from([None, None, None, 1, 3]),
        seed=st.integers(0, 2**63 - 1),
    )
    def start(self, game, view, illegal, max_cycles, seed):
        make = partial(game, view=view, illegal=illegal, max_cycles=max_cycles)
        self.tables.append(Table(make, seed))

    @some(running)
    @rule(numbers=st.lists(number, min_size=1, max_size=6), rng=rng)
    def legal(self, numbers, rng):
        for number in numbers:
            if any(map(running, self.tables)):
                table = self.pick(number, running)
                table.step(random_action(table.env, rng))

    @some(running)
    @rule(number=number, rng=rng)
    def illegal(self, number, rng):
        table = self.pick(number, running)
        table.step(illegal_action(table.env, rng))

    @some(running)
    @rule(number=number, action=st.sampled_from([None, 1.5, b"x", (), object()]))
    def wrong_type(self, number, action):
        env = self.pick(number, running).env
        structured = env.view != "text" and not env.game.num_actions
        if structured and action in (None, 1.5, ()):
            return  # A JSON value that names no move is an illegal one.
        before = seen(env)
        kinds = r"an action is an integer|a reply is a string|a move is a JSON value"
        with pytest.raises(TypeError, match=kinds):
            env.step(action)
        assert seen(env) == before

    @some(running)
    @rule(number=number)
    def save(self, number):
        table = self.pick(number, running)
        self.saved.append((table, table.env.save(), len(table.inputs)))

    @precondition(lambda self: self.saved)
    @rule(number=number, fresh=st.booleans())
    def branch(self, number, fresh):
        """Going back and playing the same again gives the same; the snapshot stays good."""
        table, snapshot, place = self.saved[number % len(self.saved)]
        now, log = seen(table.env), table.env.match.log
        env = table.make() if fresh else table.env
        env.restore(snapshot)
        assert seen(env) == table.trace[place]
        for action, then in zip(table.inputs[place:], table.trace[place + 1 :], strict=True):
            env.step(action)
            assert seen(env) == then
        assert seen(env) == now == seen(table.env)
        assert env.match.log == log

    @some(finished)
    @rule(number=number)
    def act_when_over(self, number):
        env = self.pick(number, finished).env
        before = seen(env)
        with pytest.raises(ValueError, match="only valid action is None"):
            env.step(0)
        assert seen(env) == before

    @some(finished)
    @rule(number=number)
    def leave(self, number):
        table = self.pick(number, finished)
        agent, outcome = table.env.agent_selection, table.env.match.outcome
        table.step(None)
        assert agent not in table.env.agents
        assert table.env.match.outcome == outcome

    @some(left)
    @rule(number=number, action=st.sampled_from([None, 0, "[bet]"]))
    def step_after_everyone_left(self, number, action):
        env = self.pick(number, left).env
        before, log = seen(env), env.match.log
        with pytest.raises(RuntimeError, match="reset"):
            env.step(action)
        assert (seen(env), env.match.log) == (before, log)

    @invariant()
    def accounts_agree(self):
        for table in self.tables:
            table.check()

    def teardown(self):
        """Each match again, alone this time: nothing that happened beside it mattered."""
        for table in self.tables:
            env = table.make()
            env.reset(seed=table.seed)
            again = [seen(env)]
            for action in table.inputs:
                env.step(action)
                again.append(seen(env))
            assert again == table.trace


TestMatches = Matches.TestCase
TestMatches.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


# -- determinism -----------------------------------------------------------------------------------


def records(game_id, seed, n, options=None, **kwargs):
    seats = arenas.make_game(game_id, **(options or {})).spec.seats
    players = ["random", Talker(0.2), "scripted", *["random"] * 5][:seats]
    matches = arenas.play_matches(game_id, players, n, seed, options=options, **kwargs)
    return [record.to_json() for record in matches]


@pytest.mark.parametrize("illegal", ["retry:1", "random-legal"])
@pytest.mark.parametrize(("game_id", "options"), CASES)
def test_matches_do_not_depend_on_how_many_run_at_once(game_id, options, illegal):
    one, three, many = (
        records(game_id, 7, 20, options=options, illegal=illegal, concurrency=concurrency)
        for concurrency in (1, 3, 256)
    )
    assert one == three == many
    assert len(set(one)) > 1
    assert records(game_id, 8, 20, options=options, illegal=illegal) != one


@pytest.mark.parametrize(("game_id", "options"), CASES)
def test_matches_do_not_depend_on_threads(game_id, options):
    game = arenas.make_game(game_id, **options)

    def play(seed, game=game):
        match, rng = Match(game, seed, "random-legal", language=True), random.Random(seed)
        while match.outcome is None:
            match.reply(match.awaited[0], rng.choice([*game.reply_examples(), *GARBAGE]))
        texts = [match.conversation.text(seat) for seat in range(game.spec.seats)]
        return MatchRecord.of(match, game_id, game.spec.agents).to_json(), texts

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # Threads change places as often as possible.
    try:
        with ThreadPoolExecutor(8) as pool:
            threaded = list(pool.map(play, range(100)))
    finally:
        sys.setswitchinterval(interval)
    assert threaded == [play(seed, arenas.make_game(game_id, **options)) for seed in range(100)]


@pytest.mark.parametrize(("game_id", "options"), CASES)
def test_resets_follow_from_the_last_seed_given(game_id, options):
    one, two = (arenas.make(game_id, **options) for _ in range(2))

    def seeds(env, seed):
        env.reset(seed=seed)
        found = [env.match.seed]
        for _ in range(20):
            env.reset()
            found.append(env.match.seed)
        return found

    first = seeds(one, 5)
    finish(one, random.Random(0))
    assert seeds(two, 5) == first == seeds(one, 5)
    assert len(set(first)) == 21
    assert not set(first) & set(seeds(two, 6))
    assert all(0 <= seed < 2**53 for seed in first[1:])


def test_global_random_state_is_neither_used_nor_changed():
    def use_everything():
        produced = []
        for case in CASES:
            game_id, options = case.values
            env = arenas.make(game_id, view="both", illegal="random-legal", **options)
            env.reset(seed=0)
            rng = random.Random(0)
            env.step(illegal_action(env, rng))
            env.restore(env.save())
            finish(env, rng)
            produced.append(seen(env))
            env.reset()
            single = gym.make(game_id, opponent="scripted", seat="random", **options)
            produced.append(plain(single.reset(seed=1)))
            produced += records(game_id, 3, 4, options=options, illegal="random-legal")
        for game_id in IDS:
            game = arenas.make_game(game_id)
            files = {"human", "best-response", "language", "network", "server", "table", "trained"}
            if game_id == "selfplay/Negotiation-v0":
                files.add("exact")  # It needs the name of a player, and fixed values.
            for name in set(arenas.player_names(game_id)) - files:
                players = [arenas.make_player(game_id, name, game)] * game.spec.seats
                produced += [r.to_json() for r in arenas.play_matches(game_id, players, 2)]
        players = ["best-response:random", "nash:0.1"]
        produced += [r.to_json() for r in arenas.play_matches("KuhnPoker-v0", players, 2)]
        return produced

    state, legacy = random.getstate(), np.random.get_state()
    try:
        with global_random_untouched():
            before = use_everything()
        random.seed(1)
        np.random.seed(1)
        with global_random_untouched():
            assert use_everything() == before
    finally:
        random.setstate(state)
        np.random.set_state(legacy)


def test_each_turn_draws_from_a_stream_of_its_own():
    def streams(match):
        return [Turn.of(match, seat, match_id=next(ids)).rng for seat in match.awaited]

    found, ids = [], itertools.count()
    for seed in range(10):
        match = Match(MatchingPennies(), seed)
        while match.outcome is None:
            if match.awaited == (0, 1):
                found += streams(match)
                assert streams(match) == streams(match.copy()) == found[-2:]
            match.submit(match.awaited[0], 0)
    assert len(set(found)) == len(found) == 60


@pytest.mark.parametrize(("game_id", "options"), CASES)
def test_every_deal_is_played_once_from_each_seat(game_id, options):
    seats = arenas.make_game(game_id, **options).spec.seats
    names = [f"p{i}" for i in range(seats)]
    players = [Talker(0.0) for _ in names]
    for player, name in zip(players, names, strict=True):
        player.name = name
    played = list(arenas.play_matches(game_id, players, 5 * seats, options=options))
    for group in range(5):
        together = [record for record in played if record.group == group]
        assert len({record.seed for record in together}) == 1
        assert sorted(record.seats for record in together) == sorted(
            names[turn:] + names[:turn] for turn in range(seats)
        )
    assert len({record.seed for record in played}) == 5
    fixed = list(arenas.play_matches(game_id, players, 5, swap=False, options=options))
    assert [record.seats for record in fixed] == [names] * 5
    assert len({record.seed for record in fixed}) == 5


# -- ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cycles", [1, 2, 4])
@pytest.mark.parametrize("players", [2, 3])
def test_max_cycles_truncates_and_does_not_terminate(cycles, players):
    env = arenas.make("KuhnPoker-v0", players=players, hands=20, max_cycles=cycles)
    env.reset(seed=0)
    steps = 0
    while env.match.outcome is None:
        env.step(random_action(env, random.Random(steps)))
        steps += 1
    assert steps == cycles * players
    assert all(env.truncations.values())
    assert not any(env.terminations.values())
    assert env.match.outcome.rewards == (0.0,) * players
    assert {env.infos[agent]["ending"] for agent in env.agents} == {"truncated"}


def test_a_match_that_ends_by_the_rules_on_the_last_cycle_is_terminated():
    env = arenas.make("TicTacToe-v0", max_cycles=3)
    env.reset(seed=0)
    for cell in (0, 3, 1, 4, 8, 5):
        assert env.match.outcome is None
        env.step(cell)
    assert all(env.terminations.values())
    assert not any(env.truncations.values())
    assert env.match.outcome.rewards == (-1.0, 1.0)


def test_seat_environment_tells_truncation_from_termination():
    env = gym.make("selfplay/TicTacToe-v0", opponent="self", max_cycles=1)
    env.reset(seed=0)
    assert env.step(0)[2:4] == (False, False)
    assert env.step(1)[2:4] == (False, True)
    env.reset(seed=0)
    env = gym.make("selfplay/KuhnPoker-v0", opponent="self", max_cycles=1)
    env.reset(seed=0)
    assert env.step(0)[2:4] == (False, False)
    assert env.step(0)[2:4] == (True, False)


@pytest.mark.parametrize("cycles", [0, -1, 2.5, "3", True])
def test_max_cycles_is_at_least_one(cycles):
    for make in (arenas.make, arenas.make_seat_env):
        with pytest.raises(ValueError, match="at least 1, or None"):
            make("TicTacToe-v0", max_cycles=cycles)
    with pytest.raises(ValueError, match="at least 1, or None"):
        list(arenas.play_matches("TicTacToe-v0", ["random"] * 2, 1, max_cycles=cycles))


@pytest.mark.parametrize("opponent", ["random", "self"])
@pytest.mark.parametrize("game_id", IDS)
def test_a_finished_match_cannot_be_stepped(game_id, opponent):
    env, rng = gym.make(game_id, opponent=opponent).unwrapped, random.Random(0)
    env.reset(seed=0)
    while not env.match.over:
        env.step(random_move(env.match, env.match.awaited[0], "array", rng))
    outcome, log = env.match.outcome, env.match.log
    for action in (0, 1):
        with pytest.raises(MatchOver):
            env.step(action)
        with pytest.raises(MatchOver):
            env.match.submit(0, action)
        with pytest.raises(MatchOver):
            env.match.reply(1, f"[{action}]")
    assert (env.match.outcome, env.match.log) == (outcome, log)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, "1", None])
@pytest.mark.parametrize("game_id", IDS)
def test_seeds_out_of_range_are_refused(game_id, seed):
    game = arenas.make_game(game_id)
    with pytest.raises(ValueError, match="a seed"):
        Match(game, seed)
    with pytest.raises(ValueError, match="a seed"):
        list(arenas.play_matches(game_id, ["random"] * game.spec.seats, 1, seed))
    if seed is not None:
        for env in (arenas.make(game_id), gym.make(game_id).unwrapped):
            with pytest.raises(ValueError, match="a seed"):
                env.reset(seed=seed)


@pytest.mark.parametrize("kind", [np.int64, np.uint32, np.uint64])
def test_integers_of_numpy_are_seeds_too(kind):
    game = arenas.make_game("KuhnPoker-v0", hands=5)
    assert Match(game, kind(7)).state == Match(game, 7).state
    env = arenas.make("KuhnPoker-v0", hands=5)
    env.reset(seed=kind(7))
    assert env.match.state == Match(game, 7).state
    assert records("KuhnPoker-v0", kind(7), 3) == records("KuhnPoker-v0", 7, 3)


def pennies(payoff="zero_sum", **methods):
    """One round of matching pennies with some of its rules replaced."""
    game = type("Pennies", (MatchingPennies,), methods)(1)
    game.spec = replace(game.spec, payoff=payoff)
    return game


def paying(*rewards, payoff="zero_sum"):
    return pennies(payoff, returns=lambda self, state: rewards if state else (0.0, 0.0))


@pytest.mark.parametrize(
    ("game", "complaint"),
    [
        (paying(1.0, 1.0), "zero-sum game paid"),
        (paying(1.0, -1.0 + 1e-6), "zero-sum game paid"),
        (paying(1.0, 2.0, payoff="common"), "paid its seats differently"),
        (paying(float("nan"), 0.0), "2 finite rewards"),
        (paying(float("inf"), -float("inf")), "2 finite rewards"),
        (paying(0.0), "2 finite rewards"),
        (pennies(outcome=lambda *_: None), "yet there is no outcome"),
        (pennies(movers=lambda *_: (0, 1)), "no end within 2 plies"),
    ],
)
def test_games_that_break_their_contract_are_found_out(game, complaint):
    match = Match(game, 0)

    def play_four_moves():
        for _ in range(4):
            match.submit(match.awaited[0], 0)

    with pytest.raises(RulesError, match=complaint):
        play_four_moves()


def test_seats_of_a_common_payoff_pay_and_forfeit_together():
    fined = Match(paying(3.0, 3.0, payoff="common"), 0, "penalty:0.5")
    fined.submit(0, 9)
    assert fined.totals == (-0.5, -0.5)
    fined.submit(1, 0)
    assert fined.outcome.rewards == (2.5, 2.5)
    lost = Match(paying(3.0, 3.0, payoff="common"), 0, "retry:0")
    lost.submit(1, 9)
    assert lost.outcome.rewards == (-1.0, -1.0)
