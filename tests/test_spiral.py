"""SPIRAL: what it learns from, what it learns, and that a killed run goes on."""

import csv
import json
import signal
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner
from killing import stop_after_checkpoint

import arenas
from arenas.cli import app

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("tensorboard")
pytest.importorskip("matplotlib")
torch.set_num_threads(1)

from arenas.baselines.spiral import command_line  # noqa: E402
from arenas.baselines.spiral.config import TINY_DEFAULTS, Config  # noqa: E402
from arenas.baselines.spiral.games import listed  # noqa: E402
from arenas.baselines.spiral.health import alarms  # noqa: E402
from arenas.baselines.spiral.learning import imitate, loss, passes, update  # noqa: E402
from arenas.baselines.spiral.model import tiny_tokenizer  # noqa: E402
from arenas.baselines.spiral.reading import read  # noqa: E402
from arenas.baselines.spiral.speaking import Speaker  # noqa: E402
from arenas.baselines.spiral.training import Training  # noqa: E402
from arenas.policies.language import Prompts  # noqa: E402
from arenas.policies.random import RandomPolicy  # noqa: E402
from arenas.rollout.trajectories import play_trajectories  # noqa: E402

KUHN, TICTACTOE = "selfplay/KuhnPoker-v0", "selfplay/TicTacToe-v0"
SMALL = {
    **TINY_DEFAULTS,
    "iterations": 5,
    "matches": 24,
    "warmup": 3,
    "width": 16,
    "depth": 1,
    "evaluate_every": 2,
    "evaluate_games": 4,
    "final_games": 4,
    "pool_share": 0.5,
    "pool_size": 2,
    "snapshot_every": 1,
}


def train(tmp_path, ids=(KUHN,), **changes):
    games = {each: arenas.make_game(each) for each in ids}
    return Training(games, Config(**{**SMALL, **changes}), tmp_path)


def with_members(training, count=2):
    """Puts snapshots of unlike weights into the pool."""
    for number in range(count):
        training.iteration = number
        with torch.no_grad():
            for each in training.average.values():
                each.mul_(1.5)
        training._snapshot()
    return training


def parameters(model):
    return {name: each.detach().clone() for name, each in model.named_parameters()}


def equal(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(each, other[n]) for n, each in one.items()
    )


# -- passes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("history", [True, False])
@pytest.mark.parametrize("moves", ["free", "constrained", "labels", "scored"])
def test_a_pass_gives_the_logprobs_of_sampling(tmp_path, moves, history):
    training = train(tmp_path, (KUHN, TICTACTOE), moves=moves, history=history, temperature=0.7,
                     illegal="retry:1", pool_share=0.0)  # fmt: skip
    rows = [sample.row for sample in training.samples(training.play())]
    rows += rows[:7]
    found = read(training.model, rows)
    choices = "tokens" if moves != "scored" else "replies"
    assert sum(found.sizes) == len(found.where) == sum(count(row, choices) for row in rows)
    assert torch.allclose(found.taken(), found.before, atol=1e-4)
    total = sum(row.logprobs[place] for row in rows for place in range(len(row.ids)))
    assert found.before.sum().item() == pytest.approx(total, rel=1e-4)
    assert torch.allclose(found.logprobs.exp().sum(1), torch.ones(len(found.logprobs)))
    # Equal ones were read once.
    assert len(found.logprobs) < len(found.where)


def count(row, choices):
    return sum(row.mask) if choices == "tokens" else len(row.spans)


def test_equal_rows_count_as_often_as_they_come(tmp_path):
    training = train(tmp_path, kl=0.5, pool_share=0.0)
    training.iterate()
    samples = training.samples(training.play())
    config = training.config

    def gradient(batches):
        training.optimizer.zero_grad()
        for batch in batches:
            loss(training.model, training.average, batch, config)["loss"].backward()
        return [each.grad.clone() for each in training.weights.values()]

    together = gradient([samples])
    for other in (gradient([each] for each in samples), gradient(passes(samples, 200))):
        for one, two in zip(together, other, strict=True):
            assert torch.allclose(one, two, atol=1e-3, rtol=1e-3)
    assert sorted(map(id, samples)) == sorted(id(s) for b in passes(samples, 200) for s in b)


def test_at_first_the_gradient_is_that_of_reinforce(tmp_path):
    training = train(tmp_path, kl=0.0, pool_share=0.0, history=True)
    samples = training.samples(training.play())
    training.optimizer.zero_grad()
    loss(training.model, training.average, samples, training.config)["loss"].backward()
    found = [each.grad.clone() for each in training.weights.values()]
    training.optimizer.zero_grad()
    for row, advantage in samples:
        # Straight from the definition, one row at a time and the whole vocabulary at every place.
        logprobs = training.model(torch.tensor([row.ids])).logits[0].log_softmax(-1)
        for place, own in enumerate(row.mask):
            if own:
                (-advantage * logprobs[place - 1, row.ids[place]]).backward(retain_graph=True)
    for one, each in zip(found, training.weights.values(), strict=True):
        assert torch.allclose(one, each.grad, atol=1e-3, rtol=1e-3)


