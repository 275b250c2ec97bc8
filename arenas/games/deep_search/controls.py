"""What a person presses and types in deep search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arenas.core.controls import Choice, Controls, Field, Form, Text
from arenas.games.deep_search.numbered import legal_numbers
from arenas.games.deep_search.protocol import (
    MAX_FORMAL_CHARS,
    MAX_TEXT_CHARS,
)
from arenas.games.deep_search.text import move_in_words
from arenas.kernels.propose_solve import PROPOSER, TaskState
from arenas.kernels.tool_forms import tool_controls

if TYPE_CHECKING:
    from arenas.games.deep_search.game import DeepSearch

MOVE = "move"


def controls(game: DeepSearch, state: TaskState, seat: int) -> Controls:
    """A search box, documents to open, and a question or an answer; or the numbered moves."""
    if game.num_actions:
        options = tuple(
            (str(number), move_in_words(game, state, seat, number))
            for number in legal_numbers(game, state, seat)
        )
        field = Choice(MOVE, "Move", options, options[0][0])
        return Controls(forms=(Form(MOVE, (field,), "Play"),))
    fields: dict[tuple[str, str], Field] = {
        ("question", "text"): Text("text", "Question", MAX_TEXT_CHARS, 3),
        ("question", "query"): Text("query", "Formal query (may be empty)", MAX_FORMAL_CHARS),
    }
    shown = dict.fromkeys(number for number, _ in game.shown_to(state, seat))
    if shown and (seat == PROPOSER or state.task is not None):
        # The last ones found come first.
        documents = [game.library.document(number) for number in reversed(shown)]
        pairs = tuple((each.id, f"{each.id}: {each.title}") for each in documents)
        fields["open", "document"] = Choice("document", "Document", pairs, pairs[0][0])
    return tool_controls(game.protocol(seat).box, fields)


def compose(
    game: DeepSearch, state: TaskState, seat: int, form: str, values: Mapping[str, Any]
) -> str:
    """The reply of a filled form, whose values are within their fields."""
    if form == MOVE:
        return f"[move {values[MOVE]}]"
    return game.protocol(seat).format({"tool": form, **values})
