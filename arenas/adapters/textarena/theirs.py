"""TextArena's games as arenas: `arenas.make("TextArena-v0", env_id="TicTacToe-v0")`."""

from __future__ import annotations

import contextlib
import copy
import importlib
import itertools
import json
from collections.abc import Hashable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from arenas.adapters.textarena.border import Chance, family_of, import_textarena, seats_of, start
from arenas.adapters.textarena.replies import guesses
from arenas.core.game import Game, GameSpec, IllegalMove, Move, whole
from arenas.core.language import strip_reasoning
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng
from arenas.core.spaces import TextSpace
from arenas.core.talk import quoted

SILENT = {
    "GameBoardObservationWrapper",
    "GameMessagesObservationWrapper",
    "GameMessagesAndCurrentBoardObservationWrapper",
}
"""Wrappers of TextArena that leave out what players reply."""

GAME = -1
"""TextArena's number of the game itself as the sender of a message."""

REWARDS = (-1.0, 1.0)
MORE = {"Set": (-20.0, 20.0)}
"""Reward ranges of the families that pay more."""

GUESSES = 10_000
TRIES = 1_000
"""Guesses at a legal reply, and different ones that are tried, before a random player gives up."""

EXAMPLES = 30
VIEW_BYTES = 4_096
"""A network sees the last so many bytes of what its seat is told."""

REASON_CHARS = 500
_NOTHING = ""
"""The reply that is handed to TextArena when a seat forfeits."""


class Message(NamedTuple):
    """What a seat was told.

    Attributes:
        sender: number of the player whose reply it is; `GAME` for a message of the game.
        name: what TextArena calls the sender.
        text: the words.
    """

    sender: int
    name: str
    text: str


class _Refused(BaseException):
    """TextArena calls a reply invalid; no game catches it on its way out."""


class TextState:
    """TextArena's environment in mid-match.

    Attributes:
        env: the environment without its wrappers.
        chance: the global generators as the match has left them.
        seed: of the match, 32 bits.
        replies: seat and reply, in order, as `env.step` got them.
        heard: every message to each seat.
        marks: for each seat, how many messages it had heard when it last moved.
    """

    __slots__ = ("chance", "env", "game", "heard", "marks", "replies", "seed", "tried")

    def __init__(self, game: TextArenaGame, env: Any, chance: Chance, seed: int) -> None:
        self.game = game
        self.env = env
        self.chance = chance
        self.seed = seed
        self.replies: list[tuple[int, str]] = []
        self.heard: list[list[Message]] = [[] for _ in range(game.players)]
        self.marks = [0] * game.players
        self.tried: tuple[str, TextState] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Their environments hold what cannot be pickled; playing again gives the same.
        return _replayed, (self.game, self.seed, self.replies)