# -- who is trained ----------------------------------------------------------------------------


def test_both_seats_of_mirror_matches_are_trained(tmp_path):
    training = train(tmp_path, (KUHN, TICTACTOE), pool_share=0.0)
    found = training.play()
    assert training.matches == 24
    assert len(found) == 48
    for game in (KUHN, TICTACTOE):
        assert [each.seat for each in found if each.game == game] == [0, 1] * 12
    assert len({each.seed for each in found}) == 24


@pytest.mark.parametrize("advantage", ["rae", "grpo"])
def test_nothing_is_learnt_from_frozen_turns(tmp_path, advantage):
    training = with_members(
        train(tmp_path, pool_share=1.0, advantage=advantage, group_size=3, history=True)
    )
    before = parameters(training.model)
    found = training.play()
    frozen = training._frozen
    # One seat of each match, every seat of each deal equally often.
    assert training.matches == len(found) == 24
    assert all(each.trainable and each.player == "learner" for each in found)
    seats = {}
    for each in found:
        seats.setdefault(each.seed, []).append(each.seat)
    assert all(sorted(each) == [0, 0, 0, 1, 1, 1] for each in seats.values())
    met = [training.pool.score("learner", each.name) for each in training.pool.members]
    assert sum(score.matches for score in met) > 0
    # The opponents have other weights, which stay, and none of their tokens is trained on.
    assert not equal(parameters(frozen.passes.model), before)
    samples = training.samples(found)
    theirs = parameters(frozen.passes.model)
    update(training.model, training.average, training.optimizer, samples, training.config,
           training.generator)  # fmt: skip
    assert equal(parameters(frozen.passes.model), theirs)
    assert all(each.grad is None for each in frozen.passes.model.parameters())
    assert not equal(parameters(training.model), before)
    assert all(version == 2 - 1 or version == 0 for s in samples for version in s.row.versions)


def test_tokens_that_were_not_sampled_get_no_gradient(tmp_path):
    training = train(tmp_path, pool_share=0.0, history=True)
    samples = training.samples(training.play())
    embed = training.model.get_input_embeddings()
    logits = []

    def keep(module, inputs, output):
        if output.requires_grad:
            output.retain_grad()
            logits.append(output)

    training.model.lm_head.register_forward_hook(keep)
    loss(training.model, training.average, samples, training.config)["loss"].backward()
    (output,) = logits
    rows = list({tuple(s.row.ids): s.row for s in samples}.values())
    width, first = max(len(row.ids) for row in rows), min(row.prompt for row in rows)
    assert output.shape == (len(rows), width - first + 1, embed.num_embeddings)
    for gradient, row in zip(output.grad, rows, strict=True):
        for column in range(output.shape[1]):
            place = column + first
            sampled = place < len(row.ids) and row.mask[place]
            assert sampled or not gradient[column].any()


# -- learning ----------------------------------------------------------------------------------


def test_imitation_teaches_the_format_and_nothing_else(tmp_path):
    training = train(tmp_path, warmup=0, width=32, learning_rate=5e-3, pool_share=0.0)
    speaker = Speaker(RandomPolicy(), training.player.prompts)
    played = play_trajectories(listed(training.games), [speaker] * 2, 200, swap=False)
    rows = [row for each in played for seat in each.seats for row in seat.rows()]
    before = training.health(training.play())
    losses = [
        imitate(training.model, training.optimizer, rows, training.config) for _ in range(120)
    ]
    training.average = {name: each.detach().clone() for name, each in training.weights.items()}
    training.player.set_version(1)
    after = training.health(training.play())
    assert before["illegal"] > 0.9
    assert after["illegal"] < 0.2 < after["canonical"]
    # Two moves of equal odds: what remains is the logarithm of 2.
    assert losses[-1] == pytest.approx(0.69, abs=0.15)
    assert training.measure(2)[0]["nash_conv"] == pytest.approx(11 / 12, abs=0.15)


def test_forfeits_teach_the_format(tmp_path):
    training = train(tmp_path, warmup=12, width=32, matches=64, iterations=100, pool_share=0.0,
                     kl=0.0, learning_rate=5e-3, average_rate=1.0, evaluate_every=100)  # fmt: skip
    shares = []
    for _ in range(7):
        training.iterate()
        shares.append(training.health(training.play())["illegal"])
    assert shares[0] > 0.2
    assert shares[-1] < shares[0] / 2


