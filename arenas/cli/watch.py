"""`arenas watch`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from arenas.cli.console import err, plain_errors, progress


@click.command("watch")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--match", "-m", "number", default=1, type=click.IntRange(1), help="Which line of FILE.  [1]"
)
@click.option("--html", type=click.Path(path_type=Path), help="Write one self-contained page.")
@click.option("--gif", type=click.Path(path_type=Path), help="Write a film.")
@click.option("--mp4", type=click.Path(path_type=Path), help="Write a film.")
@click.option("--seat", type=click.IntRange(0), help="Film what this seat sees.  [everything]")
@click.option("--fps", default=4.0, type=click.FloatRange(0.1, 60), help="Steps a second.  [4]")
@click.option(
    "--trajectories",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON Lines of trajectories: shades replies by the log-probabilities of their tokens.",
)
@click.option("--tokenizer", metavar="FOLDER", help="Of the model, to show tokens as text.")
def command(
    file: Path,
    number: int,
    html: Path | None,
    gif: Path | None,
    mp4: Path | None,
    seat: int | None,
    fps: float,
    trajectories: Path | None,
    tokenizer: str | None,
) -> None:
    """Replay a recorded match: step, jump, see what each seat saw, and whether it verifies.

    Without --html, --gif or --mp4 it opens in the terminal; into a pipe it prints the match.

    \b
    arenas match KuhnPoker-v0 --seats nash random --games 10 --record kuhn.jsonl
    arenas watch kuhn.jsonl
    arenas watch kuhn.jsonl --match 3 --html match.html
    arenas watch kitchen.jsonl --mp4 kitchen.mp4 --fps 10
    """  # noqa: D301 - click reads the escape itself
    with plain_errors():
        from arenas.rollout.trajectory_files import read_jsonl
        from arenas.ui.watch.replay import load

        told = () if trajectories is None else read_jsonl(trajectories)
        with err.status("playing the match again"):
            replay = load(file, number, told)
        if seat is not None and seat >= replay.game.spec.seats:
            raise ValueError(f"--seat {seat}: the seats are 0 to {replay.game.spec.seats - 1}")
        if html is not None:
            from arenas.ui.watch.page import page

            with err.status("drawing"):
                text = page(replay, _decoder(tokenizer))
            html.write_text(text, "utf-8")
        for path, ending in ((gif, ".gif"), (mp4, ".mp4")):
            if path is None:
                continue
            if path.suffix != ending:
                raise ValueError(f"--{ending[1:]} {path}: the name ends in {ending}")
            from arenas.ui.watch.film import film

            with progress("steps", len(replay.steps), False) as advance:
                film(replay.pictures(seat), path, fps, advance)
        if html is gif is mp4 is None:
            from arenas.ui.watch.terminal import Watch, transcript

            if sys.stdout.isatty():
                Watch(replay).run()
            else:
                print(transcript(replay))
        for problem in replay.problems:
            err.print(f"{file}:{number}: not verified: {problem}")


def _decoder(tokenizer: str | None) -> Callable[[int], str] | None:
    if tokenizer is None:
        return None
    from transformers import AutoTokenizer

    made: Any = AutoTokenizer.from_pretrained(tokenizer, local_files_only=True)
    return lambda token: str(made.decode([token]))
