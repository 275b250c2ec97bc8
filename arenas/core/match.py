"""One match in progress: turns, illegal moves, the log. Every environment and record runs on it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import index
from typing import Any, NamedTuple, NoReturn

import numpy as np

from arenas.core.game import Game, IllegalMove, Move, whole
from arenas.core.language import Conversation
from arenas.core.outcome import Outcome, RulesError, check_rewards
from arenas.core.rng import Rng, check_seed

_FORMS = "retry:K, raise, random-legal or penalty:X"
REPLACEMENTS = 1
"""Label of the stream that random-legal draws from, apart from the deal's."""


# Short games pay the same few rewards over and over.
_check_rewards = lru_cache(maxsize=256)(check_rewards)


class MatchOver(RuntimeError):
    """A move was submitted to a finished match; nothing changed."""


@dataclass(frozen=True)
class IllegalPolicy:
    """What follows an illegal move, written as one of four forms.

    - `retry:K`: the seat is told why and asked again, K times a turn; then it forfeits the match,
      which ends there unless the game lets the others play on (`Game.withdraw`);
    - `raise`: `IllegalMove` is raised and nothing has happened;
    - `random-legal`: a random legal move is played in its place;
    - `penalty:X`: the same, and the seat pays X (in a zero-sum game the others share it).
    """

    kind: str
    amount: float = 0.0

    @classmethod
    def read(cls, text: str) -> IllegalPolicy:
        """Reads the written form.

        Raises:
            ValueError: it is none of the four.
        """
        kind, colon, amount = str(text).partition(":")
        try:
            if kind in ("raise", "random-legal") and not colon:
                return cls(kind)
            if kind == "retry" and 0 <= int(amount) <= 1_000:
                return cls(kind, int(amount))
            if kind == "penalty" and 0 <= float(amount) < float("inf"):
                return cls(kind, float(amount))
        except ValueError:
            pass
        raise ValueError(f"illegal={text!r} is not one of {_FORMS}")

    def __str__(self) -> str:
        amount = repr(self.amount).removesuffix(".0")
        return f"{self.kind}:{amount}" if self.kind in ("retry", "penalty") else self.kind

    def told(self, reason: str, attempts: int, played: str) -> str:
        """What a seat is told of its illegal move.

        Args:
            reason: why it was illegal.
            attempts: the seat's illegal submissions of this turn, this one included.
            played: in words, what was played in its place; read unless the policy is `retry`.
        """
        left = int(self.amount) - attempts + 1
        if self.kind != "retry":
            then = f"A random legal move was played for you: {played}"
        elif left > 0:
            then = f"Try again ({left} {'try' if left == 1 else 'tries'} left)."
        else:
            then = "You forfeit the match."
        return f"Illegal move: {reason}. {then}"


def check_max_cycles(max_cycles: int | None) -> int | None:
    """Returns a limit of moves per seat as a plain int, or None for none.

    Raises:
        ValueError: it is not a whole number of at least one.
    """
    if max_cycles is None:
        return None
    limit = whole(max_cycles)
    if limit is None or limit < 1:
        raise ValueError(f"max_cycles={max_cycles!r}: at least 1, or None for no limit")
    return limit


_PLAIN = {int, str}


