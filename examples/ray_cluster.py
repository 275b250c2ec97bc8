"""A language model on OpenAI-compatible servers against a scripted player, in processes of Ray.

Start the servers first, one a GPU or more, for example

    vllm serve Qwen/Qwen3-0.6B --host 127.0.0.1 --port 8001

then, on this machine or on any node of a cluster that Ray runs on (docs/cluster.md):

    python examples/ray_cluster.py --servers http://127.0.0.1:8001/v1 --model Qwen/Qwen3-0.6B

Deals are shared among the servers. Without servers the scripted player has the model's seat.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean

import arenas
from arenas.core.record import write_records


def main() -> None:
    """Plays, writes the records, and prints what each player earned."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", nargs="*", default=[])
    parser.add_argument("--model", default="")
    parser.add_argument("--settings", default="max_tokens=512", help="of the server player")
    parser.add_argument("--game", default="KuhnPoker-v0")
    parser.add_argument("--opponent", default="nash")
    parser.add_argument("--games", type=int, default=200)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--record", type=Path, default=Path("cluster.jsonl"))
    told = parser.parse_args()

    def players(game_id: str, group: int) -> list[str]:
        if not told.servers:
            return ["scripted", told.opponent]
        url = told.servers[group % len(told.servers)]
        return [f"server:{url}?model={told.model}&{told.settings}", told.opponent]

    records = arenas.play_matches(
        told.game, players, told.games, backend="ray", workers=told.workers
    )
    earned: dict[str, list[float]] = defaultdict(list)
    start = time.monotonic()
    with told.record.open("w") as file:
        for record in records:
            write_records([record], file)
            for player, reward in zip(record.seats, record.rewards, strict=True):
                earned[player].append(reward)
    print(f"{told.games} matches in {time.monotonic() - start:.1f} s, in {told.record}")
    for player, rewards in earned.items():
        print(f"{mean(rewards):+.3f}  {player}")


if __name__ == "__main__":
    main()
