"""What kernels are made of: chance in machine words, tables, the cache on disk, other devices."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_race import Race

import arenas
from arenas.core import compiled, rng
from arenas.core.outcome import RulesError
from arenas.core.tables import MAX_POSITIONS, Shown, tabulate
from arenas.registry import make_game

HERE = Path(__file__).parent
WORDS = st.integers(0, 2**64 - 1)


# -- chance ----------------------------------------------------------------------------------------


@given(
    word=WORDS, label=st.integers(0, 2**32), index=st.integers(0, 2**31), n=st.integers(1, 2**32)
)
def test_chance_in_machine_words_is_that_of_integers(word, label, index, n):
    own = np.uint64(word)
    with np.errstate(over="ignore"):
        assert int(compiled.mix64(own)) == rng.mix64(word)
        assert int(compiled.draw(own, index)) == rng.draw(word, index)
        assert int(compiled.scale(own, n)) == rng.scale(word, n)
        assert int(compiled.mix64(compiled.following(own))) == rng.Rng(word).bits()
        assert rng.Rng(int(compiled.fork(own, label))) == rng.Rng(word).fork(label)
    words = np.array([word, 0, 2**64 - 1], np.uint64)
    assert compiled.mix64(words).tolist() == [rng.mix64(w) for w in words.tolist()]
    assert compiled.scale(words, n).tolist() == [rng.scale(w, n) for w in words.tolist()]
    assert set(compiled.TWINS) == {rng.mix64, rng.draw, rng.scale}


def test_compiled_chance_is_that_of_integers():
    numba = pytest.importorskip("numba")
    words = np.random.default_rng(0).integers(0, 2**64, 1000, np.uint64)
    for plain, twin in compiled.TWINS.items():
        more = () if plain is rng.mix64 else (7,)
        specialised = compiled.Specialiser("cpu", {})._part(plain)
        caller = numba.njit(lambda word, more=more, f=specialised: f(word, *more))
        for word in words.tolist():
            assert int(caller(np.uint64(word))) == plain(word, *more), twin


# -- tables ----------------------------------------------------------------------------------------


def tables_of(game):
    view = game.spec.observation_space
    shown = Shown(view.dtype, int(np.prod(view.shape)), game.num_actions)
    return tabulate(game, shown), shown


TABULATED = [
    ("KuhnPoker-v0", {}),
    ("KuhnPoker-v0", {"players": 4}),
    ("KuhnPoker-v0", {"hands": 2}),
    ("KuhnPoker-v0", {"rules": "spiral-v1", "hands": 1}),
    ("TicTacToe-v0", {}),
]


@pytest.mark.parametrize(("game_id", "options"), TABULATED)
def test_tables_say_what_the_rules_say_of_every_position(game_id, options):
    game = make_game(game_id, **options)
    tables, shown = tables_of(game)
    live, rules, seats = len(tables.movers), game.row_rules, game.spec.seats
    views, masks = shown.parts(tables.shown)
    ends, none = shown.parts(tables.ends)
    assert not none.any()
    number = {tuple(row): at for at, row in enumerate(tables.rows.tolist())}
    assert len(number) == len(tables.rows) > live > 0
    for at, row in enumerate(tables.rows.tolist()):
        seen = [[0] * shown.view for _ in range(seats)]
        for seat in range(seats):
            rules.observe(row, seat, seen[seat])
        if at >= live:
            assert rules.to_move(row) == -1
            paid = [0.0] * seats
            rules.score(row, paid)
            assert tables.scores[at - live].tolist() == paid
            assert ends[at - live].tolist() == seen
            continue
        assert tables.movers[at] == rules.to_move(row)
        assert views[at].tolist() == seen[tables.movers[at]]
        marks = [0] * game.num_actions
        rules.legal(row, marks)
        assert masks[at].tolist() == marks
        legal = [action for action, mark in enumerate(marks) if mark]
        assert tables.choices[at, : tables.counts[at]].tolist() == legal
        for action in range(game.num_actions):
            after = -1
            if action in legal:
                played = list(row)
                rules.play(played, action)
                after = number[tuple(played)]
            assert tables.after[at, action] == after


@given(seed=WORDS, which=st.sampled_from(TABULATED))
def test_a_start_is_found_from_its_row(seed, which):
    game = make_game(which[0], **which[1])
    tables, _ = tables_of(game)
    row = game.blank[:]
    game.row_rules.deal(row, seed)
    place = np.array(row)[tables.columns] @ tables.strides - tables.offset[0]
    assert tables.rows[tables.starts[place]].tolist() == row


def test_large_games_have_no_tables():
    for game_id, options in [
        ("TicTacToe-v0", {"size": 4}),
        ("KuhnPoker-v0", {"hands": 4}),
        ("KuhnPoker-v0", {"hands": 50}),
    ]:
        assert tables_of(make_game(game_id, **options))[0] is None
    assert tables_of(Race())[0] is None


class Listed(Race):
    """A race whose starts are the ones given, so that it has tables."""

    def __init__(self, words=(0, 1)):
        super().__init__(goal=4)
        self.words = list(words)

    def chance(self):
        for word in self.words:
            row = list(self.blank)
            row[3] = word
            yield 1 / len(self.words), self.position(tuple(row))


def test_starts_may_be_listed_twice_but_not_be_far_apart_or_over():
    tables, _ = tables_of(Listed([5, 3, 5]))
    assert tables.rows[tables.starts[[2, 0]]][:, 3].tolist() == [5, 3]
    assert tables_of(Listed([0, MAX_POSITIONS]))[0] is None
    over = Listed([9])
    over.blank[2] = 12
    with pytest.raises(RulesError, match="nobody is to move at the start"):
        tabulate(over, tables_of(over.__class__([8]))[1])


# -- in a process of its own -----------------------------------------------------------------------

AGREES = """
import sys
import numpy as np
import arenas
from arenas.core import vector

