"""GRPO by TRL: a tiny model plays Kuhn poker against itself and learns how moves are written."""

from __future__ import annotations

import os
import sys
import tempfile

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"  # `rollout_func` is experimental, as TRL warns.

import torch
from datasets import Dataset
from tiny import tiny_model, tiny_tokenizer
from trl import GRPOConfig, GRPOTrainer

from arenas.adapters.trl import SelfPlay, outcome

GAME = "KuhnPoker-v0"


def main(steps: int = 60, seed: int = 0) -> list[float]:
    """Trains, and returns the share of illegal replies at each step."""
    torch.set_num_threads(1)
    tokenizer = tiny_tokenizer(GAME)
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            tiny_model(tokenizer, seed),
            reward_funcs=outcome,
            # An illegal reply costs 2 chips, and a random legal move is played in its place.
            rollout_func=SelfPlay(GAME, history=False, illegal="penalty:2", seed=seed),
            # What the prompts say is not read; there are as many rows as prompts.
            train_dataset=Dataset.from_list([{"prompt": GAME}] * 64),
            processing_class=tokenizer,
            args=GRPOConfig(
                output_dir=folder,
                max_steps=steps,
                per_device_train_batch_size=128,
                num_generations=16,
                max_completion_length=4,
                learning_rate=1e-3,
                lr_scheduler_type="constant",
                logging_steps=1,
                seed=seed,
                use_cpu=True,
                bf16=False,
                report_to=[],
                save_strategy="no",
            ),
        )
        trainer.train()
    return [each["illegal"] for each in trainer.state.log_history if "illegal" in each]


if __name__ == "__main__":
    illegal = main(*map(int, sys.argv[1:]))
    print(f"illegal replies: {illegal[0]:.0%} at first, {illegal[-1]:.0%} at last")
