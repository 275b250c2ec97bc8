"""Our games as TextArena environments: `register_games()`, `textarena.make("arenas/Spy-v0")`."""

from __future__ import annotations

from typing import Any

import textarena
from textarena.core import ObservationType
from textarena.envs.registration import ENV_REGISTRY
from textarena.wrappers import GameBoardObservationWrapper, LLMObservationWrapper

from arenas.core.game import Game, option_defaults
from arenas.core.match import Match
from arenas.core.record import MatchRecord
from arenas.core.rng import SeedSequence, check_seed
from arenas.registry import NAMESPACE, entries, find, make_game

PREFIX = "arenas"
TELLING = ("new", "all")


def register_games() -> list[str]:
    """Makes every registered game known to `textarena.make`; returns their ids.

    "selfplay/KuhnPoker-v0" is "arenas/KuhnPoker-v0" there; ids in other namespaces stay as they
    are. As with TextArena's own games there are three: the plain id gives the whole conversation
    as one string, "-raw" lists of messages, and "-train" the rules and the latest situation.
    Options of the game are keywords of `textarena.make`. Calling this again adds what is new.
    """
    names = []
    for entry in entries():
        if entry.game.startswith("arenas.adapters."):
            continue
        own = entry.id.removeprefix(f"{NAMESPACE}/")
        name = entry.id if own == entry.id else f"{PREFIX}/{own}"
        names.append(name)
        versions: tuple[tuple[str, str, Any], ...] = (
            ("", "new", [History]),
            ("-raw", "new", None),
            ("-train", "all", [Board]),
        )
        for suffix, telling, wrappers in versions:
            if name + suffix not in ENV_REGISTRY:
                textarena.register(
                    name + suffix,
                    f"{__name__}:{ArenaEnv.__name__}",
                    wrappers,
                    game_id=entry.id,
                    telling=telling,
                )
    return names


