"""Many games of one flat game in lockstep, in words: prompts out, replies in.

The kernels of `lockstep` play the matches; here replies become codes, and rows words. What a seat
reads is to the character what it reads in a match by itself, and a test holds them together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from arenas.core.environment import seat_spaces
from arenas.core.flat import FlatGame, Position
from arenas.core.game import IllegalMove
from arenas.core.language import Conversation
from arenas.core.lockstep import ATTEMPTS, DISABLED, NEXT_STEP, SAME_STEP, check, renew, step
from arenas.core.lockstep_env import check_rules
from arenas.core.match import Match, cut, cut_short, read_reply, replacement
from arenas.core.record import MatchRecord
from arenas.core.vector import FlatVectorEnv

T = TypeVar("T")

REPLACING = ("random-legal", "penalty")
"""Policies under which a move is played in the place of an illegal one."""


class _Refusal(NamedTuple):
    """Why a reply is illegal, and in words the move that is played in its place, if one is."""

    reason: str
    played: str


class TextVectorEnv(FlatVectorEnv):
    """The caller replies in every seat: each step takes one reply in every game.

    Observations are a tuple of B strings: in each game the whole prompt of the seat to move, as
    `arenas.make(..., view="text")` has it; where the match is over, what the seat that moved last
    read at the end. Rewards and infos are those of `SelfPlayVectorEnv`; `final_obs` is an object
    array (B,) of such last prompts, None where no match ended.

    Args:
        game: the rules.
        num_envs: number of games B.
        name: the game's id, which records carry; the game's name if None.
        arguments: the rest of `FlatVectorEnv`; the device is the CPU.

    Errors as in `FlatVectorEnv`.
    """

    def __init__(
        self, game: FlatGame, num_envs: int, name: str | None = None, **arguments: Any
    ) -> None:
        if arguments.get("device", "cpu") != "cpu":
            raise ValueError('view="text" runs on the CPU')
        check_rules(game, FlatGame, ("tell_new",))
        super().__init__(game, num_envs, **arguments)
        (observation, *_), (action, *_) = seat_spaces(game, "text")
        self._let(observation["text"], action)  # type: ignore[index]
        self.name = name or game.spec.name
        # A match's end is told before the next one takes its place.
        self._stepping = self._settings._replace(autoreset=DISABLED)
        self._legal = np.zeros(num_envs, bool)
        # By game: what was told and answered, the lines that were said, the replies as they came.
        self._conversations = [Conversation(game.briefs)] * num_envs
        self._said: list[list[str]] = [[]] * num_envs
        self._replies: list[list[str]] = [[]] * num_envs
        # Why the last reply of a seat was illegal, by game and seat, where it was.
        self._refused: dict[tuple[int, int], str] = {}
        # By game: seed and replies of the match that ended last.
        self._ended: list[tuple[int, list[str]] | None] = [None] * num_envs

    def _after_reset(self, where: Any, seeded: np.ndarray) -> tuple[Any, dict[str, Any]]:
        self._begin(games := np.flatnonzero(where))
        self._ask(games)
        return self._prompts(), self._info({})

    def step(self, actions: Sequence[str]) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Plays a reply of the seat to move in every game.

        Args:
            actions: B strings.

        Raises:
            IllegalMove: a reply names no legal move, under `illegal="raise"`; nothing has changed.
            RuntimeError: `reset` was not called, or a match is over and autoreset is disabled.
            TypeError, ValueError: the replies are no strings, or not B of them.
        """
        self._require_running()
        texts, out, autoreset = self._texts(actions), self._out, self._settings.autoreset
        over = out.over.copy()
        live = np.flatnonzero(~over)
        codes, lines, refusals = self._read(live, texts)
        if refusals and self.illegal.kind == "raise":
            game, refusal = next(iter(refusals.items()))
            raise IllegalMove(f"game {game}: {refusal.reason}")
        seats = out.seats.tolist()
        self._device.run(step, self._batch, self._stepping, codes)
        moved = codes >= 0
        if self.illegal.kind in REPLACING:
            moved[list(refusals)] = True
        self._hear(live, seats, texts, moved.tolist(), lines, refusals)
        finals = self._end(np.flatnonzero(out.ended), moved)
        fresh = out.ended if autoreset == SAME_STEP else over & (autoreset == NEXT_STEP)
        if fresh.any():
            self._device.run(renew, self._batch, fresh)
            self._begin(np.flatnonzero(fresh))
        self._ask(np.flatnonzero(moved & ~out.ended | fresh))
        given = self._given
        ends = given(out.terminated), given(out.truncated)
        return self._prompts(), given(out.mover_rewards), *ends, self._info(finals)

    # -- one step ----------------------------------------------------------------------------------
    # `games` are numbers of games, ascending.

    def _texts(self, replies: Sequence[str]) -> list[str]:
        texts = [replies] if isinstance(replies, str) else list(replies)
        if len(texts) != self.num_envs:
            raise ValueError(f"{len(texts)} replies for {self.num_envs} games")
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"a reply is a string, got {text!r}")
        return [cut(self.game, text) for text in texts]

    def _read(
        self, games: np.ndarray, texts: list[str]
    ) -> tuple[np.ndarray, list[str], dict[int, _Refusal]]:
        """Codes (B,) of the moves that replies name, their lines by game, and refusals.

        An illegal reply has the code -1, for kernels do by themselves what follows.
        """
        game, coded = self.game, self._coded
        said, replies = self._of(self._said, games), self._of(texts, games)
        known, spoken = game.recognise_all(self._rows_of(games), said, replies)
        codes, lines = np.full(self.num_envs, -1), [""] * self.num_envs
        codes[games] = known
        for i, line in zip(games.tolist(), spoken, strict=True):
            lines[i] = line
        self._device.run(check, self._batch, codes, self._legal)
        refusals = {}
        for i in games[~self._legal[games]].tolist():
            state = self._position(i)
            (seat,) = state.movers
            move, reason = read_reply(game, state, seat, texts[i])
            if reason is None:
                codes[i] = move if coded is None else coded.code(move)
                lines[i] = "" if coded is None else coded.line(move)
                continue
            codes[i], lines[i], played = -1, "", ""
            if self.illegal.kind in REPLACING:
                submitted, seed = int(self._out.submitted[i, seat]), int(self._out.seeds[i])
                move = replacement(game, state, seat, seed, submitted)
                played = game.format(state, seat, move)
            refusals[i] = _Refusal(reason, played)
        return codes, lines, refusals

    def _hear(
        self,
        games: np.ndarray,
        seats: list[int],
        texts: list[str],
        moved: list[bool],
        lines: list[str],
        refusals: dict[int, _Refusal],
    ) -> None:
        """Takes up what was replied, and tells a seat of its illegal move."""
        talks = self._coded is not None and self._coded.talks
        for i in games.tolist():
            self._conversations[i].answer(seats[i], texts[i])
            self._replies[i].append(texts[i])
            if self._refused:
                self._refused.pop((i, seats[i]), None)
            if talks and moved[i]:
                self._said[i].append(lines[i])
        for i, refusal in refusals.items():
            attempts = int(self._batch.numbers[i, ATTEMPTS])
            told = self.illegal.told(refusal.reason, attempts, refusal.played)
            self._conversations[i].ask(seats[i], told)
            self._refused[i, seats[i]] = refusal.reason

    def _end(self, games: np.ndarray, moved: np.ndarray) -> dict[int, str]:
        """Tells every seat how its match ended; returns what the seat that moved last has read.

        Without a move in this step (`moved`, (B,)) it was a forfeit.
        """
        game, out, finals = self.game, self._out, {}
        by_rules = games[moved[games] & ~out.truncated[games]]
        for seat in range(game.spec.seats):
            self._tell(by_rules, [seat] * len(by_rules))
        movers, seeds = out.movers[games].tolist(), out.seeds[games].tolist()
        for i, mover, seed in zip(games.tolist(), movers, seeds, strict=True):
            conversation = self._conversations[i]
            if not moved[i] or out.truncated[i]:
                offender = None if out.truncated[i] else mover
                for seat, reward in enumerate(out.final_totals[i].tolist()):
                    conversation.ask(seat, cut_short(game, "truncated", offender, reward))
            self._ended[i] = seed, self._replies[i]
            finals[i] = conversation.text(mover)
        return finals

    def _begin(self, games: np.ndarray) -> None:
        """Takes up the matches that have begun."""
        for i in games.tolist():
            self._conversations[i] = Conversation(self.game.briefs)
            self._said[i], self._replies[i] = [], []
            for seat in range(self.game.spec.seats) if self._refused else ():
                self._refused.pop((i, seat), None)

    def _ask(self, games: np.ndarray) -> None:
        """Tells the seats to move where they stand."""
        self._tell(games, self._out.seats[games].tolist())

    def _tell(self, games: np.ndarray, seats: list[int]) -> None:
        """Tells a seat of each of the games where its match stands."""
        if not seats:
            return
        said, masks = self._of(self._said, games), self._some(self._out.masks, games)
        told = self.game.tell_all(self._rows_of(games), said, seats, masks)
        for i, seat, words in zip(games.tolist(), seats, told, strict=True):
            self._conversations[i].ask(seat, words)

    def _rows_of(self, games: np.ndarray) -> np.ndarray:
        """The rows (N, W) of games."""
        if self._rows is None:
            return self._some(self._batch.rows, games)
        rows: np.ndarray = self._rows[self._out.positions[games]]
        return rows

    def _some(self, array: Any, games: np.ndarray) -> np.ndarray:
        """The entries of games, not to be changed; all of them are no copy."""
        some: np.ndarray = array if len(games) == self.num_envs else array[games]
        return some

    def _of(self, items: list[T], games: np.ndarray) -> list[T]:
        """The same of a list."""
        return items if len(games) == self.num_envs else [items[i] for i in games.tolist()]

    # -- what is given out -------------------------------------------------------------------------

    def _prompts(self) -> tuple[str, ...]:
        seats = self._out.seats.tolist()
        return tuple([c.text(s) for c, s in zip(self._conversations, seats, strict=True)])

    def _info(self, finals: dict[int, str]) -> dict[str, Any]:
        out, prompts = self._out, np.empty(self.num_envs, object)
        for i, prompt in finals.items():
            prompts[i] = prompt
        return self._information(
            (out.seats, out.rewards, out.illegal_moves, out.ended),
            (out.final_totals, out.final_plies, out.final_illegal_moves),
            (prompts, out.movers),
        )

    def _final(self, observations: Any, ended: Any) -> Any:
        return observations

    def _position(self, game: int) -> Position:
        row = self._rows_of(np.array([game]))[0]
        return self.game.position(tuple(row.tolist()), tuple(self._said[game]))

    def _heard(self, game: int) -> tuple[str | None, Conversation | None]:
        refused = self._refused.get((game, int(self._out.seats[game])))
        return refused, self._conversations[game]

    def messages(self, game: int) -> list[dict[str, Any]]:
        """The prompt of a game as chat messages, see `Conversation.messages`.

        Raises:
            RuntimeError: `reset` was not called.
        """
        self._require_begun()
        return self._conversations[game].messages(int(self._out.seats[game]))

    def record(self, game: int, seats: Sequence[str] | None = None) -> MatchRecord:
        """The record of the match that ended last in a game; for it the match is played again.

        Args:
            game: 0..B-1.
            seats: who played in each seat; the agents' names if None.

        Raises:
            ValueError: no match has ended there.
        """
        ended = self._ended[game]
        if ended is None:
            raise ValueError(f"no match has ended in game {game}")
        return MatchRecord.of(self._again(*ended), self.name, seats or self.game.spec.agents)

    def _again(self, seed: int, replies: list[str]) -> Match:
        """A match up to where these replies brought it."""
        match = Match(self.game, seed, self.illegal, self.max_cycles, language=True)
        for reply in replies:
            match.reply(match.awaited[0], reply)
        return match

    # -- saving ------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, np.ndarray]:
        replies = json.dumps(self._replies).encode()
        return {**super().get_state(), "replies": np.frombuffer(replies, np.uint8)}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        if "replies" not in state:
            raise ValueError('the state is of no environment with view="text"')
        arrays = {name: array for name, array in state.items() if name != "replies"}
        super().set_state(arrays)
        # Matches that had ended are not part of it.
        self._refused, self._ended = {}, [None] * self.num_envs
        self._replies = json.loads(np.asarray(state["replies"], np.uint8).tobytes())
        for i, replies in enumerate(self._replies):
            match = self._again(int(self._out.seeds[i]), replies)
            assert match.conversation is not None
            self._conversations[i], self._said[i] = match.conversation, list(match.state.said)
            reasons = {(i, seat): why for seat, why in enumerate(match.last_illegal) if why}
            self._refused |= reasons
