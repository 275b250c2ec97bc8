"""The words of the game: what a seat is told, and how its replies are read."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence

from arenas.core.language import strip_reasoning

NOBODY = "n/a"
UNREAD = -1
"""What a word names that names no player."""
MAX_CLUE_CHARS = 160

_MARKED = re.compile(r"\\boxed\s*\{([^{}]*)\}|\[([^\[\]]*)\]")
_BOXED = re.compile(r"\\boxed\s*\{([^{}]*)\}")
_ROLE = re.compile(
    r"\b(?:spy|spies|civilians?|undercover|impost[eo]rs?|infiltrators?|role|innocent)\b", re.I
)
_TRIM = " \t\r\n.,!;:'\"`*[]"
_VOTE = re.compile(r"(?:player[_ ]?)?(\d+)\Z", re.I)
_NOBODY = ("n/a", "na", "none", "nobody", "null")
_ENDINGS = ("ing", "ers", "ies", "ed", "er", "es", "ly", "s", "y", "e")


def marked(text: str) -> list[str]:
    """What stands in brackets or boxes in the visible part of a reply, or else all of that part."""
    visible = strip_reasoning(text)
    found = [(boxed or bracketed) for boxed, bracketed in _MARKED.findall(visible)]
    return [each.strip(_TRIM) for each in found or [visible]]


def boxed(text: str) -> list[str]:
    r"""What stands in `\boxed{...}` in the visible part of a reply."""
    return [each.strip() for each in _BOXED.findall(strip_reasoning(text))]


def read_vote(word: str) -> int | None:
    """A player's number, None for "n/a", or `UNREAD`."""
    bare = word.lower()
    if bare in _NOBODY:
        return None
    match = _VOTE.match(bare)
    return int(match[1]) if match and len(match[1]) < 4 else UNREAD


def clue_problem(text: str, own_word: str = "") -> str | None:
    """Why a sentence cannot be a clue; None if it can.

    Args:
        text: the sentence.
        own_word: in word games the speaker's word, which no clue may hold, nor anything of its
            stem.
    """
    if not text.strip():
        return "a clue is not empty"
    if len(text) > MAX_CLUE_CHARS:
        return f"a clue has at most {MAX_CLUE_CHARS} characters"
    if any(unicodedata.category(each)[0] == "C" for each in text):
        return "a clue is one line without control characters"
    if match := _ROLE.search(text):
        return f"a clue says nothing of roles, and this says {match[0]!r}"
    banned = {stem(each) for each in words_of(own_word)}
    if told := [word for word in words_of(text) if stem(word) in banned]:
        return f"a clue does not hold the word itself or its stem, and this holds {told[0]!r}"
    return None


def words_of(text: str) -> list[str]:
    """Its words in lower case."""
    return re.findall(r"[^\W\d_]+", text.lower())


def stem(word: str) -> str:
    """A word without its usual endings; short, so that related words meet rather than not."""
    for _ in range(2):
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                word = word[: -len(ending)]
                break
    # running, run
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def normal(text: str) -> str:
    """A sentence as it is compared with earlier ones."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def quoted(text: str) -> str:
    """What a player says, as a string on one line that cannot be mistaken for the game's words."""
    return json.dumps(text, ensure_ascii=False)


def listed(names: Sequence[str]) -> str:
    """Names as moves: "[player_1] [player_2] [n/a]"."""
    return " ".join(f"[{name}]" for name in names)


def letters(number: int) -> str:
    """A number in letters, for sentences that must differ."""
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 26)
        digits = chr(ord("a") + digit) + digits
    return digits
