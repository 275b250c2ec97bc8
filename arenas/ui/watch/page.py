"""A match as one self-contained page: no server, no network, every step and every seat's view."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import arenas
from arenas.core.picture import png
from arenas.ui.watch.blocks import SIDE, Blocks
from arenas.ui.watch.replay import Act, Replay

MARK = "/*data*/null"
"""What the template has in place of the match."""


def page(replay: Replay, decode: Callable[[int], str] | None = None) -> str:
    """The page as HTML.

    Args:
        replay: the match.
        decode: the text of a token, where replies have tokens; without it their numbers are shown.

    Raises:
        ImportError: pygame, which draws the pictures, is not installed.
    """
    template = files("arenas.ui.watch").joinpath("page.html").read_text("utf-8")
    data = json.dumps(_data(replay, decode), separators=(",", ":"))
    # "</script>" in a reply would end the script; "<" is the same text within JSON.
    return template.replace(MARK, data.replace("<", "\\u003c"))


def _data(replay: Replay, decode: Callable[[int], str] | None) -> dict[str, Any]:
    record, spec = replay.record, replay.game.spec
    seats = range(spec.seats)
    blocks, texts = Blocks(), _Texts()
    films = [blocks.film(replay.pictures(seat)) for seat in replay.viewpoints]
    return {
        "title": replay.title,
        "record": {
            name: value
            for name, value in asdict(record).items()
            if name not in ("turns", "format", "evidence")
        },
        "evidence": json.dumps(record.evidence, indent=2, ensure_ascii=False),
        "agents": list(spec.agents),
        "roles": list(spec.roles),
        "players": [replay.player(seat) for seat in seats],
        "briefs": [texts.number(replay.game.brief(seat)) for seat in seats],
        "problems": list(replay.problems),
        "version": arenas.__version__,
        "viewpoints": [-1 if seat is None else seat for seat in replay.viewpoints],
        "films": films,
        "side": SIDE,
        "atlas": f"data:image/png;base64,{base64.b64encode(png(blocks.atlas())).decode()}",
        "steps": [
            {
                "acts": [_act(act, texts, decode) for act in step.acts],
                "told": [texts.number(text) for text in step.told],
                "shown": texts.number(step.shown),
                "totals": list(step.totals),
            }
            for step in replay.steps
        ],
        "texts": texts.texts,
    }


class _Texts:
    """Texts that come again and again, each kept once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return self._numbers[text]


def _act(act: Act, texts: _Texts, decode: Callable[[int], str] | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "seat": act.seat,
        "said": act.said,
        "prompt": texts.number(act.prompt),
        "illegal": act.illegal,
        "played": act.played,
    }
    if act.tokens is not None:
        chances = act.tokens.logprobs or (math.nan,) * len(act.tokens.completion)
        body["tokens"] = [
            [str(token) if decode is None else decode(token), None if math.isnan(p) else p]
            for token, p in zip(act.tokens.completion, chances, strict=True)
        ]
    return body
