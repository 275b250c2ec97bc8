"""A simultaneous game as a PettingZoo ParallelEnv."""

from __future__ import annotations

from typing import Any

from gymnasium import spaces
from pettingzoo import ParallelEnv

from arenas.core.environment import (
    RENDER_MODES,
    MatchEnvironment,
    info_of,
    observation_of,
    seat_spaces,
    submit,
)
from arenas.core.game import Game
from arenas.core.match import Match
from arenas.core.rng import SeedSequence, check_seed


class ParallelGameEnv(MatchEnvironment, ParallelEnv[str, Any, Any]):
    """A game whose seats all move at every step; arguments as in `MatchEnvironment`.

    When some seat's move is illegal and it may try again, the step is not played: observations
    stay, the offender's info says why, and the moves of the other seats stand, so the next `step`
    reads the offender's action alone.

    Raises:
        ValueError: an argument is out of range, or the game is not simultaneous.
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
        if not game.spec.simultaneous:
            raise ValueError(f"{game.spec.name} is played in turns; make its AEC environment")
        super().__init__(game, view, illegal, max_cycles, render_mode, name)
        self.possible_agents = list(game.spec.agents)
        self.agents: list[str] = []
        observations, actions = seat_spaces(game, view)
        self.observation_spaces = dict(zip(self.possible_agents, observations, strict=True))
        self.action_spaces = dict(zip(self.possible_agents, actions, strict=True))
        self.metadata: dict[str, Any] = {
            "name": self.name,
            "render_modes": list(RENDER_MODES),
            "render_fps": 2,
        }
        self._seeds = SeedSequence()

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Starts a match; seeds as in `GameEnv.reset`, `options` are ignored."""
        if seed is None:
            seed = self._seeds.next()
        else:
            seed = check_seed(seed)
            self._seeds = SeedSequence(seed)
        match = Match(self.game, seed, self.illegal, self.max_cycles, self.view != "array")
        self._match = match
        self.agents = list(self.possible_agents)
        if self.render_mode == "human":
            self.render()
        return self._observations(), self._infos()

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[
        dict[str, Any],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Plays one action of every live agent.

        Raises:
            RuntimeError: the match is over (MatchOver), or `reset` was not called.
            ValueError: an agent's action is missing.
            IllegalMove: under `illegal="raise"`; the moves before it stand.
        """
        match = self.match
        match.require_running()
        missing = [agent for agent in self.agents if agent not in actions]
        if missing:
            raise ValueError(f"no action for {', '.join(missing)}")
        before = match.totals
        agents, array = self.possible_agents, self.view == "array"
        for seat in match.awaited:
            if seat not in match.awaited:
                continue
            if array:
                match.submit(seat, actions[agents[seat]])
            else:
                submit(match, seat, actions[agents[seat]], self.view)
        if match.totals is before:
            rewards = dict.fromkeys(agents, 0.0)
        else:
            pairs = zip(agents, match.totals, before, strict=True)
            rewards = {agent: now - then for agent, now, then in pairs}
        over = match.outcome is not None
        cut = match.outcome is not None and match.outcome.truncated
        result = (
            self._observations(),
            rewards,
            dict.fromkeys(agents, over and not cut),
            dict.fromkeys(agents, cut),
            self._infos(),
        )
        if over:
            self.agents = []
        if self.render_mode == "human":
            self.render()
        return result

    def _observations(self) -> dict[str, Any]:
        match, agents = self.match, enumerate(self.possible_agents)
        if self.view != "array":
            return {agent: observation_of(match, seat, self.view) for seat, agent in agents}
        observe, state, awaited = self.game.observe, match.state, match.awaited
        return {agent: observe(state, seat, seat in awaited) for seat, agent in agents}

    def _infos(self) -> dict[str, dict[str, Any]]:
        match, agents = self.match, enumerate(self.possible_agents)
        return {agent: info_of(match, seat) for seat, agent in agents}