def agree(
    game_id, device="cpu", engine="any", illegals=("retry:1",), steps=16, drawn=True, **options
):
    if engine == "rules":
        vector.tabulate = lambda *_: None
    for illegal in illegals:
        kwargs = dict(illegal=illegal, max_cycles=3, **options)
        vec = arenas.make_vec(game_id, 3, device=device, **kwargs)
        single = [arenas.make(game_id, **kwargs) for _ in range(3)]
        observation, info = vec.reset(seed=[1, 2, 3])
        for seed, env in enumerate(single):
            env.reset(seed=seed + 1)
        for step in range(steps):
            actions = 1 - step // 3 % 2 + np.zeros(3, int)
            if drawn:
                actions = vec.sample_actions().copy()
            actions[step % 3] += step % 2
            observation, reward, *_, info = vec.step(actions)
            for i, env in enumerate(single):
                env.step(actions[i])
                paid = [env.rewards[agent] for agent in env.possible_agents]
                assert paid == info["rewards"][i].tolist(), (illegal, step)
                if not env.match.awaited:
                    assert info["_match"][i]
                    assert list(env.match.totals) == info["match"]["returns"][i].tolist()
                    env.reset()
                seen = env.observe(env.agent_selection)
                for name, array in seen.items():
                    assert (observation[name][i] == array).all()
        assert vec.matches.sum() > 1
"""


def run_python(code, **environment):
    paths = os.pathsep.join([str(HERE.parent), str(HERE)])
    done = subprocess.run(
        [sys.executable, "-c", AGREES + code],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_without_numba_it_plays_the_same_and_says_so_once():
    run_python("""
import warnings
sys.modules["numba"] = None
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    illegals = "retry:0", "random-legal", "penalty:0.25"
    for engine in ("any", "rules"):
        agree("KuhnPoker-v0", engine=engine, illegals=illegals)
        agree("TicTacToe-v0", engine=engine, illegals=illegals)
(warning,) = heard
assert "pip install 'selfplay-arenas[fast]'" in str(warning.message)
try:
    arenas.make_vec("KuhnPoker-v0", 2, device="cuda")
