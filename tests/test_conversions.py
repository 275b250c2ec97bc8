"""Conversions: what each trainer gets, and whether its own code takes it.

The checks against a trainer's own code run where that trainer is installed, and were run on Python
3.11 with skyrl 0.3.0, atroposlib 0.4.0, tinker 0.38.0 and tinker-cookbook 0.6.1, prime-rl at
0.8.1.dev67 (of its repository: it is on no index), openrlhf 0.11.2, trl 1.16.0, torch 2.13.0,
transformers 5.24.0 and datasets 5.2.0. None needs a GPU.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from itertools import groupby, pairwise
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from cases import Talker
from spelling import Spelling, trajectories

from arenas.core.policy import Tokens
from arenas.rollout.advantages import deal_and_seat
from arenas.rollout.conversions import (
    atropos_groups,
    openrlhf_responses,
    padded_batch,
    prime_rl_samples,
    skyrl_output,
    tinker_data,
    training_rows,
    trl_rollout,
)
from arenas.rollout.trajectories import play_trajectories

PLAYED = {
    "one row a seat": lambda: trajectories(n=8, repeats=2),
    "several rows a seat": lambda: trajectories(
        players=[Spelling(forgets=True), Spelling(forgets=True)], n=4
    ),
    "a frozen seat": lambda: trajectories(players=[Spelling(), "random"], repeats=3),
    "cut short": lambda: trajectories(max_cycles=1),
    "a seat without a turn": lambda: trajectories(
        "KuhnPoker-v0", [Spelling(says="none"), Spelling()], illegal="retry:0"
    ),
    "several games": lambda: trajectories(
        ["TicTacToe-v0", ("KuhnPoker-v0", {"hands": 2})], [Spelling(), Spelling(forgets=True)]
    ),
}

# A trainer's modules may warn of what they themselves depend on.
real = pytest.mark.filterwarnings("ignore")


@pytest.fixture(params=PLAYED)
def played(request):
    return PLAYED[request.param]()


def library(name):
    return pytest.importorskip(name, exc_type=ImportError)


def made(*tokens, rewards=None, **values):
    """A trajectory of these turns."""
    first = trajectories(n=1)[0]
    rewards = rewards or [0.0] * len(tokens)
    turns = tuple(
        dataclasses.replace(first.turns[0], tokens=each, reward=reward)
        for each, reward in zip(tokens, rewards, strict=True)
    )
    return dataclasses.replace(first, turns=turns, **values)


def sampled(found):
    """How many tokens the trainable seats sampled."""
    return sum(len(turn.tokens.completion) for t in found if t.trainable for turn in t.turns)


def some_advantages(found):
    return [0.25 * number + 0.5 for number in range(len(found))]


def by_deal(played):
    """`training_rows` of each seat of each deal."""
    groups = {}
    for t, row, weight in training_rows(played):
        groups.setdefault(deal_and_seat(t), []).append((t, row, weight))
    return list(groups.values())


# -- rows ------------------------------------------------------------------------------------------


def test_what_is_played_covers_the_odd_cases():
    per_case = {name: play() for name, play in PLAYED.items()}
    rows = {name: [t.rows() for t in found] for name, found in per_case.items()}
    assert all(len(each) == 1 for each in rows["one row a seat"])
    assert any(len(each) > 1 for each in rows["several rows a seat"])
    assert any(not t.trainable for t in per_case["a frozen seat"])
    assert all(t.truncated for t in per_case["cut short"])
    assert any(t.trainable and not t.turns for t in per_case["a seat without a turn"])


def test_only_trainable_seats_are_trained_on():
    for players in ([Spelling(), "random"], [Spelling(), Talker(0.1)]):
        found = trajectories(players=players)
        rows = training_rows(found)
        assert {trajectory.player for trajectory, _, _ in rows} == {"spelling"}
        assert sum(weight for _, _, weight in rows) == pytest.approx(len(found) / 2)


def test_rows_without_a_token_to_train_on_are_left_out():
    foreign = Tokens((9,), (8,), (-1.0,), mask=(False,))
    one = made(Tokens((1,), (2,), (-1.0,)), Tokens((5,), ()), foreign, Tokens((6,), (7,), (-1.0,)))
    assert len(one.rows()) == 4
    assert [(row.ids, weight) for _, row, weight in training_rows([one])] == [
        ([1, 2], 0.5),
        ([6, 7], 0.5),
    ]
    assert training_rows([made(foreign)]) == []


@pytest.mark.parametrize("convert", [tinker_data, prime_rl_samples, atropos_groups])
def test_there_is_an_advantage_for_every_trajectory(convert):
    with pytest.raises(ValueError, match="3 advantages for 4 trajectories"):
        convert(trajectories(n=2), [0.0] * 3)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"kind": "constrained"}, "kind constrained"),
        ({"kind": "label"}, "kind label"),
        ({"kind": "scored"}, "kind scored"),
        ({"logprobs": None}, "recorded no log-probabilities"),
    ],
)
def test_log_probabilities_that_no_trainer_can_compute_again_are_not_handed_on(odd, reason):
    found = trajectories(players=[Spelling(), Spelling(**odd)], n=2)
    assert skyrl_output(found)["rollout_logprobs"] is None
    assert all(each["rollout_log_probs"] is None for each in openrlhf_responses(found))
    groups = atropos_groups(found)
    assert any(group["inference_logprobs"] is None for group in groups)
    for convert in (tinker_data, prime_rl_samples):
        with pytest.raises(ValueError, match=reason):
            convert(found, some_advantages(found))
    # Those of a seat that is left out do not matter.
    frozen = [dataclasses.replace(t, trainable=t.turns[0].tokens.kind == "sampled") for t in found]
    if "kind" in odd:
        assert skyrl_output(frozen)["rollout_logprobs"] is not None
        assert len(tinker_data(frozen, some_advantages(found))) == 2


def test_temperatures_are_handed_on_or_refused():
    mixed = trajectories(players=[Spelling(), Spelling(temperature=0.5)], n=2)
    assert skyrl_output(mixed)["rollout_logprobs"] is None
    assert openrlhf_responses(mixed)[0]["rollout_log_probs"] is None
    overrides = [each["temperature"] for g in atropos_groups(mixed) for each in g["overrides"]]
    assert sorted(overrides) == [0.5, 0.5, 1.0, 1.0]
    samples = prime_rl_samples(mixed, some_advantages(mixed))
    assert [set(each["temperatures"]) for each in samples] == [{1.0}, {0.5}, {0.5}, {1.0}]
    with pytest.raises(ValueError, match="several temperatures"):
        tinker_data(mixed, some_advantages(mixed))
    cool = trajectories(players=[Spelling(temperature=0.5)] * 2, n=2)
    assert skyrl_output(cool)["rollout_logprobs"] is not None
    with pytest.raises(ValueError, match="sample at temperature 1"):
        tinker_data(cool, some_advantages(cool))


# -- SkyRL -----------------------------------------------------------------------------------------


def test_skyrl_gets_every_row_and_what_is_compared_stands_together(played):
    output = skyrl_output(played)
    rows = [each for group in by_deal(played) for each in group]
    columns = [output[name] for name in ("prompt_token_ids", "response_ids", "loss_masks")]
    for number, (prompt, response, mask) in enumerate(zip(*columns, strict=True)):
        trajectory, row, _ = rows[number]
        assert prompt + response == row.ids
        assert mask == [int(own) for own in row.mask[len(prompt) :]]
        assert mask[0] == 1
        assert output["rewards"][number] == trajectory.reward
        assert output["rollout_logprobs"][number] == row.logprobs[len(prompt) :]
        assert output["stop_reasons"][number] == "stop"
    assert {len(column) for column in output.values() if column is not None} == {len(rows)}
    assert sum(map(sum, output["loss_masks"])) == sampled(played)
    names = output["trajectory_ids"]
    runs = [list(run) for _, run in groupby(names)]
    assert len(runs) == len(set(names)) == len({(t.number, t.seat) for t, _, _ in rows})
    assert output["is_last_step"] == [
        place == len(run) - 1 for run in runs for place in range(len(run))
    ]
    instances = [name for name, _ in groupby(name.instance_id for name in names)]
    assert len(instances) == len(set(instances)) == len(by_deal(played))


def test_skyrl_gets_rewards_where_they_were_earned():
    tokens = Tokens((1, 2), (3, 4), (-1.0, -1.0)), Tokens((1, 2, 3, 4, 5), (6,), (-1.0,))
    one = made(*tokens, Tokens((1, 2, 3, 4, 5, 6, 7), ()), rewards=[0.5, -1.0, 2.0], reward=1.5)
    output = skyrl_output([one], token_rewards=True)
    assert output["response_ids"] == [[3, 4, 5, 6, 7]]
    assert output["rewards"] == [[0.0, 0.5, 0.0, -1.0, 2.0]]
    assert skyrl_output([one])["rewards"] == [1.5]
    with pytest.raises(ValueError, match="makes 2 rows"):
        skyrl_output([made(tokens[1], tokens[0])], token_rewards=True)
    with pytest.raises(ValueError, match="no trainable seat"):
        skyrl_output([])


def single_turns(played, output, token_rewards):
    """The same as SkyRL's own generator gives it: a row for each turn."""
    seats = {(t.number, t.seat): t for group in by_deal(played) for t, _, _ in group}
    names = dict.fromkeys(output["trajectory_ids"])
    turns = [
        (t, name, turn) for t, name in zip(seats.values(), names, strict=True) for turn in t.turns
    ]
    return {
        **dict.fromkeys(output),
        "prompt_token_ids": [list(turn.tokens.prompt) for _, _, turn in turns],
        "response_ids": [list(turn.tokens.completion) for _, _, turn in turns],
        "loss_masks": [[1] * len(turn.tokens.completion) for _, _, turn in turns],
        "rewards": [
            [*[0.0] * (len(turn.tokens.completion) - 1), turn.reward] if token_rewards else t.reward
            for t, _, turn in turns
        ],
        "rollout_logprobs": [list(turn.tokens.logprobs) for _, _, turn in turns],
        "stop_reasons": [turn.tokens.finish for _, _, turn in turns],
        "trajectory_ids": [name for _, name, _ in turns],
        "is_last_step": [turn is t.turns[-1] for t, _, turn in turns],
    }


