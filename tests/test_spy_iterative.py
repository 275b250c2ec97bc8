"""Iterative-SPO on Who Is the Spy: advantages, stages, resuming, the player that comes out."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

import arenas
from arenas.core.rng import Rng
from arenas.games.spy import rewards

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from arenas.baselines import spy_iterative as algo  # noqa: E402
from arenas.games.spy.network import NetworkPlayer, SpyNetwork  # noqa: E402

OPTIONS = {"players": 3, "rounds": 1, "spy_sees": "pair", "scenes": "charts"}
TINY = {
    "iterations": 4,
    "matches": 8,
    "group": 2,
    "evaluate_every": 2,
    "evaluate_games": 4,
    "final_games": 4,
}


def training(out, **settings):
    return algo.Training(OPTIONS, algo.Config(**{**TINY, **settings}), out)


def played(run):
    count = run.config.matches
    return run.table.play(list(range(count)), ["network"] * count, ["network"] * count)


def test_role_advantages_are_rewards_less_a_running_mean_of_the_role(tmp_path):
    run = training(tmp_path)
    game, batch = run.game, played(run)
    means = algo.RoleMeans(0.75)
    advantage = means.advantages(game, batch).tolist()
    paid = [rewards.clue_rewards(rewards.tally(
        [v for s, v in enumerate(state.votes) if s != state.spy], 3), state.spy)
        for state in batch.states]  # fmt: skip
    of_spies = np.mean([each[s.spy] for each, s in zip(paid, batch.states, strict=True)])
    assert means.spy == pytest.approx(0.25 * of_spies)
    # Zero-sum: what the spy gets, its two civilians lose.
    assert means.civilians == pytest.approx(-0.25 * of_spies / 2)
    for value, i, seat in zip(advantage, batch.clues.match, batch.clues.seat, strict=True):
        mean = means.spy if seat == batch.states[i].spy else means.civilians
        assert value == pytest.approx(paid[i][seat] - mean, abs=1e-6)


def test_vote_advantages_are_normalised_within_a_match(tmp_path):
    run = training(tmp_path, group=6)
    batch = played(run)
    advantage = algo.vote_advantages(run.game, batch).numpy()
    assert advantage.shape == tuple(batch.votes.action.shape) == (16, 6)
    assert all(
        seat != batch.states[i].spy
        for i, seat in zip(batch.votes.match, batch.votes.seat, strict=True)
    )
    for i in range(8):
        group = advantage[batch.votes.match == i]
        assert group.mean() == pytest.approx(0, abs=1e-6)
        assert group.std() == pytest.approx(1, abs=1e-3) or not group.any()
    best = np.unravel_index(advantage.argmax(), advantage.shape)
    seat, i = int(batch.votes.seat[best[0]]), batch.votes.match[best[0]]
    vote = run.game.voted(seat, int(batch.votes.action[best[0], best[1]]))
    assert vote in (batch.states[i].spy, None)


def test_stages_switch_by_the_papers_thresholds():
    stages = algo.Stages(algo.Config(smoothing=0.0, dwell=3, patience=1000))
    assert stages.trained() == ("decision",)
    for right, nobody, then in [
        (0.95, 0.05, "decision"),  # A stage lasts three iterations at least.
        (0.95, 0.05, "decision"),
        (0.89, 0.05, "decision"),
        (0.95, 0.11, "decision"),
        (0.95, 0.05, "clue"),
        (0.95, 0.05, "clue"),
        (0.95, 0.05, "clue"),
        (0.61, 0.05, "clue"),
        (0.60, 0.05, "decision"),
        (0.95, 0.0, "decision"),
        (0.95, 0.0, "decision"),
        (0.95, 0.0, "clue"),
        (0.95, 0.0, "clue"),
        (0.95, 0.0, "clue"),
        (0.95, 0.5, "decision"),
    ]:
        stages.step(right, nobody)
        assert stages.stage == then


def test_running_means_begin_at_zero_and_patience_ends_a_stage():
    stages = algo.Stages(algo.Config(patience=4))
    for number in range(1, 5):
        stages.step(1.0, 0.0)
        assert stages.right == pytest.approx(1 - 0.95**number)
    assert stages.stage == "clue"
    joint = algo.Stages(algo.Config(schedule="joint"))
    assert joint.trained() == ("clue", "decision")


def test_a_stage_trains_its_own_part_alone(tmp_path):
    for schedule, moved, kept in (("clue", "asks", "suspect"), ("decision", "suspect", "asks")):
        run = training(tmp_path, schedule=schedule, kl=0.0)
        run.iterate()
        start, now = run.start.state_dict(), run.network.state_dict()
        assert any(
            not torch.equal(start[name], now[name]) for name in start if name.startswith(moved)
        )
        assert all(torch.equal(start[name], now[name]) for name in start if name.startswith(kept))


def test_a_run_goes_on_to_the_same_figures(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    arguments = ["Spy-v0", *(f"-o{name}={value}" for name, value in OPTIONS.items())]
    for name, value in TINY.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    for out, extra in ((whole, []), (parts, ["--time-limit", "0"]), (parts, [])):
        result = CliRunner().invoke(algo.command, [*arguments, "--out", str(out), *extra])
        assert result.exit_code == 0, result.output
    curves = [(out / "curve.csv").read_text() for out in (whole, parts)]
    assert curves[0] == curves[1]
    rows = list(csv.DictReader(curves[0].splitlines()))
    assert [row["iteration"] for row in rows] == ["0", "2", "4"]
    assert json.loads((whole / "config.json").read_text())["options"]["players"] == 3
    assert (whole / "curve.png").stat().st_size > 1_000
    other = CliRunner().invoke(algo.command, [*arguments, "--out", str(whole), "--kl", "0.5"])
    assert "other settings" in other.output
    name = f"trained:{whole}/policy.pt"
    records = list(arenas.play_matches("Spy-v0", [name] * 3, 4, options=OPTIONS))
    assert all(not any(record.illegal_moves) for record in records)
    game = arenas.make_game("Spy-v0", players=4)
    with pytest.raises(ValueError, match="other options"):
        arenas.make_player("Spy-v0", name, game)


@pytest.mark.parametrize("content", [b"", b"no file of PyTorch's"])
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "policy.pt"
    path.write_bytes(content)
    game = arenas.make_game("Spy-v0", **OPTIONS)
    with pytest.raises(ValueError, match="damaged"):
        arenas.make_player("Spy-v0", f"trained:{path}", game)
    with pytest.raises(ValueError, match="name a file"):
        arenas.make_player("Spy-v0", "trained", game)


@pytest.mark.parametrize("settings", [{"kl": float("nan")}, {"group": 0}, {"schedule": "both"}])
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        algo.Config(**settings)


@pytest.mark.parametrize("options", [{"clues": "free"}, {"published": "v1-code"}])
def test_games_that_the_network_does_not_play_are_refused(options):
    with pytest.raises(ValueError, match="structured"):
        SpyNetwork(arenas.make_game("Spy-v0", **options))


def test_the_network_is_blind_to_which_seat_it_looks_at():
    """Two other players that change places change their odds of a vote, and nothing else."""
    game = arenas.make_game("Spy-v0", **OPTIONS)
    network = SpyNetwork(game, generator=torch.Generator().manual_seed(1))
    for layer in network.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(2))
    rng = Rng(0)
    state = game.new(rng)._replace(spy=0)
    while game.stage(state) == 0:
        (seat,) = game.movers(state)
        state = game.apply(state, {seat: game.sample(state, seat, rng)})
    swapped = state._replace(
        said=tuple(each._replace(seat=(0, 2, 1)[each.seat]) for each in state.said)
    )
    odds = []
    for each in (state, swapped):
        view = torch.from_numpy(game.view(each, 0)).float()[None]
        mask = torch.from_numpy(game.mask(each, 0)).bool()[None]
        odds.append(network.suspect_scores(view)[0].tolist())
        assert network.log_probs(view, mask).exp().sum().item() == pytest.approx(1.0, abs=1e-5)
    assert odds[0][1:] == pytest.approx([odds[1][2], odds[1][1]])
    assert NetworkPlayer(game, network).name == "trained"
