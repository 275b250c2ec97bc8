"""`arenas completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash, zsh: eval "$(arenas completion bash)"      in ~/.bashrc or ~/.zshrc
    fish:      arenas completion fish | source       in config.fish
    """  # noqa: D301 - click reads the escape itself
    from arenas.cli import app

    complete = get_completion_class(shell)
    assert complete is not None
    print(complete(app, {}, "arenas", "_ARENAS_COMPLETE").source())
