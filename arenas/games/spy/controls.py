"""What a person presses and types among spies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from arenas.core.controls import Button, Choice, Controls, Form, Text
from arenas.core.game import IllegalMove
from arenas.games.spy.text import MAX_CLUE_CHARS, NOBODY

if TYPE_CHECKING:
    from arenas.games.spy.game import Spy, SpyState

LISTED, SAID = "choose", "write"
"""Names of the forms: a clue of the vocabulary, and one in own words."""


def controls(game: Spy, state: SpyState, seat: int) -> Controls:
    """Clues to choose from and a line to write one; a button for each vote.

    Of a vocabulary those clues are listed that are true of what the seat sees and may be said now;
    whoever sees nothing has all that may be said. Others can be written.
    """
    if len(state.said) == game.rounds * game.players:
        names = game.vote_names(seat)
        keys = ["n" if name == NOBODY else name.rpartition("_")[2] for name in names]
        return Controls(
            tuple(Button(name, f"[{name}]", key) for name, key in zip(names, keys, strict=True))
        )
    own = Form(SAID, (Text(SAID, "Your clue in words", MAX_CLUE_CHARS),), "Say")
    if game.clues == "free":
        return Controls(forms=(own,))
    allowed, scene = np.zeros(game.world.num_clues, bool), game.sees(state, seat)
    allowed[list(game.legal(state, seat) or ())] = True
    if scene is not None:
        allowed &= game.world.truth(scene)
    clues = np.flatnonzero(allowed).tolist()
    if not clues:
        return Controls(forms=(own,))
    options = tuple((str(clue), game.world.say(clue)) for clue in clues)
    which = "A clue that is true of what you see" if scene is not None else "A clue"
    listed = Form(LISTED, (Choice(LISTED, which, options, options[0][0]),), "Say")
    return Controls(forms=(listed, own))


def compose(game: Spy, form: str, values: Mapping[str, Any]) -> str:
    """The reply of a filled form, whose values are within their fields.

    Raises:
        IllegalMove: the line holds brackets, which mark the clue in a reply, or nothing.
    """
    said = values[SAID].strip() if form == SAID else game.world.say(int(values[LISTED]))
    if not said or any(each in said for each in "[]{}"):
        raise IllegalMove("write a clue first, without brackets")
    return rf"\boxed{{{said}}}" if game.clues == "free" else f"[{said}]"
