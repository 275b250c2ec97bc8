"""How fast Negotiation is played: the compiled core, and the text view beside TextArena's game.

    pip install -e '.[bench]'
    python benchmarks/negotiation.py [--quick] [--text] [--json FILE]

Rates are moves a CPU second on one thread, resets paid. Passes go round the rows, so that drift
falls on all alike; rates are medians over passes, ratios are taken within a pass.

The text rows do the same work for the same kind of replies, each in its library's documented loop:
start a match, put together the whole prompt of the player to move, hand in a reply in words, play
it, score the end. Replies are offers of one unit for one unit, which both libraries always take, an
acceptance in a quarter of the turns in which an offer of the other stands, and denials.

- "text in lockstep": our vector environment with `view="text"`, a reply in each of 1,024 matches;
- "text": our AEC environment, `last()` and `step()`, two dead steps a match included;
- "text, match": our engine beneath it, as `play_matches` drives it for players that read prompts;
- "talking": every reply has a spoken line that was never said before;
- "forgetful": what the game has learnt of spellings is thrown away after each match, so that nearly
  every move is read and worded anew;
- "raw": TextArena without its wrappers, which gives a list of what is new in the place of a prompt.
"""

from __future__ import annotations

import json
import random
import time
from importlib.metadata import PackageNotFoundError, version
from itertools import count, permutations
from statistics import median

import click

import arenas
from arenas.core.match import Match
from arenas.games.negotiation import rules as flat

GOODS = ("Wheat", "Wood", "Sheep", "Brick", "Ore")
OFFERS = [f"[Offer: 1 {give} -> 1 {ask}]" for give, ask in permutations(GOODS, 2)]
BATCH = 4_096
TEXT_BATCH = 1_024
BARS = {"compiled loop": 1_000_000, "text / TextArena": 3}
LINES = count()


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


def chosen(rng, theirs, talk):
    """A reply; `theirs` says that an offer of the other stands, `talk` asks for a line."""
    luck = rng.random()
    if theirs and luck < 0.25:
        reply = "[Accept]"
    else:
        reply = "[Deny]" if luck < 0.4 else OFFERS[int(rng.random() * len(OFFERS))]
    return f"{reply} For the {next(LINES)}th time: think of the winter." if talk else reply


def theirs_stands(row):
    """Whether an offer of the other stands."""
    return row[flat.OFFERER] not in (-1, row[flat.PLY] % 2)


def forget(game):
    """Throws away the spellings that a game has learnt."""
    game._commands.clear()
    for events in game._situation._events:
        events.clear()


def ours(talk=False, forgetful=False):
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
                env.step(chosen(rng, theirs_stands(env.match.state.row), talk))
                moves += 1
            assert env.match.outcome.reason != "forfeit"
            if forgetful:
                forget(env.game)
        return moves / (time.process_time() - start)

    return play


def lockstep(talk=False, batch=TEXT_BATCH):
    """The text view of the vector environment: a reply in every match a step."""
    env = arenas.make_vec("Negotiation-v0", batch, view="text", rules="textarena-0.7.4")
    prompts, info = env.reset(seed=0)
    offerers = [-1] * batch  # Whose offer stands, as the replies say.

    def play(seconds, rng=random.Random(0)):  # noqa: B008
        nonlocal prompts, info
        moves, start = 0, time.process_time()
        while time.process_time() - start < seconds:
            replies = []
            for game, (seat, prompt) in enumerate(zip(info["seat"].tolist(), prompts, strict=True)):
                assert prompt
                reply = chosen(rng, offerers[game] not in (-1, seat), talk)
                if not reply.startswith("[Deny]"):
                    offerers[game] = seat if reply.startswith("[Offer") else -1
                replies.append(reply)
            prompts, _, over, _, info = env.step(replies)
            assert not info["illegal_moves"].any()
            for game in over.nonzero()[0].tolist():
                offerers[game] = -1
            moves += batch
        return moves / (time.process_time() - start)

    return play


def matches():
    """The engine without an environment around it."""
    game = arenas.make_game("Negotiation-v0", rules="textarena-0.7.4")

    def play(seconds, rng=random.Random(0)):  # noqa: B008
        moves, start = 0, time.process_time()
        while time.process_time() - start < seconds:
            match = Match(game, rng.getrandbits(40), language=True)
            while match.awaited:
                (seat,) = match.awaited
                assert match.conversation.text(seat)
                match.reply(seat, chosen(rng, theirs_stands(match.state.row), False))
                moves += 1
            assert match.outcome.reason != "forfeit"
        return moves / (time.process_time() - start)

    return play


def textarenas(name, talk=False):
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
                done, _ = env.step(
                    chosen(rng, bool(offer) and offer["from_player"] != player, talk)
                )
                moves += 1
            rewards, _ = env.close()
            assert sum(rewards.values()) == 0
        return moves / (time.process_time() - start)

    return play


@click.command()
@click.option("--quick", is_flag=True, help="Three short passes.")
@click.option("--text", "only_text", is_flag=True, help="The rows of the text view alone.")
@click.option("--json", "path", type=click.Path(), help="Keeps every pass.")
def main(quick, only_text, path):
    """Runs every row in turn and prints rates and ratios."""
    passes, seconds = (3, 0.5) if quick else (7, 2.0)
    rows = {}
    if not only_text:
        rows |= {
            "compiled loop, five goods": core("five", True),
            "compiled loop, two goods": core("two", True),
            "compiled loop, eight goods": core("eight", True),
            "a call a step, five goods": core("five", False),
        }
    rows |= {
        "text in lockstep": lockstep(),
        "text in lockstep, talking": lockstep(talk=True),
        "text": ours(),
        "text, forgetful": ours(forgetful=True),
        "text, match": matches(),
        "text, talking": ours(talk=True),
    }
    try:
        version("textarena")
        rows["TextArena"] = textarenas("SimpleNegotiation-v0")
        rows["TextArena, talking"] = textarenas("SimpleNegotiation-v0", talk=True)
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
        pairs = [(name, "TextArena") for name in rows if "text" in name and "talking" not in name]
        talking = ("text in lockstep, talking", "text, talking")
        pairs += [(name, "TextArena, talking") for name in talking]
        pairs += [(name, "TextArena, raw") for name in ("text in lockstep", "text")]
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
