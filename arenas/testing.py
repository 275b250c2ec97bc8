"""Tests that any author of a game can run: `check_game("RockPaperScissors-v0")`.

`check_game` plays random matches against the contract of `core/game.py`, then runs the checkers of
PettingZoo and Gymnasium on every view, and verifies records. `transcript` writes a whole match as
readable text, to be kept beside the tests and compared in review.
"""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import random
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env, data_equivalence

from arenas.core.environment import VIEWS
from arenas.core.game import Game, IllegalMove
from arenas.core.match import Match
from arenas.core.outcome import TOLERANCE, check_rewards
from arenas.core.policy import Turn, answer
from arenas.core.record import MatchRecord, RecordError
from arenas.core.rng import Rng, SeedSequence
from arenas.registry import find, make, make_game, make_parallel, make_player, make_seat_env
from arenas.rollout.matches import play_matches

with warnings.catch_warnings():
    # Where pygame is installed, this import loads an old-style environment and warns of it.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import (
        api_test,
        parallel_api_test,
        parallel_seed_test,
        render_test,
        seed_test,
    )

EXPECTED_WARNINGS = re.compile(
    r"Observation is not a NumPy array"
    r"|(Observation|Action) space for each agent probably should be gymnasium.spaces.box"
)
"""PettingZoo says these of every observation with a mask or text outside its own list of names."""

AGENT_NAME = re.compile(r"[a-z]+_[0-9]+")


def check_game(game_id: str, matches: int = 30, seed: int = 0, **options: Any) -> None:
    """Runs every check on a registered game with the given options.

    Args:
        game_id: as in `arenas.make`.
        matches: random matches for the checks of the contract.
        seed: of the random play.
        options: the game's own.

    Raises:
        AssertionError: the game breaks its contract or a checker; the message says where.
    """
    game = make_game(game_id, **options)
    assert make_game(game_id, **game.options).options == game.options, "options do not round-trip"
    check_contract(game, matches, seed)
    check_information(game, matches, seed)
    check_records(game_id, matches, seed, **options)
    check_environments(game_id, **options)
    game.close()
    game.close()


def check_contract(game: Game[Any], matches: int = 30, seed: int = 0) -> None:
    """Random play against the contract: states, moves, views, words, ends, determinism."""
    spec = game.spec
    assert len(set(spec.agents)) == spec.seats, f"agents {spec.agents} for {spec.seats} seats"
    for agent in spec.agents:
        assert AGENT_NAME.fullmatch(agent), f"agent {agent!r} is not of the form name_number"
    json.dumps(game.options)
    before = (random.getstate(), np.random.get_state())
    for match_seed, rng in _seeds(seed, matches):
        match = Match(game, match_seed, language=True)
        start = game.key(match.state)
        assert game.key(game.new(Rng(match_seed))) == start, "the same seed gives another start"
        moves: list[tuple[int, Any]] = []
        while not match.over:
            seat = rng.choice(match.awaited)
            _check_turn(game, match, seat, rng)
            move = game.sample(match.state, seat, rng)
            game.check(match.state, seat, move)
            moves.append((seat, move))
            match.submit(seat, move)
            _check_views(game, match)
        _check_end(game, match)
        again = Match(game, match_seed)
        for seat, move in moves:
            again.submit(seat, move)
        assert again.outcome == match.outcome, "the same moves gave another outcome"
        assert game.key(again.state) == game.key(match.state), "the same moves, another state"
    assert random.getstate() == before[0], "the global generator of `random` was touched"
    assert data_equivalence(np.random.get_state(), before[1]), "NumPy's global one was touched"


def _seeds(seed: int, matches: int) -> Iterator[tuple[int, Rng]]:
    seeds = SeedSequence(seed)
    for _ in range(matches):
        match_seed = seeds.next()
        yield match_seed, Rng(match_seed).fork(seed)


