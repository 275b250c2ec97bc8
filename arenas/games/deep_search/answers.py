"""When two answers are the same: one normal form for names, dates and numbers.

Exact match after normalising, as in SQuAD's scorer (lower case, no punctuation, no articles, single
spaces), with dates and numbers read as values first: "12 March 1843", "March 12, 1843", "12/3/1843"
is not read (nobody knows which is the month), "1843-03-12" is; "12,450" is 12450.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from arenas.games.deep_search.articles import MONTHS
from arenas.games.deep_search.reader import read_date

MAX_ANSWER_CHARS = 200

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_NUMBER = re.compile(r"([+-]?)0*(\d+)(?:\.(\d*?)0*)?")
_ISO = re.compile(r"(\d{1,4})-(\d{1,2})-(\d{1,2})")
_ORDINAL = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b", re.IGNORECASE)
_SHORT = {month[:3].lower(): month for month in MONTHS} | {m.lower(): m for m in MONTHS}


def normalise(answer: str) -> str:
    """The normal form of an answer: equal for answers that mean the same.

    Names: Unicode NFKC, lower case, accents kept, punctuation to spaces, articles dropped. Dates:
    `YYYY-MM-DD`. Numbers: plain digits, without grouping and without zeros that change nothing.
    """
    text = unicodedata.normalize("NFKC", answer).strip().strip(".!?\"'`*").strip()
    day = _read_day(text)
    if day is not None:
        return day
    bare = text.replace(",", "") if _GROUPED.fullmatch(text) else text
    number = _NUMBER.fullmatch(bare) if bare.isascii() else None
    if number is not None:
        sign, whole, fraction = number.groups()
        sign = "-" if sign == "-" and (whole.strip("0") or fraction) else ""
        return f"{sign}{whole}" + (f".{fraction}" if fraction else "")
    words = "".join(c if c.isalnum() else " " for c in text.casefold().replace("&", " and "))
    kept = " ".join(_ARTICLES.sub(" ", words).split())
    return kept or " ".join(words.split())


def _read_day(text: str) -> str | None:
    iso = _ISO.fullmatch(text)
    if iso is not None:
        year, month, day = map(int, iso.groups())
        return read_date(f"{day} {MONTHS[month - 1]} {year}") if 1 <= month <= 12 else None
    words = _ORDINAL.sub(r"\1", text).replace(",", " ").replace(" of ", " ").split()
    if len(words) != 3:
        return None
    words = [_SHORT.get(word.lower().rstrip("."), word) for word in words]
    if words[0] in MONTHS:
        return read_date(f"{words[0]} {words[1]}, {words[2]}")
    return read_date(" ".join(words))


def same(answer: str, accepted: Iterable[str]) -> bool:
    """Whether an answer is one of the accepted ones, by their normal forms."""
    if len(answer) > MAX_ANSWER_CHARS:
        return False
    given = normalise(answer)
    return bool(given) and any(given == normalise(each) for each in accepted)


def mentions(text: str, name: str) -> bool:
    """Whether a text names something: the words of its normal form stand in a row in the text."""
    words, wanted = f" {_plain(text)} ", f" {_plain(name)} "
    return bool(wanted.strip()) and wanted in words


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in folded).split())
