"""A neural policy for games with discrete actions: masked actor and critic, answered in batches.

Needs PyTorch (`pip install 'selfplay-arenas[train]'`), so it is imported when a network player is
first made.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import nn

from arenas.core.game import Game
from arenas.policies.arrays import ArrayPolicy
from arenas.policies.files import replacing

FORMAT = 1
"""Version of the layout of policy files."""

CHUNK = 64
"""Rows of every forward pass of a `NetworkPolicy`."""


class ActorCritic(nn.Module):
    """Two multilayer perceptrons over the flattened view: one for the moves, one for the value.

    Weights start orthogonal with gain sqrt(2), the last layers with 0.01 (moves, so that the first
    policy is almost uniform) and 1 (value); biases start at zero (Andrychowicz et al., "What
    matters for on-policy deep actor-critic methods?", ICLR 2021, sections 3.2 and 3.3).

    Args:
        inputs: numbers in a flattened view.
        actions: size of the action space.
        hidden: width of each hidden layer, tanh between them.
        generator: the initial weights are drawn from it; torch's global one if None.
    """

    def __init__(
        self,
        inputs: int,
        actions: int,
        hidden: Sequence[int] = (64, 64),
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.inputs, self.actions, self.hidden = inputs, actions, tuple(hidden)
        self.actor = _perceptron([inputs, *hidden, actions], 0.01, generator)
        self.critic = _perceptron([inputs, *hidden, 1], 1.0, generator)

    @classmethod
    def for_game(
        cls,
        game: Game[Any],
        hidden: Sequence[int] = (64, 64),
        generator: torch.Generator | None = None,
    ) -> ActorCritic:
        """A fresh network with the shapes of a game, as `for_space` makes it.

        Raises:
            ValueError: the game's views are no arrays of one shape, or its actions not discrete.
        """
        _, actions = _shapes(game)
        return cls.for_space(game.spec.observation_space, actions, hidden, generator)

    @classmethod
    def for_space(
        cls,
        space: spaces.Space[Any],
        actions: int,
        hidden: Sequence[int] = (64, 64),
        generator: torch.Generator | None = None,
    ) -> ActorCritic:
        """A fresh network for views of a space of arrays.

        Where numbers of the view can be larger than 1, the weights that read them start smaller in
        proportion, so that no unit is saturated from the start.
        """
        assert space.shape is not None
        network = cls(int(np.prod(space.shape)), actions, hidden, generator)
        if isinstance(space, spaces.Box):
            bounds = np.maximum(np.abs(space.low), np.abs(space.high)).astype(np.float32).ravel()
            scale = 1 / torch.from_numpy(bounds.clip(min=1))
            with torch.no_grad():
                for part in (network.actor, network.critic):
                    next(part.parameters()).mul_(scale)
        return network

    def log_probs(self, observation: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the actions.

        Args:
            observation: float32 of shape (n, inputs).
            mask: bool of shape (n, actions), true where legal.

        Returns:
            float32 of shape (n, actions). An illegal action has the lowest finite float, whose exp
            is exactly 0 and which makes no NaN of 0 * log 0. A row without any legal action, of a
            match that is over, is uniform.
        """
        logits = self.actor(observation)
        masked = logits.masked_fill(~mask, torch.finfo(logits.dtype).min)
        return torch.log_softmax(masked, dim=-1)

    def value(self, observation: torch.Tensor) -> torch.Tensor:
        """Expected reward to come of the seat to move: float32 of shape (n,)."""
        value: torch.Tensor = self.critic(observation).squeeze(-1)
        return value

    def forward(
        self, observation: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """`log_probs` and `value` together."""
        return self.log_probs(observation, mask), self.value(observation)


def _perceptron(
    sizes: Sequence[int], last_gain: float, generator: torch.Generator | None
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(1, len(sizes)):
        before, after, last = sizes[i - 1], sizes[i], i == len(sizes) - 1
        linear = nn.Linear(before, after)
        nn.init.orthogonal_(linear.weight, last_gain if last else 2**0.5, generator=generator)
        nn.init.zeros_(linear.bias)
        layers += [linear] if last else [linear, nn.Tanh()]
    return nn.Sequential(*layers)


def _shapes(game: Game[Any]) -> tuple[int, int]:
    """Numbers in a flattened view, and number of actions."""
    shape = game.spec.observation_space.shape
    if shape is None or not game.num_actions:
        raise ValueError(
            f"a network policy needs views of one shape and discrete actions; {game!r} has others"
        )
    return int(np.prod(shape)), game.num_actions


class NetworkPolicy(ArrayPolicy):
    """Plays any seat of one game by a network.

    A reply depends on its own turn alone, to the last bit: every forward pass has `CHUNK` rows,
    because a matrix product of another shape may round a row differently.

    Args:
        game: with views of one shape and discrete actions.
        network: with the game's shapes; used as it is, not copied.
        version: training steps behind the network.
        greedy: play the likeliest action (the lowest of equals) instead of drawing one.
        game_id: as registered; kept in files.

    Raises:
        ValueError: the network has other shapes than the game.
    """

    def __init__(
        self,
        game: Game[Any],
        network: ActorCritic,
        *,
        version: int = 0,
        greedy: bool = False,
        game_id: str = "",
    ) -> None:
        if (network.inputs, network.actions) != _shapes(game):
            inputs, actions = _shapes(game)
            raise ValueError(
                f"the network has {network.inputs} inputs and {network.actions} actions, "
                f"{game!r} has {inputs} and {actions}"
            )
        self.name = "network"
        self.game = game
        self.network = network
        self.version = version
        self.greedy = greedy
        self.game_id = game_id

    def probabilities(self, observations: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """As in `ArrayPolicy`; greedy play puts all on one action."""
        n = len(observations)
        padded = -(-n // CHUNK) * CHUNK
        flat = torch.zeros(padded, self.network.inputs)
        flat[:n] = torch.from_numpy(observations.reshape(n, -1).astype(np.float32))
        legal = torch.zeros(padded, self.network.actions, dtype=torch.bool)
        legal[:n] = torch.from_numpy(masks.astype(bool))
        with torch.no_grad():
            chunks = [
                self.network.log_probs(rows, mask)
                for rows, mask in zip(
                    torch.split(flat, CHUNK), torch.split(legal, CHUNK), strict=True
                )
            ]
        if not chunks:
            return np.zeros((0, self.network.actions))
        rows = torch.cat(chunks)[:n].double().exp().numpy()
        if self.greedy:
            best: np.ndarray = np.eye(self.network.actions)[rows.argmax(axis=1)]
            return best
        normal: np.ndarray = rows / rows.sum(axis=1, keepdims=True)
        return normal

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes weights, shapes, game, version and `greedy`; the file is replaced in one step."""
        contents = {
            "format": FORMAT,
            "game": self.game.spec.name,
            "game_id": self.game_id,
            "options": dict(self.game.options),
            "inputs": self.network.inputs,
            "actions": self.network.actions,
            "hidden": list(self.network.hidden),
            "version": self.version,
            "greedy": self.greedy,
            "weights": self.network.state_dict(),
        }
        write_saved(contents, path)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], game: Game[Any], *, greedy: bool | None = None
    ) -> NetworkPolicy:
        """Reads a file that `save` wrote; nothing in it is executed.

        Args:
            path: the file.
            game: of the file's name and shapes; other options are fine.
            greedy: None plays as the policy did that was saved.

        Raises:
            ValueError: there is no such file, it is no policy file or a damaged one, or it is for
                another game.
        """
        contents = read_saved(Path(path))
        if contents.get("format") != FORMAT:
            raise ValueError(f"{path} is no policy file of format {FORMAT}")
        if contents.get("game") != game.spec.name:
            raise ValueError(f"{path} is a policy for {contents.get('game')}, not {game.spec.name}")
        try:
            network = ActorCritic(contents["inputs"], contents["actions"], contents["hidden"])
            network.load_state_dict(contents["weights"])
            version, saved_greedy = contents["version"], contents["greedy"]
            game_id, options = contents["game_id"], contents["options"]
        except (KeyError, RuntimeError, TypeError) as error:
            raise ValueError(f"{path} is a damaged policy file: {error!r}") from None
        try:
            return cls(
                game,
                network,
                version=version,
                greedy=saved_greedy if greedy is None else greedy,
                game_id=game_id,
            )
        except ValueError as error:
            made = ", ".join(f"{k}={v!r}" for k, v in options.items())
            raise ValueError(f"{path} was trained with the options {made}: {error}") from None


def write_saved(contents: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Writes what `read_saved` reads; the file is replaced in one step.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    # By way of memory, because PyTorch's own writer hides that the disk is full.
    buffer = io.BytesIO()
    torch.save(contents, buffer)
    with replacing(path) as partial:
        partial.write_bytes(buffer.getvalue())


def read_saved(path: Path) -> dict[str, Any]:
    """The dictionary in a file that `torch.save` wrote; nothing in the file is executed.

    Raises:
        ValueError: there is no such file, it cannot be read, or it is damaged.
    """
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except Exception as error:
        # The reader meets damaged bytes with whatever error they lead it to.
        reason = next(iter(str(error).splitlines()), "") or "it is empty"
        raise ValueError(f"{path} is damaged or no file of PyTorch's: {reason}") from None
    if not isinstance(contents, dict):
        raise ValueError(f"{path} holds no dictionary")
    return contents


def network_player(game: Game[Any], argument: str) -> NetworkPolicy:
    """The player `network:PATH`, which plays as it was saved; `?greedy` or `?mixed` overrule that.

    Raises:
        ValueError: no path, or as in `NetworkPolicy.load`.
    """
    path, _, how = argument.partition("?")
    hows = {"": None, "greedy": True, "mixed": False}
    if not path or how not in hows:
        raise ValueError(
            f"network:{argument}: name a file that training wrote, such as "
            "network:runs/kuhn/policy.pt; ?greedy after it plays its likeliest move, ?mixed draws"
        )
    return NetworkPolicy.load(path, game, greedy=hows[how])