def _check_turn(game: Game[Any], match: Match, seat: int, rng: Rng) -> None:
    state = match.state
    assert 0 <= seat < game.spec.seats, f"mover {seat} of {game.spec.seats} seats"
    key = game.key(state)
    hash(key)
    legal = game.legal(state, seat)
    for move in legal if legal is not None else [game.sample(state, seat, rng)]:
        text = game.format(state, seat, move)
        assert game.parse(state, seat, text) == move, f"{text!r} is not read back as {move!r}"
        wrapped = f"<think>{text} or not</think> {text}"
        assert game.parse(state, seat, wrapped) == move, f"{wrapped!r} is not read as {move!r}"
        assert re.fullmatch(game.grammar(state, seat), text), f"{text!r} is not in the grammar"
        for reply in (text, wrapped):
            known = game.recognise(state, seat, reply)
            assert known is None or known == move, f"{reply!r} is recognised as {known!r}"
        assert json.loads(json.dumps(move)) == move, f"the move {move!r} is no JSON value"
    if game.num_actions:
        assert legal, f"seat {seat} is to move and has no legal action"
        assert list(legal) == sorted(set(legal)), "legal actions are not ascending"
        mask = game.mask(state, seat)
        assert mask.dtype == np.int8, f"the mask is {mask.dtype}"
        assert list(np.flatnonzero(mask)) == list(legal), "mask and legal actions differ"
        outside = [action for action in range(game.num_actions) if action not in legal]
        _check_refused(game, match, seat, [*outside, -1, game.num_actions])
    for text in ("", "[no such move]", "<think>only a thought</think>"):
        with _raises(IllegalMove, f"the reply {text!r} was taken for a move"):
            game.check(state, seat, game.parse(state, seat, text))
        assert game.recognise(state, seat, text) is None, f"{text!r} is recognised as a move"
    assert game.key(state) == key, "looking at a state changed it"
    _check_copy(game, match, seat, rng)


def _check_refused(game: Game[Any], match: Match, seat: int, moves: Sequence[Any]) -> None:
    state, key = match.state, game.key(match.state)
    others = {s: game.sample(state, s, Rng(0)) for s in game.movers(state) if s != seat}
    for move in moves:
        with _raises(IllegalMove, f"the illegal move {move!r} was played"):
            game.play(state, {**others, seat: move})
    assert game.key(state) == key, "an illegal move changed the state"


def _check_copy(game: Game[Any], match: Match, seat: int, rng: Rng) -> None:
    key = game.key(match.state)
    branch = match.copy()
    branch.submit(seat, game.sample(branch.state, seat, rng))
    assert game.key(match.state) == key, "playing on a copy changed the original"
    thawed = pickle.loads(pickle.dumps(match.state))
    assert game.key(thawed) == key, "a pickled state is another state"


def _check_views(game: Game[Any], match: Match) -> None:
    for seat in range(game.spec.seats):
        one, two = game.view(match.state, seat), game.view(match.state, seat)
        assert game.spec.observation_space.contains(one), f"view outside the space: {one}"
        assert data_equivalence(one, two, exact=True), "two views of one state differ"
        assert one is not two, "a view is handed out twice"
        assert game.info_state(match.state, seat) == game.info_state(match.state, seat)
    assert match.plies <= game.spec.max_plies, f"more than max_plies={game.spec.max_plies}"
    assert (game.outcome(match.state) is not None) == (not game.movers(match.state)), (
        "a state has both movers and an outcome, or neither"
    )


def _check_end(game: Game[Any], match: Match) -> None:
    spec, outcome = game.spec, match.outcome
    assert outcome is not None
    check_rewards(outcome.rewards, spec.seats, spec.payoff)
    low, high = spec.reward_range
    assert all(low - TOLERANCE <= reward <= high + TOLERANCE for reward in outcome.rewards), (
        f"rewards {outcome.rewards} outside {spec.reward_range}"
    )
    assert tuple(game.returns(match.state)) == outcome.rewards, "returns differ from rewards"
    json.dumps(outcome.evidence)
    for seat in range(spec.seats):
        assert match.farewell(seat), "nothing is said at the end"
        check_rewards(game.forfeit(match.state, seat), spec.seats, spec.payoff)


def check_information(game: Game[Any], matches: int = 30, seed: int = 0) -> None:
    """What a seat is shown stays the same when all that is hidden from it is drawn anew."""
    for match_seed, rng in _seeds(seed, matches):
        match = Match(game, match_seed)
        while not match.over:
            for seat in range(game.spec.seats):
                other = game.resample(match.state, seat, rng)
                _check_alike(game, match.state, other, seat)
            seat = match.awaited[0]
            match.submit(seat, game.sample(match.state, seat, rng))


def _check_alike(game: Game[Any], state: Any, other: Any, seat: int) -> None:
    assert game.movers(state) == game.movers(other), "who moves tells what is hidden"
    one, two = game.view(state, seat), game.view(other, seat)
    assert data_equivalence(one, two, exact=True), f"the view of seat {seat} shows what is hidden"
    pairs: dict[str, tuple[Any, Any]] = {
        "info_state": (game.info_state(state, seat), game.info_state(other, seat)),
        "tell": (game.tell(state, seat), game.tell(other, seat)),
        "tell_new": (game.tell_new(state, seat), game.tell_new(other, seat)),
        "show": (game.show(state, seat), game.show(other, seat)),
    }
    if seat in game.movers(state):
        pairs["legal"] = (game.legal(state, seat), game.legal(other, seat))
        pairs["grammar"] = (game.grammar(state, seat), game.grammar(other, seat))
    for name, (a, b) in pairs.items():
        assert a == b, f"{name} of seat {seat} shows what is hidden: {a!r} against {b!r}"