@real
@pytest.mark.parametrize("token_rewards", [False, True])
def test_skyrl_takes_it(played, token_rewards, monkeypatch):
    if sys.version_info < (3, 12):
        # Its pydantic models hold typed dicts, which pydantic takes from there alone.
        extensions = library("typing_extensions")
        monkeypatch.setattr("typing.TypedDict", extensions.TypedDict)
    checks = library("skyrl.train.utils.trainer_utils")
    base = library("skyrl.train.generators.base")
    utils = library("skyrl.train.generators.utils")
    preprocess = library("skyrl.train.dataset.preprocess")
    if token_rewards and any(len(t.rows()) > 1 for t in played):
        with pytest.raises(ValueError, match="rows"):
            skyrl_output(played, token_rewards)
        return
    output = skyrl_output(played, token_rewards)
    assert set(output) == set(base.GeneratorOutput.__annotations__)
    size = len(output["response_ids"])
    checks.validate_generator_output(size, output, step_wise=True)
    # Its own merging of turns has nothing left to do, and makes the same of single turns.
    columns = ("prompt_token_ids", "response_ids", "loss_masks", "rewards", "rollout_logprobs")
    for each in (output, single_turns(played, output, token_rewards)):
        merged = utils.merge_stepwise_output(each)
        assert [merged[name] for name in columns] == [output[name] for name in columns]
    # What its trainer makes of it.
    uids = [name.instance_id for name in output["trajectory_ids"]]
    preprocess.compute_prompt_mini_batch_boundaries(uids, 1, len(set(uids)), True, 1)
    rewards = output["rewards"]
    if not token_rewards:
        rewards = [
            [0.0] * (len(r) - 1) + [reward]
            for r, reward in zip(output["response_ids"], rewards, strict=True)
        ]
    tensors = preprocess.convert_prompts_responses_to_batch_tensors(
        SimpleNamespace(pad_token_id=0),
        output["prompt_token_ids"],
        output["response_ids"],
        rewards,
        output["loss_masks"],
        output["rollout_logprobs"],
    )
    sequences, attention, _, padded_rewards, loss, logprobs = tensors[:6]
    assert sequences.shape == attention.shape
    assert loss.sum() == sampled(played)
    assert padded_rewards.sum().item() == pytest.approx(sum(map(sum, rewards)))
    assert not logprobs[loss == 0].any()


