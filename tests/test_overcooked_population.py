"""The population baseline of Overcooked: its parts by their definitions, resuming, the command."""

from __future__ import annotations

import json
import math
import signal
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from killing import stop_after_checkpoint

import arenas
from arenas.cli import app

torch = pytest.importorskip("torch")
pytest.importorskip("numba")
pytest.importorskip("tensorboard")
pytest.importorskip("matplotlib")

from arenas.baselines.overcooked_population import (  # noqa: E402
    END,
    MIDDLE,
    START,
    Config,
    Kitchens,
    Learner,
    Reading,
    Seating,
    Segment,
    Training,
    advantages,
    play,
    rarity,
)
from arenas.policies.network import ActorCritic  # noqa: E402

OPTIONS = {"kitchen": "cramped_room", "horizon": 40}
SMALL = {
    "member_steps": 960,
    "response_steps": 640,
    "members": 2,
    "groups": 3,
    "num_envs": 8,
    "segment": 20,
    "width": 16,
    "snapshot_every": 1,
    "evaluate_every": 1,
    "final_matches": 8,
}


def training(out, **changes):
    out.mkdir(parents=True, exist_ok=True)
    return Training("selfplay/Overcooked-v0", OPTIONS, Config(**{**SMALL, **changes}), out)


def finished(out, **changes):
    run = training(out, **changes)
    while not run.over:
        run.iterate()
    return run


# -- parts -----------------------------------------------------------------------------------------


def test_a_network_over_whole_views_plays_as_one_over_what_changes():
    reading = Reading.of("Overcooked-v0", OPTIONS)
    game = arenas.make_game("Overcooked-v0", **OPTIONS)
    narrow = ActorCritic(len(reading.columns), 6, (16, 16), torch.Generator().manual_seed(0))
    wide = reading.widened(narrow, game)
    env = arenas.make_vec("Overcooked-v0", 16, **OPTIONS)
    views = env.reset(seed=3)[0]["observation"]
    free = torch.ones(1, 6, dtype=torch.bool)
    for _ in range(60):
        whole = torch.from_numpy(views.reshape(32, -1).astype(np.float32))
        for mine, theirs in zip(narrow(reading(views), free), wide(whole, free), strict=True):
            assert torch.allclose(mine, theirs, atol=1e-5)
        views = env.step(env.sample_actions())[0]["observation"]


@pytest.mark.parametrize("kitchen", ["cramped_room", "counter_circuit_o_1order"])
def test_all_that_changes_while_cooks_deliver_is_read(kitchen):
    """Over whole matches of scripted cooks, which reach what random ones do not."""
    reading = Reading.of("Overcooked-v0", {"kitchen": kitchen})
    views = []
    for seed in range(2):
        env = arenas.make_parallel("Overcooked-v0", kitchen=kitchen)
        cooks = [arenas.make_player("Overcooked-v0", "courier", env.game)] * 2
        env.reset(seed=seed)
        while env.agents:
            turns = [arenas.core.policy.Turn.of(env.match, seat) for seat in (0, 1)]
            moves = [cook.act([turn])[0].move for cook, turn in zip(cooks, turns, strict=True)]
            views += [turn.view.ravel() for turn in turns]
            env.step(dict(zip(env.agents, moves, strict=True)))
        assert env.match.totals[0] > 0
    seen = np.stack(views)
    # All but the plane that is lit everywhere towards the end.
    changed = [c for c in np.flatnonzero(seen.min(0) != seen.max(0)) if c % 26 != 25]
    assert set(changed) <= set(reading.columns.tolist())
    assert len(reading.columns) < seen.shape[1] / 3


