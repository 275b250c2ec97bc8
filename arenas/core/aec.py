"""Any game as a PettingZoo AECEnv. The one AECEnv subclass of the package."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import repeat
from typing import Any

from gymnasium import spaces
from pettingzoo import AECEnv

from arenas.core.environment import (
    RENDER_MODES,
    MatchEnvironment,
    info_of,
    observation_of,
    seat_spaces,
    submit,
)
from arenas.core.game import Game
from arenas.core.language import with_pictures
from arenas.core.match import Match
from arenas.core.rng import SeedSequence


class GameEnv(MatchEnvironment, AECEnv[str, Any, Any]):
    """A game as a PettingZoo environment: checks, illegal moves and records are built in.

    Arguments are those of `MatchEnvironment`.

    `reset(seed=s)` starts the match of seed s; without a seed the next match of a sequence that
    follows from the last seed given. `infos` are described at `info_of`. When several seats move at
    once they are asked in turn, none sees another's move, and the last one resolves the step.

    Raises:
        ValueError: an argument is out of range; the message lists what is possible.
    """

    def __init__(
        self,
        game: Game[Any],
        view: str = "array",
        illegal: str = "retry:1",
        max_cycles: int | None = None,
        render_mode: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(game, view, illegal, max_cycles, render_mode, name)
        self.possible_agents = list(game.spec.agents)
        observations, actions = seat_spaces(game, view)
        self.observation_spaces = dict(zip(self.possible_agents, observations, strict=True))
        self.action_spaces = dict(zip(self.possible_agents, actions, strict=True))
        self.metadata: dict[str, Any] = {
            "name": self.name,
            "render_modes": list(RENDER_MODES),
            "render_fps": 2,
            "is_parallelizable": game.spec.simultaneous,
        }
        self.agents: list[str] = []
        self._names = game.spec.agents
        self._seats = {agent: seat for seat, agent in enumerate(self._names)}
        self._zeros = dict.fromkeys(self._names, 0.0)
        self._unset = dict.fromkeys(self._names, False)
        self._seat = 0
        self.agent_selection = self._names[0]
        self._seeds = SeedSequence()

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Starts a match.

        Args:
            seed: integer in 0..2**63-1, or None for the next match of the current sequence.
            options: ignored.

        Raises:
            ValueError: `seed` is no such integer.
        """
        match_seed = self._seeds.next() if seed is None else seed
        match = Match(self.game, match_seed, self.illegal, self.max_cycles, self.view != "array")
        if seed is not None:
            self._seeds = SeedSequence(match.seed)
        self._start(match)

    def _start(self, match: Match) -> None:
        self._match = match
        self._totals = match.totals
        self._paid = False
        self.agents = list(self._names)
        self.rewards = self._zeros.copy()
        self._cumulative_rewards = self._zeros.copy()
        self.terminations = self._unset.copy()
        self.truncations = self._unset.copy()
        self.infos = {agent: {"illegal_moves": 0} for agent in self._names}
        self._seat = match.awaited[0]
        self.agent_selection = self._names[self._seat]
        if self.render_mode == "human":
            self.render()

    def step(self, action: Any) -> None:
        """Plays an action of `agent_selection`.

        Raises:
            RuntimeError: the match is over and every agent has left, or `reset` was not called.
            ValueError: the agent is done and the action is not None.
            TypeError: the action is not of the view's kind.
            IllegalMove: under `illegal="raise"`; nothing has changed.
        """
        match, agent = self._match, self.agent_selection
        if match is None or not self.agents:
            raise RuntimeError("no agent is left to step; call reset() to start a match")
        if match.outcome is not None:
            self._leave(action)
            return
        seat = self._seat
        if self.view == "array":
            match.submit(seat, action)
        elif self.view == "text":
            match.reply(seat, action)
        else:
            submit(match, seat, action, self.view)
        self._cumulative_rewards[agent] = 0.0
        if self._paid:
            self.rewards = self._zeros.copy()
            self._paid = False
        if match.news:
            match.news = False
            if match.totals is not self._totals:
                self._pay(match)
            if match.outcome is None:
                self.infos[agent] = info_of(match, seat)
        awaited = match.awaited
        if not awaited:
            self._finish(match)
        else:
            self._seat = seat = awaited[0] if len(awaited) == 1 else self._next_seat(awaited)
            self.agent_selection = self._names[seat]
        if self.render_mode == "human":
            self.render()

    def _next_seat(self, awaited: tuple[int, ...]) -> int:
        if self.game.spec.independent:
            return next((s for s in awaited if s > self._seat), awaited[0])
        return awaited[0]

    def _pay(self, match: Match) -> None:
        rewards, cumulative = self.rewards, self._cumulative_rewards
        totals, before = match.totals, self._totals
        for agent, seat in self._seats.items():
            rewards[agent] = gain = totals[seat] - before[seat]
            cumulative[agent] += gain
        self._totals = totals
        self._paid = True

    def _finish(self, match: Match) -> None:
        assert match.outcome is not None
        ended = self.truncations if match.outcome.truncated else self.terminations
        for agent, seat in self._seats.items():
            ended[agent] = True
            self.infos[agent] = info_of(match, seat)
        self.agent_selection = self.agents[0]

    def _leave(self, action: Any) -> None:
        """PettingZoo's dead step: the selected agent leaves, and the next one is selected."""
        if action is not None:
            raise ValueError("the match is over, so the only valid action is None")
        agent = self.agents.pop(0)
        del self.rewards[agent], self._cumulative_rewards[agent], self.infos[agent]
        del self.terminations[agent], self.truncations[agent]
        if self._paid:
            self.rewards = dict.fromkeys(self.rewards, 0.0)
            self._paid = False
        if self.agents:
            self.agent_selection = self.agents[0]

    def observe(self, agent: str) -> dict[str, Any]:
        """What `agent` observes now, also when it is not its turn."""
        return observation_of(self.match, self._seats[agent], self.view)

    def last(
        self, observe: bool = True
    ) -> tuple[dict[str, Any] | None, float, bool, bool, dict[str, Any]]:
        """Observation, reward since the last move, ends and info of the agent to move."""
        agent, observation = self.agent_selection, None
        if observe:
            match, seat = self._match or self.match, self._seats[agent]
            if self.view == "array":
                observation = self.game.observe(match.state, seat, seat in match.awaited)
            elif self.view == "text" and match.conversation is not None:
                observation = {"text": match.conversation.text(seat)}
            else:
                observation = observation_of(match, seat, self.view)
        return (
            observation,
            self._cumulative_rewards[agent],
            self.terminations[agent],
            self.truncations[agent],
            self.infos[agent],
        )

    def agent_iter(self, max_iter: int = 2**63) -> Iterator[str]:
        """Yields `agent_selection` until every agent has left, at most `max_iter` times."""
        for _ in repeat(None, min(max_iter, sys.maxsize)):
            if not self.agents:
                return
            yield self.agent_selection

    def messages(self, agent: str, pictures: bool = False) -> list[dict[str, Any]]:
        """The text observation of `agent` as chat messages (views "text" and "both").

        Args:
            agent: whose.
            pictures: with those that the game shows to it, see `language.with_pictures`.

        Raises:
            ValueError: the view is "array".
        """
        if self.match.conversation is None:
            raise ValueError('messages need view="text" or view="both"')
        seat = self._seats[agent]
        shown = self.game.pictures(self.match.state, seat) if pictures else ()
        return with_pictures(self.match.conversation.messages(seat), shown)

    def save(self) -> tuple[Any, ...]:
        """A snapshot of the match; `restore` goes back to it, any number of times."""
        tables = (
            self.agents[:],
            dict(self.rewards),
            dict(self._cumulative_rewards),
            dict(self.terminations),
            dict(self.truncations),
            {agent: dict(info) for agent, info in self.infos.items()},
        )
        place = (self._totals, self._paid, self._seat, self.agent_selection)
        return self.match.copy(), tables, place

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """Goes back to a snapshot of this or an equal environment (for branching)."""
        match, tables, place = snapshot
        self._match = match.copy()
        self.agents = tables[0][:]
        self.rewards, self._cumulative_rewards = dict(tables[1]), dict(tables[2])
        self.terminations, self.truncations = dict(tables[3]), dict(tables[4])
        self.infos = {agent: dict(info) for agent, info in tables[5].items()}
        self._totals, self._paid, self._seat, self.agent_selection = place
        self._totals = self._match.totals