def _as_json(move: Move) -> Move:
    """A structured move as a record gives it back: a fresh value that nobody else can change.

    An array, as the space of several numbers samples one, counts as the list of its numbers.

    Raises:
        IllegalMove: it is not a JSON value.
    """
    try:
        plain = move.tolist() if isinstance(move, np.ndarray) else move
        if type(plain) is list and _PLAIN.issuperset(map(type, plain)):
            return plain[:]
        return json.loads(json.dumps(plain, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise IllegalMove(f"a move is a JSON value: {error}") from None


def cut(game: Game[Any], text: str) -> str:
    """As much of a reply as is looked at: one character too many says as much as a million."""
    return text[: game.spec.max_reply_chars + 1]


def read_reply(game: Game[Any], state: Any, seat: int, text: str) -> tuple[Move, str | None]:
    """The move that a reply in words names, and why it is illegal; None if it is legal.

    The move is None where the reply names none.
    """
    move = None
    try:
        named = game.parse(state, seat, text)
        move = named if game.num_actions else _as_json(named)
        game.check(state, seat, move)
    except IllegalMove as error:
        return move, str(error)
    return move, None


def replacement(game: Game[Any], state: Any, seat: int, seed: int, submitted: int) -> Move:
    """The random legal move that is played in place of an illegal one.

    Args:
        game, state: where it is played.
        seat: whose submission it replaces.
        seed: the match's.
        submitted: submissions of the seat before this one.
    """
    return game.sample(state, seat, Rng(seed).fork(REPLACEMENTS, seat, submitted))


def cut_short(game: Game[Any], reason: str, offender: int | None, reward: float) -> str:
    """How a match ended that the rules did not end, in words for a seat.

    Args:
        game: the rules.
        reason: the outcome's.
        offender: the seat that forfeits; None if none does.
        reward: the seat's.
    """
    how = f"the match was {reason}"
    if offender is not None:
        how = f"{game.spec.agents[offender]} forfeits by illegal moves"
    return f"The match is over: {how}. Your reward: {reward:+g}."


class LogEntry(NamedTuple):
    """One submission: a move that was played, or an illegal one and what was done about it.

    Attributes:
        seat: who submitted.
        move: the move as read; None if a reply named none.
        text: the reply as it came; None in the array view.
        illegal: why it was illegal; None for a legal move.
        played: the move played in its place, under random-legal and penalty.
    """

    seat: int
    move: Move = None
    text: str | None = None
    illegal: str | None = None
    played: Move = None


class Match:
    """A match of `game`: submit moves or replies of `awaited` seats until `outcome` is there.

    Args:
        game: the rules; shared between matches.
        seed: integer in 0..2**63-1; the same seed, options and submissions give the same match.
        illegal: an `IllegalPolicy` or its written form.
        max_cycles: cut the match short once this many moves per seat (on average) were played; at
            least 1, or None to leave it to the rules.
        language: keep each seat's conversation, for the text view.

    Attributes:
        state: the game's state; change it only through this class.
        awaited: the seats whose move is awaited, in order; empty once it is over.
        outcome: rewards and evidence once it is over, else None.
        totals: reward of each seat so far; a new tuple whenever it changes.
        plies: moves played so far, of all seats.
        news: set by anything but an ordinary move: an illegal one, a reward, the end; whoever acts
            on it clears it.
        submitted: submissions of each seat, illegal ones included.
        illegal_moves: illegal submissions of each seat.
        last_illegal: why the seat's latest submission was illegal; None if it was legal.
        conversation: what each seat was told and answered; None unless `language`.

    Raises:
        ValueError: `seed`, `illegal` or `max_cycles` is out of range.
    """

    __slots__ = (
        "_attempts",
        "_last_ply",
        "_log",
        "_penalties",
        "_pending",
        "_step_rewards",
        "awaited",
        "conversation",
        "game",
        "illegal",
        "illegal_moves",
        "last_illegal",
        "max_cycles",
        "news",
        "outcome",
        "plies",
        "seed",
        "state",
        "submitted",
        "totals",
    )

    def __init__(
        self,
        game: Game[Any],
        seed: int,
        illegal: IllegalPolicy | str = "retry:1",
        max_cycles: int | None = None,
        language: bool = False,
    ) -> None:
        spec = game.spec
        seats = spec.seats
        self.game = game
        self.seed = check_seed(seed)
        self.illegal = IllegalPolicy.read(illegal) if isinstance(illegal, str) else illegal
        self.max_cycles = max_cycles = check_max_cycles(max_cycles)
        self.state = game.new(Rng(self.seed))
        self.awaited = game.movers(self.state)
        self.outcome: Outcome | None = None
        self.totals: tuple[float, ...] = (0.0,) * seats
        self.plies = 0
        self.news = False
        self._log: list[tuple[Any, ...]] = []
        self.submitted = [0] * seats
        self.illegal_moves = [0] * seats
        self.last_illegal: list[str | None] = [None] * seats
        self.conversation: Conversation | None = None
        self._attempts = [0] * seats
        self._pending: dict[int, Move] = {}
        self._penalties: list[float] | None = None
        self._step_rewards = spec.step_rewards
        self._last_ply = max_cycles * seats if max_cycles else spec.max_plies + 1
        if not self.awaited:
            raise RulesError(f"{game!r}: nobody is to move at the start")
        if language:
            self.conversation = Conversation(game.briefs)
            for mover in self.awaited:
                self.conversation.ask(mover, game.tell(self.state, mover))

    def submit(self, seat: int, move: Move) -> None:
        """Plays `move` for an awaited seat, or applies the illegal-move policy.

        Raises:
            MatchOver: the match is over.
            ValueError: `seat` is not awaited.
            TypeError: `move` is not an integer of at most 64 bits where actions are discrete, or
                no JSON value where they are not.
            IllegalMove: under the policy `raise`; nothing has changed.
        """
        if seat not in self.awaited:
            self._reject(seat)
        game = self.game
        if game.num_actions:
            try:
                move = index(move)
            except TypeError:
                raise TypeError(f"an action is an integer, got {move!r}") from None
        else:
            try:
                move = _as_json(move)
            except IllegalMove as error:
                raise TypeError(str(error)) from None
        try:
            game.check(self.state, seat, move)
        except IllegalMove as error:
            if game.num_actions and move.bit_length() > 64:
                raise TypeError("an action is an integer of at most 64 bits") from None
            self._refuse(LogEntry(seat, move, None, str(error)))
            return
        self._place(seat, move, (seat, move, None, None, None))

    def reply(self, seat: int, text: str) -> None:
        """Reads a reply in words for an awaited seat and plays the move it names; as `submit`.

        Raises:
            TypeError: `text` is not a string.
        """
        if seat not in self.awaited:
            self._reject(seat)
        if not isinstance(text, str):
            raise TypeError(f"a reply is a string, got {text!r}")
        game = self.game
        text = cut(game, text)
        move = game.recognise(self.state, seat, text)
        if move is None:
            move, illegal = read_reply(game, self.state, seat, text)
            if illegal is not None:
                self._refuse(LogEntry(seat, move, text, illegal))
                return
        self._place(seat, move, (seat, move, text, None, None))

    @property
    def over(self) -> bool:
        """Whether the match is finished, so that `outcome` is there."""
        return not self.awaited

    def require_running(self) -> None:
        """Does nothing while the match goes on.

        Raises:
            MatchOver: it is over.
        """
        if not self.awaited:
            raise MatchOver("the match is over; reset or start another")

    @property
    def log(self) -> list[LogEntry]:
        """Every submission in order."""
        return [LogEntry(*entry) for entry in self._log]

    def copy(self) -> Match:
        """An independent copy: play goes on from here in both, as it would have in one."""
        twin = Match.__new__(Match)
        for name in Match.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.state = self.game.copy(self.state)
        twin._log = self._log[:]
        twin.submitted = self.submitted[:]
        twin.illegal_moves = self.illegal_moves[:]
        twin.last_illegal = self.last_illegal[:]
        twin._attempts = self._attempts[:]
        twin._pending = dict(self._pending)
        twin._penalties = self._penalties and self._penalties[:]
        twin.conversation = self.conversation and self.conversation.copy()
        return twin

    def _reject(self, seat: int) -> NoReturn:
        self.require_running()
        raise ValueError(f"seat {seat} is not to move; awaited: {self.awaited}")

    def _refuse(self, entry: LogEntry) -> None:
        seat, reason, policy = entry.seat, str(entry.illegal), self.illegal
        if policy.kind == "raise":
            raise IllegalMove(reason)
        self.news = True
        self.illegal_moves[seat] += 1
        self.last_illegal[seat] = reason
        if policy.kind == "retry":
            self._log.append(entry)
            self.submitted[seat] += 1
            self._attempts[seat] += 1
            if self.conversation is not None:
                self._explain(entry)
            if self._attempts[seat] > policy.amount:
                self._forfeit(seat, reason)
            return
        played = replacement(self.game, self.state, seat, self.seed, self.submitted[seat])
        entry = entry._replace(played=played)
        if self.conversation is not None:
            self._explain(entry)
        if policy.kind == "penalty":
            self._charge(seat, policy.amount)
        self._place(seat, entry.played, entry)

    def _explain(self, entry: LogEntry) -> None:
        assert self.conversation is not None
        seat, played = entry.seat, ""
        said = entry.text if entry.text is not None else str(entry.move)
        self.conversation.answer(seat, said)
        if self.illegal.kind != "retry":
            played = self.game.format(self.state, seat, entry.played)
        told = self.illegal.told(str(entry.illegal), self._attempts[seat], played)
        self.conversation.ask(seat, told)

    def _place(self, seat: int, move: Move, entry: tuple[Any, ...]) -> None:
        """Logs a submission and plays the move that it led to."""
        game, before, conversation = self.game, self.awaited, self.conversation
        self._log.append(entry)
        self.submitted[seat] += 1
        if entry[3] is None:  # It was legal.
            if self.last_illegal[seat] is not None:
                self.last_illegal[seat] = None
                self._attempts[seat] = 0
                self.news = True
            if conversation is not None:
                text = entry[2]
                said = game.format(self.state, seat, move) if text is None else text
                conversation.answer(seat, said)
        moves = {seat: move}
        if (len(before) > 1 or self._pending) and not game.spec.independent:
            self._pending.update(moves)
            self.awaited = tuple(s for s in before if s != seat)
            if self.awaited:
                return
            moves, before = dict(sorted(self._pending.items())), ()
            self._pending = {}
        self.plies += len(moves)
        self._go_on(game.apply(self.state, moves), moves, before)

    def _go_on(self, state: Any, moved: Collection[int], before: tuple[int, ...]) -> None:
        """Takes the next state: pays, ends, or asks whoever moved or was not awaited `before`."""
        game, conversation = self.game, self.conversation
        self.state = state
        if self._step_rewards:
            self._settle(game.returns(state))
        self.awaited = movers = game.movers(state)
        if not movers:
            outcome = game.outcome(state)
            if outcome is None:
                raise RulesError(f"{game!r}: nobody is to move, yet there is no outcome")
            self._end(outcome)
        elif self.plies >= self._last_ply:
            if self.max_cycles is None:
                raise RulesError(f"{game!r}: no end within {game.spec.max_plies} plies")
            self._end(Outcome(tuple(map(float, game.returns(state))), "truncated", {}, True))
        elif conversation is not None:
            for mover in movers:
                if mover not in before or mover in moved:
                    tell = game.tell_new if self.submitted[mover] else game.tell
                    conversation.ask(mover, tell(state, mover))

    def _forfeit(self, seat: int, reason: str) -> None:
        game, before = self.game, self.awaited
        if game.spec.independent or (len(before) == 1 and not self._pending):
            state = game.withdraw(self.state, seat)
            if state is not None:
                if seat in game.movers(state):
                    raise RulesError(f"{game!r}: seat {seat} withdrew and is still to move")
                self._go_on(state, (), before)
                return
        rewards = tuple(map(float, game.forfeit(self.state, seat)))
        self._end(Outcome(rewards, "forfeit", {"seat": seat, "illegal": reason}))

    def _charge(self, seat: int, amount: float) -> None:
        seats, payoff = self.game.spec.seats, self.game.spec.payoff
        if self._penalties is None:
            self._penalties = [0.0] * seats
        gain = amount / (seats - 1) if payoff == "zero_sum" else 0.0
        for s in range(seats):
            pays = s == seat or payoff == "common"
            self._penalties[s] += -amount if pays else gain
        self._settle(self.game.returns(self.state))

    def _settle(self, returns: Sequence[float]) -> None:
        if self._penalties is not None:
            returns = [r + p for r, p in zip(returns, self._penalties, strict=True)]
        self.totals = tuple(map(float, returns))
        self.news = True

    def _end(self, outcome: Outcome) -> None:
        spec = self.game.spec
        self.awaited = ()
        self._settle(outcome.rewards)
        if self._penalties is not None:
            evidence = {**outcome.evidence, "penalties": list(self._penalties)}
            outcome = replace(outcome, rewards=self.totals, evidence=evidence)
        _check_rewards(self.totals, spec.seats, spec.payoff)
        self.outcome = outcome
        if self.conversation is None:
            return
        by_rules = not self.game.movers(self.state)
        for seat in range(spec.seats):
            told = self.game.tell(self.state, seat) if by_rules else self.farewell(seat)
            self.conversation.ask(seat, told)

    def farewell(self, seat: int) -> str:
        """How the match ended, in words for `seat`.

        Raises:
            ValueError: it is not over.
        """
        outcome = self.outcome
        if outcome is None:
            raise ValueError("the match is not over")
        if not self.game.movers(self.state):
            return self.game.tell(self.state, seat)
        offender = outcome.evidence["seat"] if outcome.reason == "forfeit" else None
        return cut_short(self.game, outcome.reason, offender, self.totals[seat])
