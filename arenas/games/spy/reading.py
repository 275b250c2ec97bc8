"""From a free sentence about objects to the clue that it states, by rules alone.

A sentence is read only if every word of it is understood and it says exactly what one clue of the
vocabulary says. What is vaguer, stronger or compound ("a few red things", "two small red cubes",
"a cube and a sphere") is read as nothing: a wrong verdict on a player's words would be worse than
none. A bare number means exactly so many, `one of the objects` at least one, a definite article
the same as an indefinite one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from arenas.games.spy.objects import (
    ATTRIBUTES,
    COUNTS,
    FEWEST,
    HALVES,
    MOST,
    NUMBER,
    VALUES,
    Clue,
    Kind,
)

MAX_CHARS = 200


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SYNONYMS = {
    "small": "tiny little mini smallish",
    "large": "big huge larger largish giant",
    "rubber": "matte matt dull rubbery mat",
    "metal": "metallic shiny metallics steel shining glossy",
    "red": "scarlet crimson",
    "blue": "navy",
    "green": "emerald",
    "yellow": "lemon",
    "purple": "violet",
    "cyan": "turquoise teal aqua",
    "brown": "",
    "gray": "grey",
    "cube": "block box",
    "sphere": "ball orb globe",
    "cylinder": "tube drum can",
}
_VALUE = {
    word: VALUES.index(value)
    for value, others in _SYNONYMS.items()
    for word in (value, *others.split())
}
_PLURAL = {
    plural: _VALUE[word]
    for word in _words("cube block box sphere ball orb globe cylinder tube drum can")
    for plural in (word + ("es" if word == "box" else "s"),)
}
_NOUNS = _words("""
    object thing item shape something body piece solid anything
""")
_NOUNS_PLURAL = {f"{noun}s" for noun in _words("object thing item shape piece solid")}
_NUMBERS = {
    **{word: n for n, word in enumerate(["zero", "one", "two", "three", "four", "five", "six"])},
    **{str(n): n for n in range(7)},
    **dict.fromkeys(("no", "none", "nothing", "neither"), 0),
    "single": 1,
    "pair": 2,
}
_ARTICLES = _words("""
    a an the any another my some
""")
_EXACT = _words("""
    exactly only just precisely
""")
_ALL = _words("""
    all every each everything
""")
_FILLERS = _words("""
    there numberof i we you see sees can in on of at it has have having that which one s
    also and picture scene image floor view contains contain includes here colored coloured
    color colour do mine am looking appears appear happens happen shows show features
    feature positioned total altogether count exist exists located placed lies sits stands
    standing lying sitting found present got to be being among them these those visible
    material surface spot notice
