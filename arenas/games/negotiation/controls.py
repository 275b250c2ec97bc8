"""What a person presses and types in a negotiation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arenas.core.controls import Button, Choice, Controls, Field, Form, Number, Text
from arenas.core.flat import Position
from arenas.core.game import IllegalMove
from arenas.core.talk import MAX_LINE, heard
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation import text as words

if TYPE_CHECKING:
    from arenas.games.negotiation.game import Negotiation

OFFER, ANSWER, SAY = "offer", "answer", "say"


def controls(game: Negotiation, state: Position, seat: int) -> Controls:
    """A slider a good, from giving all to asking for the most; buttons that accept and deny.

    With talk there is a line to say with an offer, and a form to answer with a line.
    """
    row = state.row
    held, values = (game.private(row, seat, which) for which in (flat.STOCK, flat.VALUE))
    answers = []
    if flat.may_accept(row):
        answers.append(("accept", "Accept", "a"))
    if flat.may_deny(row):
        answers.append(("deny", "Deny", "d"))
    sliders: list[Field] = [
        Number(
            f"good:{name}",
            name,
            -min(have, game.largest),
            game.largest,
            note=f"you have {have}, worth {value} each",
            below="give",
            above="ask",
        )
        for name, have, value in zip(game.goods, held, values, strict=True)
    ]
    line: list[Field] = [Text(SAY, "Say", MAX_LINE)] if game.talks else []
    forms = [Form(OFFER, (*sliders, *line), "Offer")]
    if game.talks and answers:
        options = tuple((reply, label) for reply, label, _ in answers)
        forms.append(Form(ANSWER, (Choice(ANSWER, "Answer", options, options[0][0]), *line)))
    buttons = tuple(Button(label, f"[{label}]", key) for _, label, key in answers)
    return Controls(buttons, tuple(forms))


def compose(game: Negotiation, form: str, values: Mapping[str, Any]) -> str:
    """The reply of a filled form, whose values are within their fields.

    Raises:
        IllegalMove: the offer does not give something and ask for something.
    """
    said = heard(values[SAY]) if game.talks else ""
    said = f" {said}" if said else ""
    if form == ANSWER:
        return f"[{values[ANSWER].title()}]{said}"
    amounts = [values[f"good:{name}"] for name in game.goods]
    if not min(amounts) < 0 < max(amounts):
        raise IllegalMove("an offer gives something and asks for something: move two sliders")
    return words.offer(amounts, game.goods) + said
