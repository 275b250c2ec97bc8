"""A client of OpenEnv plays whole matches over loopback, and they are those played at hand."""

from __future__ import annotations

import json
import runpy
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

import arenas
from arenas.core.record import MatchRecord
from arenas.core.rng import Rng
from arenas.registry import UnknownNameError, make_game, make_seat_env

openenv = pytest.importorskip("openenv")
uvicorn = pytest.importorskip("uvicorn")

from arenas.adapters.openenv import app  # noqa: E402

EXAMPLE = Path(__file__).parent.parent / "examples" / "openenv_learner.py"


class Server:
    """The application in a thread, on a free port of loopback."""

    def __init__(self, *args, **kwargs):
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app(*args, **kwargs), log_level="error"))
        self._thread = threading.Thread(target=self._server.run, args=([listening],))

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self.url

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join()


def client(url):
    return openenv.GenericEnvClient(base_url=url).sync()


def answer(legal, rng):
    return f"<think>a secret</think> {rng.choice(legal)}"


CASES = [
    ("KuhnPoker-v0", {"hands": 3}, "nash"),
    ("TicTacToe-v0", {}, "scripted"),
]


@pytest.mark.parametrize(("game_id", "options", "opponent"), CASES)
def test_whole_matches_end_with_the_rewards_of_the_outcome(game_id, options, opponent):
    game = make_game(game_id, **options)
    with Server(game_id, opponent=opponent, **options) as url, client(url) as env:
        for seed in range(6):
            seat, rng = seed % 2, Rng(seed)
            here = make_seat_env(game_id, opponent=opponent, seat=seat, view="text", **options)
            wanted, _ = here.reset(seed=seed)
            result = env.reset(seed=seed, seat=seat, episode_id=f"match {seed}")
            paid = 0.0
            while not result.done:
                assert result.observation["text"] == wanted["text"]
                assert result.observation["messages"] == here.messages()
                assert env.state()["record"] is None
                reply = answer(result.observation["legal"], rng)
                result = env.step({"text": reply})
                wanted, *_ = here.step(reply)
                paid += result.reward
            outcome = here.match.outcome
            assert result.observation["rewards"] == list(outcome.rewards)
            assert paid == pytest.approx(outcome.rewards[seat])
            assert result.observation["ending"] == outcome.reason
            state = env.state()
            record = MatchRecord.from_json(state["record"])
            assert record == here.record()
            assert record.problems(game) == []
            assert state["episode_id"] == f"match {seed}"
            assert state["options"] == dict(game.options)


def test_an_illegal_reply_is_told_and_then_forfeits():
    with Server("KuhnPoker-v0", seat=0) as url, client(url) as env:
        env.reset(seed=1)
        result = env.step({"text": "hello"})
        assert not result.done
        assert result.observation["illegal_moves"] == 1
        assert "Illegal move" in result.observation["text"]
        assert result.observation["illegal_reason"]
        result = env.step({"text": "hello"})
        assert (result.done, result.observation["ending"]) == (True, "forfeit")
        assert (
            result.reward == result.observation["rewards"][0] == -result.observation["rewards"][1]
        )


def test_sessions_do_not_meet():
    with Server("TicTacToe-v0", seat=0) as url, client(url) as one, client(url) as other:
        first = one.reset(seed=1).observation["text"]
        other.reset(seed=2)
        other.step({"text": "[4]"})
        assert one.state()["step_count"] == 0
        assert one.step({"text": "[0]"}).observation["text"].startswith(first)


def test_what_is_wrong_is_said():
    with pytest.raises(UnknownNameError, match="no player of KuhnPoker-v0 is called 'nahs'"):
        app("KuhnPoker-v0", opponent="nahs")
    with pytest.raises(ValueError, match="a client of OpenEnv has one seat"):
        app("KuhnPoker-v0", opponent="self")
    with Server("KuhnPoker-v0") as url, client(url) as env:
        with pytest.raises(RuntimeError, match="reset"):
            env.step({"text": "[bet]"})
        with pytest.raises(RuntimeError, match="0 to 1"):
            env.reset(seat=5)


def test_the_schema_says_what_fields_mean():
    import urllib.request

    with Server("KuhnPoker-v0") as url:
        with urllib.request.urlopen(f"{url}/schema") as response:
            schema = json.load(response)
        with urllib.request.urlopen(f"{url}/metadata") as response:
            about = json.load(response)
    assert schema["action"]["required"] == ["text"]
    assert "legal" in schema["observation"]["properties"]
    assert about["name"] == "selfplay/KuhnPoker-v0"
    assert about["version"] == arenas.make_game("KuhnPoker-v0").spec.version


@pytest.mark.slow  # It learns for some seconds.
def test_the_example_learns(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [EXAMPLE.name, "--matches", "1500"])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    means = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()]
    assert len(means) == 5
    assert means[-1] > 0.2
