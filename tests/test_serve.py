"""The server as pages meet it, over real connections: who is let in, what is refused, the clock."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

pytest.importorskip("uvicorn", reason="needs the extra serve")
pytest.importorskip("starlette", reason="needs the extra serve")
pytest.importorskip("pygame", reason="needs the extra draw")
from serving import Visitor, mine, server
from websockets.exceptions import ConnectionClosed, InvalidStatus

import arenas
from arenas.core.policy import Policy, Reply
from arenas.core.rng import Rng
from arenas.rollout.verify import verify_file
from arenas.ui.server.connection import BURST, RATE, Allowance


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return tmp_path_factory.mktemp("server") / "played.jsonl"


@pytest.fixture(scope="module")
def served(played):
    with server(played) as running:
        yield running


@pytest.fixture
def house(served):
    yield served.house
    for table in list(served.house.tables):
        served.house.close_table(table)


def sit(served, table, seat):
    return Visitor(served, table.keys[seat])


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
        return response.read().decode(), response.headers


def refusal(url):
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(url)
    return refused.value.code, refused.value.read().decode()


# -- who is let in ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "wrong", "é", "x" * 5_000])
def test_a_wrong_key_opens_nothing_and_is_told_so(served, key):
    quoted = urllib.parse.quote(key)
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(served.link(quoted))
    assert refused.value.code == 403
    assert "opens nothing here" in refused.value.read().decode()
    with Visitor(served, quoted) as stranger:
        assert stranger.receive()["type"] == "gone"
        assert stranger.until_closed().rcvd.code == 4403


def test_the_page_comes_with_its_key_and_loads_nothing_from_elsewhere(served):
    page, headers = get(served.link(served.house.token))
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    found = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {link for link in found if not link.startswith("data:")} == {
        "/static/page.css",
        "/static/main.js",
    }
    for name in ("main.js", "lobby.js", "table.js", "controls.js", "page.css"):
        assert not re.search("https?://", get(f"{served.address}/static/{name}")[0])


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
    ],
)
def test_pages_from_elsewhere_are_refused(served, headers):
    with pytest.raises(InvalidStatus) as refused:
        Visitor(served, served.house.token, **headers)
    assert refused.value.response.status_code == 403


def test_a_name_that_is_not_loopbacks_is_refused(served):
    """A foreign page that has its own name point here is another origin, and is sent away."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(served.link(served.house.token), Host="evil.example")
    assert refused.value.code == 403
    assert "not called 'evil.example'" in refused.value.read().decode()


def test_the_page_of_this_server_is_let_in(served):
    with Visitor(served, served.house.token, origin=served.address) as host:
        assert host.receive()["type"] == "lobby"


# -- what is refused --------------------------------------------------------------------------

BAD = [
    "",
    "hello",
    "[]",
    "{}",
    "null",
    b"bytes",
    json.dumps({"type": "dance"}),
    json.dumps({"type": ["reply"]}),
    json.dumps({"type": "reply"}),
    json.dumps({"type": "reply", "text": 4}),
    json.dumps({"type": "reply", "text": "[check]", "seat": 1}),
    json.dumps({"type": "reply", "text": "[fold]"}),
    json.dumps({"type": "reply", "text": "\ud800"}),
    json.dumps({"type": "reply", "text": "x" * 100_000}),
    json.dumps({"type": "reply", "text": "x" * 200_000}),
    json.dumps({"type": "fill", "form": "reply", "values": []}),
    json.dumps({"type": "fill", "form": "none", "values": {}}),
    json.dumps({"type": "open", "game": "KuhnPoker-v0", "options": [], "players": []}),
    "[" * 100_000,
]


def test_bad_requests_are_refused_with_a_reason_and_break_nothing(served, house):
    table = house.open("KuhnPoker-v0", {}, ["human", "human"], seed=3)
    with sit(served, table, 0) as ada, sit(served, table, 1) as bob:
        ada.my_move()
        for request in BAD:
            ada.socket.send(request)
            assert ada.answer("refused")["why"]
        bob.reply("[check]")
        assert bob.answer("refused")["why"] == "it is not your turn"
        assert (ada.view["step"], ada.view["over"]) == (0, False)
        ada.reply("[bet]")
        bob.my_move()
        bob.reply("[fold]")
        assert ada.until(lambda m: m.get("over"))["totals"] == [1.0, -1.0]
        assert table.session.match_record().illegal_moves == [0, 0]


def test_a_frame_beyond_all_bounds_ends_the_connection_and_not_the_match(served, house):
    table = house.open("KuhnPoker-v0", {}, ["human", "human"], seed=3)
    with sit(served, table, 1) as bob:
        with sit(served, table, 0) as ada:
            ada.my_move()
            ada.socket.send("x" * (2 << 20))
            assert ada.until_closed().rcvd.code == 1009
        with sit(served, table, 0) as ada:
            ada.my_move()
            ada.reply("[check]")
            assert bob.after(1)["log"] == [["player_0", "checks"]]