# -- Atropos ---------------------------------------------------------------------------------------


def test_atropos_groups_hold_one_seat_of_one_deal(played):
    advantages = some_advantages(played)
    groups = atropos_groups(played, advantages)
    of = {(t.number, t.seat): a for t, a in zip(played, advantages, strict=True)}
    for group, members in zip(groups, by_deal(played), strict=True):
        assert group["tokens"] == [row.ids for _, row, _ in members]
        assert group["group_overrides"] == {"group_size": len(members)}
        for number, (t, row, weight) in enumerate(members):
            advantage = of[t.number, t.seat]
            assert group["scores"][number] == t.reward
            assert group["overrides"][number] == {"temperature": 1.0, "weight": weight}
            for place, own in enumerate(row.mask):
                assert group["masks"][number][place] == (row.ids[place] if own else -100)
                logprob = group["inference_logprobs"][number][place]
                assert logprob == (row.logprobs[place] if own else 1.0)
                assert group["advantages"][number][place] == (advantage if own else 0.0)
    assert all(group["advantages"] is None for group in atropos_groups(played))


@real
@pytest.mark.parametrize("with_advantages", [False, True])
def test_atropos_takes_it(played, with_advantages):
    server = library("atroposlib.api.server")
    environments = library("atroposlib.envs.base")
    trainer = library("example_trainer.data")
    client = library("fastapi.testclient").TestClient(server.app)
    groups = atropos_groups(played, some_advantages(played) if with_advantages else None)
    for group in groups:
        assert set(group) == set(environments.ScoredDataGroup.__annotations__)
    server.app.state.queue = []
    answer = client.post("/scored_data_list", json=groups)
    assert answer.status_code == 200, answer.text
    assert answer.json()["groups_processed"] == len(groups)
    received = server.app.state.queue
    for group, arrived in zip(groups, received, strict=True):
        assert {name: arrived[name] for name in group} == group
    # What the trainer of its examples makes of it.
    size = sum(len(group["tokens"]) for group in groups)
    ids, labels, advantages, _, logprobs = trainer.pad_data_to_good_offset(
        {"batch": received}, size
    )
    own = labels[0] != -100
    assert own.sum() == sampled(played)
    assert (logprobs[0][own] <= 0).all()
    assert (logprobs[0][~own] == 1).all()
    assert (labels[0][own][:-1] == ids[0][:, 1:][own[:, :-1]][: own.sum() - 1]).all()
    assert advantages[0].shape == (size, 1)


