"""verifiers: a tiny model plays both seats of a game, behind a server of its own.

verifiers has environments and no trainer; the traces that this prints are what prime-rl trains on.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import verifiers.v1 as vf
from tiny import served, tiny_model, tiny_tokenizer
from verifiers.v1.utils.loaders import load_environment, resolve_env_config

GAME = "KuhnPoker-v0"


async def play(url: str, episodes: int, opponent: str = "") -> list[vf.Episode]:
    """Plays episodes against a server's model."""
    taskset = {"id": "arenas_verifiers", "game": GAME, "seed": 1}
    env = load_environment(resolve_env_config({"taskset": taskset, "opponent": opponent}))
    context = vf.ModelContext(
        model="tiny",
        client=vf.EvalClientConfig(base_url=url),
        sampling=vf.SamplingConfig(temperature=1.0, max_tokens=8),
    )
    async with env.serving():
        tasks = env.taskset.take(episodes)
        return list(await asyncio.gather(*(env.run_episode(task, context) for task in tasks)))


def main(episodes: int = 20, opponent: str = "") -> list[vf.Episode]:
    """Starts the server and plays."""
    tokenizer = tiny_tokenizer(GAME)
    with served(tiny_model(tokenizer), tokenizer) as url:
        return asyncio.run(play(url, episodes, opponent))


if __name__ == "__main__":
    began = time.process_time()
    played = main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, *sys.argv[2:3])
    for episode in played[:5]:
        match = json.loads(episode.traces[0].info["match"])
        print(match["reason"], {each.agent.name: each.reward for each in episode.traces})
    seconds = (time.process_time() - began) / len(played)
    whole = sum(episode.ok for episode in played)
    print(f"{whole} of {len(played)} episodes, {seconds:.2f} s of CPU time each")
