"""The opponent pool: who is kept, who is met, what is counted, and that a saved pool goes on."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arenas.policies.pool import RULES, Member, OpponentPool

results = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), max_size=8)
mixes = st.dictionaries(st.sampled_from(RULES), st.floats(0.125, 8), min_size=1)


def filled(n, mix=None, capacity=32, **kwargs):
    pool = OpponentPool(capacity, mix, **kwargs)
    for version in range(n):
        pool.add(Member(f"m{version}", version, {"path": f"{version}.pt"}))
    return pool


@st.composite
def pools(draw):
    pool = OpponentPool(
        draw(st.integers(1, 6)),
        draw(mixes),
        seed=draw(st.integers(0, 2**63 - 1)),
        power=draw(st.floats(0, 4)),
        memory=draw(st.floats(0.5, 1)),
    )
    version = 0
    for number in range(draw(st.integers(0, 10))):
        version += draw(st.integers(0, 5))
        pool.add(Member(f"m{number}", version))
        pool.record("learner", f"m{number}", draw(results))
    return pool


@given(pools())
def test_chances_are_a_distribution_over_the_members(pool):
    if not pool.members:
        return
    for rule in RULES[1:]:
        chances = pool.chances(rule, "learner")
        assert len(chances) == len(pool.members)
        assert min(chances) >= 0
        assert math.isclose(sum(chances), 1)


@given(pools(), st.integers(1, 20))
def test_a_saved_pool_goes_on_as_if_it_had_not_been(pool, draws):
    for _ in range(draws):
        pool.sample("learner")
    twin = OpponentPool.from_state(json.loads(json.dumps(pool.state())))
    for each in (pool, twin):
        each.record("learner", "m0", [1.0, 0.1])
    assert [pool.sample("learner") for _ in range(draws)] == [
        twin.sample("learner") for _ in range(draws)
    ]
    assert twin.state() == pool.state()


def test_files_give_the_pool_back(tmp_path):
    pool = filled(3, {"hard": 1.0})
    pool.record("learner", "m1", [0.1, -0.2])
    pool.save(tmp_path / "deep" / "pool.json")
    assert OpponentPool.load(tmp_path / "deep" / "pool.json").state() == pool.state()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["pool.json"]


@given(st.integers(2, 8), st.lists(st.integers(0, 50), max_size=60))
def test_what_is_kept_spans_all_of_training(capacity, gaps):
    pool = OpponentPool(capacity)
    version, added, dropped = 0, [], []
    for number, gap in enumerate([0, *gaps]):
        version += gap
        member = Member(str(number), version)
        added.append(member)
        out = pool.add(member)
        dropped += [out] if out else []
    assert len(pool.members) == min(capacity, len(added))
    assert sorted(pool.members + dropped, key=lambda m: int(m.name)) == added
    assert pool.members[0] == added[0]
    assert pool.members[-1] == added[-1]
    assert pool.members == sorted(pool.members, key=lambda m: int(m.name))


def test_a_full_pool_stays_spread_out():
    pool = filled(1_000, capacity=9)
    versions = [member.version for member in pool.members]
    gaps = np.diff(versions)
    # Even spacing would be 125 steps between neighbours.
    assert max(gaps) <= 260


def test_a_pool_of_one_keeps_the_latest():
    pool = filled(5, capacity=1)
    assert [member.name for member in pool.members] == ["m4"]


def test_a_dropped_member_takes_its_results_along():
    pool = filled(2, capacity=2)
    pool.record("learner", "m1", [1.0])
    pool.record("m1", "m0", [1.0])
    assert pool.add(Member("m2", 2)) == Member("m1", 1, {"path": "1.pt"})
    assert pool.score("learner", "m1").matches == 0
    assert "m1" not in json.dumps(pool.state()["scores"])


def test_an_empty_pool_and_the_mirror_rule_mean_the_learner_itself():
    assert OpponentPool(mix={"uniform": 1}).sample("learner") is None
    assert {filled(4).sample("learner") for _ in range(50)} == {None}


@pytest.mark.parametrize(
    ("mix", "expected"),
    [
        ({"latest": 1}, [0, 0, 0, 1]),
        ({"uniform": 1}, [0.25] * 4),
        ({"latest": 1, "uniform": 3, "mirror": 4}, [3 / 32, 3 / 32, 3 / 32, 3 / 32 + 1 / 8]),
    ],
)
def test_opponents_come_as_often_as_the_mix_says(mix, expected):
    pool = filled(4, mix, seed=5)
    n = 4_000
    met = Counter(member.version if member else None for member in
                  (pool.sample("learner") for _ in range(n)))  # fmt: skip
    for version, chance in enumerate(expected):
        # Four standard deviations of a binomial share.
        assert abs(met[version] / n - chance) <= 4 * math.sqrt(chance * (1 - chance) / n)


def test_priorities_are_those_of_the_paper():
    pool = filled(3, power=2.0)
    # With the added draw: 9 wins of 9 are 0.95, 9 losses 0.05, nothing seen 0.5.
    pool.record("learner", "m0", [1.0] * 9)
    pool.record("learner", "m1", [-1.0] * 9)
    p = [0.95, 0.05, 0.5]
    for rule, f in [("hard", lambda p: (1 - p) ** 2), ("variance", lambda p: p * (1 - p))]:
        weights = [f(each) for each in p]
        expected = [w / sum(weights) for w in weights]
        assert pool.chances(rule, "learner") == pytest.approx(expected)


@given(results, results, st.floats(0.5, 1))
def test_scores_count_and_fade(first, second, memory):
    pool = OpponentPool(memory=memory)
    pool.record("a", "b", first)
    pool.record("a", "b", second)
    score = pool.score("a", "b")
    assert score.wins == pytest.approx(
        memory * sum(r > 0 for r in first) + sum(r > 0 for r in second)
    )
    assert score.matches == pytest.approx(memory * len(first) + len(second))
    assert score.total == pytest.approx(memory * sum(first) + sum(second))
    assert 0 < score.points < 1
    assert pool.payoffs(["a", "b"]) == [[0.0, score.mean], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"capacity": 0}, "capacity"),
        ({"mix": {"newest": 1}}, "newest.*latest"),
        ({"mix": {"latest": -1}}, "not negative"),
        ({"mix": {"latest": 0}}, "not all zero"),
        ({"mix": {}}, "not all zero"),
        ({"power": -1}, "power"),
        ({"memory": 0}, "memory"),
    ],
)
def test_bad_values_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        OpponentPool(**arguments)


def test_members_are_told_apart_and_come_in_order():
    pool = filled(3)
    with pytest.raises(ValueError, match="already"):
        pool.add(Member("m1", 9))
    with pytest.raises(ValueError, match="older"):
        pool.add(Member("late", 1))
    with pytest.raises(ValueError, match="empty"):
        OpponentPool().chances("uniform", "learner")
    with pytest.raises(ValueError, match="'mirror'"):
        pool.chances("mirror", "learner")


def test_what_is_no_pool_is_refused(tmp_path):
    path = tmp_path / "pool.json"
    whole = filled(2).state()
    for text, words in [
        ('{"format": 0}', "no opponent pool"),
        ("[1]", "no opponent pool"),
        ("{", "pool.json"),
        ('{"format": 1}', "damaged.*capacity"),
        (json.dumps({**whole, "members": [1]}), "damaged"),
        (json.dumps({**whole, "scores": []}), "damaged"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match=words):
            OpponentPool.load(path)