def check_records(game_id: str, matches: int = 30, seed: int = 0, **options: Any) -> None:
    """Records of random matches verify, and one with a changed reward does not."""
    players = ["random"] * make_game(game_id, **options).spec.seats
    for record in play_matches(game_id, players, matches, seed, options=options):
        line = record.to_json()
        read = MatchRecord.from_json(line)
        assert read == record, "a record changes when it is written and read"
        game = make_game(game_id, **read.options)
        assert not read.problems(game), f"a record is refused: {read.problems(game)}"
        with _raises(RecordError, "a record with a changed reward was read"):
            MatchRecord.from_json(line.replace('"rewards":[', '"rewards":[9', 1))


def check_environments(game_id: str, cycles: int = 1_000, **options: Any) -> None:
    """The checkers of PettingZoo and Gymnasium, on every view, with warnings as failures."""
    full = find(game_id).id
    for view in VIEWS:

        def aec(view: str = view, **kwargs: Any) -> Any:
            return make(game_id, view=view, **options, **kwargs)

        with _strict():
            api_test(aec(), num_cycles=cycles)
            seed_test(aec)
            render_test(aec)
            if make_game(game_id, **options).spec.simultaneous:

                def parallel(view: str = view) -> Any:
                    return make_parallel(game_id, view=view, **options)

                parallel_api_test(parallel(), num_cycles=cycles)
                parallel_seed_test(parallel)
            for opponent in ("random", "self"):
                env = gymnasium.make(full, view=view, opponent=opponent, **options)
                check_env(env.unwrapped)
                env.close()
    if make_game(game_id, **options).num_actions:
        env = make_seat_env(game_id, **options)
        observation, _ = env.reset(seed=0)
        mask = observation["action_mask"].astype(bool)
        assert (env.action_masks() == mask).all(), "action_masks() differs from the observation"


@contextlib.contextmanager
def _strict() -> Iterator[None]:
    """Fails on any warning but the expected ones; hides what is printed."""
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        yield
    unexpected = {str(w.message) for w in caught if not EXPECTED_WARNINGS.match(str(w.message))}
    assert not unexpected, f"warnings: {unexpected}"


@contextlib.contextmanager
def _raises(kind: type[Exception], otherwise: str) -> Iterator[None]:
    try:
        yield
    except kind:
        return
    raise AssertionError(otherwise)


def transcript(game_id: str, players: Sequence[str], seed: int = 0, /, **options: Any) -> str:
    """A whole match as text: what every mover was shown and answered, and how it ended.

    Args:
        game_id: as in `arenas.make`.
        players: one name per seat.
        seed: the match's seed.
        options: the game's own.
    """
    game = make_game(game_id, **options)
    policies = [make_player(game_id, player, game) for player in players]
    match = Match(game, seed, language=True)
    lines = [f"{find(game_id).id}  {json.dumps(game.options)}  seed {seed}"]
    for seat, agent in enumerate(game.spec.agents):
        lines += ["", f"## {agent} ({players[seat]}) is told", game.brief(seat)]
    while not match.over:
        seat = match.awaited[0]
        turn = Turn.of(match, seat)
        (reply,) = policies[seat].act([turn])
        lines += ["", f"## {turn.agent} is to move", turn.told]
        lines += [f"sees     {_compact(turn.view)}"]
        if game.num_actions:
            lines += [f"mask     {_compact(turn.mask)}"]
        lines += [f"knows    {turn.info_state}"]
        said = turn.format(reply.move) if reply.text is None else reply.text
        lines += [f"answers  {said}"]
        answer(match, seat, reply)
    assert match.outcome is not None
    for seat, agent in enumerate(game.spec.agents):
        lines += ["", f"## {agent} is told", match.farewell(seat)]
    lines += ["", f"rewards  {list(match.outcome.rewards)}", f"reason   {match.outcome.reason}"]
    lines += [f"evidence {json.dumps(match.outcome.evidence)}"]
    return "\n".join(lines) + "\n"


def _compact(value: Any) -> str:
    return json.dumps(value.tolist() if isinstance(value, np.ndarray) else value)