class ArenaEnv(textarena.Env):
    """One match of a registered game after another, as a TextArena environment.

    A seat is told the rules as a PROMPT, its situation whenever it is to move as a GAME_BOARD, why
    a reply was illegal as GAME_ADMIN, and how the match ended as a GAME_MESSAGE; its own replies
    come back to it, without private reasoning, as PLAYER_ACTION. Nobody gets another's replies:
    of those it hears what the game tells. Where several seats move at once, they are asked one
    after the other, and none sees another's move.

    Args:
        game_id: as in `arenas.make`.
        error_allowance: illegal replies in a row that are forgiven; the next one forfeits.
        telling: "new": a seat that moved before is told what is new since; "all": its whole
            situation every time, with the reason if its last reply was illegal.
        options: the game's own.

    Attributes:
        game: the rules.
        match: the match in progress.
        state: TextArena's state, with the observations that wait; it holds nothing of the game's.

    Raises:
        UnknownNameError: no such game or option; the message lists what exists.
        ValueError: a value is out of range.
    """

    def __init__(
        self, game_id: str, error_allowance: int = 1, telling: str = "new", **options: Any
    ) -> None:
        if telling not in TELLING:
            raise ValueError(f"telling={telling!r}: {' or '.join(TELLING)}")
        self.game_id = find(game_id).id
        self.error_allowance = error_allowance
        self.telling = telling
        self.game: Game[Any] = make_game(game_id, **options)
        self.match: Match | None = None

    def reset(self, num_players: int, seed: int | None = None) -> None:
        """Starts a match.

        Args:
            num_players: the number of seats; a game with the option `players` takes another.
            seed: of the match, 0..2**63-1; the same as in `arenas.make`. None for one from the
                operating system.

        Raises:
            ValueError: the game is not for that many, the seed is out of range, or the game shows
                pictures, which TextArena cannot pass on.
        """
        self.game = game = self._seating(num_players)
        seed = SeedSequence().next() if seed is None else check_seed(seed)
        self.match = Match(game, seed, f"retry:{self.error_allowance}", language=True)
        spec = game.spec
        if any(len(game.pictures(self.match.state, seat)) for seat in range(spec.seats)):
            raise ValueError(f"{game!r} shows pictures, and TextArena's observations are text")
        self.state = textarena.State(spec.seats)
        # Not its player_prompt_function: that would tell everything as one PROMPT.
        self.state.standard_resets(game_state={}, role_mapping=dict(enumerate(spec.agents)))
        for seat, role in enumerate(spec.roles):
            self.state.game_info[seat]["role"] = role
        self._sent = [0] * spec.seats
        self._go_on()

    def _seating(self, num_players: int) -> Game[Any]:
        seats = self.game.spec.seats
        if num_players == seats:
            return self.game
        if "players" not in option_defaults(type(self.game)):
            raise ValueError(f"{self.game!r} is a game of {seats}, not of {num_players}")
        self.game.close()
        return make_game(self.game_id, **{**self.game.options, "players": num_players})

    def step(self, action: str) -> tuple[bool, dict[str, Any]]:
        """Takes the reply of the player to move.

        Returns:
            Whether the match is over, and the info: `illegal` with the reason after an illegal
            reply, else nothing. After the end it changes nothing.

        Raises:
            RuntimeError: `reset` was not called yet.
            TypeError: the action is not a string.
        """
        match = self._running()
        if match.over:
            return True, {}
        seat = self.state.current_player_id
        match.reply(seat, action)
        illegal, told = match.last_illegal[seat], self.state.game_info[seat]
        told["turn_count"] += illegal is None
        told["invalid_move"] = illegal is not None and seat not in match.awaited
        self._go_on(offender=None if illegal is None else seat)
        return match.over, {} if illegal is None else {"illegal": illegal}

    def _running(self) -> Match:
        if self.match is None:
            raise RuntimeError("call reset(num_players) first")
        return self.match

    def _go_on(self, offender: int | None = None) -> None:
        """Passes on what the match has said, and says who is to move or who gets what."""
        match, state = self._running(), self.state
        for seat in range(match.game.spec.seats):
            self._pass_on(seat, illegal=seat == offender)
        state.turn = match.plies
        state.done = match.over
        if match.outcome is None:
            state.current_player_id = match.awaited[0]
            return
        state.rewards = dict(enumerate(match.outcome.rewards))
        for seat in state.rewards:
            state.game_info[seat]["reason"] = match.outcome.reason

    def _pass_on(self, seat: int, illegal: bool) -> None:
        match, everything = self._running(), self.telling == "all"
        assert match.conversation is not None
        messages = match.conversation.messages(seat)
        for message in messages[self._sent[seat] :]:
            text, sender = message["content"], textarena.GAME_ID
            if message["role"] == "system":
                kind = ObservationType.PROMPT
            elif message["role"] == "assistant":
                kind, sender = ObservationType.PLAYER_ACTION, seat
            elif illegal:
                kind, illegal = ObservationType.GAME_ADMIN, False
                if everything and not match.over:
                    kind = ObservationType.GAME_BOARD
                    text = f"{match.game.tell(match.state, seat)}\n\n{text}"
            elif match.over:
                kind = ObservationType.GAME_MESSAGE
            else:
                kind = ObservationType.GAME_BOARD
                text = match.game.tell(match.state, seat) if everything else text
            self.state.observations[seat].append((sender, text, kind))
        self._sent[seat] = len(messages)

    def close(self) -> tuple[dict[int, float] | None, dict[int, dict[str, Any]]]:
        """Rewards by player (None before the end) and, of each, role, turns and how it ended.

        Raises:
            RuntimeError: `reset` was not called yet.
        """
        self._running()
        self.game.close()
        rewards, told = self.state.close()
        return rewards, told

    def record(self, seats: list[str] | None = None) -> MatchRecord:
        """The record of the finished match, which `arenas verify` takes.

        Args:
            seats: who played in each seat; the agents' names if None.

        Raises:
            ValueError: the match is not over.
            RuntimeError: `reset` was not called yet.
        """
        return MatchRecord.of(self._running(), self.game_id, seats or self.game.spec.agents)

    def get_board_str(self) -> str:
        """The state for an onlooker who sees everything; what TextArena's renderers print."""
        return self.game.show(self._running().state)


class _Fresh:
    """Forgets the match before: TextArena's observation wrappers tell it again after a reset."""

    full_observations: dict[int, Any]

    def reset(self, num_players: int, seed: int | None = None) -> None:
        self.full_observations.clear()
        super().reset(num_players=num_players, seed=seed)  # type: ignore[misc]


class History(_Fresh, LLMObservationWrapper):
    """TextArena's `LLMObservationWrapper`: all that a player was told and said, as one string."""


class Board(_Fresh, GameBoardObservationWrapper):
    """TextArena's `GameBoardObservationWrapper`: the rules and the latest situation."""