def test_requests_beyond_the_rate_are_refused():
    allowance = Allowance(now=0.0)
    assert sum(allowance.take(0.0) for _ in range(500)) == BURST
    assert sum(allowance.take(1.0) for _ in range(500)) == RATE
    assert sum(allowance.take(1_000.0) for _ in range(500)) == BURST


def test_a_flood_is_sent_away_while_others_play(served, house):
    table = house.open("KuhnPoker-v0", {}, ["human", "human"], seed=3)
    with sit(served, table, 0) as ada, sit(served, table, 1) as mallory:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(2_000):
                mallory.reply("[bet]")
        assert mallory.until_closed().rcvd.code == 4403
        ada.my_move()
        ada.reply("[check]")
        assert ada.after(1)["awaited"] == [1]


def test_only_a_seats_key_plays_it(served, house):
    table = house.open("TicTacToe-v0", {}, ["human", "human"])
    other = house.open("TicTacToe-v0", {}, ["human", "random"])
    with (
        sit(served, table, 0) as ada,
        sit(served, table, 1) as bob,
        Visitor(served, table.watch_key) as onlooker,
        Visitor(served, other.keys[0]) as eve,
        Visitor(served, house.token) as host,
    ):
        ada.my_move()
        onlooker.answer("view")
        onlooker.reply("[0]")
        assert "looks on" in onlooker.answer("refused")["why"]
        host.reply("[0]")
        assert "sit down" in host.answer("refused")["why"]
        eve.my_move()
        eve.reply("[8]")
        eve.after(1)
        bob.reply("[0]")
        assert bob.answer("refused")["why"] == "it is not your turn"
        assert ada.view["step"] == 0


def test_the_lobby_gives_out_a_seat_until_someone_sits_in_it(served, house):
    with Visitor(served, house.token) as host:
        host.ask(type="game", game="KuhnPoker-v0", options=["players=3"])
        described = host.answer("game")
        assert described["agents"] == ["player_0", "player_1", "player_2"]
        assert {"exact", "human", "random"} <= set(described["players"])
        players = ["human", "random", "random"]
        for options, why in ((["players=9"], "players"), (["no=1"], "no"), (["x"], "NAME=VALUE")):
            host.ask(type="open", game="KuhnPoker-v0", options=options, players=players)
            assert why in host.answer("refused")["why"]
        host.ask(type="open", game="Nim-v0", options=[], players=players)
        assert "Nim-v0" in host.answer("refused")["why"]
        host.ask(type="open", game="KuhnPoker-v0", options=["players=3"], players=players)
        host.answer("opened")
        listed = host.until(lambda m: m["type"] == "lobby" and m["tables"])["tables"][0]
        assert (listed["state"], list(listed["seats"])) == ("waiting", ["0"])
        with Visitor(served, listed["seats"]["0"]) as ada:
            ada.my_move()
            taken = host.until(lambda m: m["type"] == "lobby" and not m["tables"][0]["seats"])
            assert taken["tables"][0]["state"] == "playing"
            host.ask(type="close", table=listed["id"])
            assert ada.answer("gone")["why"] == "this table was closed"


def test_an_empty_table_makes_room_and_one_with_people_does_not(served, house, monkeypatch):
    monkeypatch.setattr("arenas.ui.server.tables.MAX_TABLES", 2)
    kept, left = (house.open("TicTacToe-v0", {}, ["human", "random"]) for _ in range(2))
    with sit(served, kept, 0) as ada:
        ada.my_move()
        third = house.open("TicTacToe-v0", {}, ["human", "random"])
        assert list(house.tables) == [kept.id, third.id]
        assert left.session.over
        with sit(served, third, 0) as bob:
            bob.my_move()
            with pytest.raises(ValueError, match="tables are taken"):
                house.open("TicTacToe-v0", {}, ["human", "random"])
        assert not kept.session.over


# -- people -----------------------------------------------------------------------------------


