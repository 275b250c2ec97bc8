"""Names to games and players. Importing it registers every game with Gymnasium and PettingZoo.

Entry points are strings and are imported when first used, so a long list of games costs nothing.
A package that brings its own game calls `register` in the same way as the lines at the end of this
file, and may name a module that does so in the entry-point group `arenas.games`; then `arenas list`
and the other commands find it without an import.
"""

from __future__ import annotations

import difflib
import importlib
import json
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any

import gymnasium
import pettingzoo
from gymnasium.vector import AutoresetMode, VectorEnv

from arenas.core.aec import GameEnv
from arenas.core.flat import FlatGame
from arenas.core.game import Game, option_defaults
from arenas.core.joint import JointFlatGame
from arenas.core.parallel import ParallelGameEnv
from arenas.core.policy import Policy
from arenas.core.single import SeatEnv

NAMESPACE = "selfplay"
PLUGINS = "arenas.games"
_ID = re.compile(r"(?:[\w-]+/)?[A-Za-z][\w.]*-v\d+")

GENERIC_PLAYERS = {
    "random": "arenas.policies.random:RandomPolicy",
    "human": "arenas.policies.human:HumanPolicy",
    "best-response": "arenas.policies.best_response:BestResponse",
    "language": "arenas.policies.language_player:language_player",
    "network": "arenas.policies.network:network_player",
    "table": "arenas.policies.tabular:from_file",
    "server": "arenas.policies.server:server_player",
}
"""Players of every game: name to `module:factory`, called with the game and the text after `:`."""

ALIASES = {"hf": "language", "ppo": "network"}
"""Other names of players of every game, where no player of the game itself has them."""


@dataclass(frozen=True)
class Entry:
    """One registered game.

    Attributes:
        id: `namespace/Name-vN`.
        game: `module:class` of the game.
        players: `module:mapping` of player name to factory (game, argument) -> Policy, or None.
        options: constructor arguments that differ from the class's defaults.
        summary: one line for lists.
        simultaneous: there is a ParallelEnv as well.
    """

    id: str
    game: str
    players: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""
    simultaneous: bool = False

    @property
    def short(self) -> str:
        """The id without our own namespace, as `arenas.make` takes it."""
        return self.id.removeprefix(f"{NAMESPACE}/")


_entries: dict[str, Entry] = {}


class UnknownNameError(ValueError):
    """No game, player or option of that name; the message lists what there is."""


def register(
    id: str,
    game: str,
    players: str | None = None,
    options: Mapping[str, Any] | None = None,
    summary: str = "",
    simultaneous: bool = False,
) -> None:
    """Registers a game here, with Gymnasium and with PettingZoo.

    Args:
        id: `Name-vN`, put into the namespace `selfplay`, or `namespace/Name-vN`.
        game: `module:class` of the `Game`.
        players: `module:mapping` of the game's own players: name to a factory that is called with
            the game and the text after the colon of the player's name ("" if there is none).
        options: constructor arguments that this id fixes otherwise than the class's defaults.
        summary: one line for lists.
        simultaneous: all seats move at every step, so there is a ParallelEnv as well.

    Raises:
        ValueError: the id is not of that form, or another game has it; the same call again does
            nothing.
    """
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is not a game id: Name-vN or namespace/Name-vN")
    full = id if "/" in id else f"{NAMESPACE}/{id}"
    entry = Entry(full, game, players, options or {}, summary, simultaneous)
    if _entries.get(full) == entry:
        return
    if full in _entries:
        raise ValueError(f"{full} is registered already, as {_entries[full].game}")
    _entries[full] = entry
    kwargs = {"game_id": full}
    gymnasium.register(
        id=full,
        entry_point="arenas.registry:make_seat_env",
        vector_entry_point="arenas.registry:make_gym_vec",
        kwargs=kwargs,
    )
    # PettingZoo has a registry of its own since 1.27.
    if hasattr(pettingzoo, "register"):
        pettingzoo.register("aec", full, "arenas.registry:make", kwargs=kwargs)
        if simultaneous:
            pettingzoo.register("parallel", full, "arenas.registry:make_parallel", kwargs=kwargs)