class TextArenaGame(Game[TextState]):
    """A game of TextArena, whichever its id names.

    Args:
        env_id: what `textarena.make` reads: "TicTacToe-v0", "LiarsDice-v0-small", "2048-v0".
        players: number of seats; None for two, or else the least that the game takes.
        settings: arguments for `textarena.make`, such as {"max_rounds": 5} for "KuhnPoker-v0".
        talk: whether a seat hears what the others reply, in quotation marks, beside what the game
            says of it. None: where TextArena's own id for training ("-train") shows it.
        max_plies: the match is cut short after so many replies of all seats.

    Move: the reply as a string, without private reasoning; which replies are legal, TextArena says.
    View: the end of what the seat is told, as UTF-8 bytes: uint8 (VIEW_BYTES,), zeros before it.
    Rewards: TextArena's, mostly -1, 0 and 1.

    Chance is TextArena's: the global generators of `random` and NumPy, seeded with 32 bits of the
    match's seed and kept in the state.

    Raises:
        MissingTextArenaError: TextArena is not installed.
        ValueError: there is no such game, it cannot be an arena or not with these arguments.
    """

    def __init__(
        self,
        env_id: str = "TicTacToe-v0",
        players: int | None = None,
        settings: dict[str, Any] | None = None,
        talk: bool | None = None,
        max_plies: int = 1_000,
    ) -> None:
        if not isinstance(env_id, str):
            raise ValueError(f"env_id={env_id!r}: an id of TextArena's registry, as a string")
        if players is not None and not 1 <= (whole(players) or 0) <= 15:
            raise ValueError(f"players={players!r}: 1 to 15, or None")
        if not 1 <= (whole(max_plies) or 0) <= 100_000:
            raise ValueError(f"max_plies={max_plies!r}: 1 to 100,000")
        if talk is not None and not isinstance(talk, bool):
            raise ValueError(f"talk={talk!r}: True, False or None")
        arguments = _as_json(settings)
        self.env_id = env_id
        self.settings: dict[str, Any] | None = json.loads(arguments) or None
        self.players = seats_of(env_id, arguments, None if players is None else whole(players))
        self.talk = _talks(env_id) if talk is None else talk
        self.max_plies = max_plies
        self.version = import_textarena().__version__
        opening = self._start(0)
        told = _texts(opening.heard[self.movers(opening)[0]])
        self._examples = tuple(dict.fromkeys(itertools.islice(guesses(told, Rng(0)), EXAMPLES)))
        self.spec = GameSpec(
            name="TextArena",
            version=f"1 (textarena {self.version})",
            roles=("player",) * self.players,
            payoff="general_sum",
            information="imperfect",
            observation_space=spaces.Box(0, 255, (VIEW_BYTES,), np.uint8),
            action_space=TextSpace(GameSpec.max_reply_chars, self._examples),
            reward_range=MORE.get(family_of(env_id), REWARDS),
            max_plies=max_plies,
            has_chance=True,
        )

    def reply_examples(self) -> tuple[str, ...]:
        """Guesses at replies to the opening of one match."""
        return self._examples

    def new(self, rng: Rng) -> TextState:
        return self._start(rng.bits() >> 32)

    def _start(self, seed: int) -> TextState:
        env, chance = start(self.env_id, self.players, seed, self.settings or {})
        state = TextState(self, _bare(env), chance, seed)
        self._run(state)
        return state

    def movers(self, state: TextState) -> tuple[int, ...]:
        if state.env.state.done or len(state.replies) >= self.max_plies:
            return ()
        return (state.env.state.current_player_id,)

    def legal(self, state: TextState, seat: int) -> None:
        return None

    def check(self, state: TextState, seat: int, move: Move) -> None:
        if not isinstance(move, str) or not move:
            raise IllegalMove("a move is a reply in words")
        if len(move) > self.spec.max_reply_chars:
            raise IllegalMove(f"the reply is longer than {self.spec.max_reply_chars} characters")
        if move != visible(move):
            raise IllegalMove("a move holds no private reasoning and no blanks around it")
        if state.tried is None or state.tried[0] != move:
            state.tried = move, self._try(state, seat, move)

    def _try(self, state: TextState, seat: int, reply: str) -> TextState:
        """The state after a reply, played on a copy.

        Raises:
            IllegalMove: TextArena calls the reply invalid, or fails on it.
        """
        twin = self.copy(state)
        # What follows an invalid reply is not TextArena's to say here: the match has its policy.
        twin.env.state.set_invalid_move = _refuse
        try:
            self._step(twin, seat, reply)
        except _Refused as refused:
            raise IllegalMove(str(refused)[:REASON_CHARS]) from None
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:REASON_CHARS]
            raise IllegalMove(f"TextArena fails on this reply, {reason}") from None
        del twin.env.state.set_invalid_move
        return twin

    def _step(self, state: TextState, seat: int, reply: str) -> None:
        words = reply
        for wrapper in _actions(self.env_id):
            words = wrapper(state.env).action(words)
        state.tried = None
        state.replies.append((seat, reply))
        state.heard[seat].append(Message(seat, "You", reply))
        state.marks[seat] = len(state.heard[seat])
        self._run(state, words)

    def _run(self, state: TextState, words: str | None = None) -> None:
        """Hands a reply to TextArena, if there is one, and to each seat what it is told then.

        What others say reaches a seat only where there is talk.
        """
        env, inner = state.env, state.env.state
        with state.chance.drawn() as state.chance:
            if words is not None:
                env.step(action=words)
            # Some games add to what the player to move observes when it is asked for.
            current, observed = (-1, None) if inner.done else env.get_observation()
        shown, kinds = {**inner.observations, current: observed}, import_textarena().ObservationType
        for seat, messages in shown.items():
            for sender, text, kind in messages or ():
                if kind is kinds.PLAYER_ACTION:
                    if not self.talk or sender in (seat, GAME) or not state.replies[-1][1]:
                        continue
                elif not isinstance(sender, int):
                    continue  # A player's reply in the wrong order of arguments.
                name = inner.role_mapping.get(sender, f"Player {sender}")
                state.heard[seat].append(Message(sender, name, str(text)))
        inner.observations = {seat: [] for seat in inner.observations}
        # Every message again, which only their screens read.
        inner.logs.clear()

    def apply(self, state: TextState, moves: Mapping[int, Move]) -> TextState:
        ((seat, reply),) = moves.items()
        tried, state.tried = state.tried, None
        if tried is not None and tried[0] == reply:
            return tried[1]
        twin = self.copy(state)
        self._step(twin, seat, reply)
        return twin

    def withdraw(self, state: TextState, seat: int) -> TextState | None:
        """What TextArena makes of a seat that goes on replying nothing: a loss, or the others play.

        None where silence is a reply like any other, or where it changes nothing.
        """
        with contextlib.suppress(IllegalMove):
            self._try(state, seat, _NOTHING)
            return None
        twin = self.copy(state)
        for _ in range(getattr(state.env.state, "error_allowance", 1) + 1):
            try:
                self._step(twin, seat, _NOTHING)
            except Exception:  # Theirs, of any kind.
                return None
            if seat not in self.movers(twin):
                return twin
        return None

    def outcome(self, state: TextState) -> Outcome | None:
        inner = state.env.state
        if self.movers(state):
            return None
        evidence = {
            "env_id": self.env_id,
            "textarena": self.version,
            "settings": self.settings,
            "players": self.players,
            "seed": state.seed,
            "replies": [list(each) for each in state.replies],
        }
        if not inner.done:
            return Outcome((0.0,) * self.players, "truncated", evidence, True)
        paid = [(inner.rewards or {}).get(seat) for seat in range(self.players)]
        told = [inner.game_info[seat] for seat in range(self.players)]
        evidence["roles"] = [str(each.get("role")) for each in told]
        rewards = tuple(float(reward or 0.0) for reward in paid)
        return Outcome(rewards, str(told[0].get("reason") or "ended"), evidence)

    def sample(self, state: TextState, seat: int, rng: Rng) -> Move:
        """A legal reply, guessed from what the seat was told; not uniform.

        Raises:
            ValueError: no guess was legal.
        """
        refused = set[str]()
        for guess in itertools.islice(guesses(_texts(state.heard[seat]), rng), GUESSES):
            if guess in refused or len(refused) == TRIES:
                continue
            try:
                self.check(state, seat, guess)
            except IllegalMove:
                refused.add(guess)
            else:
                return guess
        raise ValueError(f"no legal reply to {self.env_id} was found by guessing")

    # -- states as values ----------------------------------------------------------------------

    def copy(self, state: TextState) -> TextState:
        twin = TextState(self, copy.deepcopy(state.env), state.chance, state.seed)
        twin.replies = state.replies[:]
        twin.heard = [messages[:] for messages in state.heard]
        twin.marks = state.marks[:]
        return twin

    def key(self, state: TextState) -> Hashable:
        return state.seed, tuple(state.replies)

    def info_state(self, state: TextState, seat: int) -> str:
        return f"{seat}:{_text(state.heard[seat])}"

    # -- views ---------------------------------------------------------------------------------

    def view(self, state: TextState, seat: int) -> np.ndarray:
        told = self.tell(state, seat).encode(errors="replace")[-VIEW_BYTES:]
        return np.frombuffer(told.rjust(VIEW_BYTES, b"\0"), np.uint8).copy()

    def brief(self, seat: int) -> str:
        count = self.players - 1
        others = f"with {count} other player{'s' if count > 1 else ''}" if count else "alone"
        lines = [
            f"You are Player {seat} in the game {self.env_id} of TextArena, {others}.",
            "What the game says begins with [GAME].",
            "What others say stands in quotation marks after their name." if self.talk else "",
            "Reply as the game asks.",
            "You may reason inside <think>...</think> first; nobody else sees that.",
        ]
        return " ".join(filter(None, lines))

    def tell(self, state: TextState, seat: int) -> str:
        """All that the seat has heard and said; at the end what is new, and its reward."""
        outcome = self.outcome(state)
        if outcome is None:
            return _text(state.heard[seat])
        last = f"The match is over: {outcome.reason} Your reward: {outcome.rewards[seat]:+g}."
        return _text([*state.heard[seat][state.marks[seat] :], Message(GAME, "GAME", last)])

    def tell_new(self, state: TextState, seat: int) -> str:
        new = state.heard[seat][state.marks[seat] :]
        return _text(new or [Message(GAME, "GAME", "It is your turn again.")])

    def format(self, state: TextState, seat: int, move: Move) -> str:
        return str(move)

    def parse(self, state: TextState, seat: int, text: str) -> Move:
        if len(text) > self.spec.max_reply_chars:
            raise IllegalMove(f"the reply is longer than {self.spec.max_reply_chars} characters")
        reply = visible(text)
        if not reply:
            raise IllegalMove("the reply is empty apart from private reasoning")
        return reply

    def grammar(self, state: TextState, seat: int) -> str:
        """Any reply: TextArena does not say which are legal."""
        return r"[\s\S]+"


