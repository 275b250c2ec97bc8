"""What keeps TextArena's games apart from each other, from the caller and from the network.

Its games draw from the global generators of `random` and NumPy, print to the screen, and some fetch
word lists or ask language models on servers. Here they are made and called so that none of it gets
out: `Chance.drawn` lends a match the global generators and gives the caller's back.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import json
import random
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

SEATS = (2, 1, *range(3, 16))
"""Numbers of players, in the order in which a game is asked whether it takes them."""

ASK_SERVERS = ("Debate", "GuessWho", "ScenarioPlanning", "TwentyQuestions")
"""Families of games in which a language model on a server judges or answers."""

FETCH_WORDS = (
    "Codenames",
    "Crosswords",
    "DontSayIt",
    "Hangman",
    "LetterAuction",
    "SpellingBee",
    "WordChains",
    "WordLadder",
    "WordSearch",
    "Wordle",
)
"""Families of games that fetch NLTK's word lists when they are imported."""

WORD_LISTS = ("corpora/words", "taggers/averaged_perceptron_tagger_eng")

BROKEN = {"CharacterConclave": "it fails on every reply (a call without its observation_type)"}
"""Families that start and cannot be played, with what is wrong."""

_lock = threading.RLock()


class MissingTextArenaError(ImportError, ValueError):
    """TextArena is not installed; the message says how to install it."""


def import_textarena() -> Any:
    """The module `textarena`.

    Raises:
        MissingTextArenaError: it is not installed.
    """
    try:
        return importlib.import_module("textarena")
    except ModuleNotFoundError as error:
        if error.name != "textarena":
            raise
        raise MissingTextArenaError(
            "this needs TextArena: pip install selfplay-arenas[textarena]"
        ) from None


class Chance:
    """The global generators of `random` and NumPy as one match has left them.

    A value: `drawn` gives the next one and changes none.

    Args:
        seed: integer in 0..2**32-1.
    """

    __slots__ = ("_numpy", "_python")

    def __init__(self, seed: int) -> None:
        self._python = random.Random(seed).getstate()
        self._numpy: Any = np.random.RandomState(seed).get_state(legacy=False)

    @contextlib.contextmanager
    def drawn(self) -> Iterator[Chance]:
        """Lends out the global generators, in this state; gives what is left once that is over.

        The caller's own state is back afterwards, whatever happened. Nothing is printed meanwhile.
        Matches in other threads wait; other code there that draws from the global generators at
        the same time would draw from the match's.
        """
        left = Chance.__new__(Chance)
        with _lock:
            python, numpy = random.getstate(), np.random.get_state(legacy=False)
            random.setstate(self._python)
            np.random.set_state(self._numpy)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    yield left
            finally:
                left._python, left._numpy = (
                    random.getstate(),
                    np.random.get_state(legacy=False),
                )
                random.setstate(python)
                np.random.set_state(numpy)


def start(env_id: str, seats: int, seed: int, settings: dict[str, Any]) -> tuple[Any, Chance]:
    """An environment of TextArena after its reset, and the chance that is left.

    It is what this gives: `random.seed(seed); numpy.random.seed(seed); env = textarena.make(env_id,
    **settings); env.reset(seats, seed)`.
    """
    chance = Chance(seed)
    with chance.drawn() as left:
        env = import_textarena().make(env_id, **settings)
        env.reset(num_players=seats, seed=seed)
    return env, left


@cache
def seats_of(env_id: str, settings: str, seats: int | None) -> int:
    """The number of players that a game is played with.

    Args:
        env_id: of TextArena's registry.
        settings: arguments of the game as JSON.
        seats: the number wished for, or None for the first of `SEATS` that the game takes.

    Raises:
        MissingTextArenaError: TextArena is not installed.
        ValueError: there is no such game, it cannot be an arena, or it does not take this number.
    """
    _refuse(env_id)
    first: Exception | None = None
    for number in SEATS if seats is None else (seats,):
        try:
            env, _ = start(env_id, number, 0, json.loads(settings))
            taken = int(env.state.num_players)
            if taken != number:
                raise ValueError(f"it is a game of {taken}")
        except Exception as error:
            # The games raise whatever comes to hand: assertions, value errors, errors of syntax.
            first = first or error
        else:
            return taken
    wanted = f"{seats} players" if seats else f"any of {min(SEATS)} to {max(SEATS)} players"
    assert first is not None
    raise ValueError(
        f"TextArena cannot start {env_id!r} with {wanted}: {type(first).__name__}: {first}"
    )


def _refuse(env_id: str) -> None:
    """Raises ValueError for a game that is unknown or cannot be an arena, before it is imported."""
    import_textarena()
    registry = importlib.import_module("textarena.envs.registration").ENV_REGISTRY
    if env_id not in registry:
        close = difflib.get_close_matches(env_id, registry, n=3)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(f"TextArena has no game {env_id!r}.{hint} It knows {len(registry)}")
    entry, family = registry[env_id].entry_point, family_of(env_id)
    reason = BROKEN.get(family)
    if isinstance(entry, str) and entry.startswith("arenas."):
        reason = "it is an arena already; make it by its own id"
    if family in ASK_SERVERS:
        reason = "it asks a language model on a server, so matches could not be replayed"
    if family in FETCH_WORDS and not _has_words():
        reason = "it needs NLTK's word lists: python -m nltk.downloader " + " ".join(
            name.partition("/")[2] for name in WORD_LISTS
        )
    if reason:
        raise ValueError(f"{env_id} cannot be an arena: {reason}")


def family_of(env_id: str) -> str:
    """The package of a registered game within `textarena.envs`: "TicTacToe"; "" if it has none."""
    entry = importlib.import_module("textarena.envs.registration").ENV_REGISTRY[env_id].entry_point
    path = entry.split(".") if isinstance(entry, str) else []
    return path[2] if path[:2] == ["textarena", "envs"] else ""


def _has_words() -> bool:
    find = importlib.import_module("nltk").data.find
    try:
        for name in WORD_LISTS:
            find(name)
    except LookupError:
        return False
    return True