def entries() -> list[Entry]:
    """Every registered game by id, installed plug-ins included."""
    _load_plugins()
    return [_entries[full] for full in sorted(_entries)]


def find(game_id: str) -> Entry:
    """The entry of an id, with or without namespace.

    Raises:
        UnknownNameError: there is none; the message lists what exists.
    """
    full = game_id if "/" in game_id else f"{NAMESPACE}/{game_id}"
    if full not in _entries:
        _load_plugins()
    if full not in _entries:
        raise UnknownNameError(_unknown("game", game_id, [e.short for e in _entries.values()]))
    return _entries[full]


def make_game(game_id: str, **options: Any) -> Game[Any]:
    """The rules alone.

    Raises:
        UnknownNameError: no such game, or it has no such option; the message lists what exists.
        ValueError: an option's value is out of range.
    """
    entry = find(game_id)
    game_class = _load(entry.game)
    known = option_defaults(game_class)
    for name in options:
        if name not in known:
            raise UnknownNameError(_unknown(f"option of {entry.short}", name, known))
    return game_class(**{**entry.options, **options})  # type: ignore[no-any-return]


def make(
    game_id: str,
    *,
    view: str = "array",
    illegal: str = "retry:1",
    max_cycles: int | None = None,
    render_mode: str | None = None,
    **options: Any,
) -> GameEnv:
    """A PettingZoo AEC environment: `arenas.make("KuhnPoker-v0", players=3)`.

    Args:
        game_id: "KuhnPoker-v0" or "selfplay/KuhnPoker-v0".
        view: "array", "text" or "both".
        illegal: what follows an illegal move: "retry:K", "raise", "random-legal" or "penalty:X".
        max_cycles: truncate after this many moves per seat.
        render_mode: "ansi", "rgb_array" or "human".
        options: the game's own.

    Raises:
        UnknownNameError: no such game or option; the message lists what exists.
        ValueError: a value is out of range.
    """
    game = make_game(game_id, **options)
    return GameEnv(game, view, illegal, max_cycles, render_mode, find(game_id).id)


def make_parallel(
    game_id: str,
    *,
    view: str = "array",
    illegal: str = "retry:1",
    max_cycles: int | None = None,
    render_mode: str | None = None,
    **options: Any,
) -> ParallelGameEnv:
    """A PettingZoo ParallelEnv of a simultaneous game; arguments and errors as in `make`."""
    game = make_game(game_id, **options)
    return ParallelGameEnv(game, view, illegal, max_cycles, render_mode, find(game_id).id)


def make_seat_env(
    game_id: str,
    *,
    opponent: str | Policy | Iterable[str | Policy] = "random",
    seat: int | str = "alternating",
    view: str = "array",
    illegal: str = "retry:1",
    max_cycles: int | None = None,
    render_mode: str | None = None,
    **options: Any,
) -> SeatEnv:
    """One learner's seat as a Gymnasium environment; what `gym.make` calls.

    Args:
        game_id: "KuhnPoker-v0" or "selfplay/KuhnPoker-v0".
        opponent: a player's name, a policy, one of them for each other seat, or "self": the caller
            acts in every seat in turn.
        seat: the learner's seat: a number, "random" or "alternating".
        view, illegal, max_cycles, render_mode, options: as in `make`.

    Raises:
        UnknownNameError: no such game, option or player; the message lists what exists.
        ValueError: a value is out of range.
    """
    game = make_game(game_id, **options)
    opponents = None if opponent == "self" else opponents_named(game_id, game, opponent)
    full = find(game_id).id
    return SeatEnv(game, opponents, seat, view, illegal, max_cycles, render_mode, full)


