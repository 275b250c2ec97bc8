"""Players on a server: real requests over loopback, real tokens, and everything that goes wrong."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import json
import logging
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("transformers")
torch = pytest.importorskip("torch")

import model_server  # noqa: E402
from cases import global_random_untouched  # noqa: E402
from model_server import ModelServer, chat_prompt, decode, encode, model  # noqa: E402

import arenas  # noqa: E402
from arenas.core.match import Match  # noqa: E402
from arenas.core.policy import PolicyError, Turn  # noqa: E402
from arenas.policies import endpoint  # noqa: E402
from arenas.policies.server import (  # noqa: E402
    ServerPolicy,
    ServerRefused,
    ServerUnavailable,
    server_player,
)

TOKENS = ("vllm", "sglang", "sglang-old", "llamacpp")
"""Engines that say what tokens they read and wrote."""


@pytest.fixture(scope="module")
def shared():
    server = ModelServer()
    yield server
    server.close()


@pytest.fixture
def server(shared):
    shared.__dict__.update(engine="vllm", key=None, reasoning=None, delay=0.0)
    shared.faults.clear()
    shared.asked.clear()
    shared.most = shared.cancelled = 0
    return shared


@pytest.fixture
def policy(server):
    made = []

    def make(**settings):
        settings = {"max_tokens": 6, "budget": 20.0, **settings}
        made.append(ServerPolicy(settings.pop("url", server.url), **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def turns(n, game_id="KuhnPoker-v0"):
    """The first turns of `n` matches."""
    game = arenas.make_game(game_id)
    return [Turn.of(Match(game, seed, language=True), 0, seed) for seed in range(n)]


def texts(replies):
    return [reply.text for reply in replies]


# -- replies and their tokens ----------------------------------------------------------------------


def check_tokens(turn, reply, prompt, constrained):
    """What is recorded of a reply against the model itself."""
    tokens = reply.tokens
    assert list(tokens.prompt) == encode(prompt)
    assert decode(tokens.completion) == reply.text
    assert tokens.kind == ("constrained" if constrained else "sampled")
    assert tokens.policy_version == "tiny"
    ended = tokens.completion[-1] == model_server.tokenizer().eos_token_id
    assert tokens.finish == ("stop" if ended else "length")
    if tokens.logprobs is None:
        return
    with torch.no_grad():
        ids = torch.tensor([[*tokens.prompt, *tokens.completion]])
        logits = model()(ids).logits[0, len(tokens.prompt) - 1 : -1] / tokens.temperature
    if constrained:
        end = model_server.tokenizer().eos_token_id
        allowed = [[*encode(each), end] for each in turn.replies]
        for step in range(len(tokens.completion)):
            so_far = list(tokens.completion[:step])
            free = {each[step] for each in allowed if each[:step] == so_far}
            logits[step, [i for i in range(logits.shape[1]) if i not in free]] = -torch.inf
    chosen = torch.tensor(tokens.completion)[:, None]
    again = logits.log_softmax(-1).gather(1, chosen)[:, 0]
    assert tokens.logprobs == pytest.approx(again.tolist(), abs=1e-4)


@pytest.mark.parametrize("temperature", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("moves", ["free", "constrained"])
@pytest.mark.parametrize("engine", TOKENS)
def test_recorded_tokens_are_those_sent_and_sampled(server, policy, engine, moves, temperature):
    server.engine = engine
    asked = turns(8)
    replies = policy(moves=moves, temperature=temperature, max_tokens=12).act(asked)
    constrained = moves == "constrained"
    for turn, reply in zip(turns(8), replies, strict=True):
        check_tokens(turn, reply, chat_prompt(turn.messages), constrained)
        if constrained:
            assert reply.text in turn.replies
    # The unchanged model's log-probabilities say nothing of a constrained choice.
    known = [reply.tokens.logprobs is not None for reply in replies]
    assert all(known) == (not constrained or engine.startswith("sglang"))
    assert all(known) or not any(known)
    tempered = engine.startswith("sglang") and temperature > 0
    assert {reply.tokens.temperature for reply in replies} == {temperature if tempered else 1.0}


def test_a_vllm_that_processes_logprobs_is_believed(server, policy):
    # The server answers as one started with --logprobs-mode processed_logprobs would.
    server.engine = "sglang-old"
    settings = {"moves": "constrained", "logprobs": "processed", "temperature": 0.7}
    reply = policy(**settings).act(turns(1))[0]
    assert reply.tokens.temperature == 0.7
    assert reply.tokens.logprobs is not None


@pytest.mark.parametrize("engine", TOKENS)
def test_base_models_get_the_text(server, policy, engine):
    server.engine = engine
    replies = policy(prompt="text").act(turns(3))
    for turn, reply, body in zip(turns(3), replies, server.asked, strict=True):
        check_tokens(turn, reply, f"{turn.text}\n\nYou:", constrained=False)
        assert body["stop"] == ["\n\n"]


def test_the_plain_api_gives_text_alone(server, policy):
    server.engine = "openai"
    plain = policy()
    for reply in plain.act(turns(3)):
        assert isinstance(reply.text, str)
        assert reply.tokens is None
    known = {"model", "messages", "max_tokens", "temperature", "top_p", "seed"}
    assert all(set(body) == known for body in server.asked)
    with pytest.raises(ValueError, match="moves='constrained' needs vLLM, SGLang or"):
        policy(moves="constrained").act(turns(1))


@pytest.mark.parametrize("engine", TOKENS)
def test_replies_depend_on_the_turn_alone(server, policy, engine):
    server.engine = engine
    together = policy().act(turns(9))
    alone = policy(concurrency=1)
    one_by_one = [alone.act([turn])[0] for turn in reversed(turns(9))]
    assert together == one_by_one[::-1]
    assert len(set(texts(together))) > 5
    seeds = [body["seed"] for body in server.asked]
    assert sorted(seeds[:9]) == sorted(seeds[9:])
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_stop_strings_are_kept_from_the_text_and_stay_in_the_tokens(server, policy):
    (first,) = policy(max_tokens=40).act(turns(1))
    stop = first.text[len(first.text) // 2 :][:2]
    (reply,) = policy(max_tokens=40, stop=(stop,)).act(turns(1))
    assert reply.text == first.text[: first.text.index(stop)]
    assert reply.tokens.finish == "stop"
    assert stop in decode(reply.tokens.completion)
    assert first.tokens.completion[: len(reply.tokens.completion)] == reply.tokens.completion


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_in_its_own_field_is_in_no_record(server, policy, field):
    server.reasoning = {field: "I hold a king, a secret"}
    (record,) = arenas.play_matches("KuhnPoker-v0", [policy(), policy()], 1)
    assert "secret" not in record.to_json()
    assert "secret" not in json.dumps(server.asked)
    server.reasoning = {field: "all of it", "content": None}
    assert texts(policy().act(turns(1))) == [""]


def test_a_template_that_opens_the_reasoning_is_seen(server, policy, monkeypatch):
    server.engine = "llamacpp"
    opened = model_server.tokenizer().chat_template + "<think>"
    monkeypatch.setattr(model_server.tokenizer(), "chat_template", opened)
    (reply,) = policy().act(turns(1))
    assert reply.text == "<think>" + decode(reply.tokens.completion)


def test_the_trainer_says_which_version_it_is(policy):
    player = policy()
    player.version = 17
    assert player.act(turns(1))[0].tokens.policy_version == 17


def test_every_game_is_played_by_its_legal_moves(policy):
    for game_id in ("KuhnPoker-v0", "TicTacToe-v0"):
        players = [policy(moves="constrained", max_tokens=12), "random"]
        records = list(arenas.play_matches(game_id, players, 6))
        assert len(records) == 6
        for record in records:
            assert record.illegal_moves == [0, 0]
            assert record.problems(arenas.make_game(game_id)) == []


def test_the_module_random_is_left_alone(policy):
    with global_random_untouched():
        policy().act(turns(2))


# -- what goes wrong and is tried again ------------------------------------------------------------

PASSING = [
    "killed",
    "500",
    "503",
    "408",
    "429 0.3",
    "429 Wed, 21 Oct 2015 07:28:00 GMT",
    "429 soon",
    "garbage",
    "page",
    "form",
    "truncated",
    "aborted",
]


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_tried_again(server, policy, fault):
    expected = texts(policy().act(turns(4)))
    server.asked.clear()
    server.faults.extend([fault] * 3)
    assert texts(policy().act(turns(4))) == expected
    assert len(server.asked) == 7


def test_matches_under_a_storm_are_the_same_matches(server, policy):
    calm = [r.to_json() for r in arenas.play_matches("KuhnPoker-v0", [policy(), "random"], 12)]
    server.faults.extend(PASSING[:5] + PASSING[7:])
    storm = [r.to_json() for r in arenas.play_matches("KuhnPoker-v0", [policy(), "random"], 12)]
    assert storm == calm
    assert not server.faults


def test_slow_answers_are_given_up_and_asked_for_again(server, policy):
    expected = texts(policy().act(turns(2)))
    server.faults.append("slow")
    began = time.monotonic()
    assert texts(policy(timeout=0.5).act(turns(2))) == expected
    assert 0.5 < time.monotonic() - began < 5


def test_retry_after_is_waited_for(server, policy):
    server.faults.append("429 0.8")
    began = time.monotonic()
    policy().act(turns(1))
    assert time.monotonic() - began > 0.8


def test_a_server_that_dies_midway_and_comes_back_loses_no_match(server, policy, caplog):
    calm = [r.to_json() for r in arenas.play_matches("KuhnPoker-v0", [policy()] * 2, 8)]
    server.faults.extend(["", "", "", "dies"])
    caplog.clear()
    again = [r.to_json() for r in arenas.play_matches("KuhnPoker-v0", [policy()] * 2, 8)]
    assert again == calm
    (said,) = [each.message for each in caplog.records if each.name == endpoint.__name__]
    assert said.startswith(f"{server.url}/chat/completions: an attempt broke off")
    assert said.endswith("trying again for 20 s")


# -- a server that stays away ----------------------------------------------------------------------


def test_a_server_that_stays_away_is_named(policy):
    away = policy(url="http://127.0.0.1:9/v1", budget=1.5)
    began = time.monotonic()
    with pytest.raises(ServerUnavailable) as caught:
        away.act(turns(20))
    error = caught.value
    assert time.monotonic() - began < 4
    assert error.url == "http://127.0.0.1:9/v1/models"
    assert error.attempts >= 3
    assert 0 < error.seconds <= 1.5
    assert "Cannot connect to host 127.0.0.1:9" in error.reason
    assert f"{error.url} gave no usable answer; attempts: {error.attempts} in" in str(error)


def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(server, policy):
    server.faults.append("429 3600")
    began = time.monotonic()
    with pytest.raises(ServerUnavailable, match="asked to wait 3600 s"):
        policy().act(turns(1))
    assert time.monotonic() - began < 2


def test_the_command_keeps_what_is_finished(server, tmp_path):
    path = tmp_path / "kuhn.jsonl"
    seat = f"server:{server.url}?max_tokens=8&moves=constrained&budget=1&concurrency=2"
    command = ["match", "KuhnPoker-v0", "--seats", seat, "random", "--record", str(path), "-n"]
    assert run(*command, "6").returncode == 0
    assert all(not verdict.problems for verdict in arenas.verify_file(path))
    server.faults.extend([""] * 66 + ["500"] * 1000)
    done = run(*command, "400", "--overwrite")
    assert done.returncode == 1
    lines = path.read_text().splitlines()
    assert f"stopped after {len(lines)} of 400 matches" in done.stderr
    assert "/v1/chat/completions gave no usable answer" in done.stderr
    assert "Traceback" not in done.stderr


def run(*args, **env):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "arenas", *args],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **env},
        check=False,
    )


# -- keys ------------------------------------------------------------------------------------------


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    server, policy, monkeypatch, caplog
):
    server.key = "sk-hush"
    with pytest.raises(ServerRefused, match="status 401: 'wrong key: None'"):
        policy().act(turns(1))
    monkeypatch.setenv("ARENAS_API_KEY", "sk-wrong")
    with pytest.raises(ServerRefused) as refused:
        policy().act(turns(1))
    assert "Bearer [key]" in str(refused.value)
    monkeypatch.setenv("HUSH", "sk-hush\n")
    player = policy(key_env="HUSH")
    (record,) = arenas.play_matches("KuhnPoker-v0", [player, "random"], 1)
    server.faults.extend(["500", "500"])
    player.act(turns(2))
    for said in (
        record.to_json(),
        caplog.text,
        repr(vars(player)),
        repr(player),
        pickle.dumps(player),
    ):
        assert "hush" not in str(said)


def test_a_key_that_no_header_can_hold_is_an_error_at_once(policy, monkeypatch):
    monkeypatch.setenv("ARENAS_API_KEY", "sk\nhush")
    with pytest.raises(ValueError, match=r"[Hh]eader") as caught:
        policy().act(turns(1))
    assert "hush" not in str(caught.value)


def test_redirects_are_not_followed(server, policy):
    server.faults.append("moved")
    with pytest.raises(ServerRefused, match="status 307"):
        policy().act(turns(1))


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_refusal_is_final(server, policy, status):
    server.faults.append(str(status))
    with pytest.raises(ServerRefused, match=f"status {status}") as caught:
        policy().act(turns(1))
    assert caught.value.status == status
    assert len(server.asked) == 1


# -- threads, loops, ends --------------------------------------------------------------------------


def test_no_more_requests_are_under_way_than_allowed(server, policy):
    server.delay = 0.05
    policy(concurrency=3).act(turns(12))
    assert server.most == 3
    server.most = 0
    policy(concurrency=64).act(turns(12))
    assert server.most == 12


def test_it_works_inside_a_running_loop_and_from_threads(policy):
    player, expected = policy(), texts(policy().act(turns(3)))

    async def inside():
        return texts(player.act(turns(3)))

    assert asyncio.run(inside()) == expected
    assert texts(player.act(turns(3))) == expected
    got = []
    threads = [
        threading.Thread(target=lambda: got.append(texts(player.act(turns(3))))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [expected] * 4


def test_a_stream_gives_each_reply_as_it_comes(server, policy):
    expected = texts(policy().act(turns(5)))
    asked = turns(5)
    stream = policy(concurrency=2).stream()
    assert stream.take() == []
    server.faults.append("late")
    stream.put(asked[:3])
    stream.put(asked[3:])
    assert len(stream) == 5
    answered = []
    while len(answered) < 4:
        answered += stream.take()
    assert len(stream) == 1
    answered += stream.take()
    late = answered[-1][0]
    assert asked.index(late) < 2
    got = {asked.index(turn): reply.text for turn, reply in answered}
    assert [got[number] for number in range(5)] == expected
    assert stream.take() == []


def test_one_error_cancels_what_else_is_asked(server, policy):
    server.faults.extend(["slow", "slow", "400"])
    with pytest.raises(ServerRefused):
        policy().act(turns(3))
    deadline = time.monotonic() + 5
    while server.open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.cancelled == 2


def test_close_cancels_and_can_be_repeated(server, policy):
    player = policy()
    player.act(turns(1))
    server.delay = 30.0
    threading.Timer(0.3, player.close).start()
    with pytest.raises(PolicyError, match="closed while it was asking"):
        player.act(turns(3))
    player.close()
    server.delay = 0.0
    assert len(player.act(turns(2))) == 2
    player.close()
    player.close()


def test_a_forgotten_player_leaves_no_thread_and_no_warning(server, caplog):
    before = threading.active_count()
    player = ServerPolicy(server.url, max_tokens=4)
    player.act(turns(2))
    del player
    gc.collect()
    assert threading.active_count() <= before
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_a_copy_in_another_process_has_the_same_settings(policy):
    player = policy(max_tokens=5, key_env="ELSEWHERE")
    expected = texts(player.act(turns(2)))
    twin = pickle.loads(pickle.dumps(player))
    assert texts(twin.act(turns(2))) == expected
    twin.close()


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_keeps_what_is_finished(server, tmp_path):
    path = tmp_path / "kuhn.jsonl"
    server.faults.extend([""] * 40 + ["slow"] * 1000)
    seat = f"server:{server.url}?max_tokens=4"
    command = [sys.executable, "-m", "arenas", "match", "KuhnPoker-v0", "--seats", seat, "random"]
    process = subprocess.Popen(
        [*command, "-n", "300", "--record", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(server.asked) < 41:
        time.sleep(0.05)
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "Unclosed" not in said
    assert f"stopped after {len(path.read_text().splitlines())} of 300 matches" in said
    while server.open:
        time.sleep(0.05)


# -- names -----------------------------------------------------------------------------------------


def test_a_name_says_everything():
    game = arenas.make_game("KuhnPoker-v0")
    name = "server:https://example.org:8000/v1?model=org/Name-7B&temperature=0.7&stop=%0A&stop=a+b"
    name += "&max_tokens=32&moves=constrained&engine=vllm&prompt=text&top_k=20&timeout=9&key_env=K"
    player = arenas.make_player("KuhnPoker-v0", name, game)
    assert player.name == name
    assert player.model == "org/Name-7B"
    assert player.sampling == (made := server_player(game, name.partition(":")[2])).sampling
    assert made.sampling.stop == ("\n", "a b")
    assert (made.sampling.temperature, made.sampling.max_tokens, made.sampling.top_k) == (
        0.7,
        32,
        20,
    )
    assert (made.moves, made.prompt) == ("constrained", "text")
    assert made.endpoint.url == "https://example.org:8000/v1"
    assert (made.endpoint.timeout, made.endpoint.key_env) == (9.0, "K")
    assert made.speaks
    short = server_player(game, "https://example.org:8000/v1?temperature=0.7#org/Name-7B")
    assert (short.model, short.sampling.temperature) == ("org/Name-7B", 0.7)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("", "'' is not the URL of a server, such as"),
        ("127.0.0.1:8000", "is not the URL of a server"),
        ("ftp://host/v1", "is not the URL of a server"),
        ("http://me:hush@host/v1", "no user, password, query or fragment"),
        ("http://host/v1?api_key=hush", "takes no 'api_key'; there are: budget, concurrency"),
        ("http://host/v1?temperature=hot", "temperature='hot' is no float"),
        ("http://host/v1?temperature=nan", "temperature=nan: 0 to inf"),
        ("http://host/v1?temperature=-1", "temperature=-1.0: 0 to inf"),
        ("http://host/v1?top_p=2", "top_p=2.0: 0 to 1"),
        ("http://host/v1?max_tokens=0", "max_tokens=0: 1 to inf"),
        ("http://host/v1?model=a&model=b", "model is given twice"),
        ("http://host/v1?model=a#b", "model is given twice"),
        ("http://host/v1?engine=tgi", "engine='tgi': one of auto, vllm, sglang, llama.cpp, openai"),
        ("http://host/v1?moves=any", "moves='any': one of free, constrained"),
        ("http://host/v1?budget=0", "budget=0.0: 0.1 to inf"),
    ],
)
def test_wrong_names_are_explained(argument, said):
    game = arenas.make_game("KuhnPoker-v0")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says is compared below
        arenas.make_player("KuhnPoker-v0", f"server:{argument}", game)
    assert said in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_first_model_of_the_list_is_taken(server, policy):
    policy().act(turns(1))
    assert server.asked[-1]["model"] == "tiny"
    policy(model="adapter").act(turns(1))
    assert server.asked[-1]["model"] == "adapter"


@pytest.mark.parametrize(
    "retry_after",
    ["-5", "nan", "inf", "1e400", "Wed, 99 Oct", "1 Jan 9999999999 0:0:0", "x" * 1000],
)
def test_strange_pauses_do_no_harm(retry_after):
    assert math.isinf(endpoint._seconds(retry_after)) or endpoint._seconds(retry_after) >= 0


# -- pictures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["vllm", "openai", "llamacpp"])
def test_pictures_of_a_prompt_are_sent_as_png(server, policy, engine):
    pygame = pytest.importorskip("pygame")
    server.engine = engine
    game = arenas.make_game("Spy-v0", players=3, modality="image", spy_sees="pair")
    match = Match(game, 0, language=True)
    seat = match.awaited[0]
    (reply,) = policy().act([Turn.of(match, seat)])
    assert isinstance(reply.text, str)
    (messages,) = [each["messages"] for each in server.asked if "messages" in each]
    assert messages[0]["content"] == game.brief(seat)
    picture, text = messages[1]["content"]
    assert text == {"type": "text", "text": game.tell(match.state, seat)}
    head, _, data = picture["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    loaded = pygame.image.load(io.BytesIO(base64.b64decode(data)))
    pixels = pygame.surfarray.array3d(loaded).swapaxes(0, 1)
    assert np.array_equal(pixels, game.pictures(match.state, seat)[0])


def test_prompts_of_text_alone_refuse_pictures(policy):
    pytest.importorskip("pygame")
    game = arenas.make_game("Spy-v0", modality="both")
    match = Match(game, 0, language=True)
    with pytest.raises(ValueError, match="prompt='chat'"):
        policy(prompt="text").act([Turn.of(match, match.awaited[0])])
