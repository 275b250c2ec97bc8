"""The adapter of TRL: what its trainers are given, and whether they take it and learn from it.

Run with trl 1.16.0, torch 2.13.0 and transformers 5.24.0. The asynchronous trainer needs CUDA; its
own queue, batcher and collator are run here, the trainer never was.
"""

from __future__ import annotations

import json
import runpy
import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
from spelling import Spelling

import arenas
from arenas.core.match import Match
from arenas.core.policy import Policy, Reply
from arenas.policies.pool import MIRROR, Member, OpponentPool
from arenas.rollout.advantages import deal_and_seat, group_advantages
from arenas.rollout.trajectories import play_trajectories

# A trainer's modules may warn of what they themselves depend on.
pytestmark = pytest.mark.filterwarnings("ignore")

trl = pytest.importorskip("trl", exc_type=ImportError)
torch = pytest.importorskip("torch")
datasets = pytest.importorskip("datasets")

from tiny_language import make_model, make_tokenizer  # noqa: E402

from arenas.adapters.opponents import Opponents  # noqa: E402
from arenas.adapters.trl import (  # noqa: E402
    SeatEnvironments,
    SelfPlay,
    SelfPlayWorker,
    Snapshots,
    outcome,
)

EXAMPLES = Path(__file__).parent.parent / "examples"
END = 0


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")


class Absent(Policy):
    """Says nothing, so that it forfeits."""

    name, speaks = "absent", True

    def act(self, turns):
        return [Reply(text="") for _ in turns]


class Recorder(SelfPlay):
    """Keeps what TRL asked for and what it was given."""

    calls: list = []

    def __call__(self, prompts, trainer):
        rows = super().__call__(prompts, trainer)
        self.calls.append((prompts, rows))
        return rows


def trainer(rollout_func, tmp_path, model=None, steps=2, callbacks=(), **options):
    arguments = {
        "output_dir": str(tmp_path),
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "max_completion_length": 8,
        "max_steps": steps,
        "use_cpu": True,
        "bf16": False,
        "report_to": [],
        "save_strategy": "no",
        "learning_rate": 1e-3,
        "logging_steps": 1,
        **options,
    }
    return trl.GRPOTrainer(
        model or make_model(),
        reward_funcs=outcome,
        args=trl.GRPOConfig(**arguments),
        train_dataset=datasets.Dataset.from_list([{"prompt": f"row {n}"} for n in range(8)]),
        processing_class=make_tokenizer(),
        rollout_func=rollout_func,
        callbacks=list(callbacks),
    )


def stand_in(generations=4, step=0, process=0):
    """What `SelfPlay` reads of a trainer, without a model."""
    model = torch.nn.Linear(1, 1)
    model.is_gradient_checkpointing = False
    return SimpleNamespace(
        model=model.train(),
        model_wrapped=model,
        num_generations=generations,
        num_generations_eval=generations,
        accelerator=SimpleNamespace(
            process_index=process,
            unwrap_model=lambda each: each,
            state=SimpleNamespace(deepspeed_plugin=None, fsdp_plugin=None),
        ),
        state=SimpleNamespace(global_step=step),
        args=SimpleNamespace(ds3_gather_for_generation=True, gradient_checkpointing_kwargs=None),
        processing_class=SimpleNamespace(pad_token_id=END),
    )


def rollout(games, opponent=None, prompts=16, generations=4, step=0, process=0, **options):
    """The rows of one call, with a player of which every id can be read."""
    options.setdefault("learner", lambda model, trainer: Spelling(trainer.state.global_step))
    play = SelfPlay(games, opponent, **options)
    return play(["?"] * prompts, stand_in(generations, step, process))


def groups(rows, generations=4):
    """The columns of each group that TRL takes a mean over."""
    size = len(rows["reward"])
    return [
        {name: column[at : at + generations] for name, column in rows.items()}
        for at in range(0, size, generations)
    ]


# -- what TRL does, as found in it -----------------------------------------------------------------


def test_prompts_come_repeated_and_as_many_rows_go_back(tmp_path):
    play = Recorder("KuhnPoker-v0", history=False)
    play.calls = []
    trainer(play, tmp_path).train()
    assert len(play.calls) == 2
    for prompts, rows in play.calls:
        assert len(prompts) == 8
        # Two prompts, each repeated `num_generations` times by TRL, though it says otherwise.
        assert [len(set(prompts[at : at + 4])) for at in (0, 4)] == [1, 1]
        assert prompts[0] != prompts[4]
        assert {len(column) for column in rows.values()} == {8}


@pytest.mark.parametrize("change", [-1, 1])
def test_trl_takes_no_other_number_of_rows(tmp_path, change):
    def rows(prompts, trainer):
        given = play(prompts, trainer)
        if change > 0:
            return {name: column + column[:1] for name, column in given.items()}
        return {name: column[:change] for name, column in given.items()}

    play = SelfPlay("KuhnPoker-v0", history=False)
    with pytest.raises((IndexError, KeyError, RuntimeError, ValueError)):
        trainer(rows, tmp_path, steps=1).train()


