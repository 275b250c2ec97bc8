"""A player whose token ids are code points, so that what it was sent can be read off its ids."""

from __future__ import annotations

from arenas.core.policy import Policy, Reply, Tokens
from arenas.rollout.trajectories import play_trajectories


class Spelling(Policy):
    """Speaks in ids that are code points: what it was sent, and the move it draws.

    Args:
        version: of the weights.
        forgets: it is sent the situation alone, so that every turn makes a row.
        says: what it says in place of a move; None for the move.
        tokens: other values for its `Tokens`.
    """

    name, speaks, trainable = "spelling", True, True

    def __init__(self, version=0, *, forgets=False, says=None, **tokens):
        self.version, self.forgets, self.says, self.tokens = version, forgets, says, tokens

    def act(self, turns):
        return [self._say(turn) for turn in turns]

    def _say(self, turn):
        text = turn.format(turn.sample()) if self.says is None else self.says
        sent = turn.told if self.forgets else turn.text
        prompt = tuple(map(ord, sent + "\n\nYou: "))
        completion = tuple(map(ord, text))
        values = {
            "logprobs": tuple(-0.1 * (i + 1) for i in range(len(completion))),
            "policy_version": self.version,
            **self.tokens,
        }
        return Reply(text=text, tokens=Tokens(prompt, completion, **values))


def trajectories(game="TicTacToe-v0", players=None, n=6, **kwargs):
    """The seats of n matches, by default between two spelling players."""
    players = players or [Spelling(), Spelling("b")]
    return [t for p in play_trajectories(game, players, n, 1, **kwargs) for t in p.seats]