# -- Tinker ----------------------------------------------------------------------------------------


def test_tinker_gets_each_id_with_the_next(played):
    advantages = some_advantages(played)
    data = tinker_data(played, advantages)
    weighed = tinker_data(played, advantages, weigh=True)
    of = {(t.number, t.seat): a for t, a in zip(played, advantages, strict=True)}
    for fields, heavy, (t, row, weight) in zip(data, weighed, training_rows(played), strict=True):
        inputs = fields["loss_fn_inputs"]
        assert [fields["model_input"][0], *inputs["target_tokens"]] == row.ids
        assert [*fields["model_input"], inputs["target_tokens"][-1]] == row.ids
        assert inputs["mask"].tolist() == row.mask[1:]
        assert inputs["logprobs"] == pytest.approx(row.logprobs[1:])
        assert inputs["advantages"] == pytest.approx(of[t.number, t.seat] * inputs["mask"])
        assert heavy["loss_fn_inputs"]["advantages"] == pytest.approx(weight * inputs["advantages"])
        assert {name: values.dtype for name, values in inputs.items()} == {
            "target_tokens": np.int64,
            "logprobs": np.float32,
            "advantages": np.float32,
            "mask": np.float32,
        }
    assert sum(fields["loss_fn_inputs"]["mask"].sum() for fields in data) == sampled(played)