def test_masked_rows_without_a_reward_are_kept_out_of_the_mean(tmp_path):
    """Rewards 1, 3, None, None: the two that are there get advantages of -1 and 1."""

    def rows(prompts, trainer):
        given = play(prompts, trainer)
        given["reward"] = [1.0, 3.0, None, None] * 2
        return given

    play = SelfPlay("KuhnPoker-v0", history=False)
    made = trainer(rows, tmp_path, steps=1, scale_rewards="none")
    advantages = []
    kept = made._generate_and_score_completions

    def keep(inputs):
        batch = kept(inputs)
        advantages.append(batch["advantages"].tolist())
        return batch

    made._generate_and_score_completions = keep
    made.train()
    assert advantages == [[-1.0, 1.0, 0.0, 0.0] * 2]


# -- self-play -------------------------------------------------------------------------------------


@pytest.mark.parametrize("history", [True, False])
def test_a_group_is_one_seat_of_one_deal(history):
    learner = Spelling(forgets=not history)
    rows = rollout("KuhnPoker-v0", prompts=32, learner=lambda model, trainer: learner)
    found = groups(rows)
    assert len(found) == 8
    assert [each["seat"] for each in found] == [[seat] * 4 for seat in (0, 1) * 4]
    assert all(len(set(each["group"])) == 1 for each in found)
    for first, second in zip(found[::2], found[1::2], strict=True):
        assert first["group"] == second["group"]
        assert [a + b for a, b in zip(first["reward"], second["reward"], strict=True)] == [0] * 4
    # The same cards are dealt to all matches of a group, and others to the next.
    told = ["".join(map(chr, each["prompt_ids"][0])) for each in found]
    assert all(
        "".join(map(chr, ids)) == text
        for each, text in zip(found[::2], told[::2], strict=True)
        for ids in each["prompt_ids"]
    )
    assert len(set(told)) > 2


def test_ids_are_those_that_were_sent_and_sampled():
    rows = rollout("TicTacToe-v0", prompts=8)
    for prompt, completion, mask, logprobs in zip(
        rows["prompt_ids"], rows["completion_ids"], rows["env_mask"], rows["logprobs"], strict=True
    ):
        assert len(completion) == len(mask) == len(logprobs)
        said = "".join(chr(id) for id, own in zip(completion, mask, strict=True) if own)
        assert said.replace("][", "] [").count("[") == said.count("]")
        assert "".join(map(chr, prompt)).endswith("\n\nYou: ")
        assert all((logprob != 0) == bool(own) for logprob, own in zip(logprobs, mask, strict=True))


def test_a_seat_without_a_turn_is_a_masked_row_in_its_own_group():
    rows = rollout(
        "KuhnPoker-v0",
        prompts=8,
        learner=lambda model, trainer: Spelling(says="none"),
        illegal="retry:0",
    )
    first, second = groups(rows)
    assert first["seat"] == [0] * 4
    assert first["reward"] == [-2.0] * 4
    assert first["illegal"] == first["turns"] == [1] * 4
    # Seat 0 forfeits before seat 1 can move.
    assert second["env_mask"] == [[0]] * 4
    assert second["completion_ids"] == [[END]] * 4
    assert second["reward"] == [None] * 4


def test_groups_that_are_too_few_for_a_deal_are_masked():
    rows = rollout("KuhnPoker-v0", prompts=20)
    assert [each["seat"] for each in groups(rows)] == [[0] * 4, [1] * 4, [0] * 4, [1] * 4, [-1] * 4]
    assert rows["reward"][-4:] == [None] * 4
    with pytest.raises(ValueError, match="2 seats are trained and the prompts are 1 groups"):
        rollout("KuhnPoker-v0", prompts=4)
    with pytest.raises(ValueError, match="no multiple of num_generations=4"):
        rollout("KuhnPoker-v0", prompts=10)


def test_a_seat_of_several_rows_is_one_of_its_turns():
    """As often the first turn as the last, so that in the mean each has the weight of 1/rows."""
    forgets = lambda model, trainer: Spelling(forgets=True)  # noqa: E731
    rows = rollout("TicTacToe-v0", prompts=400, learner=forgets)
    assert {len(mask) - sum(mask) for mask in rows["env_mask"]} == {0}
    marks = ["".join(map(chr, ids)) for ids in rows["prompt_ids"]]
    first = sum("X" not in text.split("\n\n")[-2] for text, s in zip(marks, rows["seat"], strict=True))
    assert 0 < first < 400
    assert all(turns >= 3 for turns in rows["turns"])


