"""The adapter of tinker-cookbook: its own rollouts and training data over matches of ours.

Run with tinker 0.38.0 and tinker-cookbook 0.6.1. Nothing here needs Tinker's service, and nothing
that needs it was run.
"""

from __future__ import annotations

import asyncio
import pickle
from collections import Counter
from pathlib import Path

import pytest

import arenas
from arenas.core.match import Match

# A trainer's modules may warn of what they themselves depend on.
pytestmark = pytest.mark.filterwarnings("ignore")

pytest.importorskip("tinker_cookbook", exc_type=ImportError)
torch = pytest.importorskip("torch")

from tinker_cookbook.completers import TokenCompleter, TokensWithLogprobs  # noqa: E402
from tinker_cookbook.renderers import get_renderer  # noqa: E402
from tinker_cookbook.rl.data_processing import (  # noqa: E402
    assemble_training_data,
    compute_advantages,
)
from tinker_cookbook.rl.rollouts import do_group_rollout  # noqa: E402
from tinker_cookbook.tokenizer_utils import get_tokenizer  # noqa: E402
from tiny_language import make_model, make_tokenizer  # noqa: E402

from arenas.adapters.tinker import DealBuilder, DealDatasetBuilder, Table  # noqa: E402

EXAMPLES = Path(__file__).parent.parent / "examples"
TOKENIZER = make_tokenizer()
RENDERER = get_renderer("role_colon", TOKENIZER, model_name="tiny")


class Words(TokenCompleter):
    """Says one text whatever it is asked; keeps what it was sent and what it said."""

    def __init__(self, text):
        self.ids = TOKENIZER.encode(text, add_special_tokens=False)
        self.asked = []

    async def __call__(self, model_input, stop, *, max_tokens=None):
        self.asked.append(model_input.to_ints())
        return TokensWithLogprobs(tokens=self.ids, maybe_logprobs=[-0.5] * len(self.ids))


class Sampled(TokenCompleter):
    """Samples a few tokens from a random transformer, in its own time."""

    def __init__(self):
        self.model, self.random = make_model(), torch.Generator().manual_seed(1)
        self.said = []

    async def __call__(self, model_input, stop, *, max_tokens=None):
        await asyncio.sleep(0)
        prompt = model_input.to_ints()
        with torch.inference_mode():
            odds = self.model(torch.tensor([prompt])).logits[0, -1].log_softmax(-1)
        tokens = torch.multinomial(odds.exp(), 3, generator=self.random).tolist()
        self.said.append((prompt, tokens))
        return TokensWithLogprobs(tokens=tokens, maybe_logprobs=[float(odds[t]) for t in tokens])


def rollout(completer=None, game="KuhnPoker-v0", **options):
    options.setdefault("illegal", "random-legal")
    deal = DealBuilder(game, RENDERER, **options)
    return asyncio.run(do_group_rollout(deal, completer or Sampled()))


@pytest.mark.parametrize(
    ("game", "options"),
    [
        ("KuhnPoker-v0", {}),
        ("KuhnPoker-v0", {"players": 3, "hands": 2}),
        ("TicTacToe-v0", {}),
        ("Negotiation-v0", {}),
        ("Overcooked-v0", {"horizon": 3}),
    ],
)
def test_returns_are_what_seats_earned(game, options):
    group = rollout(game=game, options=options, seed=4)
    made = arenas.make_game(game, **options)
    # The same replies of each seat make the same match.
    match = Match(made, 4, "random-legal", language=True)
    said = {seat: iter(each.transitions) for seat, each in enumerate(group.trajectories_G)}
    while not match.over:
        for seat in match.awaited:
            message, _ = RENDERER.parse_response(next(said[seat]).ac.tokens)
            match.reply(seat, message["content"])
    assert group.get_total_rewards() == pytest.approx(list(match.outcome.rewards))
    told = [metrics[f"player_{seat}/outcome"] for seat, metrics in enumerate(group.metrics_G)]
    assert group.get_total_rewards() == told
    assert all(each.stop_reason == "completed" for each in group.trajectories_G)


