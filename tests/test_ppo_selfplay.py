"""The self-play baseline: what it learns from, what it learns, and that a killed run goes on."""

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from killing import stop_after_checkpoint

from arenas.cli import app
from arenas.policies.pool import Member

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")
pytest.importorskip("matplotlib")
torch.set_num_threads(1)

from arenas.baselines.ppo_selfplay import (  # noqa: E402
    Config,
    Training,
    advantages,
    learner_seats,
    play,
    update,
)
from arenas.policies.network import ActorCritic, NetworkPolicy  # noqa: E402

SMALL = {
    "num_envs": 32,
    "total_steps": 3_000,
    "groups": 4,
    "pool_share": 0.5,
    "pool_size": 3,
    "snapshot_every": 3,
    "evaluate_every": 5,
    "evaluate_games": 4,
    "final_games": 4,
    "width": 16,
}


def train(tmp_path, game_id="KuhnPoker-v0", **changes):
    return Training(game_id, {}, Config(**{**SMALL, **changes}), tmp_path)


def lowest(game):
    """A network that always plays its lowest legal action."""
    net = ActorCritic.for_game(game, (4,))
    with torch.no_grad():
        net.actor[-1].weight.zero_()
        net.actor[-1].bias.copy_(-1_000.0 * torch.arange(game.num_actions))
    return net


# -- advantages --------------------------------------------------------------------------------


def reference_advantages(rewards, value, seat, length, gamma, lam):
    """One match, straight from the definition: sums of discounted temporal differences."""
    out = np.zeros(len(value))
    for mover in set(seat[:length]):
        own = [t for t in range(length) if seat[t] == mover]
        ends = [*own[1:], length]
        deltas = [
            rewards[t:end, mover].sum() + (gamma * value[end] if end < length else 0.0) - value[t]
            for t, end in zip(own, ends, strict=True)
        ]
        for i, t in enumerate(own):
            out[t] = sum((gamma * lam) ** k * delta for k, delta in enumerate(deltas[i:]))
    return out


@given(
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 2**31),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_advantages_are_those_of_the_definition(steps, matches, seats, seed, gamma, lam):
    rng = np.random.default_rng(seed)
    length = rng.integers(1, steps + 1, matches)
    live = np.arange(steps)[:, None] < length
    rewards = rng.normal(size=(steps, matches, seats))
    value = rng.normal(size=(steps, matches)).astype(np.float32)
    seat = rng.integers(0, seats, (steps, matches))
    found = advantages(rewards, value, seat, live, gamma, lam)
    for i in range(matches):
        expected = reference_advantages(
            rewards[:, i], value[:, i], seat[:, i], length[i], gamma, lam
        )
        assert found[:, i] == pytest.approx(expected, abs=1e-5)


# -- matches -----------------------------------------------------------------------------------


def test_matches_are_whole_and_follow_the_rules(tmp_path):
    training = train(tmp_path, "TicTacToe-v0")
    game = training.game
    matches = play(training.env, training.network, [None] * 4, training.generator)
    assert matches.learner.tolist() == matches.live.tolist()
    for i in range(training.config.num_envs):
        state, paid = game.new_from(0), np.zeros(2)
        for t in range(len(matches.live)):
            if not matches.live[t, i]:
                assert not matches.live[t:, i].any()
                break
            (seat,) = game.movers(state)
            assert matches.seat[t, i] == seat
            assert matches.observation[t, i].tolist() == game.view(state, seat).ravel().tolist()
            assert matches.mask[t, i].tolist() == game.mask(state, seat).astype(bool).tolist()
            state = game.play(state, {seat: int(matches.action[t, i])})
            paid += matches.rewards[t, i]
        assert game.outcome(state).rewards == tuple(paid)


