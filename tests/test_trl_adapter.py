"""The adapter of TRL: what its trainers are given, and whether they take it and learn from it.

Run with trl 1.16.0, torch 2.13.0 and transformers 5.24.0. The asynchronous trainer needs CUDA; its
own queue, batcher and collator are run here, the trainer never was.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from spelling import Spelling

import arenas
from arenas.core.match import Match
from arenas.core.policy import Policy, Reply, answer
from arenas.core.rng import Rng
from arenas.policies.pool import MIRROR, Member, OpponentPool
from arenas.rollout.advantages import group_advantages
from arenas.rollout.trajectories import play_trajectories

# A trainer's modules may warn of what they themselves depend on.
pytestmark = pytest.mark.filterwarnings("ignore")

trl = pytest.importorskip("trl", exc_type=ImportError)
torch = pytest.importorskip("torch")
datasets = pytest.importorskip("datasets")

from tiny_language import make_model, make_tokenizer  # noqa: E402
from transformers import LlamaForCausalLM  # noqa: E402

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

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.calls = []

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
    if history:
        # The same cards are dealt to all matches of a group, and others to the next.
        told = [{"".join(map(chr, ids)) for ids in each["prompt_ids"]} for each in found[::2]]
        assert all(len(each) == 1 for each in told)
        assert len(set.union(*told)) > 1
    else:
        assert all(all(mask) for mask in rows["env_mask"])


def test_ids_are_those_that_were_sent_and_sampled():
    rows = rollout("TicTacToe-v0", prompts=8)
    columns = ("prompt_ids", "completion_ids", "env_mask", "logprobs")
    for prompt, completion, mask, logprobs in zip(*(rows[c] for c in columns), strict=True):
        assert len(completion) == len(mask) == len(logprobs)
        said = "".join(chr(each) for each, own in zip(completion, mask, strict=True) if own)
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
    """Each turn as often as the others, so that in the mean it has the weight of 1/turns."""
    learner = Spelling(forgets=True)
    rows = rollout("TicTacToe-v0", prompts=800, learner=lambda model, trainer: learner)
    assert all(all(mask) for mask in rows["env_mask"])
    opening = arenas.make_game("TicTacToe-v0")
    told = opening.tell(opening.new(Rng(0)), 0)
    turns = [n for n, seat in zip(rows["turns"], rows["seat"], strict=True) if seat == 0]
    first = sum("".join(map(chr, ids)).startswith(told) for ids in rows["prompt_ids"])
    spread = sum(1 / n * (1 - 1 / n) for n in turns) ** 0.5
    assert min(turns) >= 3
    assert abs(first - sum(1 / n for n in turns)) < 4 * spread


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
    assert all(len(set(each["seat"])) == 1 for each in found)
    # The opponent forfeits its first turn; in seat 1 the learner is never asked, and masked.
    assert {(each["seat"][0], each["reward"][0]) for each in found} == {(0, 2.0), (-1, None)}
    rows = rollout("KuhnPoker-v0", "nash", prompts=160)
    assert {0, 1} <= set(rows["seat"])


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
    broken = OpponentPool(4, {"latest": 1.0})
    broken.add(Member("v1", 1, {"path": "x"}))
    opponents = Opponents("KuhnPoker-v0", arenas.make_game("KuhnPoker-v0"), broken)
    with pytest.raises(ValueError, match="payload is to be a player's name"):
        opponents.draw()


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


# -- one seat --------------------------------------------------------------------------------------


@pytest.mark.parametrize("game", ["KuhnPoker-v0", "TicTacToe-v0", "Negotiation-v0", "Spy-v0"])
def test_an_environment_is_the_match_that_its_row_deals(game):
    made = SeatEnvironments(game, "random", seed=5, illegal="retry:0")
    environment = made()
    for row in made.rows(4):
        seat = row["seat"]
        told = environment.reset(**row)
        match = environment._match
        assert row["prompt"][0]["content"] == made.game.brief(seat)
        assert told
        while not match.over:
            listed = match.game.legal(match.state, seat)
            move = match.game.sample(match.state, seat, Rng(1)) if listed is None else listed[0]
            told = environment.play(match.game.format(match.state, seat, move))
        assert environment.get_reward() == match.outcome.rewards[seat]
        twin = Match(made.game, row["seed"], "retry:0", language=True)
        for entry in match.log:
            answer(twin, entry.seat, Reply(entry.move, entry.text))
        assert twin.outcome.rewards == match.outcome.rewards
        messages = match.conversation.messages(seat)
        assert messages[-1]["content"] in told


def test_silence_in_an_environment_is_a_forfeit():
    made = SeatEnvironments("KuhnPoker-v0", "random", seed=1)
    environment = made()
    environment.reset(seed=3, seat=0)
    assert environment.play("[call]").startswith("Illegal move")
    assert environment.get_reward() == -2.0
    assert environment._match.outcome.reason == "forfeit"
    with pytest.raises(RuntimeError, match="over"):
        environment.play("[bet]")
    with pytest.raises(ValueError, match="silent"):
        SeatEnvironments("KuhnPoker-v0", illegal="raise")


def test_environments_meet_the_pool_and_tell_it_once():
    pool = OpponentPool(4, {"latest": 1.0})
    made = SeatEnvironments("KuhnPoker-v0", pool)
    environment = made()
    environment.reset(seed=3, seat=1)
    assert environment._opponent.name == "random"
    environment.get_reward()
    pool.add(Member("v1", 1, "nash"))
    environment.reset(seed=3, seat=1)
    assert environment._opponent.name == "v1"
    environment.get_reward()
    environment.get_reward()
    assert pool.score("learner", "v1").matches == 1


class Scripted(LlamaForCausalLM):
    """A model that trains as it is, and in the place of sampling calls the tool with one move."""

    said: tuple = ()

    def generate(self, input_ids, **options):
        said = torch.tensor([self.said] * len(input_ids))
        return torch.cat([input_ids, said], dim=1)


@pytest.mark.slow  # Steps of a real trainer, which loads for seconds.
def test_trl_plays_by_calling_the_tool(tmp_path):
    """Every rollout calls `play` once a turn, until no tool call is left to make."""
    tokenizer = make_tokenizer()
    folder = Path(trl.__file__).parent / "chat_templates"
    tokenizer.chat_template = (folder / "qwen2_5.jinja").read_text()
    call = json.dumps({"name": "play", "arguments": {"move": "[bet]"}})
    said = f"<tool_call>\n{call}\n</tool_call><|im_end|>"
    model = Scripted(make_model().config)
    model.said = tuple(tokenizer.encode(said, add_special_tokens=False))
    made = SeatEnvironments("KuhnPoker-v0", "nash", seed=2)
    environments = []

    def factory():
        environments.append(made())
        return environments[-1]

    trained = trl.GRPOTrainer(
        model,
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=8,
            num_generations=4,
            max_completion_length=400,
            max_tool_calling_iterations=2,
            max_steps=1,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
            logging_steps=1,
        ),
        train_dataset=datasets.Dataset.from_list(made.rows(8)),
        processing_class=tokenizer,
        environment_factory=factory,
    )
    trained.train()
    assert len(environments) == 8
    for environment in environments:
        own = [entry for entry in environment._match.log if entry.seat == environment._seat]
        assert own[0].text == "[bet]"
        assert environment._match.over
    logged = trained.state.log_history[0]
    rewards = [environment._match.totals[environment._seat] for environment in environments]
    assert logged["rewards/SeatEnvironment/mean"] == pytest.approx(sum(rewards) / 8)
    assert logged["tools/call_frequency"] >= 1


# -- beside the trainer ----------------------------------------------------------------------------


def started(player, **options):
    worker = SelfPlayWorker("KuhnPoker-v0", player, seed=1, **options)
    worker.start()
    return worker


@pytest.mark.parametrize("forgets", [False, True])
def test_the_workers_samples_are_rows_with_their_advantages(forgets):
    player = Spelling(forgets=forgets)
    given = {"repeats": 4, "advantages": group_advantages}
    worker = started(player, **given)
    samples = [worker.rollout_buffer.get(timeout=30) for _ in range(40)]
    worker.check_health(60)
    played = play_trajectories(
        "KuhnPoker-v0", [Spelling(forgets=forgets)] * 2, 40, 1, repeats=4, swap=False
    )
    seats = [seat for each in played for seat in each.seats]
    advantages = dict(zip(map(id, seats), group_advantages(seats), strict=True))
    rows = [(seat, row) for seat in seats for row in seat.rows()]
    for sample, (seat, row) in zip(samples, rows, strict=False):
        assert sample.input_ids.tolist() == row.ids
        assert sample.completion_mask.tolist() == [int(own) for own in row.mask]
        assert sample.old_log_probs.tolist() == pytest.approx(
            [logprob * own for logprob, own in zip(row.logprobs, row.mask, strict=True)]
        )
        assert sample.advantage == pytest.approx(advantages[id(seat)])
        assert sample.metrics == {"reward": seat.reward, "illegal": 0.0}
        assert (sample.group_id, sample.model_version) == (seat.group, 0)
    worker.stop()


def test_async_grpo_takes_the_workers_samples():
    """Its queue, batcher and collator, in the order in which its trainer puts them together."""
    from collections import defaultdict

    from trl.experimental.async_grpo.async_grpo_trainer import (
        DataCollatorForRollout,
        FixedCountBatcher,
        RolloutQueueDataset,
    )

    worker = started(Spelling())
    metrics = defaultdict(list)
    queued = RolloutQueueDataset(
        worker.rollout_buffer, lambda: 0, worker.check_health, 60.0, metrics, poll_interval_s=1.0
    )
    rows = next(iter(FixedCountBatcher(queued, num_processes=1, microbatch_size=8)))
    batch = DataCollatorForRollout(pad_token_id=END, metrics=metrics)([rows])
    samples = rows[0].samples
    assert batch["old_log_probs"].numel() == sum(int(s["completion_mask"].sum()) for s in samples)
    assert sorted(set(batch["advantages"].flatten().tolist())) == sorted(
        {torch.tensor(s["advantage"], dtype=torch.float32).item() for s in samples}
    )
    assert metrics["reward"]
    worker.stop()


def test_the_worker_marks_versions_and_reports_failures():
    player = Spelling()
    worker = SelfPlayWorker("KuhnPoker-v0", player, ahead=1, concurrency=1)
    worker.start()
    assert worker.rollout_buffer.get(timeout=30).model_version == 0
    worker.update_model_version(7)
    versions = [worker.rollout_buffer.get(timeout=30).model_version for _ in range(40)]
    assert versions[-1] == 7
    assert versions == sorted(versions)
    worker.stop()
    tempered = SelfPlayWorker("KuhnPoker-v0", Spelling(), temperature=0.5)
    tempered.start()
    tempered._thread.join(timeout=30)
    with pytest.raises(RuntimeError, match="self-play has failed"):
        tempered.check_health(60)
    worker._beat -= 100
    with pytest.raises(RuntimeError, match="nothing for 10"):
        worker.check_health(60)


@pytest.mark.slow  # Trains for about 40 seconds of CPU time.
def test_the_example_halves_illegal_replies(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    main = runpy.run_path(str(EXAMPLES / "trl_grpo.py"))["main"]
    illegal = main(60)
    first, last = sum(illegal[:5]) / 5, sum(illegal[-5:]) / 5
    assert first > 0.8
    assert last <= first / 2
