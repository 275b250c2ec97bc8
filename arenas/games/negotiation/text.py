"""Moves of negotiation in words: one grammar, read, written, and exported for decoders.

A reply is `[Offer: 3 Wood, 2 Gold -> 5 Brick]`, `[Accept]` or `[Deny]`, with a spoken line after it
where the game talks. Goods stand in the game's order when written, in any order when read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

from arenas.core.language import strip_reasoning
from arenas.core.talk import ANY_LINE, MAX_LINE, heard

EXACT_GOODS = 5
"""With more goods the exported grammars let a good stand on both sides of an offer."""

_BOXED = re.compile(r"\\boxed\s*\{([^{}]*)\}")
_NAMED = r"(accept|deny)|offer\b\s*:?([^\[\]]*)"
_COMMAND = re.compile(rf"\[\s*(?:{_NAMED})\s*\]", re.IGNORECASE)
_MARKED = re.compile(r"\[([^\[\]]{0,40})\]")
_BARE = re.compile(rf"[\s\"'`*]*(?:{_NAMED}?)[\s\"'`*.!]*", re.IGNORECASE)
_ARROW = re.compile("->|→")
_UNITS = re.compile("[1-9][0-9]{0,8}")
_ITEM = re.compile(r"\s*(\d{1,9})\s+([a-z]+)\s*", re.IGNORECASE)


class Said(NamedTuple):
    """What a reply says: "offer", "accept" or "deny", amounts received by good, a spoken line."""

    kind: str
    amounts: tuple[int, ...] = ()
    line: str = ""


def read(text: str, goods: tuple[str, ...]) -> Said:
    """Reads a reply: private reasoning is cut, one move is named, the rest is the line.

    A move stands in square brackets or in a box, or is the whole reply; or the reply is a JSON
    object as `schema` describes it.

    Raises:
        ValueError: it names no move, or two different ones, or an offer that cannot be read; the
            message is written for whoever replied.
    """
    visible = strip_reasoning(text)
    if visible[:1] == "{":
        return _from_json(visible, goods)
    if "\\boxed" in visible:
        visible = _BOXED.sub(r"[\1]", visible)
    found = [_said(match[1], match[2], goods) for match in _COMMAND.finditer(visible)]
    if not found:
        bare = _BARE.fullmatch(visible)
        if bare is not None and visible.strip():
            return _said(bare[1], bare[2], goods)
        marked = _MARKED.search(visible)
        if marked is not None:
            raise ValueError(f"{marked[0]} is not a legal move now")
        raise ValueError("the reply names no move in [brackets]")
    if len(set(found)) > 1:
        raise ValueError("the reply names two moves; name one move")
    rest = _COMMAND.sub(" ", visible)
    return found[0]._replace(line=heard(rest.replace("[ ]", " ")))


def _said(word: str | None, offer: str | None, goods: tuple[str, ...]) -> Said:
    if word is not None:
        return Said(word.lower())
    return Said("offer", _amounts(offer or "", goods))


def _amounts(offer: str, goods: tuple[str, ...]) -> tuple[int, ...]:
    """Amounts received by good, of what stands inside the brackets of an offer."""
    sides, named = _ARROW.split(offer), _named(goods)
    if len(sides) != 2:
        raise ValueError("an offer is written [Offer: what you give -> what you ask for]")
    amounts = [0] * len(goods)
    for side, sign in zip(sides, (-1, 1), strict=True):
        for item in side.rstrip(" .!\"'`*").split(","):
            match = _ITEM.fullmatch(item)
            if match is None:
                raise ValueError(f"{item.strip()[:40]!r} is no number of units and a good")
            good = named.get(match[2].lower(), -1)
            if good < 0:
                known = ", ".join(goods)
                raise ValueError(f"there is no good {match[2][:40]!r}; the goods are {known}")
            if amounts[good] * sign < 0:
                raise ValueError(f"{goods[good]} stands on both sides of the offer")
            if int(match[1]) == 0:
                raise ValueError(f"0 {goods[good]}: leave out what is not traded")
            amounts[good] += sign * int(match[1])
    return tuple(amounts)


@lru_cache(maxsize=32)
def _named(goods: tuple[str, ...]) -> dict[str, int]:
    """The number of each good by its lower-case name, of one unit and of several."""
    singles = {good.lower(): number for number, good in enumerate(goods)}
    return {f"{name}s": number for name, number in singles.items()} | singles


def _from_json(text: str, goods: tuple[str, ...]) -> Said:
    try:
        reply = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the reply is not one JSON object: {error}") from None
    kind, line = reply.get("kind"), reply.get("say", "")
    fields = {"kind", "say", "give", "ask"} if kind == "offer" else {"kind", "say"}
    if kind not in ("offer", "accept", "deny") or set(reply) - fields or not isinstance(line, str):
        raise ValueError('a move is {"kind": "offer", "accept" or "deny", ...}; see the schema')
    if kind != "offer":
        return Said(kind, (), heard(line))
    sides = []
    for side in ("give", "ask"):
        units = reply.get(side)
        if not isinstance(units, dict) or any(type(n) is not int for n in units.values()):
            raise ValueError(f"{side} is an object of goods and whole numbers of units")
        sides.append(", ".join(f"{n} {good}" for good, n in units.items()))
    return Said("offer", _amounts(" -> ".join(sides), goods), heard(line))


def read_written(command: str, goods: tuple[str, ...]) -> Said | None:
    """Reads a move that is written as `offer` writes it, with nothing around the brackets.

    None if it is written in any other way, which may be a move nevertheless.
    """
    if command in ("[Accept]", "[Deny]"):
        return Said("accept" if command == "[Accept]" else "deny")
    if command[:8] != "[Offer: " or command[-1] != "]":
        return None
    given, _, asked = command[8:-1].partition(" -> ")
    amounts, places = [0] * len(goods), _places(goods)
    for side, sign in ((given, -1), (asked, 1)):
        last = -1
        for item in side.split(", "):
            units, _, name = item.partition(" ")
            good = places.get(name, -1)
            if good <= last or amounts[good] or not _UNITS.fullmatch(units):
                return None
            amounts[good], last = sign * int(units), good
    return Said("offer", tuple(amounts))


@lru_cache(maxsize=32)
def _places(goods: tuple[str, ...]) -> dict[str, int]:
    return {good: number for number, good in enumerate(goods)}


# -- writing ---------------------------------------------------------------------------------------


def bundle(units: Sequence[int], goods: Sequence[str]) -> str:
    """Units by good in words, those above zero: "3 Wood, 2 Gold"."""
    return ", ".join([f"{n} {good}" for n, good in zip(units, goods, strict=True) if n > 0])


def terms(amounts: Sequence[int], goods: Sequence[str]) -> tuple[str, str]:
    """What an offer gives and what it asks for, in words."""
    return bundle([-n for n in amounts], goods), bundle(amounts, goods)


def offer(amounts: Sequence[int], goods: Sequence[str]) -> str:
    """An offer as it is replied."""
    return f"[Offer: {' -> '.join(terms(amounts, goods))}]"


# -- for decoders ----------------------------------------------------------------------------------


def expression(
    kinds: Sequence[str], held: Sequence[int], largest: int, goods: Sequence[str], talks: bool
) -> str:
    """A regular expression of the replies of a turn, written in the game's order of goods.

    With at most `EXACT_GOODS` goods, each reply that matches is legal.

    Args:
        kinds: the legal kinds of move.
        held: units by good that an offer may give.
        largest: units of a good that an offer may ask for.
        goods: their names.
        talks: a line may follow.
    """
    words = [rf"\[{kind.title()}\]" for kind in kinds if kind != "offer"]
    if "offer" in kinds:
        words.append(rf"\[Offer: (?:{_exchanges(tuple(held), largest, tuple(goods))})\]")
    line = f"(?: {ANY_LINE})?" if talks else ""
    return f"(?:{'|'.join(words)}){line}"


@lru_cache(maxsize=256)
def _exchanges(held: tuple[int, ...], largest: int, goods: tuple[str, ...]) -> str:
    owned = [good for good, units in enumerate(held) if units > 0]
    ask = [f"{_up_to(largest)} {good}" for good in goods]
    give = {good: f"{_up_to(min(held[good], largest))} {goods[good]}" for good in owned}
    if len(goods) > EXACT_GOODS:
        return f"{_some([give[good] for good in owned])} -> {_some(ask)}"
    ways = []
    for count in range(1, len(goods)):
        for given in combinations(owned, count):
            asked = [ask[good] for good in range(len(goods)) if good not in given]
            ways.append(f"{', '.join(give[good] for good in given)} -> {_some(asked)}")
    return "|".join(ways)


def _some(items: Sequence[str]) -> str:
    """At least one of the items, in their order, with commas."""
    ways = []
    for first, item in enumerate(items):
        ways.append(item + "".join(f"(?:, {later})?" for later in items[first + 1 :]))
    return f"(?:{'|'.join(ways)})"


@lru_cache(maxsize=256)
def _up_to(most: int) -> str:
    """A regular expression of the numbers 1 to `most`."""
    digits, ways = str(most), []
    for length in range(1, len(digits)):
        ways.append("[1-9]" + "[0-9]" * (length - 1))
    # Of the same length: equal up to some digit and smaller there; or equal all along.
    for place, digit in enumerate(digits):
        lowest, highest = ("1" if place == 0 else "0"), chr(ord(digit) - 1)
        if highest >= lowest:
            rest = "[0-9]" * (len(digits) - place - 1)
            ways.append(f"{digits[:place]}[{lowest}-{highest}]{rest}")
    return f"(?:{'|'.join([*ways, digits])})"


def schema(
    kinds: Sequence[str], held: Sequence[int], largest: int, goods: Sequence[str], talks: bool
) -> dict[str, Any]:
    """The same as a JSON schema of `{"kind": ..., "give": {...}, "ask": {...}, "say": ...}`.

    It cannot say that no good stands on both sides; an offer in which one does is illegal.
    """
    say = {"say": {"type": "string", "maxLength": MAX_LINE}} if talks else {}

    def units(most: Sequence[int]) -> dict[str, Any]:
        pairs = [(good, n) for good, n in zip(goods, most, strict=True) if n > 0]
        return {
            "type": "object",
            "properties": {g: {"type": "integer", "minimum": 1, "maximum": n} for g, n in pairs},
            "minProperties": 1,
            "additionalProperties": False,
        }

    ways = []
    for kind in kinds:
        properties: dict[str, Any] = {"kind": {"const": kind}}
        if kind == "offer":
            properties["give"] = units([min(n, largest) for n in held])
            properties["ask"] = units([largest] * len(goods))
        required = list(properties)
        properties |= say
        ways.append(
            {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            }
        )
    return {"oneOf": ways}
