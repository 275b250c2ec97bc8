"""The command: from the command line to the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import torch
from torch.utils.tensorboard import SummaryWriter
from transformers.utils import logging as transformers_logging

import arenas
from arenas.baselines.spiral.config import TINY, TINY_DEFAULTS, Config
from arenas.baselines.spiral.games import listed
from arenas.baselines.spiral.report import brief, draw, report
from arenas.baselines.spiral.training import Training
from arenas.registry import read_options
from arenas.training import commands, settings
from arenas.training.folder import write_config
from arenas.training.loop import interruptible, iterations
from arenas.training.progress import shown


def train(training: Training, time_limit: float | None = None) -> bool:
    """Runs to the end, to the time limit, or to Ctrl-C, and writes a checkpoint there.

    It stops between two iterations.

    Returns:
        Whether Ctrl-C stopped it.
    """
    config, out = training.config, training.out
    known: list[str] = []
    with (
        SummaryWriter(str(out / "tensorboard"), purge_step=training.iteration + 1) as writer,
        interruptible() as interrupted,
        shown("", config.iterations, training.iteration, counted=True) as progress,
    ):
        for rows in iterations(training, time_limit, interrupted):
            for alarm in training.alarms:
                if alarm not in known:
                    progress.console.print(
                        f"iteration {training.iteration}: {alarm}", style="yellow"
                    )
            known = training.alarms
            for row in rows:
                for name, figure in row.items():
                    writer.add_scalar(name, figure, training.iteration)
                # Before the checkpoint: events after it are purged, not made up for.
                writer.flush()
                progress.update(training.iteration, brief(row), f"{training.so_far}: {brief(row)}")
            progress.update(training.iteration)
    # Once more for a run that was killed between its last checkpoint and these.
    training.export()
    if training.curve:
        draw(training.curve, out / "curve.png", ", ".join(training.games))
    return interrupted() and not training.over


def options(config: type[Config]) -> Callable[[Any], Any]:
    """The arguments of a command that `run` takes, with an option for every setting."""

    def add(command: Any) -> Any:
        for argument in reversed([*_COMMON, settings.options(config, {"tiny": TINY_DEFAULTS})]):
            command = argument(command)
        return command

    return add


_COMMON = (
    click.argument("game_ids", metavar="GAME_ID...", nargs=-1, required=True),
    commands.folder("runs/GAME-ALGORITHM-SEED"),
    commands.resume,
    click.option("--time-limit", type=float, help="Stop after so many seconds, ready to go on."),
    commands.threads,
    click.option(
        "--option",
        "-o",
        multiple=True,
        metavar="NAME=VALUE",
        help="An option of the game, where there is one; repeatable.",
    ),
)


def run(
    kind: type[Training],
    settings_of: type[Config],
    algorithm: str,
    *,
    game_ids: tuple[str, ...],
    out: Path | None,
    resume: bool,
    time_limit: float | None,
    threads: int,
    option: tuple[str, ...],
    **given: Any,
) -> None:
    """Trains as the arguments of `options` say, and prints the report.

    Args:
        kind: what trains.
        settings_of: the class of its settings.
        algorithm: its name, for the folder of the run.
        game_ids, out, resume, time_limit, threads, option, given: of the command line.

    Raises:
        click.ClickException: an argument is wrong, or there is no such model.
    """
    torch.set_num_threads(threads)
    # Each checkpoint would show a bar of its own.
    transformers_logging.disable_progress_bar()
    with commands.one_line_errors():
        options = read_options(option)
        if options and len(game_ids) > 1:
            raise ValueError("--option is for one game")
        games = {
            arenas.registry.find(each).id: arenas.make_game(each, **options) for each in game_ids
        }
        chosen = settings.given(given)
        tiny = chosen.get("model", TINY) == TINY
        config = replace(settings_of(), **{**(TINY_DEFAULTS if tiny else {}), **chosen})
        short = "-".join(each.split("/")[-1] for each in games)
        out = out or Path("runs") / f"{short}-{algorithm}-{config.seed}"
        training = kind(games, config, out)
        commands.begin(
            training, resume, ["ends.csv", "pool.json"], ["pool", "tensorboard", "model"]
        )
        write_config({"games": dict(listed(games)), **asdict(config)}, out)
        interrupted = train(training, time_limit)
    commands.end(training, interrupted, report)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@options(Config)
def command(**arguments: Any) -> None:
    """Train a language model by self-play, in one game or several (SPIRAL).

    \b
    arenas train KuhnPoker-v0 --algo spiral --model tiny --seed 0
    arenas train KuhnPoker-v0 --algo spiral --advantage none --out runs/one-baseline
    arenas train KuhnPoker-v0 TicTacToe-v0 --algo spiral --model Qwen/Qwen3-0.6B --lora 32 \\
        --device cuda --dtype bfloat16
    tensorboard --logdir runs

    The folder gets model/ (a player: language:runs/kuhn/model), curve.csv, curve.png, ends.csv (how
    training matches ended), config.json, TensorBoard events, checkpoint.pt, and the pool where it
    is used. Ctrl-C saves; the same command goes on from there, to the same figures as if it had
    never stopped.
    """  # noqa: D301 - click reads the escape itself
    run(Training, Config, "spiral", **arguments)