@real
def test_tinker_data_are_those_of_the_cookbook(played):
    tinker = library("tinker")
    processing = library("tinker_cookbook.rl.data_processing")
    types = library("tinker_cookbook.rl.types")
    completers = library("tinker_cookbook.completers")
    torch = library("torch")

    def transition(turn):
        said = completers.TokensWithLogprobs(
            list(turn.tokens.completion), list(turn.tokens.logprobs)
        )
        sent = tinker.ModelInput.from_ints(list(turn.tokens.prompt))
        return types.Transition(sent, said, turn.reward, False)

    advantages = some_advantages(played)
    trained = [(t, a) for t, a in zip(played, advantages, strict=True) if t.trainable]
    theirs = [
        types.Trajectory([transition(turn) for turn in t.turns], tinker.ModelInput.empty())
        for t, _ in trained
    ]
    group = types.TrajectoryGroup(theirs, [0.0] * len(theirs), [{}] * len(theirs))
    credit = torch.tensor([a for _, a in trained])
    wanted, _ = processing.assemble_training_data([group], [credit], include_provenance=False)
    for fields, datum in zip(tinker_data(played, advantages), wanted, strict=True):
        own = tinker.Datum(
            tinker.ModelInput.from_ints(fields["model_input"]), fields["loss_fn_inputs"]
        )
        assert own.model_input == datum.model_input
        assert own.loss_fn_inputs.keys() == datum.loss_fn_inputs.keys()
        for name, values in own.loss_fn_inputs.items():
            assert values.dtype == datum.loss_fn_inputs[name].dtype
            assert values.shape == datum.loss_fn_inputs[name].shape
            assert values.data == datum.loss_fn_inputs[name].data


# -- prime-rl --------------------------------------------------------------------------------------


def test_prime_rl_gets_streams_as_long_as_the_ids(played):
    advantages = some_advantages(played)
    of = {(t.number, t.seat): a for t, a in zip(played, advantages, strict=True)}
    samples = prime_rl_samples(played, advantages)
    weighed = prime_rl_samples(played, advantages, weigh=True)
    for sample, heavy, (t, row, weight) in zip(
        samples, weighed, training_rows(played), strict=True
    ):
        assert sample["token_ids"] == row.ids
        assert sample["mask"] == row.mask
        assert sample["logprobs"] == row.logprobs
        assert sample["temperatures"] == [1.0] * len(row.ids)
        assert sample["env_name"] == t.game
        assert sample["advantages"] == [of[t.number, t.seat] * own for own in row.mask]
        assert heavy.pop("rl_weights") == [weight * own for own in row.mask]
        assert heavy == sample


@real
@pytest.mark.parametrize("weigh", [False, True])
def test_prime_rl_takes_it(played, weigh):
    batch = library("prime_rl.trainer.batch")
    msgspec = library("msgspec")
    sample_type = batch.TrainingSample
    samples = [
        sample_type(**fields) for fields in prime_rl_samples(played, some_advantages(played), weigh)
    ]
    # Their types are checked on the wire alone.
    samples = msgspec.msgpack.decode(msgspec.msgpack.encode(samples), type=list[sample_type])
    longest = max(len(sample.token_ids) for sample in samples)
    (packed,) = batch.prepare_batch(samples, longest, 1, batch.build_bin_cost(None))
    assert sum(sum(each.loss_mask) for each in packed) == sampled(played)
    wanted = sum(sum(sample.advantages) for sample in samples)
    assert sum(sum(each.advantages) for each in packed) == pytest.approx(wanted)
    assert all((each.rl_weights is not None) == weigh for each in packed)
    assert {name for each in packed for name in each.env_names} == {t.game for t in played}


# -- OpenRLHF --------------------------------------------------------------------------------------


