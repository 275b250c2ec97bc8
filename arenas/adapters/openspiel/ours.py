"""Our games as `pyspiel` games, for OpenSpiel's own CFR, best responses, MCTS and AlphaZero.

    game = to_openspiel("KuhnPoker-v0", players=3)
    register_games(); pyspiel.load_game("python_arenas_kuhn_poker_v0(players=3)")  # the same

All chance is one chance node at the root, whose outcomes are the starts of `Game.chance()`. Where
those are too many to list, `sampled_starts=N` makes N equally likely starts of it, those of the
first N matches of seed 0: a sample of the game rather than the game.

Action numbers, information state strings and returns are ours unchanged, so tables go both ways.
The information state tensor is the view, as is the observation tensor: in a match of several hands
it shows less than the information state string remembers.
"""

from __future__ import annotations

import re
import typing
from typing import Any

import numpy as np
import pyspiel
from gymnasium import spaces

from arenas.core.game import Game, option_defaults
from arenas.core.rng import Rng, SeedSequence
from arenas.policies.game_tree import check_kind
from arenas.registry import NAMESPACE, Entry, entries, find, make_game

PREFIX = "python_arenas_"
SAMPLED = "sampled_starts"
"""A parameter of every game with chance: how many starts to draw; 0 lists them all."""

_UNSET: dict[type, Any] = {int: 0, str: "", float: 0.0}
"""An OpenSpiel parameter always has a value of its type; these stand for None."""

_UTILITY = {
    "zero_sum": pyspiel.GameType.Utility.ZERO_SUM,
    "common": pyspiel.GameType.Utility.IDENTICAL,
    "general_sum": pyspiel.GameType.Utility.GENERAL_SUM,
}


def to_openspiel(game_id: str, **options: Any) -> pyspiel.Game:
    """A registered game as a `pyspiel.Game`.

    Args:
        game_id: "KuhnPoker-v0", as in `arenas.make`.
        options: the game's own, and `sampled_starts`.

    Raises:
        UnknownNameError: no such game or option; the message lists what exists.
        ValueError: a value is out of range or has no place in OpenSpiel's game strings; the game's
            moves are not discrete and in turn; or its starts are too many to list.
    """
    entry = find(game_id)
    sampled = {name: options.pop(name) for name in (SAMPLED,) if name in options}
    game = make_game(game_id, **options)
    name = _register(entry)
    parameters = {
        option: type(_parameters(entry)[option])(value)
        for option, value in game.options.items()
        if value is not None
    }
    return pyspiel.load_game(name, {**parameters, **sampled})


def register_games() -> list[str]:
    """Makes every registered game that fits known to `pyspiel.load_game`; returns their names.

    OpenSpiel's own games are left out.
    """
    names = []
    for entry in entries():
        if not entry.game.startswith("arenas.adapters."):
            try:
                names.append(_register(entry))
            except (ImportError, ValueError):
                continue
    return names


def name_of(entry: Entry) -> str:
    """A game's name in OpenSpiel: "python_arenas_kuhn_poker_v0"."""
    words = entry.id.removeprefix(f"{NAMESPACE}/")
    return PREFIX + re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", words)).lower()


def _register(entry: Entry) -> str:
    name = name_of(entry)
    if name not in pyspiel.registered_names():
        parameters = _parameters(entry)
        kind = _kind(name, make_game(entry.id), parameters)
        # OpenSpiel's registry outlives the interpreter. So does a class, which refers to itself.
        pyspiel.register_game(
            kind, type(f"{entry.id} in OpenSpiel", (ArenaGame,), {"entry": entry})
        )
    return name


def _options(entry: Entry, params: dict[str, Any]) -> dict[str, Any]:
    """Our options from OpenSpiel's parameters."""
    defaults = _defaults(entry, make_game(entry.id))
    return {
        option: params[option]
        for option, default in defaults.items()
        if default is not None or params[option]
    }


def _defaults(entry: Entry, game: Game[Any]) -> dict[str, Any]:
    return {**option_defaults(type(game)), **entry.options}