@pytest.mark.slow  # Half a minute of training.
def test_it_learns_kuhn_poker(tmp_path):
    training = train(tmp_path, **{**TINY_DEFAULTS, "iterations": 32, "evaluate_every": 32,
                                  "matches": 256, "pool_share": 0.0, "width": 64,
                                  "depth": 2})  # fmt: skip
    while not training.over:
        training.iterate()
    last = training.curve[-1]
    assert last["nash_conv"] < 11 / 12 / 2
    assert last["illegal_in_play"] < 0.05


def test_the_average_is_what_is_measured_and_put_back(tmp_path):
    training = train(tmp_path, average_rate=0.25, pool_share=0.0)
    training._warm_up()
    training.config = replace(training.config, warmup=0)
    before = {name: each.clone() for name, each in training.average.items()}
    training.iterate()
    for name, each in training.average.items():
        assert torch.equal(each, before[name].lerp(training.weights[name].detach(), 0.25))
    now = parameters(training.model)
    with training.averaged() as player:
        assert equal(parameters(player.passes.model), training.average)
    assert equal(parameters(training.model), now)


# -- alarms ------------------------------------------------------------------------------------

HEALTHY = {"seat_gap": 0.1, "reply_tokens": 100.0, "cut": 0.0, "illegal": 0.01, "draws": 0.1}


@pytest.mark.parametrize(
    ("figure", "value", "words"),
    [
        ("seat_gap", 1.5, "one seat"),
        ("illegal", 0.6, "illegal"),
        ("draws", 0.99, "draw"),
        ("cut", 0.7, "budget"),
        ("reply_tokens", 10.0, "a quarter as long"),
    ],
)
def test_a_collapse_is_said_aloud(figure, value, words):
    assert alarms(HEALTHY, 100.0) == []
    (said,) = alarms({**HEALTHY, figure: value}, 100.0)
    assert words in said


def test_health_counts_what_happened(tmp_path):
    training = train(tmp_path, pool_share=0.0)
    prompts = training.player.prompts
    speaker = Speaker(RandomPolicy(), prompts)
    played = play_trajectories([KUHN], [speaker, speaker], 300, swap=False)
    figures = training.health([seat for each in played for seat in each.seats])
    assert figures["illegal"] == figures["draws"] == figures["cut"] == 0
    assert figures["canonical"] == 1
    assert figures["reply_tokens"] == len(prompts.reply_ids("[bet]"))
    assert figures["seat_gap"] < 0.4
    assert training.alarms == []


# -- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"matches": 0}, "matches=0: at least 1"),
        ({"moves": "written"}, "moves='written'.*labels"),
        ({"model": "some/model", "dtype": "bfloat16"}, "lora"),
        ({"advantage": "gae"}, "advantage='gae'.*grpo"),
        ({"advantage": "grpo"}, "group_size"),
        ({"average_rate": 0.0}, "average_rate"),
        ({"pool_rule": "newest"}, "newest.*latest"),
        ({"update": "never"}, "update='never'"),
    ],
)
def test_bad_settings_are_named(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        train(tmp_path, **changes)


def test_the_tokenizer_is_made_of_the_games_and_says_everything():
    games = {each: arenas.make_game(each) for each in (KUHN, TICTACTOE)}
    one, other = (tiny_tokenizer(games, 1024) for _ in range(2))
    assert one.get_vocab() == other.get_vocab()
    prompts = Prompts(one, history=False)
    assert len(prompts.reply_ids("[bet]")) == 2
    for text in ("[bet]", "Ünlike \x00 [anything] 🂡", "<|end|><|user|>"):
        assert prompts.text(prompts.reply_ids(text)) == text


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing")  # peft asks the older name.
def test_adapters_are_trained_alone(tmp_path):
    pytest.importorskip("peft")
    training = train(tmp_path, lora=2, kl=0.1, learning_rate=1e-2, pool_share=1.0)
    assert training.weights
    assert all("lora_" in name for name in training.weights)
    base = {n: e.detach().clone() for n, e in training.model.named_parameters() if "lora_" not in n}
    training.iterate()
    training.iterate()
    after = dict(training.model.named_parameters())
    assert all(torch.equal(each, after[name]) for name, each in base.items())
    assert training.pool.members
    assert training.curve


# -- going on ----------------------------------------------------------------------------------


def same(one, other):
    assert one.curve == other.curve
    assert one.matches == other.matches
    assert one.baselines.state() == other.baselines.state()
    assert one.pool.state() == other.pool.state()
    assert equal(parameters(one.model), parameters(other.model))
    assert equal(one.average, other.average)


@pytest.mark.parametrize("ids", [(KUHN,), (KUHN, TICTACTOE)], ids=["one game", "two games"])
def test_a_restored_run_goes_on_bit_for_bit(tmp_path, ids):
    # TicTacToe's tree takes its time.
    exact = {"nash_conv": len(ids) == 1}
    whole = train(tmp_path / "whole", ids, **exact)
    while not whole.over:
        whole.iterate()
    parts = train(tmp_path / "parts", ids, **exact)
    while not parts.over:
        parts.iterate()
        parts.save()
        if not parts.over:
            parts.iterate()  # Lost, as after a kill.
        parts = train(tmp_path / "parts", ids, **exact)
        parts.restore()
    same(whole, parts)


def test_other_settings_do_not_go_on(tmp_path):
    train(tmp_path).save()
    with pytest.raises(ValueError, match=r"clip=0\.2, now 0\.3.*--fresh"):
        train(tmp_path, clip=0.3).restore()


def test_a_torn_checkpoint_is_named(tmp_path):
    train(tmp_path).save()
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"checkpoint\.pt is damaged.*--fresh"):
        train(tmp_path).restore()


