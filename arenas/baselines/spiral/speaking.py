"""Other players' moves in words: what a model imitates, and what its tokenizer is made of."""

from __future__ import annotations

from collections.abc import Sequence

import arenas
from arenas.baselines.spiral.games import Games
from arenas.core.policy import Policy, Reply, Tokens, Turn
from arenas.policies.language import Prompts


class Speaker(Policy):
    """Says another player's moves in words, with the ids that a model would need to say the same.

    Args:
        player: whose moves.
        prompts: without them there are no ids.

    Attributes:
        heard: all texts that it read or said, in order, the rules first.
    """

    speaks = True
    trainable = True

    def __init__(self, player: Policy, prompts: Prompts | None = None) -> None:
        self.name = player.name
        self.player = player
        self.prompts = prompts
        self.heard: dict[str, None] = {}

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        replies = self.player.act(turns)
        return [self._said(turn, reply) for turn, reply in zip(turns, replies, strict=True)]

    def _said(self, turn: Turn, reply: Reply) -> Reply:
        said = turn.format(reply.move) if reply.text is None else reply.text
        self.heard.update(dict.fromkeys([*(m["content"] for m in turn.messages), said]))
        if self.prompts is None:
            return Reply(text=said)
        ids = self.prompts.reply_ids(said)
        return Reply(text=said, tokens=Tokens(self.prompts.prompt(turn, len(ids)).ids, ids))


def speakers(games: Games, player: str, prompts: Prompts | None = None) -> dict[str, Speaker]:
    """The player of that name in words, of each game.

    Raises:
        ValueError: a game has no such player.
    """
    return {
        game_id: Speaker(arenas.make_player(game_id, player, game), prompts)
        for game_id, game in games.items()
    }