except ImportError as error:
    assert "pip install 'selfplay-arenas[cuda]'" in str(error)
else:
    raise AssertionError
""")


def test_kernels_for_cuda_play_the_same_in_the_simulator():
    pytest.importorskip("numba")
    run_python(
        """
illegals = "retry:1", "random-legal", "penalty:0.25"
for engine in ("any", "rules"):
    agree("KuhnPoker-v0", "cuda", engine, illegals, steps=12)
    agree("TicTacToe-v0", "cuda", engine, illegals[-1:], steps=10)
try:
    arenas.make_vec("KuhnPoker-v0", 2, device="cuda", layout="one_learner")
except ValueError as error:
    assert "runs on the CPU" in str(error)
else:
    raise AssertionError
env, twin = (arenas.make_vec("KuhnPoker-v0", 3, device=d, copy=True) for d in ("cuda", "cpu"))
env.reset(seed=0)
twin.set_state(env.get_state())
env.play_randomly(20)
twin.play_randomly(20)
assert all((array == twin.get_state()[name]).all() for name, array in env.get_state().items())
""",
        NUMBA_ENABLE_CUDASIM="1",
    )


def test_without_a_cuda_device_it_says_what_is_missing():
    cuda = pytest.importorskip("numba.cuda")
    if cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises((ValueError, ImportError), match=r"selfplay-arenas\[cuda\]"):
        arenas.make_vec("KuhnPoker-v0", 2, device="cuda")


# -- the cache on disk -----------------------------------------------------------------------------


@pytest.mark.slow  # It compiles two versions of the rules into an empty cache.
def test_an_edited_rule_is_never_played_from_an_old_kernel(tmp_path):
    pytest.importorskip("numba")
    source = (HERE / "toy_race.py").read_text(encoding="utf-8")
    cache = tmp_path / "cache"

    def play(rules):
        (tmp_path / "race.py").write_text(rules, encoding="utf-8")
        run_python(
            f"""
sys.path.insert(0, {str(tmp_path)!r})
arenas.register("toys/Race-v0", "race:Race")
agree("toys/Race-v0", drawn=False, goal=5, prizes=[3, 1, 4])
""",
            NUMBA_CACHE_DIR=str(cache),
            PYTHONDONTWRITEBYTECODE="1",
        )
        return len(list(cache.rglob("*.nbc")))

    first = play(source)
    assert play(source) == first > 0
    assert play(source.replace("0.5 * row", "0.25 * row")) > first


def test_a_digest_is_of_the_code_and_the_numbers_that_are_loaded(tmp_path, monkeypatch):
    rules, numbers = tmp_path / "late_rules.py", tmp_path / "late_numbers.py"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    text = "from late_numbers import STEP\nimport late_numbers as n\n\n"
    text += "def play(row, action):\n    row[0] += STEP - n.BACK\n"

    def digest():
        specialiser = compiled.Specialiser("python", {"rules": modules[-1]})
        return compiled._digest(specialiser._of(specialiser._bound["rules"].play))

    def write(rules_text, numbers_text):
        rules.write_text(rules_text, encoding="utf-8")
        numbers.write_text(numbers_text, encoding="utf-8")

    def reload():
        for module in modules:
            importlib.reload(module)

    write(text, "STEP = 1\nBACK = 1\n")
    modules = [importlib.import_module(name) for name in ("late_numbers", "late_rules")]
    digests = [digest()]
    for edit in [
        (text, "STEP = 2\nBACK = 1\n"),
        (text, "STEP = 2\nBACK = 3\n"),
        (text.replace("STEP -", "STEP +"), "STEP = 2\nBACK = 3\n"),
        (text.replace("row[0]", "row[1]"), "STEP = 2\nBACK = 3\n"),
    ]:
        write(*edit)
        # What is not loaded yet is not compiled.
        assert digest() == digests[-1]
        reload()
        assert digest() not in digests
        digests.append(digest())
    reload()
    assert digest() == digests[-1]
