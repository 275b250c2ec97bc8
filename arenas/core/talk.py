"""What a seat says aloud: cleaned to one line when it is read, quoted when it is repeated.

A game message never stands inside quotation marks and a line never ends one, so whoever writes
something that looks like a game message writes it inside a quotation.
"""

from __future__ import annotations

import json
import re
import unicodedata

MAX_LINE = 280
"""Characters of a line that are heard."""

ANY_LINE = rf"[^\[\]{{}}<>\x00-\x1f\x7f]{{1,{MAX_LINE}}}"
"""A regular expression that every line matches. What else matches it is read as a line, too."""

_BRACKETS = str.maketrans("[]{}<>", "()()‹›")  # noqa: RUF001
_SPACES = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
_PLAIN = re.compile(r"[ !-;=?-Z\\^-z|~]*")
_ENCODER = json.JSONEncoder(ensure_ascii=False)


def heard(text: str) -> str:
    """The line that is heard of what was said.

    Controls, format characters, halves of surrogate pairs and line separators count as spaces, and
    spaces in a row as one. Square and curly brackets become round ones and `<>` quotation marks, so
    that a line holds no move and no tag. Nothing is heard beyond `MAX_LINE` characters.
    """
    if not _PLAIN.fullmatch(text):
        text = text.translate(_BRACKETS)
        text = "".join(" " if unicodedata.category(c) in _SPACES else c for c in text)
    return " ".join(text.split())[:MAX_LINE].rstrip()


def stands(said: str) -> bool:
    """Whether what follows a move, a space and some characters, is heard as it is written.

    False says nothing: `heard` tells. True also says that there is no bracket and no tag in it.
    """
    return (
        said[0] == " "
        and said[-1] != " "
        and "  " not in said
        and len(said) <= MAX_LINE + 1
        and _PLAIN.fullmatch(said) is not None
    )


def quoted(line: str) -> str:
    """A line in quotation marks; the marks inside are escaped."""
    return _ENCODER.encode(line)