@pytest.mark.parametrize("game_id", ["KuhnPoker-v0", "TicTacToe-v0"])
def test_nothing_is_learnt_from_frozen_moves(tmp_path, game_id):
    training = train(tmp_path, game_id)
    game, count = training.game, training.config.num_envs
    frozen = lowest(game)
    opponents = [None, frozen, None, frozen]
    matches = play(training.env, training.network, opponents, training.generator)
    against = np.repeat([False, True, False, True], count // 4)
    own = learner_seats(count, game.spec.seats)
    theirs = matches.live & against & (matches.seat != own)
    assert theirs.any()
    assert (matches.learner == (matches.live & ~theirs)).all()
    # The frozen policy itself made those moves, and only those.
    lowest_legal = matches.mask.float().argmax(-1).numpy()
    assert (matches.action.numpy() == lowest_legal)[theirs].all()
    assert not (matches.action.numpy() == lowest_legal)[matches.learner].all()

    batch = matches.batch(1.0, 1.0)
    assert len(batch.action) == matches.learner.sum()
    # Whatever stands at frozen moves and after the end leaves the batch as it is.
    noise = torch.from_numpy(~matches.learner)
    scrambled = matches._replace(
        observation=matches.observation.masked_fill(noise[..., None], torch.nan),
        log_prob=matches.log_prob.masked_fill(noise, torch.nan),
        action=matches.action.masked_fill(noise, -1),
    )
    for one, other in zip(batch, scrambled.batch(1.0, 1.0), strict=True):
        assert torch.equal(one, other)
    before = [p.clone() for p in frozen.parameters()]
    update(training.network, training.magnet, training.optimizer, batch, training.config,
           training.generator)  # fmt: skip
    assert all(p.grad is None for p in frozen.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, frozen.parameters(), strict=True))


def test_every_seat_of_every_match_against_the_pool_is_somebodys():
    assert learner_seats(7, 3).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_results_against_members_are_recorded_by_member(tmp_path):
    training = train(tmp_path, pool_share=1.0)
    for number in range(2):
        path = f"pool/{number}.pt"
        NetworkPolicy(training.game, lowest(training.game)).save(tmp_path / path)
        training.pool.add(Member(str(number), number, path))
    training.iterate()
    scores = [training.pool.score("learner", str(number)) for number in range(2)]
    per_group = training.config.num_envs // training.config.groups
    # Older results fade at each of the records of a member, so counts are at most what was played.
    assert 0 < sum(score.matches for score in scores) <= training.config.num_envs
    assert all(score.matches == 0 or score.matches >= per_group for score in scores)
    assert all(abs(score.mean) <= 1 for score in scores)


# -- learning ----------------------------------------------------------------------------------


def test_it_learns_kuhn_poker_within_seconds(tmp_path):
    config = Config(num_envs=512, total_steps=100_000, nash_conv=True, evaluate_games=2)
    training = Training("KuhnPoker-v0", {}, config, tmp_path)
    before = training.measure(2)[0]["nash_conv"]
    while not training.over:
        training.iterate()
    # Uniform play loses 11/12 to best responses.
    assert before == pytest.approx(11 / 12, abs=0.02)
    assert training.curve[-1]["nash_conv"] < before / 2


