"""Records as Minari datasets: what is loaded is what the environment gives when it plays them."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import arenas
from arenas.core.policy import Policy, Reply
from arenas.core.record import MatchRecord

minari = pytest.importorskip("minari")

from arenas.adapters.minari import write_minari  # noqa: E402

EXAMPLE = Path(__file__).parent.parent / "examples" / "minari_clone.py"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))


class Erring(Policy):
    """Tries an action that is never legal first."""

    name = "erring"

    def act(self, turns):
        illegal = [int(np.argmin(turn.mask)) for turn in turns]
        return [
            Reply(move if turn.rng.below(2) and not turn.mask[move] else turn.sample())
            for turn, move in zip(turns, illegal, strict=True)
        ]


class Scripted(Policy):
    """Plays what a record says of its seat."""

    def __init__(self, record, seat):
        self.moves = iter([turn["move"] for turn in record.turns if turn["seat"] == seat])

    def act(self, turns):
        return [Reply(next(self.moves)) for _ in turns]


CASES = [
    ("KuhnPoker-v0", {"hands": 3}, ["nash", "random"], "retry:1"),
    ("TicTacToe-v0", {}, ["random", Erring()], "retry:1"),
    ("TicTacToe-v0", {"size": 4}, ["random", Erring()], "penalty:0.5"),
    ("Negotiation-v0", {}, ["greedy", "random"], "retry:1"),
    ("Overcooked-v0", {"horizon": 20}, ["scripted", "random"], "retry:1"),
]


@pytest.mark.parametrize(("game_id", "options", "players", "illegal"), CASES)
def test_episodes_are_what_the_environment_gives(game_id, options, players, illegal):
    records = list(arenas.play_matches(game_id, players, 6, options=options, illegal=illegal))
    write_minari(records, "test/episodes-v0")
    dataset = minari.load_dataset("test/episodes-v0")
    places = [(record, seat) for record in records for seat in range(len(record.seats))]
    episodes = list(dataset.iterate_episodes())
    assert len(episodes) == len(places)
    known = dataset.storage.get_episode_metadata(range(len(places)))
    for (record, seat), episode, about in zip(places, episodes, known, strict=True):
        assert about["seed"] == record.seed
        assert about["options"]["player"] == record.seats[seat]
        same_as_environment(record, seat, episode, dataset)


def same_as_environment(record: MatchRecord, seat, episode, dataset):
    others = [Scripted(record, s) for s in range(len(record.seats)) if s != seat]
    env = arenas.registry.make_seat_env(
        record.game, opponent=others, seat=seat, illegal=record.illegal, **record.options
    )
    observation, _ = env.reset(seed=record.seed)
    assert env.observation_space == dataset.observation_space
    for step in range(len(episode)):
        assert_equal(observation, taken(episode.observations, step))
        move = next(
            turn["move"] for turn in [t for t in record.turns if t["seat"] == seat][step : step + 1]
        )
        action = episode.actions[step]
        assert np.array_equal(action, move[: len(action)] if action.shape else move)
        observation, reward, over, cut, info = env.step(move)
        assert reward == pytest.approx(episode.rewards[step], abs=1e-12)
        assert (over, cut) == (episode.terminations[step], episode.truncations[step])
        assert episode.infos["illegal"][step + 1] == ("illegal_reason" in info)
    assert over or cut
    assert_equal(observation, taken(episode.observations, len(episode)))


def taken(observations, step):
    if isinstance(observations, dict):
        return {key: taken(value, step) for key, value in observations.items()}
    return observations[step]


def assert_equal(one, other):
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    else:
        assert np.array_equal(one, other)
        assert np.asarray(one).dtype == np.asarray(other).dtype


def test_only_the_seats_of_some_players():
    records = list(arenas.play_matches("KuhnPoker-v0", ["nash", "random"], 10))
    dataset = write_minari(records, "nash-v0", players=["nash"], algorithm_name="nash")
    seats = [each["options"]["seat"] for each in dataset.storage.get_episode_metadata(range(10))]
    assert dataset.total_episodes == 10
    assert seats == [0, 1] * 5
    total = sum(float(episode.rewards.sum()) for episode in dataset.iterate_episodes())
    assert total == sum(record.rewards[record.seats.index("nash")] for record in records)
    env = dataset.recover_environment()
    assert env.reset(seed=1)[0].keys() == {"observation", "action_mask"}


def test_what_is_no_action_is_left_out_and_counted():
    env = arenas.make("KuhnPoker-v0", view="text")
    env.reset(seed=0)
    env.step("[bet]")
    for _ in range(2):
        env.step("mumble")
    dataset = write_minari([env.record()], "mumble-v0")
    assert dataset.total_episodes == 1
    assert dataset.storage.metadata["episodes_left_out"] == 1


def test_what_cannot_be_a_dataset_is_said(tmp_path):
    with pytest.raises(ValueError, match="no records"):
        write_minari([], "none-v0")
    records = [
        *arenas.play_matches("KuhnPoker-v0", ["random"] * 2, 1),
        *arenas.play_matches("TicTacToe-v0", ["random"] * 2, 1),
    ]
    with pytest.raises(ValueError, match="one dataset holds one game"):
        write_minari(records, "two-v0")
    assert minari.list_local_datasets() == {}
    (record,) = arenas.play_matches("DeepSearch-v0", ["random"] * 6, 1)
    with pytest.raises(ValueError, match="Minari holds arrays"):
        write_minari([record], "words-v0")


@pytest.mark.slow  # It learns for some seconds.
def test_the_example_learns_from_a_dataset(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [EXAMPLE.name, "--games", "30", "300"])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    few, many = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert many < few < 0.9
    assert many < 0.2
