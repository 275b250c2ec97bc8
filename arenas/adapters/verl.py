"""An agent loop of verl: one seat of a match is trained, in every row of the data set another.

Written for verl 0.9. verl gives all outputs of a row the reward of the last one, so a row trains
one seat; the others are played in the same coroutine by the same weights, untrained, or by a player
of ours. A data set of `rows` has each seat of a deal `rollout.n` times, whose mean is the baseline.

    actor_rollout_ref.rollout.agent.default_agent_loop=arenas
    +actor_rollout_ref.rollout.agent.agent_loop_config_path=agents.yaml

    # agents.yaml
    - name: arenas
      _target_: arenas.adapters.verl.ArenaAgentLoop

verl trains on CUDA alone, and **this was never run with its trainer**. What is tested is the loop:
verl's own classes, with a server manager over a tiny model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopOutput, register

from arenas.adapters.seats import News, play
from arenas.core.match import Match
from arenas.core.policy import Reply
from arenas.core.rng import SeedSequence, check_seed
from arenas.registry import make_game, make_player


def rows(
    game_id: str,
    n: int,
    *,
    options: Mapping[str, Any] | None = None,
    opponent: str = "",
    seed: int = 0,
    illegal: str = "retry:1",
) -> list[dict[str, Any]]:
    """Rows for a data set of verl: n deals, each with a row for every seat.

    Args:
        game_id: "KuhnPoker-v0" or "selfplay/KuhnPoker-v0".
        n: number of deals.
        options: the game's own.
        opponent: a player of ours for the other seats; the empty name has the model play them.
        seed: of the deals.
        illegal: as in `arenas.make`; not "raise".

    Raises:
        UnknownNameError: no such game or option; the message lists what exists.
    """
    game = make_game(game_id, **(options or {}))
    seeds = SeedSequence(check_seed(seed))
    found = []
    for _ in range(n):
        deal = seeds.next()
        for seat in range(game.spec.seats):
            # Parquet wants columns of one shape, and options differ from game to game.
            match = {
                "game": game_id,
                "options": json.dumps(options or {}),
                "seed": deal,
                "seat": seat,
                "opponent": opponent,
                "illegal": illegal,
            }
            found.append(
                {
                    "prompt": [{"role": "system", "content": game.brief(seat)}],
                    "agent_name": "arenas",
                    "data_source": game_id,
                    "reward_model": {"style": "rule", "ground_truth": ""},
                    "extra_info": match,
                }
            )
    return found


@register("arenas")
class ArenaAgentLoop(AgentLoopBase):
    """Plays the match that a row's `extra_info` names, and returns its seat."""

    async def run(self, sampling_params: dict[str, Any], **row: Any) -> Any:
        given = row["extra_info"]
        game = make_game(given["game"], **json.loads(given["options"]))
        match = Match(game, int(given["seed"]), given["illegal"], language=True)
        learner, opponent = int(given["seat"]), None
        played = list(range(game.spec.seats))
        if given["opponent"]:
            opponent = make_player(given["game"], given["opponent"], game)
            played = [learner]
        chats = {seat: _Chat(self, match, seat, sampling_params) for seat in played}
        await play(match, {seat: chat.reply for seat, chat in chats.items()}, opponent)
        return await chats[learner].output()


class _Chat:
    """A seat's conversation as ids, which only grow: what was sampled is never encoded again."""

    def __init__(self, loop: Any, match: Match, seat: int, sampling_params: dict[str, Any]) -> None:
        self._loop, self._match, self._seat = loop, match, seat
        self._sampling, self._news = sampling_params, News(match, seat)
        self._messages = [{"role": "system", "content": match.game.brief(seat)}]
        self._request = uuid4().hex
        self._ids: list[int] = []
        self._mask: list[int] = []
        self._logprobs: list[float] | None = []
        self._extra: dict[str, Any] = {}
        self._preempted = 0

    async def reply(self) -> Reply:
        """The model's answer; nothing once the response is as long as verl takes it."""
        if len(self._mask) >= self._loop.rollout_config.response_length:
            return Reply(text="")
        await self._hear(self._news.read())
        output = await self._loop.server_manager.generate(
            request_id=self._request, prompt_ids=self._ids, sampling_params=self._sampling
        )
        if output.log_probs is None:
            self._logprobs = None
        merged, self._mask, self._logprobs = await self._loop.ct_merge_assistant_token(
            self._ids,
            output.token_ids,
            self._mask,
            self._logprobs,
            assistant_logprobs=output.log_probs if self._logprobs is not None else None,
        )
        self._ids = merged.token_ids
        self._extra.update(output.extra_fields)
        self._preempted += output.num_preempted or 0
        said = self._loop.tokenizer.decode(output.token_ids, skip_special_tokens=True)
        self._messages.append({"role": "assistant", "content": said})
        return Reply(text=said)

    async def output(self) -> Any:
        """What verl trains on."""
        if not self._mask:
            # Never asked: verl wants a response all the same, and a mask keeps it from the loss.
            await self._hear(self._news.read())
            self._ids.append(self._loop.tokenizer.eos_token_id)
            self._mask, self._logprobs = [0], [0.0]
        length, start = self._loop.rollout_config.response_length, len(self._ids) - len(self._mask)
        match, seat = self._match, self._seat
        return AgentLoopOutput(
            prompt_ids=self._ids[:start],
            response_ids=self._ids[start:][:length],
            response_mask=self._mask[:length],
            response_logprobs=self._logprobs and self._logprobs[:length],
            reward_score=match.totals[seat],
            num_turns=len(self._messages),
            metrics={"num_preempted": self._preempted},
            extra_fields={
                **self._extra,
                "seat": seat,
                "illegal_moves": match.illegal_moves[seat],
            },
        )

    async def _hear(self, news: str) -> None:
        before = list(self._messages)
        self._messages.append({"role": "user", "content": news})
        if not self._ids:
            self._ids = await self._loop.ct_build_initial_tokens(self._messages)
            return
        merged, self._mask, self._logprobs = await self._loop.ct_merge_context_msg(
            before, self._messages, self._ids, self._mask, self._logprobs
        )
        self._ids = merged.token_ids
