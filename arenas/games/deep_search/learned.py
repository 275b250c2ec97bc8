"""A small learned player: a softmax over legal moves, linear in what each move does.

It plays `moves="numbered"`. A move is described from the array view alone: its kind, whether the
name in it was given, searched or is a value, how the fact in it lies to the proposer's chain, which
relations of the question its name stands in. There is one row of weights for each role;
`baselines/search_selfplay.py` trains them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from arenas.core.policy import Policy, Reply, Turn
from arenas.games.deep_search.game import DeepSearch
from arenas.games.deep_search.relations import RELATIONS
from arenas.games.deep_search.structured import (
    FACT_WIDTH,
    FACTS,
    SLOT_WIDTH,
    SLOTS,
    TOKEN_WIDTH,
    TOKENS,
    Layout,
)

ROLES = ("proposer", "solver")
LENGTHS, DEPTHS = 5, 4
"""Chain lengths, and relations of a question counted from the outermost, that are told apart."""

_R = len(RELATIONS) + 1
_SEARCH, _OPEN, _ANSWER = 0, 8 + DEPTHS, 12 + DEPTHS
_LINK = _ANSWER + 4 + DEPTHS
_ASK = _LINK + 2 * _R + LENGTHS + 2
FEATURES = _ASK + LENGTHS + 2
"""Numbers that describe a move."""


def describe_moves(view: np.ndarray, legal: Sequence[int], layout: Layout) -> np.ndarray:
    """The features of legal moves: float32 array (number of moves, `FEATURES`), 0 or 1."""
    slots = view[layout.slots].reshape(SLOTS, SLOT_WIDTH)
    facts = view[layout.facts].reshape(FACTS, FACT_WIDTH)
    question = view[layout.question].reshape(TOKENS, TOKEN_WIDTH)
    links, end = min(int(view[2]), LENGTHS - 1), int(view[3]) - 1
    searches = int((slots[:, 2] > 0).sum())
    asked = question[question[:, 1] > 0][:DEPTHS, 1]
    # in_relation[slot, depth]: the slot stands in a fact of the question's relation at that depth
    in_relation = np.zeros((SLOTS + 1, DEPTHS), bool)
    for depth, relation in enumerate(asked):
        same = facts[facts[:, 0] == relation]
        in_relation[same[:, 1], depth] = True
        in_relation[same[:, 2], depth] = True
    found = np.zeros((len(legal), FEATURES), np.float32)
    for row, move in zip(found, legal, strict=True):
        if move < layout.open:
            row[_SEARCH] = 1
            row[_SEARCH + 1] = slots[move, 1] > 0
            row[_SEARCH + 2] = move == end
            row[_SEARCH + 3] = slots[move, 3] > 0
            row[_SEARCH + 4 + min(searches, 3)] = 1
            row[_SEARCH + 8 : _SEARCH + 8 + DEPTHS] = in_relation[move + 1]
        elif move < layout.link:
            row[_OPEN] = 1
        elif move < layout.ask:
            relation, subject, node, _ = facts[move - layout.link]
            row[_LINK + 2 * (relation - 1) + (subject - 1 == end)] = 1
            row[_LINK + 2 * _R + links] = 1
            row[_LINK + 2 * _R + LENGTHS] = end not in (subject - 1, node - 1)
            row[_LINK + 2 * _R + LENGTHS + 1] = slots[node - 1, 0] == 2
        elif move == layout.ask:
            row[_ASK + links] = 1
            row[_ASK + LENGTHS] = searches < 2
            row[_ASK + LENGTHS + 1] = 1
        else:
            slot = move - layout.answer
            row[_ANSWER] = 1
            row[_ANSWER + 1] = slots[slot, 1] > 0
            row[_ANSWER + 2] = slots[slot, 0] == 2
            row[_ANSWER + 3] = slots[slot, 3] > 0
            row[_ANSWER + 4 : _ANSWER + 4 + DEPTHS] = in_relation[slot + 1]
    return found


class LinearPlayer(Policy):
    """Draws a move with probability proportional to exp(weights of the role . features).

    Args:
        game: with `moves="numbered"`.
        weights: float64 array (2, `FEATURES`): the proposer's row and the solvers'; zeros (a
            uniform player) if left out.

    Raises:
        ValueError: the game's moves are no numbers.
    """

    name = "learned"
    trainable = True

    def __init__(self, game: DeepSearch, weights: np.ndarray | None = None) -> None:
        if game.moves != "numbered":
            raise ValueError("player 'learned' chooses moves by number: -o moves=numbered")
        self.layout = Layout(game.results)
        self.weights = np.zeros((2, FEATURES)) if weights is None else weights

    @classmethod
    def read(cls, game: DeepSearch, argument: str) -> LinearPlayer:
        """The player whose weights a run of the baseline wrote.

        Raises:
            ValueError: the file is missing or is not one.
        """
        try:
            kept = json.loads(Path(argument).read_text(encoding="ascii"))
            weights = np.array([kept[role] for role in ROLES], np.float64)
            if weights.shape != (2, FEATURES):
                raise ValueError(f"weights of shape {weights.shape}, not (2, {FEATURES})")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"learned:{argument}: not a file of weights: {error}") from None
        return cls(game, weights)

    def write(self, path: Path) -> None:
        """Writes the weights where `read` finds them."""
        kept = {role: row.tolist() for role, row in zip(ROLES, self.weights, strict=True)}
        path.write_text(json.dumps(kept), encoding="ascii")

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        replies = []
        for turn in turns:
            legal = turn.legal or ()
            shares = self.shares(turn, describe_moves(turn.view, legal, self.layout))
            replies.append(Reply(legal[turn.rng.weighted(shares.tolist())]))
        return replies

    def shares(self, turn: Turn, features: np.ndarray) -> np.ndarray:
        """The probability of each legal move."""
        logits = features @ self.weights[ROLES.index(turn.role)]
        shares = np.exp(logits - logits.max())
        return np.asarray(shares / shares.sum())
