"""Records as datasets of Minari, for offline reinforcement learning on array games.

An episode is one seat of one match: what the seat saw before each of its moves and at the end, its
moves, and what it was paid from each move to its next. The values come from a replay of the record
and are those that `SeatEnv` gives in the view "array".
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array
from minari import MinariDataset, create_dataset_from_buffers, delete_dataset
from minari.data_collector import EpisodeBuffer

from arenas.core.environment import observation_of, seat_spaces
from arenas.core.record import MatchRecord, RecordError
from arenas.registry import make_game


def write_minari(
    records: Iterable[MatchRecord],
    dataset_id: str,
    players: Collection[str] | None = None,
    **about: Any,
) -> MinariDataset:
    """Writes a dataset that `minari.load_dataset(dataset_id)` loads.

    Observations are `Dict(observation, action_mask)` (`component_mask` where a move is several
    numbers; what is said with it is left out), actions what the seat submitted. `infos["illegal"]`
    is bool (steps + 1,): whether the step that led there was an illegal move. An episode's metadata
    has the match's seed, and as options its seat, agent, role, player and group. A seat that never
    moved has no episode, nor has one that submitted what is no action at all, such as a reply that
    named none; the dataset's metadata counts the latter as `episodes_left_out`.
    `recover_environment` gives the game, with a random player in the other seats.

    Args:
        records: of one game with one set of options; read as they come.
        dataset_id: `NAMESPACE/NAME-vN` or `NAME-vN`; Minari keeps it in `MINARI_DATASETS_PATH`.
        players: only the seats of these players; None for all.
        about: what Minari writes down beside: `author`, `author_email`, `code_permalink`,
            `algorithm_name`, `description`.

    Raises:
        ValueError: there are no records, or of several games; the dataset exists; or the game's
            actions are not numbers.
        RecordError: a record cannot be replayed.
    """
    records = iter(records)
    first = next(records, None)
    if first is None:
        raise ValueError("there are no records to make a dataset of")
    told = _Episodes(first, players)
    spec = gymnasium.spec(first.game)
    spec.kwargs = {**spec.kwargs, **first.options}
    with warnings.catch_warnings():
        # Minari asks for authors and links, which are the user's to give.
        warnings.filterwarnings("ignore", message=".* is set to None", category=UserWarning)
        dataset = create_dataset_from_buffers(
            dataset_id,
            [],
            env=spec,
            eval_env=spec,
            observation_space=told.observation_space,
            action_space=told.action_space,
            jpeg_encoding=False,
            **about,
        )
    try:
        dataset.storage.update_episodes(told.episodes(chain([first], records)))
    except BaseException:
        delete_dataset(dataset_id)
        raise
    dataset.storage.update_metadata({"episodes_left_out": told.left_out})
    return MinariDataset(dataset.storage)


class _Episodes:
    """The episodes of records of one game.

    Attributes:
        observation_space, action_space: of every seat.
        left_out: seats that submitted what is no action.
    """

    def __init__(self, first: MatchRecord, players: Collection[str] | None) -> None:
        self._first = first
        self._players = players
        self._game = make_game(first.game, **first.options)
        observations, actions = seat_spaces(self._game, "array")
        self.observation_space, self.action_space = observations[0], actions[0]
        self.left_out = 0
        if not isinstance(self.action_space, (spaces.Discrete, spaces.MultiDiscrete)):
            name = self._game.spec.name
            raise ValueError(f"Minari holds arrays; moves of {name} are {self.action_space}")

    def episodes(self, records: Iterable[MatchRecord]) -> Iterator[EpisodeBuffer]:
        """One for each seat that moved, match by match.

        Raises:
            ValueError: a record is of another game.
            RecordError: a record cannot be replayed.
        """
        first = self._first
        for record in records:
            if (record.game, record.options) != (first.game, first.options):
                raise ValueError(
                    f"one dataset holds one game: {record.game} {record.options} came after "
                    f"{first.game} {first.options}"
                )
            yield from self._of(record)

    def _of(self, record: MatchRecord) -> Iterator[EpisodeBuffer]:
        wanted = [s for s, name in enumerate(record.seats) if self._wants(name)]
        seen: dict[int, list[Any]] = {seat: [] for seat in wanted}
        totals: dict[int, list[float]] = {seat: [] for seat in wanted}
        for number, match in enumerate(record.steps(self._game)):
            moving = [turn["seat"] for turn in record.turns[number : number + 1]]
            for seat in wanted if match.over else moving:
                if seat in seen:
                    seen[seat].append(observation_of(match, seat, "array"))
                    totals[seat].append(match.totals[seat])
        if not match.over:
            raise RecordError(f"after {len(record.turns)} turns the match is not over")
        for seat in wanted:
            turns = [turn for turn in record.turns if turn["seat"] == seat]
            actions = [self._action(turn["move"]) for turn in turns]
            if not all(map(self.action_space.contains, actions)):
                self.left_out += 1
            elif actions:
                steps = len(actions)
                ends = np.arange(steps) == steps - 1
                yield EpisodeBuffer(
                    seed=record.seed,
                    options=self._about(record, seat),
                    observations=_stacked(self.observation_space, seen[seat]),
                    actions=_stacked(self.action_space, actions),
                    rewards=np.diff(totals[seat]),
                    terminations=ends & (not record.truncated),
                    truncations=ends & record.truncated,
                    infos={"illegal": np.array([False, *("illegal" in turn for turn in turns)])},
                )

    def _action(self, move: Any) -> Any:
        """A move as a value of the action space, if it is one."""
        if self.action_space.shape and isinstance(move, list):
            return np.array(move[: self.action_space.shape[0]])
        return move

    def _about(self, record: MatchRecord, seat: int) -> dict[str, Any]:
        spec = self._game.spec
        about = {
            "seat": seat,
            "agent": spec.agents[seat],
            "role": spec.roles[seat],
            "player": record.seats[seat],
        }
        return about if record.group is None else {**about, "group": record.group}

    def _wants(self, player: str) -> bool:
        return self._players is None or player in self._players


def _stacked(space: spaces.Space[Any], values: list[Any]) -> Any:
    room: Any = create_empty_array(space, len(values))
    return concatenate(space, values, room)
