"""Text games as environments of verifiers, for its own evaluations and for prime-rl's trainer.

Written for verifiers 0.4, its `v1`. A task is a deal; the environment has a role for each seat,
`player_0`, `player_1`, ..., whose trace carries what that seat earned. The plugin is called
`arenas_verifiers`:

    vf-eval arenas_verifiers --env.taskset.game TicTacToe-v0 --env.player-1.model ORG/NAME

Every seat is trained on unless its role is in `frozen`; a role may also have another model or
another server. `opponent` names a player of ours for all seats but one.

The harness asks for each reply in this process. The stock ones start a program for every seat of
every match, which takes seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import httpx
import verifiers.v1 as vf
from pydantic import Field, create_model
from verifiers.v1.dialects.chat import message_to_wire

from arenas.adapters.seats import News, play
from arenas.core.game import Game
from arenas.core.match import IllegalPolicy, Match, check_max_cycles
from arenas.core.policy import Policy, Reply
from arenas.core.record import MatchRecord
from arenas.core.rng import SeedSequence, check_seed
from arenas.registry import find, make_game, make_player

MOST_SEATS = 16
"""Roles are fields of a class, so there is a greatest number of them."""


# -- tasks -----------------------------------------------------------------------------------------


class ArenaTasksetConfig(vf.TasksetConfig):
    """What is played.

    Attributes:
        game: "KuhnPoker-v0" or "selfplay/KuhnPoker-v0".
        options: the game's own.
        seed: of all deals.
        illegal, max_cycles: as in `arenas.make`; not "raise".
    """

    game: str = "KuhnPoker-v0"
    options: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    illegal: str = "retry:1"
    max_cycles: int | None = None


class ArenaData(vf.TaskData):
    """A deal: the match of `seed`."""

    game: str
    options: dict[str, Any]
    seed: int
    illegal: str
    max_cycles: int | None


class ArenaTask(vf.Task[ArenaData, vf.State, vf.TaskConfig]):
    """A deal, without hooks: the environment says what each seat earned."""


class ArenaTaskset(vf.Taskset[ArenaTask, ArenaTasksetConfig]):
    """Deals without end."""

    INFINITE = True

    def load(self) -> Iterator[ArenaTask]:
        """The deals, one after the other; the same for the same seed.

        Raises:
            UnknownNameError: no such game or option; the message lists what exists.
            ValueError: a value is out of range.
        """
        config = self.config
        make_game(config.game, **config.options)
        check_max_cycles(config.max_cycles)
        if IllegalPolicy.read(config.illegal).kind == "raise":
            raise ValueError("illegal='raise' would leave a silent model's match without an end")
        seeds = SeedSequence(check_seed(config.seed))
        for number in count():
            data = ArenaData(
                name=f"{config.game} {number}",
                game=find(config.game).id,
                options=config.options,
                seed=seeds.next(),
                illegal=config.illegal,
                max_cycles=config.max_cycles,
            )
            yield ArenaTask(data, config.task)


# -- the harness -----------------------------------------------------------------------------------


class ArenaHarnessConfig(vf.HarnessConfig):
    """No options of its own."""


class ArenaHarness(vf.Harness[ArenaHarnessConfig]):
    """Asks for one reply to a conversation, in this process and without tools."""

    APPENDS_SYSTEM_PROMPT = True
    SUPPORTS_RESUME = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: Any,
        trace: Any,
        runtime: Any,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: Any,
    ) -> Any:
        system, prompt = self.resolve_prompt(data)
        if isinstance(prompt, str):
            prompt = [vf.UserMessage(content=prompt)]
        messages = [message_to_wire(message) for message in prompt or ()]
        if system is not None:
            messages.insert(0, {"role": "system", "content": system})
        # The endpoint is verifiers' own on the loopback interface, which records and forwards.
        async with httpx.AsyncClient(verify=False, trust_env=False, timeout=None) as client:
            response = await client.post(
                f"{endpoint}/chat/completions",
                json={"model": ctx.model, "messages": messages},
                headers={"Authorization": f"Bearer {secret}"},
            )
        failed = response.status_code >= 400
        return vf.ProgramResult(int(failed), "", response.text if failed else "")


# -- the environment -------------------------------------------------------------------------------


class _Config(vf.EnvConfig):
    """Who plays.

    Attributes:
        frozen: seats that are not trained on.
        opponent: a player of ours for all seats but one, which goes round with the tasks; the
            empty name leaves every seat to its role.
        player_0, player_1, ...: the role of each seat.
    """

    frozen: list[int] = Field(default_factory=list)
    opponent: str = ""


_ROLES: dict[str, Any] = {
    f"player_{seat}": (vf.AgentConfig, vf.AgentConfig(runtime=vf.SubprocessConfig()))
    for seat in range(MOST_SEATS)
}
ArenaEnvConfig: Any = create_model("ArenaEnvConfig", __base__=_Config, **_ROLES)


class ArenaEnv(vf.Env[ArenaEnvConfig]):
    """A match of the deal: each role answers for its seat until the rules say that it is over.

    A seat's trace has the reward `outcome`, what it earned; the metric `illegal_moves`; and in
    `info["match"]` the line of its record, which `arenas verify` replays. A role that is stopped by
    a limit of its own says nothing from then on, which the rules punish. One whose model fails
    takes the episode with it, so that no failure is paid like a move.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._games: dict[str, tuple[Game[Any], Policy | None]] = {}

    async def setup(self, agents: Any) -> None:
        for seat in self.config.frozen:
            getattr(agents, f"player_{seat}").trainable = False

    async def run(self, task: Any, agents: Any) -> None:
        data = task.data
        game, opponent = self._table(data)
        seats = self._seats(game, data.idx or 0)
        match = Match(
            game, data.seed, IllegalPolicy.read(data.illegal), data.max_cycles, language=True
        )
        async with AsyncExitStack() as open_talks:
            talks = {}
            for seat in seats:
                own = data.model_copy(update={"prompt": None, "system_prompt": game.brief(seat)})
                agent = getattr(agents, f"player_{seat}")
                interaction = agent.interaction(ArenaTask(own, task.config))
                talks[seat] = _Talk(match, seat, await open_talks.enter_async_context(interaction))
            await play(match, {seat: talk.reply for seat, talk in talks.items()}, opponent)
        names = [self.config.opponent] * game.spec.seats
        for seat in talks:
            names[seat] = str(getattr(agents, f"player_{seat}").config.model)
        record = MatchRecord.of(match, data.game, names).to_json()
        for seat, talk in talks.items():
            talk.trace.record_reward("outcome", match.totals[seat])
            talk.trace.record_metric("illegal_moves", float(match.illegal_moves[seat]))
            talk.trace.info["match"] = record

    def _table(self, data: ArenaData) -> tuple[Game[Any], Policy | None]:
        """The game and the opponent, which tasks share."""
        key = json.dumps([data.game, data.options], sort_keys=True)
        if key not in self._games:
            game, name = make_game(data.game, **data.options), self.config.opponent
            self._games[key] = game, make_player(data.game, name, game) if name else None
        return self._games[key]

    def _seats(self, game: Game[Any], number: int) -> list[int]:
        """The seats that roles play."""
        seats = game.spec.seats
        if seats > MOST_SEATS:
            raise ValueError(f"{game!r} has {seats} seats; there are roles for {MOST_SEATS}")
        return [number % seats] if self.config.opponent else list(range(seats))


class _Talk:
    """What a role is told and says, in one match."""

    def __init__(self, match: Match, seat: int, interaction: Any) -> None:
        self._news, self._seat, self._interaction = News(match, seat), seat, interaction
        self._silent = False

    @property
    def trace(self) -> Any:
        return self._interaction.trace

    async def reply(self) -> Reply:
        """The role's answer to what it was told since its last one.

        Raises:
            RuntimeError: its model failed.
        """
        if self._silent:
            return Reply(text="")
        segment = await self._interaction.turn(self._news.read())
        if self.trace.last_error is not None:
            raise RuntimeError(f"seat {self._seat}: {self.trace.last_error.message}")
        self._silent = segment.terminated
        return Reply(text=segment.last_reply)


__all__ = ["ArenaEnv", "ArenaHarness", "ArenaTaskset"]
