"""A small network that plays on the structured view: it scores clues by what they speak of.

Needs PyTorch (`pip install 'selfplay-arenas[train]'`); imported when such a player is made.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from arenas.core.policy import Policy, Reply, Turn
from arenas.games.spy.game import Spy

FORMAT = 1
"""Version of the layout of files."""

_VOTE_WIDTH = 32


class SpyNetwork(nn.Module):
    """Odds of clues and votes from views of one shape.

    A clue's logit is the product of its features (what it speaks of, and how much it tells) with
    what the situation asks for, plus a weight of the situation for being true of the own scene. A
    vote's logit comes from what the player in question has said: the features of its clues, and
    again with a sign for being true or false of the own scene. So clues share weights, and seats.

    Args:
        game: with structured clues, where the players vote.
        width: of the hidden layer.
        truthful: weight of the truth at the start, the same in every situation; stands for the
            habit of a language model to describe what it sees. With 0 nobody's clues mean anything
            to begin with, so nothing can be learnt from them.
        generator: the initial weights are drawn from it.

    Raises:
        ValueError: the game's clues are free, or a reader votes.
    """

    table: torch.Tensor

    def __init__(
        self,
        game: Spy,
        width: int = 64,
        truthful: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if game.clues != "structured" or game.voter != "players":
            raise ValueError("the network plays with structured clues and voter='players' only")
        world = game.world
        self.players, self.clues, self.width = game.players, world.num_clues, width
        self.scene, self.features = world.scene_size, world.table.shape[1]
        self.register_buffer("table", torch.from_numpy(world.table).float())
        said = 2 * self.features + 2
        self.trunk = nn.Linear(6 + self.scene + self.players * said, width)
        self.asks = nn.Linear(width, self.features)
        self.honesty = nn.Linear(width, 1)
        first, last = nn.Linear(said + 3, _VOTE_WIDTH), nn.Linear(_VOTE_WIDTH, 1)
        self.suspect = nn.Sequential(first, nn.Tanh(), last)
        self.nobody = nn.Linear(width, 1)
        for layer, gain in (
            (self.trunk, 1.0),
            (self.asks, 0.01),
            (self.honesty, 0.01),
            (first, 1.0),
            (last, 0.01),
            (self.nobody, 0.01),
        ):
            nn.init.orthogonal_(layer.weight, gain, generator=generator)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.honesty.bias, truthful)

    def log_probs(self, view: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the actions.

        Args:
            view: float32 of shape (n, N).
            mask: bool of shape (n, C + P + 1), true where legal.

        Returns:
            float32 of shape (n, C + P + 1); the lowest finite float where illegal.
        """
        now, scene, truth, by_seat = self._parts(view)
        hidden = torch.tanh(self.trunk(torch.cat([now, scene, by_seat.flatten(1)], 1)))
        clues = self.asks(hidden) @ self.table.T + truth * self.honesty(hidden)
        votes = self._suspicion(now, by_seat)
        # Action C is "n/a", C + d the d-th seat after one's own; the last is the reader's.
        logits = torch.cat([clues, self.nobody(hidden), votes[:, 1:], votes[:, :1]], 1)
        masked = logits.masked_fill(~mask, torch.finfo(logits.dtype).min)
        return torch.log_softmax(masked, dim=-1)

    def suspect_scores(self, view: torch.Tensor) -> torch.Tensor:
        """The logit of a vote for each seat, from one's own on: float32 of shape (n, P)."""
        now, _, _, by_seat = self._parts(view)
        return self._suspicion(now, by_seat)

    def _suspicion(self, now: torch.Tensor, by_seat: torch.Tensor) -> torch.Tensor:
        roles = now[:, None, :3].expand(-1, self.players, 3)
        scores: torch.Tensor = self.suspect(torch.cat([by_seat, roles], 2)).squeeze(2)
        return scores

    def _parts(self, view: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Role and stage, the scene, the truth of each clue, and what each seat has said."""
        p, f = self.players, self.features
        now, scene, truth, slots = torch.split(
            view, [6, self.scene, self.clues, view.shape[1] - 6 - self.scene - self.clues], dim=1
        )
        who, what, read, true = torch.split(
            slots.reshape(len(view), -1, p + f + 2), [p, f, 1, 1], dim=2
        )
        said = torch.cat([what, what * true, read, true], 2)
        return now, scene, truth, who.transpose(1, 2) @ said


class NetworkPlayer(Policy):
    """Plays every seat by a `SpyNetwork`, drawing from its odds.

    Args:
        game: of the network's shapes.
        network: used as it is, not copied.
    """

    name = "trained"

    def __init__(self, game: Spy, network: SpyNetwork) -> None:
        self.game, self.network = game, network

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        if not turns:
            return []
        views = torch.from_numpy(np.stack([turn.view for turn in turns])).float()
        masks = torch.from_numpy(np.stack([turn.mask for turn in turns])).bool()
        replies = []
        with torch.no_grad():
            # One by one: a product of another shape may round a row differently.
            for view, mask, turn in zip(views, masks, turns, strict=True):
                odds = self.network.log_probs(view[None], mask[None])[0].double().exp()
                replies.append(Reply(turn.rng.weighted(odds.tolist())))
        return replies

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes weights, shapes and options; the file is replaced in one step."""
        contents = {
            "format": FORMAT,
            "options": dict(self.game.options),
            "width": self.network.width,
            "weights": self.network.state_dict(),
        }
        partial = Path(f"{os.fspath(path)}.partial")
        torch.save(contents, partial)
        partial.replace(path)


def load(game: Spy, argument: str) -> NetworkPlayer:
    """The player `trained:PATH`, of a file that `NetworkPlayer.save` wrote.

    Raises:
        ValueError: there is no such file, it is none of these or damaged, or it is for other
            options.
    """
    path = Path(argument)
    if not argument or not path.is_file():
        raise ValueError(
            f"trained:{argument}: name a file that training wrote (runs/spy/policy.pt)"
        )
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # The reader meets damaged bytes with whatever error they lead it to.
        raise ValueError(f"{path} is damaged or no file of PyTorch's: {error!r}"[:300]) from None
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise ValueError(f"{path} is no file of a player of Who Is the Spy of format {FORMAT}")
    network = SpyNetwork(game, contents["width"])
    try:
        network.load_state_dict(contents["weights"])
    except RuntimeError:
        options: dict[str, Any] = contents["options"]
        differ = {name: value for name, value in options.items() if game.options[name] != value}
        raise ValueError(f"{path} was trained with other options: {differ}") from None
    return NetworkPlayer(game, network)
