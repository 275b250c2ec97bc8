"""How fast Negotiation is played: the compiled core, and the text view beside TextArena's game.

    pip install -e '.[bench]'
    python benchmarks/negotiation.py [--quick] [--json FILE]

Rates are moves a CPU second on one thread, resets paid. Passes go round the rows, so that drift
falls on all alike; rates are medians over passes, ratios are taken within a pass. The text rows
play the same replies: offers of one unit for one unit, which both libraries always take, an
acceptance in a quarter of the turns in which an offer of the other stands, and denials.
"""

from __future__ import annotations

import json
import random
import time
from importlib.metadata import PackageNotFoundError, version
from itertools import permutations
from statistics import median

import click

import arenas
from arenas.games.negotiation import rules as flat

GOODS = ("Wheat", "Wood", "Sheep", "Brick", "Ore")
OFFERS = [f"[Offer: 1 {give} -> 1 {ask}]" for give, ask in permutations(GOODS, 2)]
BATCH = 4_096
BARS = {"compiled loop": 1_000_000, "text / TextArena": 3}


def core(preset, loop):
    """Random structured moves in lockstep, drawn and played; a call a step or one loop."""
    env = arenas.make_vec("Negotiation-v0", BATCH, preset=preset)
    env.reset(seed=0)

    def play(seconds):
        moves, start = 0, time.process_time()
        while time.process_time() - start < seconds:
            if loop:
                env.play_randomly(20)
            else:
                for _ in range(20):
                    env.step(env.sample_actions())
            moves += 20 * BATCH
        return moves / (time.process_time() - start)

    play(0.01)  # Compiles.
    return play


def chosen(rng, theirs):
    """A reply; `theirs` says that an offer of the other stands."""
    luck = rng.random()
    if theirs and luck < 0.25:
        return "[Accept]"
    return "[Deny]" if luck < 0.4 else OFFERS[int(rng.random() * len(OFFERS))]


def ours():
    """The text view of the AEC environment in its documented loop, by TextArena's rules."""
    env = arenas.make("Negotiation-v0", view="text", rules="textarena-0.7.4")

    def play(seconds, rng=random.Random(0)):  # noqa: B008
        moves, start = 0, time.process_time()
        while time.process_time() - start < seconds:
            env.reset(seed=rng.getrandbits(40))
            for _ in env.agent_iter():
                observation, _, terminated, truncated, _ = env.last()
                if terminated or truncated:
                    env.step(None)
                    continue
                assert observation["text"]
                row = env.match.state.row
                env.step(chosen(rng, row[flat.OFFERER] not in (-1, row[flat.PLY] % 2)))
                moves += 1
            assert env.match.outcome.reason != "forfeit"
        return moves / (time.process_time() - start)

    return play


def textarenas(name):
    """TextArena's game in its documented loop, made anew for each match."""
    import textarena

    def play(seconds, rng=random.Random(0)):  # noqa: B008
        moves, start = 0, time.process_time()
        while time.process_time() - start < seconds:
            env = textarena.make(name)
            env.reset(num_players=2, seed=rng.getrandbits(30))
            done = False
            while not done:
                player, observation = env.get_observation()
                assert observation
                offer = env.state.game_state["current_offer"]
                done, _ = env.step(chosen(rng, bool(offer) and offer["from_player"] != player))
                moves += 1
            rewards, _ = env.close()
            assert sum(rewards.values()) == 0
        return moves / (time.process_time() - start)

    return play


@click.command()
@click.option("--quick", is_flag=True, help="Three short passes.")
@click.option("--json", "path", type=click.Path(), help="Keeps every pass.")
def main(quick, path):
    """Runs every row in turn and prints rates and ratios."""
    passes, seconds = (3, 0.5) if quick else (7, 2.0)
    rows = {
        "compiled loop, five goods": core("five", True),
        "compiled loop, two goods": core("two", True),
        "compiled loop, eight goods": core("eight", True),
        "a call a step, five goods": core("five", False),
        "text": ours(),
    }
    try:
        version("textarena")
        rows["TextArena"] = textarenas("SimpleNegotiation-v0")
        rows["TextArena, raw"] = textarenas("SimpleNegotiation-v0-raw")
    except PackageNotFoundError:
        print("TextArena is not installed: its rows are skipped")
    rates = {name: [] for name in rows}
    for number in range(passes + 1):
        order = list(rows) if number % 2 else list(reversed(rows))
        for name in order:
            rate = rows[name](seconds if number else 0.2)
            if number:  # The first pass warms up.
                rates[name].append(rate)
    print(
        f"{time.strftime('%Y-%m-%d %H:%M')}; median of {passes} passes of {seconds} CPU seconds\n"
    )
    print(f"{'row':28} moves a CPU second")
    for name, found in rates.items():
        print(f"{name:28} {median(found):18,.0f}")
    if "TextArena" in rates:
        print(f"\n{'ratio':44} median  least   most")
        pairs = [("text", "TextArena"), ("text", "TextArena, raw")]
        pairs += [(name, "TextArena") for name in rows if "goods" in name]
        for one, two in pairs:
            ratios = [a / b for a, b in zip(rates[one], rates[two], strict=True)]
            figures = " ".join(
                f"{each:6,.1f}" for each in (median(ratios), min(ratios), max(ratios))
            )
            print(f"{one + ' / ' + two:44} {figures}")
    print(f"\nbars: {BARS}")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(rates, file, indent=1)


if __name__ == "__main__":
    main()
