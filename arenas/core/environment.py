"""What the environments share: views of a match, its picture, arguments."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from arenas.core.game import Game
from arenas.core.match import IllegalPolicy, Match, check_max_cycles
from arenas.core.policy import Policy
from arenas.core.record import MatchRecord
from arenas.core.screen import NoScreen, Screen
from arenas.core.spaces import TextSpace

VIEWS = ("array", "text", "both")
RENDER_MODES = ("ansi", "rgb_array", "human")
MAX_TRIES = 1_000
"""Matches that may end one after another before the learner has moved."""

PROMPT_CHARS = 1_000_000
"""Longest prompt that the text observation space contains."""


def seat_spaces(
    game: Game[Any], view: str
) -> tuple[list[spaces.Space[Any]], list[spaces.Space[Any]]]:
    """Observation space and action space of each seat under a view ("array", "text", "both").

    - array: `Dict(observation, action_mask)` and the game's action space; the mask is called
      `component_mask` where moves are several numbers, and missing where they are something else;
    - text: `Dict(text)` and a `TextSpace` of replies;
    - both: `Dict(observation, action_mask, text)` and the game's action space; replies in words are
      taken as well.

    Raises:
        ValueError: `view` is none of the three.
    """
    if view not in VIEWS:
        raise ValueError(f"view={view!r}: the views are {', '.join(VIEWS)}")
    spec = game.spec
    observations: list[spaces.Space[Any]] = []
    actions: list[spaces.Space[Any]] = []
    for _ in range(spec.seats):
        parts: dict[str, spaces.Space[Any]] = {}
        if view != "text":
            parts["observation"] = copy.deepcopy(spec.observation_space)
            if game.mask_size:
                parts[game.mask_name] = spaces.Box(0, 1, (game.mask_size,), np.int8)
        if view != "array":
            parts["text"] = TextSpace(PROMPT_CHARS)
        observations.append(spaces.Dict(parts))
        if view == "text":
            actions.append(TextSpace(spec.max_reply_chars, game.reply_examples()))
        else:
            actions.append(copy.deepcopy(spec.action_space))
    return observations, actions


def observation_of(match: Match, seat: int, view: str) -> dict[str, Any]:
    """What `seat` observes of a match: a fresh value of its observation space.

    The action mask of a seat that is not awaited is all zeros.
    """
    if view == "text":
        assert match.conversation is not None
        return {"text": match.conversation.text(seat)}
    observation = match.game.observe(match.state, seat, seat in match.awaited)
    if view == "both":
        assert match.conversation is not None
        observation["text"] = match.conversation.text(seat)
    return observation


def submit(match: Match, seat: int, action: Any, view: str) -> None:
    """Plays an action of a view's action space: a reply in words, or a move."""
    if view == "text" or (view == "both" and isinstance(action, str)):
        match.reply(seat, action)
    else:
        match.submit(seat, action)


def info_of(match: Match, seat: int) -> dict[str, Any]:
    """A fresh info dict: how often the seat moved illegally, and why the last move was illegal.

    After the end also `ending`, the outcome's reason.
    """
    info: dict[str, Any] = {"illegal_moves": match.illegal_moves[seat]}
    reason = match.last_illegal[seat]
    if reason is not None:
        info["illegal_reason"] = reason
    if match.outcome is not None:
        info["ending"] = match.outcome.reason
    return info


def check_learner(game: Game[Any], seat: int | str) -> int | str:
    """Returns which seat the learner has: a number, "random" or "alternating".

    Raises:
        ValueError: it is none of them.
    """
    seats = game.spec.seats
    if seat not in ("random", "alternating") and seat not in range(seats):
        raise ValueError(f'seat={seat!r}: 0 to {seats - 1}, "random" or "alternating"')
    return seat


def opponents_of(game: Game[Any], opponents: Policy | Sequence[Policy]) -> list[Policy]:
    """A policy for each seat but the learner's, in seat order.

    Raises:
        ValueError: there are not as many as seats.
    """
    others = game.spec.seats - 1
    if isinstance(opponents, Policy):
        return [opponents] * others
    if len(opponents) != others:
        raise ValueError(f"{len(opponents)} opponents for the {others} other seats")
    return list(opponents)


class MatchEnvironment:
    """The part of an environment that does not depend on whose interface it follows.

    Args:
        game: the rules.
        view: what is observed and what an action is, see `seat_spaces`.
        illegal: what follows an illegal move, see `IllegalPolicy`.
        max_cycles: truncate once this many moves per seat were played; None leaves it to the rules.
        render_mode: "ansi" returns a text picture, "rgb_array" pixels, "human" shows
            them in a window after every move, or prints the text where there is no display.
        name: the environment's id, which its records carry.

    Raises:
        ValueError: an argument is out of range; the message lists what is possible.
    """

    def __init__(
        self,
        game: Game[Any],
        view: str,
        illegal: str,
        max_cycles: int | None,
        render_mode: str | None,
        name: str | None,
    ) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            modes = ", ".join(RENDER_MODES)
            raise ValueError(f"render_mode={render_mode!r}: the modes are {modes}, or None")
        self.game = game
        self.view = view
        self.illegal = IllegalPolicy.read(illegal)
        self.max_cycles = check_max_cycles(max_cycles)
        self.render_mode = render_mode
        self.name = name or game.spec.name
        self._match: Match | None = None
        self._screen: Screen | None = None
        self._no_screen = False

    @property
    def match(self) -> Match:
        """The match in progress: seed, log, outcome.

        Raises:
            RuntimeError: `reset` was not called yet.
        """
        if self._match is None:
            raise RuntimeError("call reset() first")
        return self._match

    def record(self, seats: Sequence[str] | None = None) -> MatchRecord:
        """The record of the finished match.

        Args:
            seats: who played in each seat; the agents' names if None.

        Raises:
            ValueError: the match is not over.
        """
        return MatchRecord.of(self.match, self.name, seats or self.game.spec.agents)

    def render(self) -> str | np.ndarray | None:
        """The match for an onlooker who sees everything.

        Returns:
            "ansi": text; "rgb_array": (height, width, 3) uint8, see `Game.draw`; "human": None,
            the picture was shown in a window, or the text printed where none can be opened.

        Raises:
            ValueError: the environment was made without a render mode.
            RuntimeError: `reset` was not called yet.
            ImportError: "rgb_array" without pygame.
        """
        if self.render_mode is None:
            raise ValueError('nothing to render: make the environment with render_mode="ansi"')
        if self.render_mode == "rgb_array":
            return self.game.draw(self.match.state)
        if self.render_mode == "human" and (screen := self._opened()) is not None:
            screen.show(self.game.draw(self.match.state))
            return None
        picture = self.game.show(self.match.state)
        if self.render_mode == "ansi":
            return picture
        print(picture, flush=True)
        return None

    def _opened(self) -> Screen | None:
        """The window, opened at the first picture; None where there can be none."""
        if not self._no_screen and self._screen is None:
            try:
                self._screen = Screen(self.name)
            except NoScreen:
                self._no_screen = True
        return self._screen

    def close(self) -> None:
        """Closes the window and the game's shared resources; calling it again does nothing."""
        if self._screen is not None:
            self._screen.close()
            self._screen = None
        self.game.close()