def test_openrlhf_gets_the_ranges_that_are_trained_on(played):
    found = openrlhf_responses(played, "a prompt", "a label")
    for each, (t, row, weight) in zip(found, training_rows(played), strict=True):
        mask = [False] * len(row.ids)
        for start, end in each["action_ranges"]:
            mask[start:end] = [True] * (end - start)
        assert mask == row.mask
        assert all(a[1] < b[0] for a, b in pairwise(each["action_ranges"]))
        assert each["observation_tokens"] == row.ids
        assert each["rollout_log_probs"] == row.logprobs
        assert each["reward"] == each["scores"] == t.reward
        assert each["extra_logs"] == {"seat": t.seat, "weight": weight}
        assert (each["prompt"], each["label"], each["truncated"]) == ("a prompt", "a label", False)


def test_openrlhf_is_told_of_the_token_budget_and_of_masked_tokens():
    cut = Tokens((1,), (2, 3, 4), (-1.0, -1.0, -1.0), mask=(True, False, True), finish="length")
    (only,) = openrlhf_responses([made(cut)])
    assert only["action_ranges"] == [(1, 2), (3, 4)]
    assert only["rollout_log_probs"] == [0.0, -1.0, 0.0, -1.0]
    assert only["truncated"]


@real
def test_openrlhf_responses_are_those_of_its_own_executor():
    agent = library("openrlhf.utils.agent")
    torch = library("torch")
    found = trajectories()
    responses = openrlhf_responses(found)
    for t, response in zip(found, responses, strict=True):
        turns = list(t.turns)
        (row,) = t.rows()
        between = [*pairwise([*row.spans, (len(row.ids), len(row.ids))])]

        class Instance(agent.AgentInstanceBase):
            def __init__(self):
                self.taken = 0

            async def reset(self, states, turns=turns):
                return {"observation": "".join(map(chr, turns[0].tokens.prompt))}

            async def step(self, states, turns=turns, row=row, between=between):
                (_, end), (start, _) = between[self.taken]
                reward = turns[self.taken].reward
                self.taken += 1
                return {
                    "rewards": torch.tensor(reward),
                    "environment_feedback": "".join(map(chr, row.ids[end:start])),
                    "done": self.taken == len(turns),
                }

        async def generate(sent, params, multi_modal_data=None, turns=turns):
            (tokens,) = [t.tokens for t in turns if list(t.tokens.prompt) == sent]
            said = SimpleNamespace(
                token_ids=list(tokens.completion),
                text="".join(map(chr, tokens.completion)),
                finish_reason=tokens.finish,
                logprobs=[
                    {token: SimpleNamespace(logprob=logprob)}
                    for token, logprob in zip(tokens.completion, tokens.logprobs, strict=True)
                ],
            )
            return SimpleNamespace(outputs=[said])

        def tokenize(text, **_):
            return {
                "input_ids": torch.tensor([[ord(letter) for letter in text]], dtype=torch.int64)
            }

        theirs = asyncio.run(
            agent.MultiTurnAgentExecutor(Instance).execute(
                "",
                "",
                SimpleNamespace(logprobs=1, max_tokens=None),
                100_000,
                tokenize,
                SimpleNamespace(generate=generate),
            )
        )
        assert set(theirs) == set(response)
        assert theirs.pop("extra_logs") == {}
        assert theirs == {name: response[name] for name in theirs}