def _parameters(entry: Entry) -> dict[str, Any]:
    """Name and default of each option, as OpenSpiel's parameters can hold it."""
    game = make_game(entry.id)
    hints = typing.get_type_hints(type(game).__init__)
    found = {}
    for option, default in _defaults(entry, game).items():
        if default is None:
            inner = [kind for kind in typing.get_args(hints[option]) if kind in _UNSET]
            default = _UNSET[inner[0]] if inner else None
        if type(default) not in (bool, int, float, str):
            raise ValueError(
                f"{entry.id}: option {option}={default!r} has no place in OpenSpiel's game strings"
            )
        found[option] = default
    if game.spec.has_chance:
        found[SAMPLED] = 0
    return found


def _kind(name: str, game: Game[Any], parameters: dict[str, Any]) -> pyspiel.GameType:
    check_kind(game)
    spec, kind = game.spec, pyspiel.GameType
    modes = kind.ChanceMode
    chance = modes.EXPLICIT_STOCHASTIC if spec.has_chance else modes.DETERMINISTIC
    perfect = spec.information == "perfect"
    hidden = kind.Information.IMPERFECT_INFORMATION
    return kind(
        short_name=name,
        long_name=f"{spec.name} of selfplay-arenas",
        dynamics=kind.Dynamics.SEQUENTIAL,
        chance_mode=chance,
        information=kind.Information.PERFECT_INFORMATION if perfect else hidden,
        utility=_UTILITY[spec.payoff],
        reward_model=kind.RewardModel.REWARDS if spec.step_rewards else kind.RewardModel.TERMINAL,
        max_num_players=spec.seats,
        min_num_players=spec.seats,
        provides_information_state_string=True,
        provides_information_state_tensor=True,
        provides_observation_string=True,
        provides_observation_tensor=True,
        parameter_specification=parameters,
    )