def test_the_magnet_follows_the_network_slowly(tmp_path):
    training = train(tmp_path, magnet_rate=0.25, pool_share=0.0)
    before = training.magnet.actor[0].weight.clone()
    training.iterate()
    expected = before.lerp(training.network.actor[0].weight, 0.25)
    assert torch.equal(training.magnet.actor[0].weight, expected)
    assert training.policy.network is training.magnet


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_envs": 0}, r"num_envs=0: .*x>=1"),
        ({"pool_share": 1.5}, "pool_share"),
        ({"magnet_rate": 0.0}, "magnet_rate"),
        ({"pool_rule": "newest"}, "newest.*latest"),
        ({"pool_rule": "mirror"}, "pool_rule=mirror.*latest"),
        ({"learning_rate": float("nan")}, "learning_rate=nan.*finite"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 2**63}, "seed="),
    ],
)
def test_bad_settings_are_named(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        train(tmp_path, **changes)


# -- going on ----------------------------------------------------------------------------------


def same(one, other):
    assert one.curve == other.curve
    assert one.steps == other.steps
    assert one.pool.state() == other.pool.state()
    for a, b in [(one.network, other.network), (one.magnet, other.magnet)]:
        assert all(torch.equal(x, b.state_dict()[name]) for name, x in a.state_dict().items())


@pytest.mark.parametrize("game_id", ["KuhnPoker-v0", "TicTacToe-v0"])
def test_a_restored_run_goes_on_bit_for_bit(tmp_path, game_id):
    whole = train(tmp_path / "whole", game_id)
    while not whole.over:
        whole.iterate()
    parts = train(tmp_path / "parts", game_id)
    while not parts.over:
        for _ in range(7):
            if not parts.over:
                parts.iterate()
        parts.save()
        parts.iterate()  # Lost, as after a kill.
        parts = train(tmp_path / "parts", game_id)
        parts.restore()
    same(whole, parts)
    kept = {f"{member.name}.pt" for member in parts.pool.members}
    assert {path.name for path in (tmp_path / "parts" / "pool").glob("*.pt")} >= kept


def test_other_settings_do_not_go_on(tmp_path):
    train(tmp_path).save()
    with pytest.raises(ValueError, match=r"clip=0\.2, now 0\.3"):
        train(tmp_path, clip=0.3).restore()


def test_a_run_killed_after_its_last_checkpoint_still_leaves_its_policy(tmp_path):
    out = tmp_path / "run"
    done = run(*arguments(out, total_steps=300))
    files = [out / "policy.pt", out / "curve.csv", out / "pool.json"]
    kept = [path.read_bytes() for path in files[1:]]
    for path in files:
        path.unlink()
    again = run(*arguments(out, total_steps=300))
    assert again.stdout == done.stdout
    assert [path.read_bytes() for path in files[1:]] == kept
    assert files[0].exists()


def test_what_cannot_go_on_says_why_and_what_to_do(tmp_path):
    out = tmp_path / "run"
    settings = arguments(out, total_steps=300, snapshot_every=1)
    run(*settings)
    checkpoint = (out / "checkpoint.pt").read_bytes()

    def refused(words):
        done = run(*settings)
        assert done.exit_code == 1
        assert re.search(rf"Error: cannot go on .*{words}.*--fresh", done.stderr), done.output

    for contents in (b"", b"hello", checkpoint[:3_000]):
        (out / "checkpoint.pt").write_bytes(contents)
        refused("damaged")
    shutil.copy(out / "policy.pt", out / "checkpoint.pt")
    refused("no checkpoint")
    torch.save({"config": {}, "stages": ()}, out / "checkpoint.pt")
    refused("no checkpoint")
    (out / "checkpoint.pt").write_bytes(checkpoint)
    next((out / "pool").glob("*.pt")).unlink()
    refused("there is no file .*pool")
    assert run(*settings, "--fresh").exit_code == 0


@pytest.mark.filterwarnings("ignore:invalid value")
def test_training_that_diverges_stops_and_keeps_its_checkpoint(tmp_path):
    training = train(tmp_path, pool_share=0.0)
    training.save()
    with torch.no_grad():
        training.network.critic[-1].bias.fill_(torch.inf)
    with pytest.raises(FloatingPointError, match="lower --learning-rate"):
        training.iterate()
    train(tmp_path, pool_share=0.0).restore()


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files")
def test_a_full_disk_keeps_the_last_checkpoint(tmp_path):
    import resource

    training = train(tmp_path)
    training.save()
    before = (tmp_path / "checkpoint.pt").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
        with pytest.raises(OSError, match="too large"):
            training.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert not list(tmp_path.glob("*.partial"))


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    done = run(*arguments(tmp_path / "file" / "run"))
    assert done.exit_code == 1
    assert re.fullmatch(r"Error: .*Not a directory.*\n", done.stderr)


def arguments(out, **changes):
    chosen = {**SMALL, **changes}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items()]
    return ["train", "KuhnPoker-v0", "--out", str(out), *flags]


