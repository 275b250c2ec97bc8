"""Matches in processes of Ray are the local ones, also when a worker is killed."""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner
from registering import forget_registrations  # noqa: F401

import arenas
from arenas.cli import app
from arenas.core.policy import Policy, PolicyError, Reply
from arenas.policies.random import RandomPolicy
from arenas.registry import UnknownNameError
from arenas.rollout import on_ray
from arenas.rollout.policy_on_ray import PolicyOnRay
from arenas.rollout.trajectory_files import to_dict

EXAMPLES = Path(__file__).parent.parent / "examples"

# Ray takes seconds to start, and so does each of its processes.
pytestmark = pytest.mark.slow

GAMES = ["KuhnPoker-v0", ("TicTacToe-v0", {"size": 4})]


class Mortal(RandomPolicy):
    """Random, in two processes; in the middle one is killed, and the other waits for a third.

    Each leaves a file with its number in `folder`.
    """

    def __init__(self, folder):
        self.folder, self.calls = folder, 0

    def act(self, turns):
        self.calls += 1
        (self.folder / f"pid-{os.getpid()}").touch()
        if self.calls == 10:
            self._wait_for(2)
            try:
                os.close(os.open(self.folder / "killed", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                self._wait_for(3)
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().act(turns)

    def _wait_for(self, processes):
        until = time.monotonic() + 200
        while len(list(self.folder.glob("pid-*"))) < processes:
            assert time.monotonic() < until, f"there never were {processes} workers"
            time.sleep(0.05)


class MortalOnce(RandomPolicy):
    """Random; its first process is killed when it answers for the fifth time."""

    def __init__(self, folder):
        self.folder, self.calls = folder, 0

    def act(self, turns):
        self.calls += 1
        (self.folder / f"pid-{os.getpid()}").touch()
        if self.calls == 5 and len(list(self.folder.glob("pid-*"))) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().act(turns)


class Seen(RandomPolicy):
    """Random; leaves a file with the number of each process in which it answers."""

    def __init__(self, folder):
        self.folder = folder

    def act(self, turns):
        (self.folder / f"pid-{os.getpid()}").touch()
        return super().act(turns)


class Refuses(RandomPolicy):
    """Random; refuses in match `number`."""

    def __init__(self, number):
        self.number = number

    def act(self, turns):
        if any(turn.match_id == self.number for turn in turns):
            raise PolicyError(f"not in match {self.number}")
        return super().act(turns)


class Doomed(RandomPolicy):
    """Kills every process in which it answers."""

    def act(self, turns):
        os.kill(os.getpid(), signal.SIGKILL)
        return super().act(turns)


class Locked(Policy):
    name = "locked"

    def __init__(self):
        self.lock = threading.Lock()

    def act(self, turns):
        return [Reply(turn.sample()) for turn in turns]


@pytest.fixture(scope="module")
def ray():
    """One Ray for all tests of this file; on loopback, without a dashboard."""
    if find_spec("ray") is None:
        pytest.skip("ray is not installed")
    with pytest.MonkeyPatch.context() as patch:
        # The workers can import the tests' games; the policies of this file are sent whole.
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        ray = on_ray.started(3)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield ray
    ray.shutdown()


def lines(records):
    return [record.to_json() for record in records]


def test_it_listens_on_this_machine_alone(ray):
    psutil = pytest.importorskip("psutil")
    here = psutil.Process()
    listening = {
        each.laddr.ip.removeprefix("::ffff:")
        for process in (here, *here.children(recursive=True))
        for each in process.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


@pytest.mark.parametrize(
    "players",
    [["scripted", "random"], lambda _, group: [("random", RandomPolicy())[group % 2]] * 2],
)
def test_records_are_those_of_the_local_run(ray, players):
    how = {"seed": 3, "repeats": 2, "concurrency": 7}
    local = list(arenas.play_matches(GAMES, players, 201, **how))
    remote = list(arenas.play_matches(GAMES, players, 201, backend="ray", workers=2, **how))
    assert lines(remote) == lines(local)


def test_a_worker_is_killed_and_every_match_is_finished_once(ray, tmp_path):
    remote = arenas.play_matches(
        "TicTacToe-v0",
        [Mortal(tmp_path), "scripted"],
        300,
        concurrency=16,
        backend="ray",
        workers=2,
    )
    played = lines(remote)
    assert (tmp_path / "killed").exists()
    assert len(list(tmp_path.glob("pid-*"))) == 3
    assert len(set(played)) == 300
    assert played == lines(arenas.play_matches("TicTacToe-v0", ["random", "scripted"], 300))


@pytest.mark.usefixtures("forget_registrations")
def test_games_of_ones_own_are_known_to_the_workers(ray):
    arenas.register("toys/Pennies-v0", "toy_games:MatchingPennies")
    local = lines(arenas.play_matches("toys/Pennies-v0", ["random"] * 2, 5))
    remote = arenas.play_matches("toys/Pennies-v0", ["random"] * 2, 5, backend="ray", workers=1)
    assert lines(remote) == local


def test_trajectories_come_back_as_well(ray):
    how = {"n": 6, "seed": 1}
    names = ["random", "nash"]
    local = list(arenas.play_trajectories("KuhnPoker-v0", names, **how))
    remote = list(arenas.play_trajectories("KuhnPoker-v0", names, **how, backend="ray", workers=1))
    assert [each.record for each in remote] == [each.record for each in local]
    for one, other in zip(remote, local, strict=True):
        assert list(map(to_dict, one.seats)) == list(map(to_dict, other.seats))


def test_a_player_in_a_process_of_its_own_answers_all_workers(ray, tmp_path):
    nash = PolicyOnRay("KuhnPoker-v0", "nash", ray_options={"num_cpus": 0})
    mortal = PolicyOnRay("KuhnPoker-v0", MortalOnce(tmp_path), ray_options={"num_cpus": 0})
    remote = arenas.play_matches(
        "KuhnPoker-v0", [nash, mortal], 100, concurrency=8, backend="ray", workers=2
    )
    played = lines(remote)
    assert len(list(tmp_path.glob("pid-*"))) == 2
    assert played == lines(arenas.play_matches("KuhnPoker-v0", ["nash", "random"], 100))
    nash.close()
    with pytest.raises(PolicyError, match="'nash' is gone"):
        list(arenas.play_matches("KuhnPoker-v0", [nash, "random"], 1))
    with pytest.raises(UnknownNameError, match="'nahs'"):
        PolicyOnRay("KuhnPoker-v0", "nahs")


def test_the_example_with_language_models_on_servers(ray, tmp_path, monkeypatch, capsys):
    for needed in ("aiohttp", "torch", "transformers"):
        pytest.importorskip(needed)
    from model_server import ModelServer

    servers = [ModelServer(), ModelServer()]
    urls = [server.url for server in servers]
    args = ["--servers", *urls, "--model", "tiny", "--settings", "max_tokens=6"]
    args += ["--games", "8", "--workers", "2", "--record", str(tmp_path / "cluster.jsonl")]
    monkeypatch.setattr(sys, "argv", ["ray_cluster.py", *args])
    runpy.run_path(str(EXAMPLES / "ray_cluster.py"), run_name="__main__")
    assert "8 matches in" in capsys.readouterr().out
    assert all(server.asked for server in servers)

    def players(_, group):
        return [f"server:{urls[group % 2]}?model=tiny&max_tokens=6", "nash"]

    local = lines(arenas.play_matches("KuhnPoker-v0", players, 8))
    assert (tmp_path / "cluster.jsonl").read_text().splitlines() == local
    for server in servers:
        server.close()


def test_a_policy_that_fails_is_told_after_what_is_finished(ray):
    whole = lines(arenas.play_matches("KuhnPoker-v0", ["random", "random"], 40))
    players, got = [Refuses(17), "random"], []
    records = arenas.play_matches(
        "KuhnPoker-v0", players, 40, concurrency=2, backend="ray", workers=1
    )
    with pytest.raises(PolicyError, match="not in match 17") as caught:
        got.extend(record.to_json() for record in records)
    assert "in act" in str(caught.value.__cause__)
    assert got
    assert all(line in whole for line in got)


@pytest.mark.parametrize("left_early", [True, False])
def test_no_worker_outlives_its_rollout(ray, tmp_path, left_early):
    n = 10_000 if left_early else 10
    records = arenas.play_matches(
        "KuhnPoker-v0", [Seen(tmp_path), "random"], n, backend="ray", workers=1
    )
    if left_early:
        next(records)
        records.close()
    else:
        assert len(list(records)) == n
    (seen,) = tmp_path.glob("pid-*")
    until = time.monotonic() + 300
    while Path("/proc", seen.name.removeprefix("pid-")).exists():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_workers_that_all_die_are_not_replaced_for_ever(ray):
    records = arenas.play_matches("KuhnPoker-v0", [Doomed(), "random"], 2, backend="ray", workers=1)
    with pytest.raises(on_ray.WorkersDied, match="4 workers died"):
        next(records)


def test_what_cannot_be_made_or_sent_is_said_at_once(ray):
    with pytest.raises(UnknownNameError, match="no player of KuhnPoker-v0 is called 'nahs'"):
        arenas.play_matches("KuhnPoker-v0", ["nahs", "random"], 2, backend="ray", workers=1)
    with pytest.raises(TypeError, match="<player locked> cannot be sent"):
        arenas.play_matches("KuhnPoker-v0", [Locked(), "random"], 2, backend="ray", workers=1)
    pool = arenas.play_matches(
        "KuhnPoker-v0", lambda *_: [Locked(), "random"], 2, backend="ray", workers=1
    )
    with pytest.raises(TypeError, match="<player locked> cannot be sent"):
        next(pool)
    with pytest.raises(ValueError, match="needs 2 players"):
        arenas.play_matches("KuhnPoker-v0", ["random"], 2, backend="ray", workers=1)
    with pytest.raises(ValueError, match="workers=0"):
        arenas.play_matches("KuhnPoker-v0", ["random"] * 2, 2, backend="ray", workers=0)


def test_what_goes_with_ray_alone_is_said():
    with pytest.raises(ValueError, match="the backends are local, ray"):
        arenas.play_matches("KuhnPoker-v0", ["random"] * 2, 2, backend="cluster")
    with pytest.raises(ValueError, match='go with backend="ray"'):
        arenas.play_matches("KuhnPoker-v0", ["random"] * 2, 2, workers=2)


def test_without_ray_it_is_said_how_to_install_it():
    if find_spec("ray") is not None:
        pytest.skip("ray is installed")
    with pytest.raises(ImportError, match=r"selfplay-arenas\[ray\]"):
        arenas.play_matches("KuhnPoker-v0", ["random"] * 2, 2, backend="ray")


def test_the_command_line(ray, tmp_path):
    args = ["match", "KuhnPoker-v0", "--seats", "nash", "random", "-n", "20", "--record"]
    for name, more in (("local", []), ("ray", ["--backend", "ray", "--workers", "2"])):
        done = CliRunner().invoke(app, [*args, str(tmp_path / name), *more])
        assert done.exit_code == 0, done.output
    assert (tmp_path / "ray").read_bytes() == (tmp_path / "local").read_bytes()