def test_a_run_killed_after_its_last_checkpoint_still_leaves_its_model(tmp_path):
    training = train(tmp_path)
    while not training.over:
        training.iterate()
    training.save()
    assert not (tmp_path / "model").exists()
    again = train(tmp_path)
    again.restore()
    command_line.train(again)
    assert (tmp_path / "model" / "config.json").exists()
    assert (tmp_path / "curve.csv").exists()


def arguments(out, **changes):
    chosen = {**SMALL, **changes}
    flags = []
    for name, value in chosen.items():
        name = name.replace("_", "-")
        flags += [f"--{'' if value else 'no-'}{name}"] if value in (True, False) and isinstance(
            value, bool
        ) else [f"--{name}={value}"]  # fmt: skip
    return ["train", "KuhnPoker-v0", "--algo", "spiral", "--out", str(out), *flags]


@pytest.mark.slow  # Two processes, each of which loads PyTorch and transformers.
@pytest.mark.filterwarnings("default")
def test_a_killed_run_ends_as_one_that_was_not(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    long = {"iterations": 20}
    done = run(*arguments(whole, **long))
    command = [sys.executable, "-m", "arenas", *arguments(killed, **long)]
    for how in (signal.SIGKILL, signal.SIGINT):
        stop_after_checkpoint(command, killed / "checkpoint.pt", how)
    last = run(*arguments(killed, **long))
    assert done.exit_code == last.exit_code == 0, last.output
    assert "going on after" in last.stderr
    assert last.stdout == done.stdout
    assert (killed / "curve.csv").read_bytes() == (whole / "curve.csv").read_bytes()


# -- the command -------------------------------------------------------------------------------


def run(*args):
    return CliRunner().invoke(app, args, prog_name="arenas")


@pytest.mark.filterwarnings("default")
def test_the_command_trains_a_player_that_sits_down(tmp_path):
    out = tmp_path / "run"
    stopped = run(*arguments(out, iterations=3), "--time-limit", "0")
    assert stopped.exit_code == 0, stopped.output
    assert "the same command goes on" in stopped.stderr
    done = run(*arguments(out, iterations=3))
    assert done.exit_code == 0, done.output
    for words in ("NashConv", "illegal replies", "against random", "against exact", "scripted"):
        assert words in done.stdout
    names = {"config.json", "curve.csv", "curve.png", "checkpoint.pt", "model", "pool.json"}
    assert names <= {path.name for path in out.iterdir()}
    assert not list(out.rglob("*.partial"))
    config = json.loads((out / "config.json").read_text())
    assert (config["model"], config["history"], config["iterations"]) == ("tiny", False, 3)
    with (out / "curve.csv").open() as file:
        (*_, last) = csv.DictReader(file)
    assert {"iteration", "nash_conv", "illegal", "canonical", "seat_gap", "kl"} <= last.keys()
    player = f"language:{out / 'model'}?moves=scored&history=no"
    assert run("match", "KuhnPoker-v0", "--seats", player, "nash", "-n", "4").exit_code == 0
    # What it wrote is a model like any other: training goes on from it.
    again = run("train", "KuhnPoker-v0", "--algo", "spiral", "--model", str(out / "model"),
                "--out", str(tmp_path / "more"), "--iterations=1", "--matches=4",
                "--max-tokens=8", "--evaluate-games=2", "--final-games=2")  # fmt: skip
    assert again.exit_code == 0, again.output
    refused = run(*arguments(out, iterations=4))
    assert refused.exit_code == 1
    assert "iterations=3, now 4" in refused.stderr
    nowhere = run(*arguments(out / "config.json" / "run", iterations=1))
    assert nowhere.exit_code == 1
    assert nowhere.stderr.startswith("Error: ")
    assert len(nowhere.stderr.splitlines()) == 1