def events(out):
    """Step and NashConv of every event that TensorBoard shows."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    shown = EventAccumulator(str(out / "tensorboard"))
    shown.Reload()
    return [(event.step, event.value) for event in shown.Scalars("nash_conv")]


@pytest.mark.slow  # Three processes, each of which loads PyTorch.
@pytest.mark.filterwarnings("default")
def test_a_killed_run_ends_as_one_that_was_not(tmp_path):
    long = {"total_steps": 12_000}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = run(*arguments(whole, **long))
    command = [sys.executable, "-m", "arenas", *arguments(killed, **long)]
    for how in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
        err = stop_after_checkpoint(command, killed / "checkpoint.pt", how)
        if how == signal.SIGINT:
            assert "the same command goes on" in err
            assert (killed / "curve.png").exists()
    last = run(*arguments(killed, **long))
    assert done.exit_code == last.exit_code == 0, last.output
    assert "going on after" in last.stderr
    assert last.stdout == done.stdout
    assert (killed / "curve.csv").read_bytes() == (whole / "curve.csv").read_bytes()
    weights = [torch.load(out / "policy.pt", weights_only=True)["weights"]
               for out in (whole, killed)]  # fmt: skip
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    with (killed / "curve.csv").open() as file:
        curve = [(int(row["steps"]), float(row["nash_conv"])) for row in csv.DictReader(file)]
    assert [step for step, _ in events(killed)] == [step for step, _ in curve]
    assert [value for _, value in events(killed)] == pytest.approx([v for _, v in curve])


# -- the command -------------------------------------------------------------------------------


def run(*args):
    return CliRunner().invoke(app, args, prog_name="arenas")


@pytest.mark.filterwarnings("default")
def test_the_command_trains_a_player_that_sits_down(tmp_path):
    out = tmp_path / "run"
    command = [*arguments(out, total_steps=600), "--algo", "ppo_selfplay", "--seed", "3"]
    done = run(*command)
    assert done.exit_code == 0, done.output
    assert "NashConv" in done.stdout
    assert "W/D/L" in done.stdout
    config = json.loads((out / "config.json").read_text())
    assert (config["seed"], config["width"], config["nash_conv"]) == (3, 16, True)
    names = {"config.json", "curve.csv", "curve.png", "checkpoint.pt", "policy.pt", "pool.json"}
    assert names <= {path.name for path in out.iterdir()}
    assert not list(out.rglob("*.partial"))
    player = f"network:{out / 'policy.pt'}"
    assert run("match", "KuhnPoker-v0", "--seats", player, "nash", "-n", "10").exit_code == 0
    # What is there is kept, unless it is to be discarded.
    assert run(*command).stdout == done.stdout
    assert run(*command, "-o", "players=2").stdout == done.stdout
    assert "'players': 3" in run(*command, "-o", "players=3").stderr
    other = [*arguments(out, total_steps=700), "--seed", "3"]
    refused = run(*other)
    assert refused.exit_code == 1
    assert "total_steps=600, now 700" in refused.stderr
    assert run(*other, "--fresh").exit_code == 0


def test_a_time_limit_stops_and_the_same_command_goes_on(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = run(*arguments(whole, total_steps=500))
    stopped = run(*arguments(parts, total_steps=500), "--time-limit", "0")
    assert stopped.exit_code == 0
    assert "the same command goes on" in stopped.stderr
    fresh = run(*arguments(parts, total_steps=500), "--fresh", "--time-limit", "0")
    assert "the same command without --fresh goes on" in fresh.stderr
    assert run(*arguments(parts, total_steps=500)).stdout == done.stdout


def test_help_and_mistakes_are_answered():
    shown = run("train", "--help").stdout
    assert shown.startswith("Usage: arenas train --algo ppo_selfplay [OPTIONS] GAME_ID")
    for name in ("--total-steps", "--magnet-weight", "--resume / --fresh", "-o, --option"):
        assert name in shown
    assert run("train").stdout == shown
    assert "'ppo_selfplay'" in run("train", "KuhnPoker-v0", "--algo", "q").stderr
    assert "KuhnPoker-v0" in run("train", "Kuhn-v0").stderr
    if find_spec("pyspiel"):
        assert "no flat rules" in run("train", "OpenSpiel-v0", "-o", "game=nim").stderr
    shown = run("train", "-h").stdout
    assert "Algorithms (--algo NAME): bug_curriculum, cfr, overcooked_population" in shown
    assert "'players'" in run("train", "KuhnPoker-v0", "-o", "player=3").stderr


@pytest.mark.parametrize("module", ["matplotlib", "tensorboard"])
def test_what_is_not_installed_is_asked_for(module):
    script = (
        f"import sys; sys.modules[{module!r}] = None; from arenas.cli import app;"
        "app(['train', 'KuhnPoker-v0'], 'arenas')"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"Error: this needs {module}: pip install 'selfplay-arenas[train]'\n"


def test_games_too_large_to_walk_say_so(tmp_path):
    with pytest.raises(ValueError, match=r"20,000 states.*--no-nash-conv"):
        Training("TicTacToe-v0", {"size": 4}, Config(nash_conv=True, num_envs=2), tmp_path)