def make_vec(
    game_id: str,
    num_envs: int = 1,
    *,
    view: str = "array",
    layout: str = "self_play",
    opponent: str | Policy | Iterable[str | Policy] = "random",
    seat: int | str = "alternating",
    autoreset: str | AutoresetMode = "same_step",
    illegal: str = "retry:1",
    max_cycles: int | None = None,
    threads: int = 1,
    device: str = "cpu",
    copy: bool = False,
    render_mode: str | None = None,
    **options: Any,
) -> VectorEnv[Any, Any, Any]:
    """Many games in lockstep on compiled rules: `arenas.make_vec("KuhnPoker-v0", 4096)`.

    Args:
        game_id: "KuhnPoker-v0" or "selfplay/KuhnPoker-v0"; a game of flat rows
            (`FlatGame` or `JointFlatGame`).
        num_envs: number of games.
        view: "array", or "text": prompts out and replies in, in the layout "self_play" of games in
            turns.
        layout: "self_play": the caller acts in every seat, one move in every game a step (in
            games of joint moves, such as Overcooked, the moves of all seats, (B, S)); or
            "one_learner": in one seat of each game, with `opponent` in the others.
        opponent, seat: of one_learner, as in `make_seat_env`; `opponent="self"` is "self_play".
        autoreset: "same_step", "next_step" or "disabled", or Gymnasium's own value.
        illegal, max_cycles, options: as in `make`.
        threads: CPU threads that share the games.
        device: "cpu" or "cuda"; on CUDA arrays are torch tensors, and the layout is "self_play".
        copy: return fresh arrays. By default the next call overwrites what this one returned, and
            the caller must not change it.
        render_mode: None or "ansi".

    Raises:
        UnknownNameError: no such game, option or player; the message lists what exists.
        TypeError: the game's rules are not flat, or its class overrides them;
            `gym.make_vec(..., vectorization_mode="sync")` steps any game.
        ValueError: a value is out of range.
    """
    from arenas.core import joint_learner, joint_vector, one_learner, text_vector, vector

    game = make_game(game_id, **options)
    if not isinstance(game, (FlatGame, JointFlatGame)):
        raise TypeError(
            f"{find(game_id).short} has no rules to compile; "
            'gym.make_vec(..., vectorization_mode="sync") steps its games one by one'
        )
    common: dict[str, Any] = {
        "num_envs": num_envs,
        "autoreset": autoreset,
        "illegal": illegal,
        "max_cycles": max_cycles,
        "threads": threads,
        "device": device,
        "copy": copy,
        "render_mode": render_mode,
    }
    if layout not in ("self_play", "one_learner"):
        raise ValueError(f"layout={layout!r}: the layouts are self_play and one_learner")
    if layout == "self_play" and (opponent not in ("random", "self") or seat != "alternating"):
        raise ValueError('opponent and seat go with layout="one_learner"')
    alone = layout == "one_learner" and opponent != "self"
    if view not in ("array", "text"):
        raise ValueError(f"view={view!r}: the views are array and text")
    if view == "text":
        if alone or isinstance(game, JointFlatGame):
            raise ValueError(
                'view="text" goes with layout="self_play" and games in turns; '
                'gym.make_vec(..., view="text", vectorization_mode="sync") steps others one by one'
            )
        return text_vector.TextVectorEnv(game, name=find(game_id).id, **common)
    if isinstance(game, JointFlatGame):
        if not alone:
            return joint_vector.JointVectorEnv(game, **common)
        opponents = opponents_named(game_id, game, opponent)
        return joint_learner.JointLearnerVectorEnv(game, opponents, seat=seat, **common)
    if not alone:
        return vector.SelfPlayVectorEnv(game, **common)
    opponents = opponents_named(game_id, game, opponent)
    return one_learner.OneLearnerVectorEnv(game, opponents, seat=seat, **common)


def make_gym_vec(
    game_id: str, num_envs: int = 1, max_episode_steps: int | None = None, **arguments: Any
) -> VectorEnv[Any, Any, Any]:
    """What `gym.make_vec` calls: as `make_vec`, with one learner and fresh arrays by default."""
    defaults = {"layout": "one_learner", "copy": True, "max_cycles": max_episode_steps}
    return make_vec(game_id, num_envs, **{**defaults, **arguments})


def opponents_named(
    game_id: str, game: Game[Any], opponent: str | Policy | Iterable[str | Policy]
) -> Policy | list[Policy]:
    """One policy for all other seats, or one for each.

    Raises:
        UnknownNameError: no such player; the message lists what exists.
    """
    if isinstance(opponent, (str, Policy)):
        return make_player(game_id, opponent, game)
    return [make_player(game_id, each, game) for each in opponent]


