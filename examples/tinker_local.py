"""tinker-cookbook: its rollouts and training data, with a tiny model on this machine for both.

With Tinker's service, `DealDatasetBuilder` is the `dataset_builder` of `tinker_cookbook.rl.train`.
"""

import asyncio

import torch
from tinker_cookbook.completers import TokenCompleter, TokensWithLogprobs
from tinker_cookbook.renderers import get_renderer
from tinker_cookbook.rl.data_processing import assemble_training_data, compute_advantages
from tinker_cookbook.rl.rollouts import do_group_rollout
from tiny import tiny_model, tiny_tokenizer

from arenas.adapters.tinker import DealBuilder, DealDataset


class Local(TokenCompleter):
    """Samples three tokens from a model at hand."""

    def __init__(self, model):
        self.model = model

    async def __call__(self, model_input, stop, *, max_tokens=None):
        ids, logprobs = model_input.to_ints(), []
        for _ in range(3):
            odds = self.model(torch.tensor([ids])).logits[0, -1].log_softmax(-1).detach()
            ids.append(int(torch.multinomial(odds.exp(), 1)))
            logprobs.append(float(odds[ids[-1]]))
        return TokensWithLogprobs(tokens=ids[-3:], maybe_logprobs=logprobs)


def main(batches: int = 30) -> list[float]:
    """Trains, and returns the share of illegal replies in each batch."""
    tokenizer = tiny_tokenizer("KuhnPoker-v0")
    model, shares = tiny_model(tokenizer), []
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    renderer = get_renderer("role_colon", tokenizer, model_name="tiny")
    deal = DealBuilder("KuhnPoker-v0", renderer, illegal="penalty:2", repeats=8, by_seat=True)
    dataset = DealDataset(deal, batch_size=8, batches=batches)
    for number, deals in enumerate(map(dataset.get_batch, range(len(dataset)))):
        groups = [asyncio.run(do_group_rollout(deal, Local(model))) for deal in deals]
        turns = [t for group in groups for each in group.trajectories_G for t in each.transitions]
        illegal = [turn.metrics["illegal"] for turn in turns if turn.ac.tokens]
        shares.append(sum(illegal) / len(illegal))
        print(f"batch {number}: {shares[-1]:.0%} of {len(illegal)} replies illegal", flush=True)
        for datum in assemble_training_data(groups, compute_advantages(groups))[0]:
            given = {name: data.to_torch() for name, data in datum.loss_fn_inputs.items()}
            logits = model(torch.tensor([datum.model_input.to_ints()])).logits[0]
            now = logits.log_softmax(-1).gather(-1, given["target_tokens"][:, None])[:, 0]
            gain = (now - given["logprobs"]).exp() * given["advantages"] * given["mask"]
            (-gain.sum() / len(turns)).backward()
        optimizer.step()
        optimizer.zero_grad()
    return shares


if __name__ == "__main__":
    main()