def test_ids_are_those_that_were_sent_and_sampled():
    completer = Sampled()
    group = rollout(completer, "TicTacToe-v0")
    sent = Counter((tuple(prompt), tuple(tokens)) for prompt, tokens in completer.said)
    taken = Counter(
        (tuple(t.ob.to_ints()), tuple(t.ac.tokens))
        for each in group.trajectories_G
        for t in each.transitions
    )
    assert sent == taken
    data, _ = assemble_training_data([group], compute_advantages([group]))
    trained = sum(int(datum.loss_fn_inputs["mask"].to_torch().sum()) for datum in data)
    assert trained == 3 * len(completer.said)
    for datum in data:
        given = {name: each.to_torch() for name, each in datum.loss_fn_inputs.items()}
        assert (given["logprobs"][given["mask"] == 0] == 0).all()
        assert len(datum.model_input.to_ints()) == len(given["target_tokens"])


def test_a_seat_that_is_never_asked_is_paid_and_has_no_data():
    group = rollout(Words("nothing"), illegal="retry:0")
    assert group.get_total_rewards() == [-2.0, 2.0]
    turns = [sum(bool(t.ac.tokens) for t in each.transitions) for each in group.trajectories_G]
    assert turns == [1, 0]
    data, _ = assemble_training_data([group], compute_advantages([group]))
    assert len(data) == 1


def test_a_seat_is_told_why_a_reply_was_illegal():
    completer = Words("nothing")
    rollout(completer, illegal="retry:1")
    first, second = map(TOKENIZER.decode, completer.asked)
    assert "Illegal move" not in first
    assert "Illegal move" in second


def test_by_seat_compares_each_seat_with_itself():
    group = rollout(repeats=6, by_seat=True, seed=2)
    outcomes = [[m[f"player_{s}/outcome"] for m in group.metrics_G[s::2]] for s in (0, 1)]
    means = [sum(each) / 6 for each in outcomes]
    (advantages,) = compute_advantages([group])
    expected = [outcomes[n % 2][n // 2] - means[n % 2] for n in range(12)]
    assert advantages.tolist() == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ValueError, match="repeats of at least 2"):
        DealBuilder("KuhnPoker-v0", RENDERER, by_seat=True)


def test_players_of_ours_sit_in_the_other_seats():
    group = rollout(Words("[0]"), "TicTacToe-v0", seats=(1,), opponent="exact", repeats=3)
    assert len(group.trajectories_G) == 3
    assert all(each < 0 or each == 0 for each in group.get_total_rewards())
    solo = rollout(Words("[bet]"), seats=(0,), opponent="random", repeats=20)
    assert len(set(solo.get_total_rewards())) > 1  # The opponent draws anew in each match.


def test_a_seat_does_not_wait_for_ever():
    match = Match(arenas.make_game("KuhnPoker-v0"), 1, language=True)
    table = Table(match, {}, patience=0.05)
    with pytest.raises(TimeoutError):
        asyncio.run(table.turn(1))


def test_builders_can_be_pickled(tmp_path):
    TOKENIZER.save_pretrained(tmp_path)
    name = str(tmp_path)
    renderer = get_renderer("role_colon", get_tokenizer(name), model_name=name)
    deal = DealBuilder("KuhnPoker-v0", renderer, 3, {"players": 3}, repeats=2, illegal="retry:0")
    twin = pickle.loads(pickle.dumps(deal))
    first, second = (asyncio.run(do_group_rollout(each, Words("[bet]"))) for each in (deal, twin))
    assert first.get_total_rewards() == second.get_total_rewards()
    assert [t.ob.to_ints() for each in first.trajectories_G for t in each.transitions] == [
        t.ob.to_ints() for each in second.trajectories_G for t in each.transitions
    ]


def test_a_dataset_deals_anew_and_again_the_same(tmp_path):
    TOKENIZER.save_pretrained(tmp_path)
    builder = DealDatasetBuilder(
        model_name=str(tmp_path),
        renderer_name="role_colon",
        game="KuhnPoker-v0",
        seats=(0, 1),
        batch_size=3,
        batches=2,
        seed=5,
    )
    (first, _), (second, _) = asyncio.run(builder()), asyncio.run(builder())
    assert len(first) == 2
    deals = [deal for number in range(2) for deal in first.get_batch(number)]
    assert len({deal.seed for deal in deals}) == 6
    assert [deal.seats for deal in deals] == [(0,), (1,)] * 3
    again = [deal.seed for number in range(2) for deal in second.get_batch(number)]
    assert again == [deal.seed for deal in deals]


@pytest.mark.slow  # Trains for about 80 seconds of CPU time.
def test_the_example_halves_illegal_replies(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import tinker_local

    shares = tinker_local.main(30)
    assert sum(shares[:3]) / 3 > 0.8
    assert sum(shares[-3:]) / 3 <= sum(shares[:3]) / 6
