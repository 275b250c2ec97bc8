"""A learner that knows nothing of this package plays Kuhn poker over OpenEnv's protocol.

    python examples/openenv_learner.py

A server (a thread here, any machine in earnest) deals and sits a random player opposite. The
learner keeps the mean reward of every reply at every prompt. Best play earns 0.458 chips a hand.
"""

import argparse
import random
import socket
import threading
from collections import defaultdict

import uvicorn
from openenv import GenericEnvClient

from arenas.adapters.openenv import app


def serve() -> str:
    """Serves on a free port of this machine; the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app("KuhnPoker-v0", opponent="random"), log_level="warning")
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([listening],), daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def main() -> None:
    """Learns, exploring less and less, and prints the mean reward of each fifth of the matches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matches", type=int, default=5_000)
    matches, rng = parser.parse_args().matches, random.Random(0)
    value: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])  # mean, count
    earned = []
    with GenericEnvClient(base_url=serve()).sync() as env:
        for match in range(matches):
            result, taken, paid = env.reset(seed=match, seat=match % 2), [], 0.0
            while not result.done:
                text, legal = result.observation["text"], result.observation["legal"]
                reply = max(legal, key=lambda each: value[text, each][0])
                if rng.random() > match / matches:
                    reply = rng.choice(legal)
                taken.append((text, reply))
                result = env.step({"text": reply})
                paid += result.reward
            for each in taken:
                mean, count = value[each]
                value[each] = [mean + (paid - mean) / (count + 1), count + 1]
            earned.append(paid)
            if (match + 1) % (matches // 5) == 0:
                last = earned[-(matches // 5) :]
                print(f"{match + 1:6} matches  mean reward {sum(last) / len(last):+.3f}")


if __name__ == "__main__":
    main()