@real
def test_openrlhf_takes_it(played, monkeypatch):
    library("openrlhf.utils.agent")
    if "vllm" not in sys.modules:
        # The engine, which the module imports, has no part in this.
        for name in ("vllm", "vllm.inputs", "vllm.utils"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        sys.modules["vllm"].SamplingParams = None
        sys.modules["vllm.inputs"].TokensPrompt = None
        sys.modules["vllm.utils"].random_uuid = None
    generator = library("openrlhf.trainer.ppo_utils.samples_generator").SamplesGenerator
    for response, (t, row, _) in zip(
        openrlhf_responses(played), training_rows(played), strict=True
    ):
        made_of_it = generator._process_response_into_experience(
            None, response, max_len=len(row.ids)
        )
        assert made_of_it.sequences.tolist() == [row.ids]
        assert made_of_it.action_mask.bool().tolist() == [row.mask[1:]]
        assert made_of_it.rollout_log_probs[0].tolist() == pytest.approx(row.logprobs[1:])
        assert made_of_it.rewards.tolist() == [t.reward]
        assert made_of_it.info["seat"].tolist() == [t.seat]


# -- TRL and training loops of one's own ----------------------------------------------------------


def test_padded_batch_holds_every_row():
    torch = pytest.importorskip("torch")
    found = trajectories()
    batch = padded_batch(found, pad_id=7)
    rows = [row for _, row, _ in training_rows(found)]
    for number, row in enumerate(rows):
        size = len(row.ids)
        assert batch["input_ids"][number, :size].tolist() == row.ids
        assert (batch["input_ids"][number, size:] == 7).all()
        assert batch["attention_mask"][number].sum() == size
        assert batch["loss_mask"][number, :size].bool().tolist() == row.mask
        assert batch["logprobs"][number, :size].tolist() == pytest.approx(row.logprobs)
        assert not batch["loss_mask"][number, size:].any()
    assert batch["returns"].tolist() == [trajectory.reward for trajectory in found]
    assert batch["input_ids"].dtype == torch.int64
    assert "allowed" not in batch
    with pytest.raises(ValueError, match="no trainable seat"):
        padded_batch([], 0)


def test_padded_batch_says_what_choices_were_among():
    pytest.importorskip("torch")
    listed = ((7, 8, 9), (7, 5, 9), (4, 9))
    tokens = Tokens((1,), (7, 5, 9), (-1.0, -1.0, 0.0), "constrained", candidates=listed)
    (first, *rest) = trajectories(n=1)
    told = dataclasses.replace(first.turns[0], tokens=tokens)
    batch = padded_batch([dataclasses.replace(first, turns=(told,)), *rest], pad_id=0)
    assert batch["allowed"].shape == (*batch["input_ids"].shape, 2)
    assert batch["allowed"][0, :4].tolist() == [[-1, -1], [4, 7], [5, 8], [9, -1]]
    assert (batch["allowed"][1:] == -1).all()


def test_trl_gets_as_many_rows_as_it_asked_for():
    found = trajectories(n=3)
    output = trl_rollout(found, size=8, end_id=0)
    assert {len(column) for column in output.values()} == {8}
    for number, (trajectory, row, _) in enumerate(training_rows(found)):
        assert output["prompt_ids"][number] + output["completion_ids"][number] == row.ids
        mask = output["env_mask"][number]
        assert len(mask) == len(output["completion_ids"][number]) == len(output["logprobs"][number])
        assert sum(mask) == sum(row.mask)
        assert output["reward"][number] == trajectory.reward
    assert output["env_mask"][6:] == [[0], [0]]
    assert output["reward"][6:] == [None, None]
    with pytest.raises(ValueError, match="6 rows for 5 prompts"):
        trl_rollout(found, size=5, end_id=0)


@pytest.mark.slow  # Three steps of a real trainer, which loads for seconds.
@pytest.mark.filterwarnings("ignore")
def test_trl_trains_on_self_play(tmp_path, monkeypatch):
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    trl = pytest.importorskip("trl")
    datasets = pytest.importorskip("datasets")
    from tiny_language import make_model, make_tokenizer

    from arenas.policies.language import LanguagePolicy

    tokenizer, model, rewards = make_tokenizer(), make_model(), []

    def rollout(prompts, trainer):
        step = trainer.state.global_step
        player = LanguagePolicy(trainer.model, tokenizer, moves="constrained", version=step)
        half = len(prompts) // 2
        played = play_trajectories("KuhnPoker-v0", [player, player], half, seed=step)
        return trl_rollout([t for each in played for t in each.seats], len(prompts), end_id=0)

    def reward(reward, **columns):
        rewards.append(reward)
        return reward

    before = [weights.detach().clone() for weights in model.parameters()]
    arguments = trl.GRPOConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=8,
        num_generations=4,
        max_steps=3,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        learning_rate=1e-3,
    )
    trl.GRPOTrainer(
        model,
        reward_funcs=reward,
        args=arguments,
        train_dataset=datasets.Dataset.from_list([{"prompt": "play"}] * 8),
        processing_class=tokenizer,
        rollout_func=rollout,
    ).train()
    assert [sum(each) for each in rewards] == [0, 0, 0]
    assert any((a != b).any() for a, b in zip(before, model.parameters(), strict=True))
