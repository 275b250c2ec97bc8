"""Advantages by role: every published variant against its definition, and the identity of two."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import arenas
from arenas.rollout.advantages import RoleBaselines, group_advantages
from arenas.rollout.trajectories import Trajectory, play_trajectories


def seat_of(game, seat, reward, seed=0, options=None):
    return Trajectory(
        game, "1", options or {}, seed, 0, 0, "end", False, (reward, -reward), seat,
        f"player_{seat}", "player", "learner", True, 0, 0, reward, (),
    )  # fmt: skip


rewards = st.floats(-10, 10)
trajectories = st.lists(
    st.builds(seat_of, st.sampled_from(["a/Kuhn-v0", "a/Other-v0"]), st.integers(0, 2), rewards),
    max_size=30,
)
decays = st.floats(0, 0.999)


def by_definition(batch, decay, update, per, key):
    """The table of the module, row by row, with a list of all returns of each baseline."""
    history, found = {}, []

    def value(name):
        # An exponential average written out as a sum over everything it has seen.
        seen = history.get(name, [])
        return sum((1 - decay) * decay**age * r for age, r in enumerate(reversed(seen)))

    names = [{"game-seat": (t.game, t.seat), "seat": t.seat, "none": 0}[key] for t in batch]
    if per == "match":
        for name, each in zip(names, batch, strict=True):
            old = value(name)
            history.setdefault(name, []).append(each.reward)
            found.append(each.reward - (old if update == "after" else value(name)))
        return found
    old = {name: value(name) for name in names}
    for name in set(names):
        own = [t.reward for n, t in zip(names, batch, strict=True) if n == name]
        history.setdefault(name, []).append(sum(own) / len(own))
    used = old if update == "after" else {name: value(name) for name in names}
    return [each.reward - used[name] for name, each in zip(names, batch, strict=True)]


@pytest.mark.parametrize("key", ["game-seat", "seat", "none"])
@pytest.mark.parametrize("per", ["match", "batch"])
@pytest.mark.parametrize("update", ["after", "before"])
@given(batch=trajectories, decay=decays)
def test_each_variant_is_its_definition(update, per, key, batch, decay):
    found = RoleBaselines(decay, update, per, key).advantages(batch)
    assert found == pytest.approx(by_definition(batch, decay, update, per, key), abs=1e-9)


@given(batch=trajectories, decay=decays)
def test_updating_first_is_decay_times_updating_afterwards(batch, decay):
    afterwards = RoleBaselines(decay, "after").advantages(batch)
    first = RoleBaselines(decay, "before").advantages(batch)
    assert first == pytest.approx([decay * each for each in afterwards], abs=1e-9)


@given(one=trajectories, two=trajectories, decay=decays)
def test_batches_go_on_where_the_last_one_ended(one, two, decay):
    whole, parts = RoleBaselines(decay), RoleBaselines(decay)
    expected = whole.advantages([*one, *two])
    assert parts.advantages(one) == expected[: len(one)]
    restored = RoleBaselines(decay)
    restored.restore(json.loads(json.dumps(parts.state())))
    assert restored.advantages(two) == expected[len(one) :]


def test_a_better_seat_is_not_praised_for_being_one():
    # Seat 0 always wins 1, seat 1 always loses it: neither has done anything well.
    batch = [seat_of("g", number % 2, (1.0, -1.0)[number % 2]) for number in range(400)]
    conditioned = RoleBaselines().advantages(batch)[-2:]
    alike = RoleBaselines(key="none").advantages(batch)[-2:]
    assert conditioned == pytest.approx([0, 0], abs=1e-3)
    assert alike == pytest.approx([1, -1], abs=0.06)


def test_games_and_their_options_have_baselines_of_their_own():
    baselines = RoleBaselines(0.0)
    baselines.advantages([seat_of("g", 0, 5.0), seat_of("g", 0, 7.0, options={"players": 3})])
    assert baselines.baseline(seat_of("g", 0, 0.0)) == 5
    assert baselines.baseline(seat_of("g", 0, 0.0, options={"players": 3})) == 7
    assert baselines.baseline(seat_of("h", 0, 0.0)) == 0


def test_the_return_counts_once():
    played = play_trajectories("KuhnPoker-v0", ["random"] * 2, 40, seed=3)
    seats = [seat for each in played for seat in each.seats]
    # With a memory of nothing but the last return, the baseline is known exactly.
    found = RoleBaselines(0.0).advantages(seats)
    last = [0.0, 0.0]
    for each, advantage in zip(seats, found, strict=True):
        assert advantage == each.rewards[each.seat] - last[each.seat]
        last[each.seat] = each.rewards[each.seat]
    assert any(sum(turn.reward for turn in each.turns) == each.reward != 0 for each in seats)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"decay": 1.0}, "decay=1.0"),
        ({"update": "later"}, "update='later'.*after, before"),
        ({"per": "epoch"}, "per='epoch'.*match, batch"),
        ({"key": "role"}, "key='role'.*game-seat"),
    ],
)
def test_bad_settings_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        RoleBaselines(**arguments)


# -- groups ------------------------------------------------------------------------------------


def test_returns_are_compared_within_deal_and_seat():
    batch = [seat_of("g", 0, r, seed=1) for r in (1.0, 3.0)]
    batch += [seat_of("g", 1, r, seed=1) for r in (-5.0, -5.0)]
    batch += [seat_of("g", 0, 4.0, seed=2)]
    assert group_advantages(batch) == [-1, 1, 0, 0, 0]
    assert group_advantages(batch, scale=False) == [-1, 1, 0, 0, 0]
    wider = [seat_of("g", 0, r) for r in (0.0, 6.0)]
    assert group_advantages(wider) == [-1, 1]
    assert group_advantages(wider, scale=False) == [-3, 3]


@pytest.mark.parametrize("swap", [True, False])
def test_a_deal_is_played_several_times_with_other_moves(swap):
    players = [arenas.make_player("KuhnPoker-v0", "random", arenas.make_game("KuhnPoker-v0"))] * 2
    size = 8 * (2 if swap else 1)
    records = list(arenas.play_matches("KuhnPoker-v0", players, 4 * size, swap=swap, repeats=8))
    cards = [record.evidence["hands"][0]["cards"] for record in records]
    for start in range(0, len(records), size):
        group = records[start : start + size]
        assert {record.group for record in group} == {start // size}
        assert {record.seed for record in group} == {group[0].seed}
        assert all(each == cards[start] for each in cards[start : start + size])
        assert len({record.evidence["hands"][0]["actions"] for record in group}) > 1
    assert len({record.seed for record in records}) == 4
    once = list(arenas.play_matches("KuhnPoker-v0", players, 4, swap=False))
    assert [record.seed for record in records[::size]] == [record.seed for record in once]


def test_seats_are_exchanged_in_every_repetition():
    records = list(arenas.play_matches("KuhnPoker-v0", ["nash", "random"], 12, repeats=3))
    assert [record.seats[0] for record in records] == ["nash", "random"] * 6
    with pytest.raises(ValueError, match="concurrency and repeats are at least 1"):
        list(arenas.play_matches("KuhnPoker-v0", ["nash", "random"], 12, repeats=0))
