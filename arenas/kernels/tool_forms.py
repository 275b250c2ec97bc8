"""Tool calls as what a person presses and types: a button or a form for each tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arenas.core.controls import Button, Controls, Field, Form, Number, Text
from arenas.kernels.tool_calls import Argument, Toolbox


def tool_controls(box: Toolbox, fields: Mapping[tuple[str, str], Field]) -> Controls:
    """A button for each tool without arguments, a form for each other, named like the tool.

    Args:
        box: the tools.
        fields: fields by tool and argument that say more than the argument does: a list to choose
            from, what stands there at first. Each is named like its argument.
    """
    buttons, forms = [], []
    for tool in box.tools.values():
        if not tool.arguments:
            buttons.append(Button(tool.name, box.format({"tool": tool.name})))
            continue
        own = tuple(fields.get((tool.name, a.name)) or _field(a) for a in tool.arguments)
        forms.append(Form(tool.name, own, tool.name.capitalize()))
    return Controls(tuple(buttons), tuple(forms))


def tool_reply(box: Toolbox, form: str, values: Mapping[str, Any]) -> str:
    """The call that a filled form of `tool_controls` stands for."""
    return box.format({"tool": form, **values})


def _field(argument: Argument) -> Field:
    label = argument.name.capitalize()
    if argument.kind == "number":
        return Number(argument.name, label, 0, argument.limit, int(argument.sample or 0))
    return Text(argument.name, label, argument.limit, 1 if argument.limit <= 1_000 else 8)