class ArenaGame(pyspiel.Game):
    """A registered game as OpenSpiel loads it; each has its subclass.

    Args:
        params: OpenSpiel's parameters.

    Attributes:
        entry: the game's registration.
        arena: our game.
        starts: probability and state of each start; one only where there is no chance.
    """

    entry: Entry

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        entry = self.entry
        defaults = _parameters(entry)
        params = {**defaults, **(params or {})}
        sampled = params.get(SAMPLED, 0)
        self.arena = make_game(entry.id, **_options(entry, params))
        spec = self.arena.spec
        if sampled < 0:
            raise ValueError(f"{SAMPLED}={sampled}: how many starts to draw, or 0 to list them all")
        if sampled:
            seeds = SeedSequence(0)
            starts = [(1 / sampled, self.arena.new(Rng(seeds.next()))) for _ in range(sampled)]
        else:
            try:
                starts = list(self.arena.chance())
            except ValueError as error:
                raise ValueError(f"{error}; {SAMPLED}=1000 draws so many of them") from None
        self.starts = starts
        info = pyspiel.GameInfo(
            num_distinct_actions=self.arena.num_actions,
            max_chance_outcomes=len(starts) if spec.has_chance else 0,
            num_players=spec.seats,
            min_utility=float(spec.reward_range[0]),
            max_utility=float(spec.reward_range[1]),
            utility_sum=0.0 if spec.payoff == "zero_sum" else None,
            max_game_length=spec.max_plies,
        )
        super().__init__(_kind(name_of(entry), self.arena, defaults), info, params)

    def new_initial_state(self) -> ArenaState:
        return ArenaState(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process has yet to register the game.
        return _reload, (self.entry.id, str(self))

    def max_chance_nodes_in_history(self) -> int:
        return int(self.arena.spec.has_chance)

    def make_py_observer(
        self, iig_obs_type: pyspiel.IIGObservationType | None = None, params: Any = None
    ) -> ArenaObserver:
        if params:
            raise ValueError(f"this observer takes no parameters, got {params}")
        return ArenaObserver(self.arena, bool(iig_obs_type and iig_obs_type.perfect_recall))


def _reload(game_id: str, text: str) -> pyspiel.Game:
    _register(find(game_id))
    return pyspiel.load_game(text)


class _At:
    """A state of our game (None before the deal) that OpenSpiel's deep copies copy cheaply."""

    __slots__ = ("game", "state")

    def __init__(self, game: Game[Any], state: Any) -> None:
        self.game = game
        self.state = state

    def __deepcopy__(self, memo: dict[int, Any]) -> _At:
        return _At(self.game, None if self.state is None else self.game.copy(self.state))


class ArenaState(pyspiel.State):
    """A history of an `ArenaGame`: nothing yet, or a start and what was played."""

    def __init__(self, game: ArenaGame) -> None:
        super().__init__(game)
        arena, spec = game.arena, game.arena.spec
        self.at = _At(arena, None if spec.has_chance else arena.copy(game.starts[0][1]))
        self._before = (0.0,) * spec.seats

    def __reduce__(self) -> tuple[Any, ...]:
        return _replay, (self.get_game(), self.history())

    def current_player(self) -> int:
        at = self.at
        if at.state is None:
            return int(pyspiel.PlayerId.CHANCE)
        movers = at.game.movers(at.state)
        if len(movers) > 1:
            raise ValueError(f"{at.game!r}: seats {movers} move at once, and this game has turns")
        return movers[0] if movers else int(pyspiel.PlayerId.TERMINAL)

    def _legal_actions(self, player: int) -> list[int]:
        return list(self.at.game.legal(self.at.state, player) or ())

    def chance_outcomes(self) -> list[tuple[int, float]]:
        return [(number, p) for number, (p, _) in enumerate(self.get_game().starts)]

    def _apply_action(self, action: int) -> None:
        at = self.at
        if at.state is None:
            at.state = at.game.copy(self.get_game().starts[action][1])
            return
        self._before = tuple(at.game.returns(at.state))
        (seat,) = at.game.movers(at.state)
        at.state = at.game.apply(at.state, {seat: action})

    def _action_to_string(self, player: int, action: int) -> str:
        if player == pyspiel.PlayerId.CHANCE:
            return f"start {action}"
        return self.at.game.format(self.at.state, player, action).strip("[]")

    def is_terminal(self) -> bool:
        return self.at.state is not None and not self.at.game.movers(self.at.state)

    def returns(self) -> list[float]:
        if self.at.state is None:
            return list(self._before)
        return [float(total) for total in self.at.game.returns(self.at.state)]

    def rewards(self) -> list[float]:
        """What the last action changed in `returns`."""
        return [now - then for now, then in zip(self.returns(), self._before, strict=True)]

    def __str__(self) -> str:
        return "before the start" if self.at.state is None else self.at.game.show(self.at.state)


def _replay(game: ArenaGame, actions: list[int]) -> ArenaState:
    state = game.new_initial_state()
    for action in actions:
        state.apply_action(action)
    return state


class ArenaObserver:
    """What a player sees, as OpenSpiel's observers give it: our view, and words.

    Args:
        game: our game.
        perfect_recall: strings are information states, else what `Game.tell` says.

    Attributes:
        tensor: the view as a flat float32 array; zeros before the start.
        dict: the same array in the view's shape.
    """

    def __init__(self, game: Game[Any], perfect_recall: bool) -> None:
        self._game = game
        self._perfect_recall = perfect_recall
        self._space = game.spec.observation_space
        size = spaces.flatdim(self._space)
        self.tensor = np.zeros(size, np.float32)
        self.dict = {"view": self.tensor.reshape(self._space.shape or (size,))}

    def set_from(self, state: ArenaState, player: int) -> None:
        at = state.at
        if at.state is None:
            self.tensor.fill(0)
        else:
            view = spaces.flatten(self._space, self._game.view(at.state, player))
            self.tensor[:] = np.asarray(view)

    def string_from(self, state: ArenaState, player: int) -> str:
        at = state.at
        if at.state is None:
            return ""
        if self._perfect_recall:
            return self._game.info_state(at.state, player)
        return self._game.tell(at.state, player)