def test_two_people_play_one_loses_the_connection_and_both_play_again(served, house, played):
    table = house.open("TicTacToe-v0", {}, ["human", "human"])
    before = len(played.read_text().splitlines())
    with sit(served, table, 1) as bob:
        assert not bob.answer("view")["started"]
        with sit(served, table, 0) as ada:
            ada.move("[0]")
        bob.move("[4]")
        assert bob.until(lambda m: m.get("away") == [0])["step"] == 2
        with sit(served, table, 0) as ada:
            assert ada.my_move()["log"] == [["player_0", "0"], ["player_1", "4"]]
            for person, cell in ((ada, 1), (bob, 5), (ada, 2)):
                person.move(f"[{cell}]")
            assert ada.until(lambda m: m.get("over"))["totals"] == [1.0, -1.0]
            ada.reply("[8]")
            assert "over" in ada.answer("refused")["why"]
            bob.until(lambda m: m.get("over"))
            bob.ask(type="again")
            assert ada.until(lambda m: m.get("over") is False)["step"] == 0
    deadline = time.monotonic() + 5
    while len(played.read_text().splitlines()) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    lines = played.read_text().splitlines()[before:]
    assert [json.loads(line)["rewards"] for line in lines] == [[1.0, -1.0]]
    assert all(verdict.problems == [] for verdict in verify_file(played))
    house.close_table(table.id)
    assert played.with_name("played.unfinished.jsonl").exists()


def test_a_match_is_watched_again_when_it_is_over_and_not_before(served, house):
    table = house.open("KuhnPoker-v0", {}, ["human", "human"], seed=3)
    for key in ("wrong", house.token):
        assert refusal(f"{served.address}/replay?key={key}")[0] == 403
    with sit(served, table, 0) as ada, sit(served, table, 1) as bob:
        for key in (*table.keys.values(), table.watch_key):
            status, why = refusal(f"{served.address}/replay?key={key}")
            assert (status, "not over" in why) == (409, True)
        ada.my_move()
        ada.reply("[bet]")
        bob.my_move()
        bob.reply("[fold]")
        ada.until(lambda message: message.get("over"))
        text, headers = get(f"{served.address}/replay?key={table.keys[1]}")
    assert table.session.match_record().reason in text
    assert "connect-src" not in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"


def test_an_onlooker_sees_what_is_hidden_only_when_it_harms_nobody(served, house):
    hidden = house.open("KuhnPoker-v0", {}, ["human", "human"], seed=3)
    agents = house.open("KuhnPoker-v0", {}, ["random", "random"], seed=3)
    with (
        Visitor(served, hidden.watch_key) as onlooker,
        Visitor(served, agents.watch_key) as other,
        sit(served, hidden, 0) as ada,
        sit(served, hidden, 1) as bob,
    ):
        ada.my_move()
        ada.reply("[bet]")
        covered = onlooker.after(1)
        assert "shown when the match is over" in covered["told"]
        assert (covered["log"], covered["picture"]) == ([], None)
        assert not any(isinstance(frame, bytes) for _, frame in onlooker.frames)
        bob.my_move()
        bob.reply("[call]")
        assert onlooker.until(lambda m: m.get("over"))["log"]
        assert other.answer("view")["picture"]


def test_hints_come_on_request(served, house):
    table = house.open("TicTacToe-v0", {}, ["human", "random"])
    with sit(served, table, 0) as ada:
        assert ada.my_move()["hints"]
        ada.ask(type="hint")
        assert "%" in ada.answer("hint")["hint"]


# -- hidden information -----------------------------------------------------------------------

SCRIPTS = [
    ("KuhnPoker-v0", {}, 0, ["[bet]", "[fold]"]),
    ("KuhnPoker-v0", {"players": 3}, 1, ["[check]", "[check]", "[bet]", "[fold]", "[fold]"]),
    (
        "Negotiation-v0",
        {"preset": "two", "turns": 4},
        1,
        ["[Deny] Hello.", "[Offer: 1 Wood -> 1 Gold]", "[Deny]", "[Deny]"],
    ),
    (
        "Spy-v0",
        {"players": 3, "rounds": 1, "clues": "free", "scenes": "words"},
        0,
        [r"\boxed{It is known.}", r"\boxed{It has a use.}", r"\boxed{I like it.}"],
    ),
]


def frames_of(served, house, game_id, options, seat, replies):
    """All that one seat is sent in a match of people, by step, without what names the table."""
    game = arenas.make_game(game_id, **options)
    table = house.open(game_id, options, ["human"] * game.spec.seats, seed=11)
    people = [sit(served, table, each) for each in range(game.spec.seats)]
    watched = people[seat]
    for step, reply in enumerate(replies):
        (mover,) = people[seat].after(step)["awaited"] or [0]
        people[mover].move(reply)
        watched.after(step + 1)
    house.close_table(table.id)
    views, pictures = {}, []
    for _, frame in watched.frames:
        if isinstance(frame, bytes):
            pictures.append(frame)
            continue
        view = json.loads(frame)
        if view["type"] == "view" and view["started"] and not view["over"] and not view["away"]:
            del view["table"]
            views.setdefault(view["step"], []).append((view, pictures[-1]))
    for person in people:
        person.close()
    return views