def visible(text: str) -> str:
    """The part of a reply that reaches TextArena: without private reasoning and outer blanks."""
    return strip_reasoning(text).strip()


def _as_json(settings: dict[str, Any] | None) -> str:
    try:
        if settings is None or isinstance(settings, dict):
            return json.dumps(settings or {}, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"settings={settings!r}: a dict of JSON values, or None")


def _replayed(game: TextArenaGame, seed: int, replies: list[tuple[int, str]]) -> TextState:
    state = game._start(seed)
    for seat, reply in replies:
        game._step(state, seat, reply)
    return state


def _refuse(reason: str | None = None, *_: Any, **__: Any) -> None:
    """Stands in the place of `set_invalid_move`."""
    raise _Refused(reason or "TextArena calls it invalid")


def _bare(env: Any) -> Any:
    while isinstance(env, import_textarena().Wrapper):
        env = env.env
    return env


@cache
def _actions(env_id: str) -> tuple[Any, ...]:
    """The wrappers that change replies on their way in, outermost first."""
    wrapper = import_textarena().ActionWrapper
    return tuple(each for each in reversed(_wrappers(env_id)) if issubclass(each, wrapper))


@cache
def _talks(env_id: str) -> bool:
    """Whether TextArena's id for training shows a player what others reply."""
    registry = importlib.import_module("textarena.envs.registration").ENV_REGISTRY
    train = f"{env_id.removesuffix('-raw').removesuffix('-train')}-train"
    names = {each.__name__ for each in _wrappers(train if train in registry else env_id)}
    return not names & SILENT


def _wrappers(env_id: str) -> list[Any]:
    registry = importlib.import_module("textarena.envs.registration").ENV_REGISTRY
    return registry[env_id].default_wrappers or []


def _texts(messages: Iterable[Message]) -> list[str]:
    return [message.text for message in messages if message.sender == GAME]


def _text(messages: Iterable[Message]) -> str:
    return "\n".join(map(_line, messages))


def _line(message: Message) -> str:
    sender, name, text = message
    if sender == GAME:
        return f"[GAME] {text}"
    return f"{name}: {text}" if name == "You" else f"{name}: {quoted(text)}"
