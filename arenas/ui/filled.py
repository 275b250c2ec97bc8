"""Whether the values of a filled form are what its fields take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arenas.core.controls import Choice, Form, Number, Text
from arenas.core.game import IllegalMove


def filled(form: Form, values: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every field of a form: those given, and the start of the others.

    Raises:
        IllegalMove: a name or value is none of the form's; `str()` of it says which.
    """
    fields = {field.name: field for field in form.fields}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise IllegalMove(f"the form has no {unknown[0]!r}")
    found: dict[str, Any] = {name: field.start for name, field in fields.items()}
    found.update(values)
    for name, field in fields.items():
        value = found[name]
        if isinstance(field, Number):
            if type(value) is not int or not field.low <= value <= field.high:
                raise IllegalMove(f"{field.label}: a whole number, {field.low} to {field.high}")
        elif not isinstance(value, str):
            raise IllegalMove(f"{field.label}: words")
        elif isinstance(field, Choice):
            if value not in dict(field.options):
                labels = ", ".join(label for _, label in field.options)
                raise IllegalMove(f"{field.label}: one of {labels}")
        elif isinstance(field, Text) and len(value) > field.max_chars:
            raise IllegalMove(f"{field.label}: at most {field.max_chars} characters")
    return found