def test_several_games_have_their_own_seats():
    games = [("KuhnPoker-v0", {"players": 3}), "TicTacToe-v0"]
    starts = set()
    for step in range(6):
        found = groups(rollout(games, prompts=40, step=step))
        played = [(each["game"][0], each["seat"][0]) for each in found if each["seat"][0] >= 0]
        starts.add(played[0][0])
        kuhn = [seat for game, seat in played if "Kuhn" in game]
        tictactoe = [seat for game, seat in played if "TicTacToe" in game]
        assert kuhn == [0, 1, 2] * (len(kuhn) // 3)
        assert tictactoe == [0, 1] * (len(tictactoe) // 2)
        assert len(played) in (8, 10)
    assert len(starts) == 2


def test_deals_follow_from_seed_process_step_and_call():
    def dealt(**options):
        return rollout("KuhnPoker-v0", prompts=40, **options)["prompt_ids"]

    assert dealt(seed=3) == dealt(seed=3)
    others = [dealt(seed=4), dealt(seed=3, process=1), dealt(seed=3, step=1)]
    assert all(other != dealt(seed=3) for other in others)
    play = SelfPlay("KuhnPoker-v0", seed=3, learner=lambda model, trainer: Spelling())
    first, second = (play(["?"] * 40, stand_in())["prompt_ids"] for _ in range(2))
    assert first == dealt(seed=3)
    assert second != first


# -- opponents -------------------------------------------------------------------------------------


def test_against_an_opponent_one_seat_is_trained_and_it_goes_round():
    rows = rollout("KuhnPoker-v0", Absent(), prompts=160, illegal="retry:0")
    found = groups(rows)
    seats = [each["seat"][0] for each in found if each["reward"][0] is not None]
    assert all(len(set(each["seat"])) == 1 for each in found)
    assert {0, 1} <= set(seats)
    # The opponent forfeits its first turn; where the learner is never asked, its row is masked.
    assert all(reward in (2.0, None) for reward in rows["reward"])
    assert sum(reward is None for reward in rows["reward"]) > 0


def test_a_pool_names_opponents_by_their_payload_and_hears_of_results():
    pool = OpponentPool(4, {"uniform": 0.5, MIRROR: 0.5}, seed=1)
    pool.add(Member("v1", 1, "random"))
    pool.add(Member("v2", 2, "nash"))
    rows = rollout("KuhnPoker-v0", pool, prompts=160)
    met = pool.score("learner", "v1").matches + pool.score("learner", "v2").matches
    # A mirrored deal is two groups, a deal against a member one.
    deals = len(set(rows["group"]) - {-1})
    assert met % 4 == 0
    assert 0 < met / 4 < deals
    with pytest.raises(ValueError, match="payload is to be a player's name"):
        broken = OpponentPool(4, {"latest": 1.0})
        broken.add(Member("v1", 1, {"path": "x"}))
        Opponents("KuhnPoker-v0", arenas.make_game("KuhnPoker-v0"), broken).draw()


@pytest.mark.slow  # Steps of a real trainer, which loads for seconds.
def test_snapshots_of_the_weights_become_opponents(tmp_path):
    pool = OpponentPool(1, {"latest": 1.0})
    play = SelfPlay("KuhnPoker-v0", pool, history=False)
    snapshots = Snapshots(pool, tmp_path / "pool", 1, "max_tokens=4&history=no")
    trainer(play, tmp_path, steps=3, callbacks=[snapshots]).train()
    assert [member.name for member in pool.members] == ["step-3"]
    assert [path.name for path in (tmp_path / "pool").iterdir()] == ["step-3"]
    assert pool.members[0].payload.endswith("step-3?max_tokens=4&history=no")


def test_what_was_sampled_is_what_the_trainer_computes(tmp_path):
    """The log-probabilities of the rollout are those of TRL's own pass over its padded rows."""
    play = Recorder("KuhnPoker-v0")
    play.calls = []
    made = trainer(play, tmp_path, steps=1, temperature=0.7)
    inputs = made._generate_and_score_completions([{"prompt": "?"}] * 8)
    made.model.eval()
    with torch.no_grad():
        computed, _, _ = made._get_per_token_logps_and_entropies(
            made.model,
            torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1),
            torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1),
            inputs["completion_ids"].shape[1],
        )
    (_, rows), *_ = play.calls
    trained = 0
    for row, (logprobs, mask) in enumerate(zip(rows["logprobs"], rows["env_mask"], strict=True)):
        for at, own in enumerate(mask):
            if own:
                trained += 1
                assert computed[row, at].item() == pytest.approx(logprobs[at], abs=1e-4)
    assert trained == sum(map(sum, rows["env_mask"])) > 8


@pytest.mark.slow  # Trains for half a minute of CPU time.
def test_the_example_halves_illegal_replies(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    main = runpy.run_path(str(EXAMPLES / "trl_grpo.py"))["main"]
    illegal = main(60)
    first, last = sum(illegal[:5]) / 5, sum(illegal[-5:]) / 5
    assert first > 0.8
    assert last <= first / 2
