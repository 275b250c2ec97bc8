"""Chats made of records: what seats were told and answered, and whether TRL fine-tunes on it.

The last check runs where TRL is installed, and was run with the versions that
`test_conversions.py` names.
"""

from __future__ import annotations

import dataclasses
import json

import pytest
from cases import Talker
from spelling import Spelling

import arenas
from arenas.core.match import Match
from arenas.rollout.conversions import chat_conversations, chat_turns, won
from arenas.rollout.trajectories import play_trajectories


def records(game="KuhnPoker-v0", players=("nash", "random"), n=6, **kwargs):
    return list(arenas.play_matches(game, list(players), n, seed=4, **kwargs))


def everyone(record, seat):
    return True


def test_a_seat_wins_by_more_than_every_other():
    record = records(n=1)[0]
    for rewards, truncated, winners in [
        ([1.0, -1.0], False, [True, False]),
        ([0.0, 0.0], False, [False, False]),
        ([2.0, 2.0, -4.0], False, [False, False, False]),
        ([1.0, -1.0], True, [False, False]),
    ]:
        each = dataclasses.replace(record, rewards=rewards, truncated=truncated)
        assert [won(each, seat) for seat in range(len(rewards))] == winners


@pytest.mark.parametrize(
    ("game", "options", "players"),
    [
        ("KuhnPoker-v0", {"hands": 3}, ["nash", "random"]),
        ("TicTacToe-v0", {}, [Spelling(), "random"]),
        ("KuhnPoker-v0", {}, [Talker(0.3), Talker(0.3)]),
    ],
)
def test_chat_turns_are_what_seats_were_told_and_answered(game, options, players):
    played = records(game, players, 8, options=options)
    found = list(chat_turns(played, everyone))
    legal = [(r, turn) for r in played for turn in r.turns if "illegal" not in turn]
    assert len(found) == len(legal) > 0
    for example, (record, turn) in zip(found, legal, strict=True):
        roles = [message["role"] for message in example["prompt"]]
        assert (roles[0], roles[1], roles[-1]) == ("system", "user", "user")
        (reply,) = example["completion"]
        assert reply["role"] == "assistant"
        if "text" in turn:
            assert reply["content"] == turn["text"].replace("\ud800", "?")
        assert example["player"] == record.seats[turn["seat"]]
        assert (example["game"], example["seat"]) == (record.game, turn["seat"])
        assert example["reward"] == record.rewards[turn["seat"]]
    # A reader of the replies plays the same match.
    examples = iter(found)
    for record in played:
        rules = arenas.make_game(record.game, **record.options)
        match = Match(rules, record.seed, record.illegal, record.max_cycles)
        for turn in record.turns:
            if "illegal" in turn:
                match.reply(turn["seat"], turn["text"])
            else:
                match.reply(turn["seat"], next(examples)["completion"][0]["content"])
                assert match.log[-1].move == turn["move"]
        assert list(match.outcome.rewards) == record.rewards
    json.dumps(found, ensure_ascii=False).encode()


def test_chat_prompts_are_those_that_language_models_get():
    for played in play_trajectories("TicTacToe-v0", [Spelling(), Spelling()], 3):
        examples = iter(chat_turns([played.record], everyone))
        for turn in played.record.turns:
            example = next(examples)
            seat = played.seats[turn["seat"]]
            texts = ["You: " * (m["role"] == "assistant") + m["content"] for m in example["prompt"]]
            prompt = "\n\n".join([*texts, "You: "])
            assert tuple(map(ord, prompt)) in [t.tokens.prompt for t in seat.turns]


def test_reasoning_is_learned_from_turns_and_not_repeated_in_conversations():
    class Thinker(Spelling):
        def _say(self, turn):
            said = super()._say(turn)
            return dataclasses.replace(said, text=f"<think>hm</think>{said.text}")

    (record,) = records("TicTacToe-v0", [Thinker(), "random"], 1)
    turns = [e for e in chat_turns([record], everyone) if e["player"] == "spelling"]
    assert len(turns) > 1
    for example in turns:
        assert example["completion"][0]["content"].startswith("<think>hm</think>[")
        assert "hm</think>" not in str(example["prompt"])
    conversations = list(chat_conversations([record], everyone))
    assert [e["seat"] for e in conversations] == [0, 1]
    assert "hm</think>" not in str(conversations)
    last = turns[-1]
    seat = conversations[last["seat"]]["messages"]
    assert seat[:-1] == last["prompt"]
    assert seat[-1]["content"] == last["completion"][0]["content"].split("</think>")[1]


def test_chats_are_of_chosen_seats_and_conversations_of_legal_ones():
    played = records(n=12)
    for convert in (chat_turns, chat_conversations):
        found = list(convert(played))
        assert found
        assert all(example["reward"] > 0 for example in found)
        nash = list(convert(played, lambda record, seat: record.seats[seat] == "nash"))
        assert {example["player"] for example in nash} == {"nash"}
        assert list(convert(played, lambda record, seat: False)) == []
    for record in records(players=[Talker(0.3), Talker(0.3)], n=12, illegal="random-legal"):
        seats = [e["seat"] for e in chat_conversations([record], everyone)]
        moved = {turn["seat"] for turn in record.turns}
        assert seats == [s for s in sorted(moved) if not record.illegal_moves[s]]


def test_chats_come_of_records_that_stand_up_to_a_replay():
    record = dataclasses.replace(records(n=1)[0], rewards=[9.0, -9.0])
    with pytest.raises(ValueError, match="not what was played: rewards"):
        list(chat_turns([record]))


# A trainer's modules may warn of what they themselves depend on.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow  # Steps of a real trainer, which loads for seconds.
@pytest.mark.parametrize("convert", [chat_turns, chat_conversations])
def test_trl_fine_tunes_on_chats(tmp_path, convert):
    trl = pytest.importorskip("trl", exc_type=ImportError)
    datasets = pytest.importorskip("datasets", exc_type=ImportError)
    datasets.disable_progress_bars()
    from tiny_language import make_model, make_tokenizer

    model = make_model()
    before = [weights.detach().clone() for weights in model.parameters()]
    examples = list(convert(records(n=12)))
    trainer = trl.SFTTrainer(
        model,
        args=trl.SFTConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=4,
            max_steps=2,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
            learning_rate=1e-3,
            max_length=None,
        ),
        train_dataset=datasets.Dataset.from_list(examples),
        processing_class=make_tokenizer(),
    )
    for row, example in zip(trainer.train_dataset, examples, strict=True):
        labels = [i for i, label in enumerate(row.get("labels", row["input_ids"])) if label != -100]
        text = make_tokenizer().decode([row["input_ids"][i] for i in labels])
        if convert is chat_turns:
            assert text.strip().startswith(example["completion"][0]["content"])
            assert len(labels) < len(row["input_ids"])
        else:
            assert all(message["content"] in text for message in example["messages"])
    trainer.train()
    assert any((a != b).any() for a, b in zip(before, model.parameters(), strict=True))