""")

_PLACE = r"(?:picture|image|scene|floor|view|frame)"
_OF_PLACE = rf"(?: of (?:the |my |this )?{_PLACE})?"
_AHEAD = rf"(?=(?:the |my |this )?{_PLACE})"
# In order; the longer phrases come first.
_PHRASES = [
    (r"n't\b", " not"),
    (r"\b(there|here|it|that)'s\b", r"\1 is"),
    (r"\bi can see\b", "i see"),
    (r"\byou can see\b", "you see"),
    (r"\bwe can see\b", "we see"),
    (r"\bcan be seen\b", "is visible"),
    (r"-", " "),
    (r"\bmade (?:out )?of\b", " "),
    (r"\bamong (?:the |my |these )?(?:objects|things|items|shapes)\b", " "),
    (r"\bthe number of (.+?) is (?=\w+$)", r" numberof \1 "),
    (r"\bnot (?:one|a single)\b", " no "),
    # A pronoun, where it is no number.
    (r"(?<=the )one\b(?! of)", " thing "),
    (r"\bat least one of (?:the |my )?(?:objects|things|items|shapes|pieces)\b", " something "),
    (r"\b(?:at least one|one or more)\b", " a "),
    (r"\b(?<!only )(?<!exactly )(?<!just )one of (?:the |my )?(?=\w)", " someof "),
    (r"\bin (?:total|all)\b", " "),
    (rf"\b(?:on|to|at|in) the left (?:hand )?(?:side |half |part )?of {_AHEAD}",
     " half_left of "),
    (rf"\b(?:on|to|at|in) the right (?:hand )?(?:side |half |part )?of {_AHEAD}",
     " half_right of "),
    (rf"\bin (?:the )?front of {_AHEAD}", " half_front of "),
    (r"\b(?:(?:to|on) the )?left (?:hand side |side )?of\b", " leftof "),
    (r"\b(?:(?:to|on) the )?right (?:hand side |side )?of\b", " rightof "),
    (r"\bin front of\b|\b(?:nearer|closer)(?: to (?:me|us|the viewer|the camera))? than\b",
     " frontof "),
    (r"\bbehind\b|\bin back of\b|\bfa?u?rther (?:back|away) than\b", " backof "),
    (rf"\b(?:(?:on|in|at|near|towards?|to) )?(?:the |my )?"
     rf"left(?: hand)?(?: (?:half|side|part))?\b{_OF_PLACE}", " half_left "),
    (rf"\b(?:(?:on|in|at|near|towards?|to) )?(?:the |my )?"
     rf"right(?: hand)?(?: (?:half|side|part))?\b{_OF_PLACE}", " half_right "),
    (rf"\b(?:(?:on|in|at|near|towards?|to) )?(?:the |my )?"
     rf"(?:back|rear)(?: (?:half|side|part))?\b{_OF_PLACE}", " half_back "),
    (rf"\b(?:(?:on|in|at|near|towards?|to) )?(?:the |my )?"
     rf"front(?: (?:half|side|part))?\b{_OF_PLACE}", " half_front "),
]  # fmt: skip
_REWRITES = [(re.compile(pattern), to) for pattern, to in _PHRASES]
_TOKEN = re.compile(r"[a-z_]+|\d+|,")
_END = re.compile(r"[\s.!\"']+\Z")
_WAYS = {"leftof": (0, False), "rightof": (0, True), "frontof": (1, False), "backof": (1, True)}


class _Token(NamedTuple):
    """A word by what it does: value, noun, number, article, exact, all, not, way, half, be, and."""

    kind: str
    value: int = 0
    plural: bool = False


@lru_cache(1 << 14)
def read(sentence: str) -> int | None:
    """The number of the clue that a sentence states; None if it states none, or too much."""
    clue = _read(sentence)
    return None if clue is None else NUMBER.get(clue)


def _read(sentence: str) -> Clue | None:
    tokens = _tokens(sentence)
    if tokens is None or not any(token.kind in ("value", "noun", "number") for token in tokens):
        return None
    inverted = tokens[0].kind == "way"
    at = next((i for i, token in enumerate(tokens) if token.kind == "be"), 0)
    if inverted:
        # "Behind a cube is a sphere": what is behind it comes last.
        if not at:
            return None
        tokens = [*tokens[at + 1 :], tokens[0], *tokens[1:at]]
    tokens = [token for token in tokens if token.kind != "be"]
    for this, then in pairwise(tokens):
        if this.kind == "and" and then.kind in ("article", "number", "exact"):
            return None
    kinds = [token.kind for token in tokens]
    ways = [i for i, kind in enumerate(kinds) if kind == "way"]
    plain = not {"number", "exact", "all", "not"} & set(kinds)
    if len(ways) > 1 or kinds.count("half") > 1 or (ways and "half" in kinds):
        return None
    if ways:
        return _relation(tokens, ways[0]) if plain else None
    kind = _kind(tokens)
    if kind is None:
        return None
    if "half" in kinds:
        half = next(token.value for token in tokens if token.kind == "half")
        fits = plain and len(kind) == 1 and not _is_plural(tokens)
        return Clue("where", kind, detail=half) if fits else None
    return _plain(tokens, kinds, kind)


def _plain(tokens: list[_Token], kinds: list[str], kind: Kind) -> Clue | None:
    """A statement of what is there, or how many."""
    if "not" in kinds:
        first = next(i for i, each in enumerate(kinds) if each in ("value", "noun", "number"))
        denied = kinds.index("not") < first and kinds.count("not") == 1
        if not denied or {"number", "exact", "all"} & set(kinds) or len(kind) != 1:
            return None
        return Clue("count", kind, detail=0)
    if "all" in kinds:
        return _all_are(kind) if not {"number", "exact"} & set(kinds) else None
    if "number" in kinds:
        return _count([token.value for token in tokens if token.kind == "number"], kind)
    if "exact" in kinds or _is_plural(tokens) or not kind or len(kind) > 2:
        return None
    return Clue("exists", kind)


def _all_are(kind: Kind) -> Clue | None:
    """That all are of one value says that none has the other, where there are two."""
    for name in ("size", "material"):
        values = [VALUES.index(value) for value in ATTRIBUTES[name]]
        if len(kind) == 1 and kind[0] in values:
            return Clue("count", (values[kind[0] == values[0]],), detail=0)
    return None


def _count(numbers: list[int], kind: Kind) -> Clue | None:
    if len(numbers) != 1:
        return None
    (number,) = numbers
    if len(kind) == 1 and number in COUNTS:
        return Clue("count", kind, detail=number)
    if not kind and FEWEST <= number <= MOST:
        return Clue("count", (), detail=number)
    return None


def _relation(tokens: list[_Token], at: int) -> Clue | None:
    one, other = _kind(tokens[:at]), _kind(tokens[at + 1 :])
    if not one or not other or _is_plural(tokens):
        return None
    way, swapped = divmod(tokens[at].value, 2)
    return Clue("relation", *((other, one) if swapped else (one, other)), way)


def _kind(tokens: list[_Token]) -> Kind | None:
    """The values named, in order; None if two are of one attribute."""
    values = sorted({token.value for token in tokens if token.kind == "value"})
    attributes = [_attribute(value) for value in values]
    return tuple(values) if len(set(attributes)) == len(attributes) else None


def _attribute(value: int) -> str:
    return next(name for name, values in ATTRIBUTES.items() if VALUES[value] in values)


def _is_plural(tokens: list[_Token]) -> bool:
    return any(token.plural for token in tokens)


def _tokens(sentence: str) -> list[_Token] | None:
    """The words that mean something; None if one is not understood."""
    if len(sentence) > MAX_CHARS:
        return None
    text = _END.sub("", sentence.lower().replace("\u2019", "'"))
    for pattern, to in _REWRITES:
        text = pattern.sub(to, text)
    if re.search(r"[^a-z0-9_,\s]", text):
        return None
    tokens: list[_Token] = []
    for word in _TOKEN.findall(text):
        if word == "one" and tokens and tokens[-1].kind == "value":
            word = "thing"
        token = _token(word)
        if token is None:
            return None
        if token.kind == "someof":
            # What follows names the set that one is taken of, so its plural says nothing.
            tokens.append(_Token("article"))
            tokens.append(token)
        elif token.kind != "filler":
            tokens.append(token)
    return _taken_of(tokens)


def _taken_of(tokens: list[_Token]) -> list[_Token] | None:
    """Takes the plural from the noun after "one of the"."""
    for i, token in enumerate(tokens):
        if token.kind == "someof":
            rest = tokens[i + 1 :]
            head = next((j for j, each in enumerate(rest) if each.plural), None)
            if head is None:
                return None
            rest[head] = rest[head]._replace(plural=False)
            return [*tokens[:i], *rest]
    return tokens


def _token(word: str) -> _Token | None:
    if word in _VALUE:
        return _Token("value", _VALUE[word])
    if word in _PLURAL:
        return _Token("value", _PLURAL[word], plural=True)
    if word in _NOUNS or word in _NOUNS_PLURAL:
        return _Token("noun", plural=word in _NOUNS_PLURAL)
    if word in _NUMBERS:
        return _Token("number", _NUMBERS[word])
    if word in _WAYS:
        way, swapped = _WAYS[word]
        return _Token("way", 2 * way + swapped)
    if word.startswith("half_"):
        return _Token("half", HALVES.index(word.removeprefix("half_")))
    for kind, words in (("article", _ARTICLES), ("exact", _EXACT), ("all", _ALL)):
        if word in words:
            return _Token(kind)
    if word in ("and", ","):
        return _Token("and")
    if word in ("not", "someof", "is", "are"):
        return _Token("be" if word in ("is", "are") else word)
    return _Token("filler") if word in _FILLERS else None
