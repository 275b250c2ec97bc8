"""Settings of a run: fields of a dataclass that are checked, and options of its command."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import Any

import click

COUNT = click.IntRange(1)
SHARE = click.FloatRange(0, 1)
POSITIVE = click.FloatRange(0, min_open=True)
NOT_NEGATIVE = click.FloatRange(0)
SEED = click.IntRange(0, 2**31 - 1)


def setting(default: Any, kind: click.ParamType[Any] | type, help: str) -> Any:
    """A field of a dataclass of settings.

    Args:
        default: where nothing else is said.
        kind: what the command line takes.
        help: what `--help` says of it.
    """
    return field(default=default, metadata={"kind": kind, "help": help})


def check(config: Any) -> None:
    """Accepts settings that are finite and as their kinds say, silently.

    Args:
        config: whose kinds are click's.

    Raises:
        ValueError: a value is out of range; the message names it.
    """
    for each in fields(config):
        value = getattr(config, each.name)
        try:
            if isinstance(value, float) and not math.isfinite(value):
                raise click.BadParameter(f"{value} is not finite.")
            each.metadata["kind"].convert(value, None, None)
        except click.BadParameter as error:
            raise ValueError(f"{each.name}={value}: {error.message}") from None


def options(
    config: Any, elsewhere: Mapping[str, Mapping[str, Any]]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command an option for every setting, in their order; None where none was given.

    Args:
        config: the class of settings.
        elsewhere: other defaults, by what they are for.
    """

    def add(command: Callable[..., None]) -> Callable[..., None]:
        for each in reversed(fields(config)):
            flag = each.name.replace("_", "-")
            defaults = [str(each.default)]
            for what, others in elsewhere.items():
                if each.name in others:
                    defaults.append(f"{what}: {others[each.name]}")
            command = click.option(
                f"--{flag}/--no-{flag}" if isinstance(each.default, bool) else f"--{flag}",
                each.name,
                type=each.metadata["kind"],
                default=None,
                help=f"{each.metadata['help']}  [{'; '.join(defaults)}]",
            )(command)
        return command

    return add


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that were given on the command line."""
    return {name: value for name, value in options.items() if value is not None}
