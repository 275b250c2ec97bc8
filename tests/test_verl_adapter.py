"""The agent loop of verl, with verl's own classes and a random transformer as its server.

Run with verl 0.9.1. Its trainer needs CUDA and was never run.
"""

from __future__ import annotations

import asyncio

import pytest

import arenas
from arenas.core.match import Match

# A trainer's modules may warn of what they themselves depend on.
pytestmark = pytest.mark.filterwarnings("ignore")

pytest.importorskip("verl.experimental.agent_loop", exc_type=ImportError)
torch = pytest.importorskip("torch")

from hydra.utils import instantiate  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402
from tiny_language import make_model, make_tokenizer  # noqa: E402
from verl.experimental.agent_loop import agent_loop  # noqa: E402
from verl.workers.rollout.replica import TokenOutput  # noqa: E402

from arenas.adapters.verl import rows  # noqa: E402

TOKENIZER = make_tokenizer()


class Server:
    """Samples three tokens for whoever asks, or says one text; keeps what was asked and said."""

    def __init__(self, text=None):
        self.model, self.random = make_model(), torch.Generator().manual_seed(1)
        self.text, self.said = text, {}

    async def generate(self, request_id, prompt_ids, sampling_params):
        await asyncio.sleep(0)
        with torch.inference_mode():
            odds = self.model(torch.tensor([prompt_ids])).logits[0, -1].log_softmax(-1)
        tokens = torch.multinomial(odds.exp(), 3, generator=self.random).tolist()
        if self.text is not None:
            tokens = TOKENIZER.encode(self.text + "<|im_end|>", add_special_tokens=False)
        logprobs = [float(odds[token]) for token in tokens]
        self.said.setdefault(request_id, []).append((list(prompt_ids), tokens, logprobs))
        return TokenOutput(token_ids=tokens, log_probs=logprobs)


def run(server, row, response_length=4000):
    """As verl's worker makes and runs a loop."""

    async def play():
        config = {"prompt_length": 4000, "response_length": response_length}
        wrapped = OmegaConf.create({"actor_rollout_ref": {"rollout": config}})
        loop = instantiate(
            config=agent_loop._agent_loop_registry[row["agent_name"]],
            trainer_config=agent_loop.DictConfigWrap(config=wrapped),
            server_manager=server,
            tokenizer=TOKENIZER,
            processor=None,
            hf_model_type="llama",
            dataset_cls=None,
            data_config=agent_loop.DictConfigWrap(OmegaConf.create({})),
        )
        return await loop.run({"temperature": 1.0}, raw_prompt=row["prompt"], **row)

    return asyncio.run(play())


@pytest.mark.parametrize(
    ("game", "options"), [("KuhnPoker-v0", {"hands": 2}), ("TicTacToe-v0", {})]
)
def test_the_output_is_the_rows_seat_of_its_match(game, options):
    for number, row in enumerate(rows(game, 2, options=options, illegal="random-legal")):
        server = Server()
        output = run(server, row)
        seat = number % 2
        # Requests begin in the order in which seats are first asked.
        made = arenas.make_game(game, **options)
        match = Match(made, row["extra_info"]["seed"], "random-legal", language=True)
        said, order, waiting = {}, [], iter(server.said.values())
        while not match.over:
            (mover,) = match.awaited
            if mover not in said:
                order.append(mover)
                said[mover] = iter(next(waiting))
            match.reply(mover, TOKENIZER.decode(next(said[mover])[1], skip_special_tokens=True))
        assert output.reward_score == match.outcome.rewards[seat]
        assert output.extra_fields["illegal_moves"] == match.illegal_moves[seat]
        turns = list(server.said.values())[order.index(seat)]
        sampled = [token for _, tokens, _ in turns for token in tokens]
        logprobs = [each for _, _, given in turns for each in given]
        own = [at for at, mask in enumerate(output.response_mask) if mask]
        assert [output.response_ids[at] for at in own] == sampled
        assert [output.response_logprobs[at] for at in own] == logprobs
        assert output.prompt_ids == turns[0][0]
        whole = output.prompt_ids + output.response_ids
        for prompt, tokens, _ in turns:
            assert whole[: len(prompt) + len(tokens)] == prompt + tokens
        assert output.as_dict()["response_mask"].sum() == len(sampled)


def test_a_seat_that_is_never_asked_is_masked_and_paid():
    first, second = rows("KuhnPoker-v0", 1, illegal="retry:0")
    assert run(Server("none"), first).reward_score == -2.0
    output = run(Server("none"), second)
    assert output.reward_score == 2.0
    assert (output.response_mask, output.response_logprobs) == ([0], [0.0])
    assert len(output.response_ids) == 1


def test_against_a_player_of_ours_only_the_rows_seat_asks():
    for row in rows("KuhnPoker-v0", 2, opponent="nash"):
        server = Server("[bet]")
        run(server, row)
        assert len(server.said) <= 1


def test_a_seat_whose_response_is_full_says_nothing_more():
    row = rows("TicTacToe-v0", 1, illegal="random-legal")[0]
    server = Server()
    output = run(server, row, response_length=8)
    assert len(output.response_ids) == len(output.response_mask) == 8
    longest = max(len(turns) for turns in server.said.values())
    assert longest == 2


def test_rows_name_each_seat_of_each_deal():
    found = rows("KuhnPoker-v0", 3, options={"players": 3})
    assert [row["extra_info"]["seat"] for row in found] == [0, 1, 2] * 3
    assert len({row["extra_info"]["seed"] for row in found}) == 3
    assert {row["agent_name"] for row in found} == {"arenas"}
