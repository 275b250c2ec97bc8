"""Trajectories: what a seat is paid for what, in files and in the forms of trainers."""

from __future__ import annotations

import dataclasses
import io

import pytest
from cases import Talker

from arenas.core.policy import Policy, Reply, Tokens
from arenas.rollout.conversions import padded_batch, training_rows, trl_rollout
from arenas.rollout.trajectories import Row, play_trajectories
from arenas.rollout.trajectory_files import (
    from_dict,
    read_jsonl,
    read_parquet,
    to_dict,
    write_jsonl,
    write_parquet,
)


class Spelling(Policy):
    """Speaks in ids that are code points: what it was sent, and the move it draws."""

    name, speaks, trainable = "spelling", True, True

    def __init__(self, version=0):
        self.version = version

    def act(self, turns):
        return [self._say(turn) for turn in turns]

    def _say(self, turn):
        text = turn.format(turn.sample())
        prompt = tuple(map(ord, turn.text + "\n\nYou: "))
        completion = tuple(map(ord, text))
        logprobs = tuple(-0.1 * (i + 1) for i in range(len(completion)))
        tokens = Tokens(prompt, completion, logprobs, policy_version=self.version)
        return Reply(text=text, tokens=tokens)


def trajectories(game="TicTacToe-v0", players=None, n=6, **kwargs):
    players = players or [Spelling(), Spelling("b")]
    return [t for p in play_trajectories(game, players, n, 1, **kwargs) for t in p.seats]


@pytest.mark.parametrize(
    ("game", "options"), [("TicTacToe-v0", {}), ("KuhnPoker-v0", {"hands": 4, "players": 3})]
)
@pytest.mark.parametrize("illegal", ["retry:1", "penalty:0.25", "random-legal"])
def test_rewards_of_turns_add_up_to_the_return(game, options, illegal):
    players = [Talker(0.3), Talker(0.3), Talker(0.3)][: options.get("players", 2)]
    for each in play_trajectories(game, players, 9, options=options, illegal=illegal):
        for trajectory in each.seats:
            assert trajectory.reward == each.record.rewards[trajectory.seat]
            turns, before = trajectory.turns, 0.0
            for turn in each.record.turns:
                if turn["seat"] == trajectory.seat:
                    break
                # Its share of what others were fined before its first turn.
                fined = illegal.startswith("penalty") and "illegal" in turn
                before += 0.25 / (len(players) - 1) if fined else 0.0
            if turns:
                paid = before + sum(turn.reward for turn in turns)
                assert paid == pytest.approx(trajectory.reward)
            assert [turn.illegal for turn in turns] == [
                turn.get("illegal") for turn in each.record.turns if turn["seat"] == trajectory.seat
            ]
            for turn in turns:
                if turn.illegal is None:
                    assert turn.move is not None
                    assert len(turn.legal) > 0


def test_a_penalty_is_paid_in_the_turn_that_earned_it():
    class Wrong(Spelling):
        def _say(self, turn):
            said = super()._say(turn)
            return dataclasses.replace(said, text="no move")

    for trajectory in trajectories("KuhnPoker-v0", [Wrong(), "random"], n=4, illegal="penalty:0.5"):
        if trajectory.player == "spelling":
            assert all(turn.illegal for turn in trajectory.turns)
            assert all(turn.reward == -0.5 for turn in trajectory.turns[:-1])


def test_seats_say_who_sat_there_with_which_weights():
    for trajectory in trajectories(players=[Spelling(3), "random"]):
        if trajectory.player == "random":
            assert (trajectory.trainable, trajectory.version_start) == (False, None)
            assert trajectory.rows() == []
            assert all(turn.tokens is None for turn in trajectory.turns)
        else:
            assert trajectory.trainable
            assert (trajectory.version_start, trajectory.version_end) == (3, 3)
        assert trajectory.agent == f"player_{trajectory.seat}"
        assert trajectory.role == "player"


