"""The pages on records, on training and on each game say what the code does."""

import doctest
import json
import random
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import arenas
from arenas.core.match import Match
from arenas.core.record import write_records

ROOT = Path(__file__).parent.parent
RECORDS = ROOT / "docs" / "records.md"
TRAINING = ROOT / "docs" / "training.md"
KUHN = ROOT / "arenas" / "games" / "kuhn_poker" / "README.md"
TICTACTOE = ROOT / "arenas" / "games" / "tictactoe" / "README.md"
SPY = ROOT / "arenas" / "games" / "spy" / "README.md"
NEGOTIATION = ROOT / "arenas" / "games" / "negotiation" / "README.md"
DEEP_SEARCH = ROOT / "arenas" / "games" / "deep_search" / "README.md"
PAGES = [RECORDS, TRAINING, DEEP_SEARCH, KUHN, NEGOTIATION, TICTACTOE, SPY]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def starts():
    return [state for _, state in arenas.make_game("KuhnPoker-v0").chance()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sessions_show_what_happens(page, tmp_path, monkeypatch):
    if page == TRAINING:
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    sessions = blocks(page, "pycon")
    assert sessions
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    names = {}
    for session in sessions:
        example = doctest.DocTestParser().get_doctest(session, names, page.name, None, 0)
        runner.run(example, clear_globs=False)
        names = example.globs
    assert runner.summarize().failed == 0


@pytest.mark.parametrize(
    ("page", "game_id", "seed", "reply"),
    [
        (KUHN, "KuhnPoker-v0", 10, "[bet]"),
        (NEGOTIATION, "Negotiation-v0", 0, "[Offer: 3 Wood -> 2 Gold] I need gold."),
        (TICTACTOE, "TicTacToe-v0", 0, "[4]"),
        (SPY, "Spy-v0", 1, None),
    ],
)
def test_the_prompt_on_the_page_is_the_prompt(page, game_id, seed, reply):
    options = {"preset": "two"} if page == NEGOTIATION else {}
    env = arenas.make(game_id, view="text", **options)
    env.reset(seed=seed)
    if reply is not None:
        env.step(reply)
    assert blocks(page, "text") == [env.last()[0]["text"] + "\n"]


@pytest.mark.parametrize("page", [DEEP_SEARCH, KUHN, NEGOTIATION, TICTACTOE, SPY])
def test_every_player_and_option_is_on_the_page(page):
    text = page.read_text(encoding="utf-8")
    game_id = re.search(r"`(\w+-v0)`", text)[1]
    for name in arenas.player_names(game_id):
        assert re.search(rf"^\|.*`{name}[:`]", text, re.MULTILINE), name
    for name in arenas.make_game(game_id).options:
        assert re.search(rf"^\| `{name}` \|", text, re.MULTILINE), name


def test_the_five_lines_of_a_hand():
    game = arenas.make_game("KuhnPoker-v0")
    rows = re.findall(
        r"^\| ((?:check|bet).*?) \| (\w+) \| ([+-]\d) \| ([+-]\d) \|$",
        KUHN.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == 5
    for line, reason, higher, lower in rows:
        for start in starts():
            state = start
            for word in line.split(", "):
                (seat,) = game.movers(state)
                state = game.apply(state, {seat: game.parse(state, seat, f"[{word}]")})
            outcome = game.outcome(state)
            one, other = outcome.evidence["hands"][0]["cards"]
            reward = float(higher if "JQK".index(one) > "JQK".index(other) else lower)
            assert outcome.rewards == (reward, -reward)
            assert outcome.reason == reason


@pytest.mark.parametrize("players", [2, 3, 4])
@pytest.mark.parametrize("hands", [1, 3])
def test_kuhn_index_table(players, hands):
    game, p = arenas.make_game("KuhnPoker-v0", players=players, hands=hands), players
    assert game.spec.observation_space.shape == ((6 * p - 1,) if hands == 1 else (7 * p,))
    for seed in range(30):
        match = Match(game, seed)
        while not match.over:
            seat = match.awaited[0]
            *finished, now = game.info_state(match.state, seat).split("/")
            view = game.view(match.state, seat).tolist()
            assert view[:p] == [int(i == (seat - len(finished)) % p) for i in range(p)]
            assert view[p : 2 * p + 1] == [int(i == int(now[0])) for i in range(p + 1)]
            pairs = [[int(action == "p"), int(action == "b")] for action in now[1:]]
            pairs += [[0, 0]] * (2 * p - 1 - len(pairs))
            assert view[2 * p + 1 : 6 * p - 1] == np.ravel(pairs).tolist()
            chips = [match.state.row[-p:][(seat + i) % p] for i in range(p)]
            assert view[6 * p - 1 :] == ([len(finished), *chips] if hands > 1 else [])
            match.submit(seat, seed >> match.plies % 5 & 1)


def test_twelve_decision_points_are_twelve_views():
    game = arenas.make_game("KuhnPoker-v0")
    seen = {}
    pending = starts()
    while pending:
        state = pending.pop()
        for seat in game.movers(state):
            seen.setdefault(game.info_state(state, seat), set()).add(str(game.view(state, seat)))
            pending += [game.apply(state, {seat: action}) for action in (0, 1)]
    assert len(seen) == 12
    assert all(len(views) == 1 for views in seen.values())
    assert len(set.union(*seen.values())) == 12


@pytest.mark.parametrize(
    ("options", "rewards"),
    [({}, [-2, 2]), ({"hands": 3}, [-6, 6]), ({"players": 3}, [-2, 1, 1])],
)
def test_what_a_forfeit_costs(options, rewards):
    match = Match(arenas.make_game("KuhnPoker-v0", **options), 0)
    match.submit(0, 7)
    match.submit(0, 7)
    assert list(match.outcome.rewards) == rewards


@pytest.mark.parametrize(("size", "length"), [(3, 3), (4, 4), (5, 4), (7, 4)])
def test_tictactoe_default_lines(size, length):
    assert arenas.make_game("TicTacToe-v0", size=size).win_length == length


def test_textarena_variant_pays_like_textarena():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        textarena = pytest.importorskip("textarena")
    ours = arenas.make_game("KuhnPoker-v0", rules="textarena-0.7.4")
    rng = random.Random(0)
    for seed in range(100):
        theirs = textarena.make("KuhnPoker-v0-raw")
        theirs.reset(num_players=2, seed=seed)
        cards, moves, over = {}, [], False
        while not over:
            now = theirs.state.game_state
            cards[now["current_round"] - 1] = now["player_cards"]
            word = rng.choice(sorted(now["current_legal_action_tree"]))
            moves.append((theirs.state.current_player_id, word))
            over, _ = theirs.step(f"[{word}]")
        row = list(ours.new_from(0).row)
        for hand in range(3):
            ours._set_cards(row, hand, (cards[hand][0], cards[hand][1]))
        state = ours.position(tuple(row))
        for seat, word in moves:
            state = ours.play(state, {seat: ours.parse(state, seat, f"[{word}]")})
        rewards, _ = theirs.close()
        assert ours.outcome(state).rewards == (rewards[0], rewards[1])


def test_example_record():
    (shown,) = blocks(RECORDS, "json")
    (record,) = arenas.play_matches("KuhnPoker-v0", ["nash", "random"], 1, seed=0)
    assert json.dumps(json.loads(shown), separators=(",", ":")) == record.to_json()
    fields = re.findall(r"^\| `(\w+)` \|", RECORDS.read_text(encoding="utf-8"), re.MULTILINE)
    assert fields == list(json.loads(record.to_json()))


def test_the_reader_on_the_page_reads(tmp_path):
    records = list(arenas.play_matches("KuhnPoker-v0", ["nash", "random"], 300))
    reader = [sys.executable, "-c", blocks(RECORDS, "python")[0]]
    path = tmp_path / "kuhn.jsonl"
    with path.open("w") as file:
        write_records(records, file)
    subprocess.run(reader, cwd=tmp_path, check=True, timeout=60)
    path.write_text(path.read_text().replace('"rewards":[1.0,-1.0]', '"rewards":[2.0,-2.0]', 1))
    assert subprocess.run(reader, cwd=tmp_path, capture_output=True, timeout=60).returncode != 0