@pytest.mark.parametrize("partners", [1, 3, 8])
def test_every_row_is_somebodys(partners):
    games, seats = 8, 2
    networks = [ActorCritic(3, 6, (4,)) for _ in range(partners)]
    seating = Seating.among(networks, games, seats)
    rows = torch.cat([seating.learner, *(rows for _, rows in seating.partners)])
    assert sorted(rows.tolist()) == list(range(games * seats))
    assert (seating.learner // seats).tolist() == list(range(games))
    assert (seating.learner % seats).tolist() == [0, 1] * 4
    sizes = [len(rows) for _, rows in seating.partners]
    assert max(sizes) - min(sizes) <= 1
    assert [id(network) for network, _ in seating.partners] == [id(each) for each in networks]
    assert Seating.mirror(games, seats).learner.tolist() == list(range(16))


def test_the_learner_is_paid_points_and_its_share_of_shaping():
    kitchens = Kitchens("Overcooked-v0", {**OPTIONS, "horizon": 400}, 16)
    reading = Reading.of("Overcooked-v0", OPTIONS)
    network = ActorCritic(len(reading.columns), 6, (8,), torch.Generator().manual_seed(1))
    found = {}
    for shaped in (0.0, 0.5, 1.0):
        kitchens.begin(7)
        generator = torch.Generator().manual_seed(2)
        seating = Seating.mirror(16, 2)
        segment, points = play(kitchens, reading, network, seating, 400, shaped, generator)
        found[shaped] = segment.rewards.reshape(400, 16, 2)
        assert (found[shaped][:, :, 0] == found[shaped][:, :, 1]).all()
        assert found[0.0][:, :, 0].sum(0) == pytest.approx(points)
    extra = found[1.0] - found[0.0]
    assert extra.sum() > 0
    assert np.allclose(found[0.5] - found[0.0], extra / 2)


@pytest.mark.parametrize("over", [True, False])
def test_advantages_are_those_of_the_definition(over):
    rng = np.random.default_rng(0)
    rewards = rng.normal(size=(5, 3)).astype(np.float32)
    value = rng.normal(size=(6, 3)).astype(np.float32)
    nothing = torch.zeros(5, 3)
    segment = Segment(nothing, nothing, nothing, torch.from_numpy(value.copy()), rewards)
    gamma, lam = 0.9, 0.8
    found = advantages(segment, over, gamma, lam).numpy()
    if over:
        value[-1] = 0
    delta = rewards + gamma * value[1:] - value[:-1]
    for t in range(5):
        wanted = sum((gamma * lam) ** (k - t) * delta[k] for k in range(t, 5))
        assert found[t] == pytest.approx(wanted, abs=1e-5)


def test_rarity_is_that_of_the_mean_policy():
    networks = [ActorCritic(4, 6, (8,), torch.Generator().manual_seed(i)) for i in range(3)]
    for i, network in enumerate(networks):
        torch.nn.init.normal_(
            network.actor[-1].weight, std=2.0, generator=torch.Generator().manual_seed(i)
        )
    observation = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(9))
    action = torch.arange(10).reshape(5, 2) % 6
    nothing = torch.zeros(5, 2)
    segment = Segment(observation, action, nothing, nothing, nothing.numpy())
    found = rarity(networks, segment)
    for t in range(5):
        for row in range(2):
            logits = [network.actor(observation[t, row]).detach() for network in networks]
            mean = torch.stack([each.softmax(0) for each in logits]).mean(0)
            assert found[t, row] == pytest.approx(-math.log(mean[action[t, row]]), rel=1e-4)


def test_stages_are_start_half_way_and_end():
    learner = Learner(4, 6, Config(width=4), torch.Generator().manual_seed(0))
    for score in (0.0, 3.0, 11.0, 9.0, 20.0):
        with torch.no_grad():
            learner.network.actor[0].bias.fill_(score)
        learner.keep(score)
    biases = {name: float(w["actor.0.bias"][0]) for name, w in learner.stages().items()}
    assert biases == {START: 0.0, MIDDLE: 11.0, END: 20.0}


def test_hard_partners_are_met_more_often(tmp_path):
    run = finished(tmp_path, method="mep")
    run.met = {name: float(rank) for rank, name in enumerate(sorted(run.partners))}
    drawn = [name for _ in range(300) for name in run._choose()]
    counts = [drawn.count(name) for name in sorted(run.partners)]
    assert sum(counts) == 900
    weights = np.arange(6, 0, -1.0) ** 3
    assert np.abs(np.array(counts) / 900 - weights / weights.sum()).max() < 0.06


# -- runs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fcp", "mep"])
def test_only_the_learner_changes(tmp_path, method):
    run = training(tmp_path, method=method)
    while not run.responding:
        before = [[p.clone() for p in each.network.parameters()] for each in run.learners]
        number = run.iteration % 2
        run.iterate()
        for i, each in enumerate(run.learners):
            same = all(map(torch.equal, before[i], each.network.parameters()))
            assert same == (i != number)
    run.iterate()
    assert sorted(run.partners) == sorted(
        f"{i}-{stage}" for i in (0, 1) for stage in (START, MIDDLE, END)
    )
    before = {name: [p.clone() for p in each.parameters()] for name, each in run.partners.items()}
    weights = [p.clone() for p in run.response.network.parameters()]
    run.iterate()
    for name, each in run.partners.items():
        assert all(map(torch.equal, before[name], each.parameters()))
    assert not any(map(torch.equal, weights, run.response.network.parameters()))
    assert set(run.met) <= set(run.partners)


def test_every_learner_is_kept_and_measured_at_its_end(tmp_path):
    run = finished(tmp_path, method="fcp", snapshot_every=2, evaluate_every=2)
    assert run.member_rounds == 3
    for number, member in enumerate(run.learners):
        assert member.snapshots[-1][0] == member.steps
        rows = [row for row in run.curve if row["learner"] == f"member {number}"]
        assert rows[-1]["steps"] == member.steps
    assert run.curve[-1]["learner"] == "response"
    assert run.curve[-1]["steps"] == run.response.steps