def test_turns_become_one_row_where_each_prompt_begins_with_what_came_before():
    for trajectory in trajectories():
        (row,) = trajectory.rows()
        assert row.rewards == [turn.reward for turn in trajectory.turns]
        text = "".join(map(chr, row.ids))
        place = 0
        for turn, (start, end) in zip(trajectory.turns, row.spans, strict=True):
            tokens = turn.tokens
            assert tuple(row.ids[:start]) == tokens.prompt
            assert text[start:end] == turn.text
            assert not any(row.mask[place:start])
            assert all(row.mask[start:end])
            assert tuple(row.logprobs[start:end]) == tokens.logprobs
            place = end
        assert row.prompt == len(trajectory.turns[0].tokens.prompt)
        assert place == len(row.ids) == len(row.mask) == len(row.logprobs)


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": (1, 2, 9, 5)},
        {"prompt": (1, 2)},
        {"kind": "scored"},
        {"temperature": 0.5},
    ],
)
def test_anything_else_begins_a_new_row(change):
    first = Tokens((1, 2), (3,), (-1.0,))
    same = Tokens((1, 2, 3, 4), (5, 6), None, mask=(True, False))
    row = Row.of(first, 0.5)
    assert not row.continued(dataclasses.replace(same, **change), 1.0)
    assert row == Row.of(first, 0.5)
    assert row.continued(same, 1.0)
    assert row.ids == [1, 2, 3, 4, 5, 6]
    assert row.mask == [False, False, True, False, True, False]
    assert row.logprobs == [0, 0, -1.0, 0, 0, 0]
    assert (row.prompt, row.spans, row.rewards) == (2, [(2, 3), (4, 6)], [0.5, 1.0])


def test_a_row_says_what_each_choice_was_among():
    listed = ((7, 8, 9), (7, 5, 9), (4, 9))
    first = Tokens((1,), (7, 5, 9), (-1.0, -1.0, 0.0), "constrained", candidates=listed)
    cut = Tokens((1, 7, 5, 9, 2), (7,), (-1.0,), "constrained", finish="length", candidates=listed)
    row = Row.of(first, 0.0)
    assert row.continued(cut, 0.0)
    assert row.allowed() == [(), (4, 7), (5, 8), (9,), (), (4, 7)]
    assert Row.of(Tokens((1,), (2,)), 0.0).allowed() == [(), ()]
    for kind, reason in (("scored", "chosen as a whole"), ("constrained", "not listed")):
        with pytest.raises(ValueError, match=reason):
            Row.of(Tokens((1,), (2,), kind=kind), 0.0).allowed()


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="logprobs: 1 values for 2"):
        Tokens((1,), (2, 3), (-1.0,))


# -- files -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def some():
    """Two games, players with and without tokens, versions of both kinds, illegal turns."""
    games = ["TicTacToe-v0", ("KuhnPoker-v0", {"hands": 2})]
    found = trajectories(games, [Spelling(), Talker(0.3)], 8) + trajectories(n=2)
    assert any("\ud800" in (turn.text or "") for t in found for turn in t.turns)
    return [dataclasses.replace(t, turns=tuple(map(writable, t.turns))) for t in found]


def writable(turn):
    """A turn as files hold it: without lone surrogates."""
    text = turn.text and turn.text.replace("\ud800", "?")
    return dataclasses.replace(turn, text=text)


def test_json_lines_read_back(some, tmp_path):
    path = tmp_path / "some.jsonl"
    with path.open("w", encoding="ascii") as file:
        write_jsonl(some, file)
    assert list(read_jsonl(path)) == some
    with pytest.raises(ValueError, match="format is None"):
        from_dict({})


def test_parquet_reads_back_also_by_datasets(some, tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "some.parquet"
    write_parquet(iter(some), path, rows=3)
    assert list(read_parquet(path)) == some
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    table = datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path))
    assert table.num_rows == len(some)
    assert [from_dict(row) for row in table] == some


def test_columns_of_files_are_the_fields(some, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from arenas.rollout.trajectory_files import _schema

    schema = _schema(pyarrow)
    body = to_dict(some[0])
    assert schema.names == list(body)
    fields = [field.name for field in schema.field("turns").type.value_type]
    assert set(fields) == set(body["turns"][0])


def test_an_empty_file_has_the_same_columns(tmp_path):
    pytest.importorskip("pyarrow")
    write_parquet([], tmp_path / "none.parquet")
    assert list(read_parquet(tmp_path / "none.parquet")) == []


def test_json_lines_are_ascii(some):
    file = io.StringIO()
    write_jsonl(some, file)
    assert file.getvalue().isascii()


# -- trainers --------------------------------------------------------------------------------------


def test_only_trainable_seats_are_trained_on():
    for players in ([Spelling(), "random"], [Spelling(), Talker(0.1)]):
        found = trajectories(players=players)
        rows = training_rows(found)
        assert {trajectory.player for trajectory, _, _ in rows} == {"spelling"}
        assert sum(weight for _, _, weight in rows) == pytest.approx(len(found) / 2)


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