@pytest.mark.parametrize(("game_id", "options", "seat", "replies"), SCRIPTS)
def test_nothing_that_is_sent_to_a_seat_depends_on_what_is_hidden_from_it(
    served, house, monkeypatch, game_id, options, seat, replies
):
    sent = frames_of(served, house, game_id, options, seat, replies)
    assert len(sent) >= len(replies) - 1

    def make_twin(game_id, **options):
        """The game with all that this seat may not know drawn anew at the start."""
        game = arenas.make_game(game_id, **options)
        new = game.new
        real = new(Rng(11))
        other = next(
            twin
            for twin in (game.resample(game.copy(real), seat, Rng(n)) for n in range(50))
            if game.key(twin) != game.key(real)
        )
        game.new = lambda rng: game.copy(other)
        return game

    monkeypatch.setattr("arenas.ui.session.make_game", make_twin)
    again = frames_of(served, house, game_id, options, seat, replies)
    assert again.keys() == sent.keys()
    for step, views in sent.items():
        assert {json.dumps(view) for view, _ in views} == {json.dumps(v) for v, _ in again[step]}
        assert {picture for _, picture in views} == {picture for _, picture in again[step]}


# -- the clock --------------------------------------------------------------------------------


class Thinker(Policy):
    """Takes three and a half steps of the clock for each move."""

    name = "thinker"

    def act(self, turns):
        time.sleep(0.35)
        return [Reply(5) for _ in turns]


@pytest.mark.parametrize("slow", [False, True])
def test_the_kitchen_keeps_ten_steps_a_second(served, house, monkeypatch, slow):
    if slow:
        monkeypatch.setattr("arenas.ui.agents.make_player", lambda *_: Thinker())
    table = house.open("Overcooked-v0", {"horizon": 20}, ["human", "scripted"])
    assert table.session.tick == 0.1
    with sit(served, table, 0) as ada:
        ada.until(lambda m: m.get("started"))
        ada.reply("[west]")
        ada.until(lambda m: m.get("over"))
    came = {}
    for at, frame in ada.frames:
        view = json.loads(frame) if isinstance(frame, str) else {}
        if view.get("started"):
            came.setdefault(view["step"] // 2, at)
    # A busy machine merges steps into one view; the clock goes on. Waiting would take 0.35 a step.
    first, last = min(came), max(came)
    assert (came[last] - came[first]) / (last - first) == pytest.approx(0.1, abs=0.04)
    turns = table.session.match_record().turns
    mine = [turn["move"] for turn in turns if turn["seat"] == 0]
    theirs = [turn["move"] for turn in turns if turn["seat"] == 1]
    assert (mine.count(3), mine.count(4)) == (1, 19)
    assert 2 <= theirs.count(5) <= 5 if slow else len(set(theirs)) > 1


# -- the command ------------------------------------------------------------------------------


ARENAS = [sys.executable, "-m", "arenas"]


class There:
    """A server in another process."""

    def __init__(self, link):
        self.address = link.partition("/?")[0]


def test_arenas_serve_prints_a_link_and_keeps_what_was_left(tmp_path):
    record = tmp_path / "evening.jsonl"
    command = [*ARENAS, "serve", "--port", "0", "--record", record]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        link = running.stdout.readline().split()[1]
        assert "<title>arenas</title>" in get(link)[0]
        with Visitor(There(link), link.partition("key=")[2]) as host:
            players = ["human", "random"]
            host.ask(type="open", game="KuhnPoker-v0", options=[], players=players)
            listed = host.until(lambda m: m["type"] == "lobby" and m["tables"])["tables"][0]
            with Visitor(There(link), listed["seats"]["0"]) as ada:
                assert mine(ada.my_move())
                running.send_signal(signal.SIGINT)
                assert running.wait(20) == 0
    finally:
        running.kill()
        running.stdout.close()
        running.wait()
    left = json.loads((tmp_path / "evening.unfinished.jsonl").read_text())
    assert left["why"] == "the match was left before its end"


def test_arenas_play_opens_a_match_in_the_browser(tmp_path):
    """The browser is a program that writes down what it is asked to open."""
    asked = tmp_path / "asked"
    program = tmp_path / "browser"
    program.write_text(f"#!/bin/sh\necho $1 > {asked}\n")
    program.chmod(0o755)
    command = [*ARENAS, "play", "KuhnPoker-v0", "--ui", "browser", "--seat", "1", "--seed", "4"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "BROWSER": str(program)}
    )
    try:
        link = running.stdout.readline().strip()
        assert "--seed 4" in running.stdout.readline()
        with Visitor(There(link), link.partition("key=")[2]) as ada:
            assert ada.my_move()["names"] == ["random", "human"]
        assert asked.read_text().strip() == link
    finally:
        running.kill()
        running.stdout.close()
        running.wait()


def test_a_taken_port_is_an_error_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [*ARENAS, "serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Address already in use")