def test_population_entropy_changes_what_members_learn(tmp_path):
    plain, apart = (
        finished(tmp_path / f"{weight}", method="mep", population_entropy=weight)
        for weight in (0.0, 5.0)
    )
    fcp = finished(tmp_path / "fcp", method="fcp")

    def weights(run):
        return torch.cat([p.flatten() for p in run.learners[1].network.parameters()])

    assert torch.equal(weights(plain), weights(fcp))
    assert not torch.equal(weights(plain), weights(apart))


@pytest.mark.parametrize("method", ["sp", "fcp", "mep"])
def test_a_restored_run_goes_on_bit_for_bit(tmp_path, method):
    whole = finished(tmp_path / "whole", method=method)
    for stop in range(whole.rounds):
        parts = training(tmp_path / "parts", method=method)
        if (tmp_path / "parts" / "checkpoint.pt").exists():
            parts.restore()
        assert parts.iteration == stop
        parts.iterate()
        parts.save()
    assert parts.curve == whole.curve
    same = zip(
        parts.response.network.parameters(), whole.response.network.parameters(), strict=True
    )
    assert all(torch.equal(a, b) for a, b in same)
    assert parts.score() == whole.score()


def test_other_settings_do_not_go_on(tmp_path):
    run = training(tmp_path)
    run.iterate()
    run.save()
    other = training(tmp_path, width=8)
    with pytest.raises(ValueError, match="width=16, now 8"):
        other.restore()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "pbt"}, "method=pbt"),
        ({"members": 0}, "members=0"),
        ({"reward_unit": 0.0}, "reward_unit=0.0"),
        ({"gamma": float("nan")}, "gamma=nan"),
    ],
)
def test_bad_settings_are_named(changes, words):
    with pytest.raises(ValueError, match=words):
        Config(**changes)


def test_other_games_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not Overcooked-v0"):
        Training("selfplay/KuhnPoker-v0", {}, Config(), tmp_path)


@pytest.mark.slow  # 400,000 steps of training.
def test_cooks_learn_to_deliver(tmp_path):
    options = {"kitchen": "cramped_room"}
    config = Config(member_steps=400_000, final_matches=64)
    run = Training("selfplay/Overcooked-v0", options, config, tmp_path)
    assert run.score()[0] < 5
    while not run.over:
        run.iterate()
    assert run.score()[0] > 100


# -- the command -----------------------------------------------------------------------------------


def arguments(out, **changes):
    chosen = {**SMALL, **changes}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
    options = [f"-o{name}={value}" for name, value in OPTIONS.items()]
    algo = ["--algo", "overcooked_population"]
    return ["train", "Overcooked-v0", *algo, "--out", str(out), *options, *flags]


def run_command(*args):
    return CliRunner().invoke(app, args, prog_name="arenas")


@pytest.mark.filterwarnings("default")
def test_the_command_trains_a_cook_that_sits_down(tmp_path):
    out = tmp_path / "run"
    done = run_command(*arguments(out, method="fcp"))
    assert done.exit_code == 0, done.output
    assert "with itself: " in done.stdout
    assert "with its population at the middle: " in done.stdout
    assert json.loads((out / "config.json").read_text())["method"] == "fcp"
    names = {"checkpoint.pt", "config.json", "curve.csv", "curve.png", "members", "policy.pt"}
    assert names <= {path.name for path in out.iterdir()}
    assert len(list((out / "members").iterdir())) == 6
    cooks = [f"network:{out / 'policy.pt'}", f"network:{out / 'members' / '1-end.pt'}"]
    options = [f"-o{name}={value}" for name, value in OPTIONS.items()]
    line = ["match", "Overcooked-v0", "--seats", *cooks, "-n", "2", *options]
    assert run_command(*line).exit_code == 0
    assert run_command(*arguments(out, method="fcp")).stdout == done.stdout
    refused = run_command(*arguments(out, method="mep"))
    assert refused.exit_code == 1
    assert "method='fcp', now 'mep'" in refused.stderr
    assert run_command(*arguments(out, method="sp"), "--fresh").exit_code == 0
    assert not (out / "members").exists()


@pytest.mark.slow  # Three processes, each of which loads PyTorch and compiles.
@pytest.mark.filterwarnings("default")
def test_a_killed_run_ends_as_one_that_was_not(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    long = {"method": "mep", "member_steps": 3_200, "response_steps": 3_200}
    done = run_command(*arguments(whole, **long))
    command = [sys.executable, "-m", "arenas", *arguments(killed, **long)]
    stop_after_checkpoint(command, killed / "checkpoint.pt", signal.SIGKILL)
    err = stop_after_checkpoint(command, killed / "checkpoint.pt", signal.SIGINT)
    assert "the same command goes on" in err
    last = run_command(*arguments(killed, **long))
    assert "going on after" in last.stderr
    assert last.stdout == done.stdout
    assert (killed / "curve.csv").read_bytes() == (whole / "curve.csv").read_bytes()
