"""Offline learning: matches of the Nash player become a Minari dataset, and a clone learns from it.

    python examples/minari_clone.py

The clone counts what was played where. Its NashConv, what perfect opponents could gain, falls from
that of a uniform player (0.917) towards 0 as the dataset grows.
"""

import argparse
from collections import defaultdict

import minari
import numpy as np

import arenas
from arenas.adapters.minari import write_minari
from arenas.core.policy import StochasticPolicy
from arenas.rating.exploitability import nash_conv


class Clone(StochasticPolicy):
    """Plays each move as often as the dataset does where the same is seen."""

    name = "clone"

    def __init__(self, dataset: minari.MinariDataset) -> None:
        self.counts: dict[bytes, np.ndarray] = defaultdict(lambda: np.zeros(2))
        for episode in dataset.iterate_episodes():
            seen = episode.observations["observation"]
            for view, action in zip(seen, episode.actions, strict=False):
                self.counts[view.tobytes()][action] += 1

    def distribution(self, turn):
        """The frequencies, or a uniform choice where nothing was seen."""
        counts = self.counts[turn.view.tobytes()]
        return (counts if counts.any() else turn.mask) / (counts.sum() or turn.mask.sum())


def main() -> None:
    """Plays, writes the dataset, learns, and measures the clone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, nargs="*", default=[30, 300, 3_000])
    game = arenas.make_game("KuhnPoker-v0")
    for games in parser.parse_args().games:
        dataset_id = f"kuhn/nash-{games}-v0"
        if dataset_id in minari.list_local_datasets():
            minari.delete_dataset(dataset_id)
        write_minari(arenas.play_matches("KuhnPoker-v0", ["nash", "nash"], games), dataset_id)
        clone = Clone(minari.load_dataset(dataset_id))
        print(f"{games:6} matches  NashConv {nash_conv(game, [clone, clone]).total:.3f}")


if __name__ == "__main__":
    main()