def read_options(pairs: Iterable[str]) -> dict[str, Any]:
    """Options of a game as a command line has them: `NAME=VALUE`, the value JSON or else a string.

    Raises:
        ValueError: one is not of that form.
    """
    options = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ValueError(f"--option {pair!r} is not of the form NAME=VALUE")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def player_names(game_id: str) -> list[str]:
    """Names of the players that can sit in a game."""
    own = find(game_id).players
    return sorted({*GENERIC_PLAYERS, *(_load(own) if own else ())})


def make_player(game_id: str, player: str | Policy, game: Game[Any]) -> Policy:
    """A policy by name: `nash:0.2`, `best-response:nash`, `table:PATH`; a policy is itself.

    What follows the colon is the player's own argument.

    Raises:
        UnknownNameError: no such player of this game; the message lists what exists.
        ValueError: the player does not take this argument, or not this game's options.
    """
    if isinstance(player, Policy):
        return player
    name, _, argument = player.partition(":")
    own: Mapping[str, Callable[..., Policy]] = {}
    if find(game_id).players:
        own = _load(str(find(game_id).players))
    name = name if name in own else ALIASES.get(name, name)
    if name in own:
        policy = own[name](game, argument)
    elif name == "best-response":
        policy = _load(GENERIC_PLAYERS[name])(game, make_player(game_id, argument, game))
    elif name in GENERIC_PLAYERS:
        policy = _load(GENERIC_PLAYERS[name])(game, argument)
    else:
        kind = f"player of {find(game_id).short}"
        raise UnknownNameError(_unknown(kind, player, player_names(game_id)))
    policy.name = player
    return policy


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"no {kind} is called {name!r}.{hint} There are: {', '.join(known)}"


@cache
def _load(entry_point: str) -> Any:
    module, _, attribute = entry_point.partition(":")
    return getattr(importlib.import_module(module), attribute)


@cache
def _load_plugins() -> None:
    for plugin in metadata.entry_points(group=PLUGINS):
        try:
            plugin.load()
        except Exception as error:
            # One broken package must not hide the games of all others.
            warnings.warn(f"games of {plugin.value!r} are missing: {error!r}", stacklevel=3)


register(
    "KuhnPoker-v0",
    "arenas.games.kuhn_poker:KuhnPoker",
    "arenas.games.kuhn_poker.players:PLAYERS",
    summary="Kuhn's three-card poker, 2 to 4 players, one hand or a match",
)
register(
    "Overcooked-v0",
    "arenas.games.overcooked:Overcooked",
    "arenas.policies.proagent:PLAYERS",
    summary="cooks share a kitchen; overcooked-ai's dynamics, layouts and views",
    simultaneous=True,
)
register(
    "BugRepair-v0",
    "arenas.games.bug_repair:BugRepair",
    "arenas.games.bug_repair.players:PLAYERS",
    summary="Self-play SWE-RL: break a Python project, hide it from its tests, repair it",
)
register(
    "TicTacToe-v0",
    "arenas.games.tictactoe:TicTacToe",
    "arenas.games.tictactoe.players:PLAYERS",
    summary="TicTacToe on boards of 3x3 to 7x7",
)
register(
    "Negotiation-v0",
    "arenas.games.negotiation:Negotiation",
    "arenas.games.negotiation.players:PLAYERS",
    summary="Trading goods with private values, 2 to 4 players, with talk; published variants",
)
register(
    "Spy-v0",
    "arenas.games.spy:Spy",
    "arenas.games.spy.players:PLAYERS",
    summary="Who Is the Spy: clues about a scene that one player did not see, then votes",
)
register(
    "OpenSpiel-v0",
    "arenas.adapters.openspiel:OpenSpielGame",
    "arenas.adapters.openspiel.players:PLAYERS",
    summary="Almost any game of OpenSpiel by its string, Leduc poker unless told otherwise",
)
register(
    "DeepSearch-v0",
    "arenas.games.deep_search:DeepSearch",
    "arenas.games.deep_search.players:PLAYERS",
    summary="A proposer writes questions that need searching; solvers search the same documents",
)
register(
    "TextArena-v0",
    "arenas.adapters.textarena:TextArenaGame",
    summary="Most games of TextArena by their ids, TicTacToe unless told otherwise",
)
