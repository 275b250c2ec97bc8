"""The adapter of verifiers, with its own environment classes, interception and clients.

Run with verifiers 0.4.0. The models are random transformers behind servers on the loopback
interface.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

import arenas
from arenas.core.record import MatchRecord

# A trainer's modules may warn of what they themselves depend on.
pytestmark = pytest.mark.filterwarnings("ignore")

vf = pytest.importorskip("verifiers.v1", exc_type=ImportError)
pytest.importorskip("torch")

from model_server import ModelServer  # noqa: E402
from verifiers.v1.utils.loaders import load_environment, resolve_env_config  # noqa: E402

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def server():
    server = ModelServer()
    yield server
    server.close()


def environment(game="KuhnPoker-v0", taskset=(), **config):
    given = {"id": "arenas_verifiers", "game": game, **dict(taskset)}
    return load_environment(resolve_env_config({"taskset": given, **config}))


def episodes(server, env, n=4, **sampling):
    context = vf.ModelContext(
        model="tiny",
        client=vf.EvalClientConfig(base_url=server.url),
        sampling=vf.SamplingConfig(temperature=1.0, max_tokens=24, seed=3, **sampling),
    )

    async def play():
        async with env.serving():
            tasks = env.taskset.take(n)
            return await asyncio.gather(*(env.run_episode(task, context) for task in tasks))

    return asyncio.run(play())


def replayed(trace):
    """The record of a trace, after its replay has confirmed it."""
    record = MatchRecord.from_json(trace.info["match"])
    assert record.problems(arenas.make_game(record.game, **record.options)) == []
    return record


@pytest.mark.parametrize(
    ("game", "options"),
    [
        ("KuhnPoker-v0", {}),
        ("KuhnPoker-v0", {"players": 3}),
        ("TicTacToe-v0", {}),
        ("Negotiation-v0", {}),
    ],
)
def test_each_seat_is_paid_what_the_outcome_says(server, game, options):
    env = environment(game, {"options": options, "illegal": "random-legal", "max_cycles": 2})
    for episode in episodes(server, env, 2):
        assert episode.ok, episode.errors
        seats = arenas.make_game(game, **options).spec.seats
        by_role = {trace.agent.name: trace for trace in episode.traces}
        assert sorted(by_role) == [f"player_{seat}" for seat in range(seats)]
        for seat in range(seats):
            trace = by_role[f"player_{seat}"]
            record = replayed(trace)
            assert record.game.endswith(game)
            assert trace.reward == record.rewards[seat]
            assert trace.rewards["outcome"].score == record.rewards[seat]
            assert trace.metrics["illegal_moves"] == record.illegal_moves[seat]
            assert trace.agent.trainable
            own = [turn["text"] for turn in record.turns if turn["seat"] == seat]
            said = [node.message.content for node in trace.nodes if node.sampled]
            assert [(each or "").strip() for each in said] == own


def test_a_seat_reads_what_the_text_view_tells_it_and_nothing_else(server):
    env = environment(taskset={"illegal": "random-legal", "options": {"hands": 2}})
    (episode,) = episodes(server, env, 1)
    assert episode.ok, episode.errors
    for seat, trace in enumerate(sorted(episode.traces, key=lambda each: each.agent.name)):
        record = replayed(trace)
        game = arenas.make_game(record.game, **record.options)
        view = arenas.make(record.game, view="text", illegal=record.illegal, **record.options)
        view.reset(seed=record.seed)
        told = ""
        for turn in record.turns:
            if turn["seat"] == seat:
                told = view.observe(view.agent_selection)["text"]
            view.step(turn["text"])
        said = [m for branch in trace.branches for m in branch.messages]
        assert said[0].role == "system"
        assert said[0].content == game.brief(seat)
        heard = [m.content for m in said if m.role == "user"]
        assert heard
        assert all(part in told for message in heard for part in message.split("\n\n"))


def test_deals_are_those_of_the_seed():
    def seeds(seed):
        return [task.data.seed for task in environment(taskset={"seed": seed}).taskset.take(5)]

    assert seeds(1) == seeds(1)
    assert len({*seeds(1), *seeds(2)}) == 10
    assert environment().taskset.INFINITE
    with pytest.raises(ValueError, match="silent"):
        list(environment(taskset={"illegal": "raise"}).taskset.take(1))
    with pytest.raises(ValueError, match="no game is called"):
        list(environment("Chess-v9").taskset.take(1))


def test_a_seat_can_be_frozen(server):
    for episode in episodes(server, environment(frozen=[1]), 2):
        standing = {trace.agent.name: trace.agent.trainable for trace in episode.traces}
        assert standing.get("player_1") in (False, None)
        assert standing["player_0"]


def test_against_a_player_of_ours_one_role_plays_and_it_goes_round(server):
    played = episodes(server, environment(opponent="nash"), 4)
    assert all(episode.ok for episode in played)
    roles = [[trace.agent.name for trace in episode.traces] for episode in played]
    assert roles == [["player_0"], ["player_1"]] * 2
    for seat, episode in zip((0, 1, 0, 1), played, strict=True):
        record = replayed(episode.traces[0])
        assert record.seats == (["tiny", "nash"] if seat == 0 else ["nash", "tiny"])
        assert episode.traces[0].reward == record.rewards[seat]


def test_a_role_out_of_turns_forfeits_by_its_silence(server):
    env = environment("TicTacToe-v0", {"illegal": "random-legal"}, player_0={"max_turns": 1})
    (episode,) = episodes(server, env, 1)
    assert episode.ok, episode.errors
    record = replayed(episode.traces[0])
    assert [turn["text"] for turn in record.turns if turn["seat"] == 0][1:] == [""] * (
        sum(turn["seat"] == 0 for turn in record.turns) - 1
    )


def test_a_failing_server_fails_the_episode_and_pays_nobody(server):
    server.faults.extend(["500"] * 20)
    try:
        (episode,) = episodes(server, environment(), 1)
    finally:
        server.faults.clear()
    assert not episode.ok
    assert not any(trace.rewards.get("outcome") for trace in episode.traces)


def test_the_harness_starts_no_process(server, monkeypatch):
    async def forbidden(*args, **options):
        raise AssertionError("a process was started")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", forbidden)
    assert all(episode.ok for episode in episodes(server, environment(), 2))


def test_the_example_plays(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr(sys, "argv", ["verifiers_selfplay.py"])
    import verifiers_selfplay

    played = verifiers_selfplay.main(4)
    assert all(episode.ok for episode in played)
    for episode in played:
        rewards = replayed(episode.traces[0]).rewards
        assert {trace.agent.name: trace.reward for trace in episode.traces} == {
            f"player_{seat}": reward for seat, reward in enumerate(rewards)
        }
