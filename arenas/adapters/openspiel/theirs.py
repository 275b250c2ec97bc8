"""OpenSpiel's games as arenas: `arenas.make("OpenSpiel-v0", game="leduc_poker")`."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Hashable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from arenas.core.game import Game, GameSpec, Move
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng

MAX_LISTED_STARTS = 100_000
SEEDED = ("negotiation",)
"""Games whose generator takes a seed and is drawn from once, at the start: one for each match."""

RESAMPLES = 100
"""Tries to draw hidden cards that fit the rewards as well; then the true ones stay."""

MAX_EXAMPLES = 200
_BRACKETS = str.maketrans("[]{}", "()()")
_PAYOFFS: dict[str, Literal["zero_sum", "common", "general_sum"]] = {
    "ZERO_SUM": "zero_sum",
    "IDENTICAL": "common",
    "CONSTANT_SUM": "general_sum",
    "GENERAL_SUM": "general_sum",
}


class MissingOpenSpielError(ImportError, ValueError):
    """OpenSpiel is not installed; the message says how to install it."""


def import_pyspiel() -> Any:
    """The module `pyspiel`.

    Raises:
        MissingOpenSpielError: it is not installed.
    """
    try:
        return importlib.import_module("pyspiel")
    except ImportError:
        raise MissingOpenSpielError(
            "this needs OpenSpiel: pip install selfplay-arenas[openspiel]  (Python 3.11 or newer)"
        ) from None


class SpielState:
    """OpenSpiel's state past every chance node, and the stream that the next ones draw from.

    Attributes:
        spiel: the `pyspiel.State`.
        chance: one 64-bit word of chance; None where chance is over.
        legal, names: for each seat to move, its legal moves and those in words; made when first
            asked for.
    """

    __slots__ = ("chance", "legal", "names", "spiel")

    def __init__(self, spiel: Any, chance: Rng | None) -> None:
        self.spiel = spiel
        self.chance = chance
        self.legal: dict[int, tuple[int, ...]] = {}
        self.names: dict[int, tuple[str, ...]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return SpielState, (self.spiel, self.chance)


class OpenSpielGame(Game[SpielState]):
    """A game of OpenSpiel, whichever its string names.

    Args:
        game: what `pyspiel.load_game` reads: "leduc_poker", "goofspiel(num_cards=4)", "backgammon",
            "hanabi(players=3)", or one of OpenSpiel's Python games, "python_liars_poker".

    Action: `Discrete(n)`, OpenSpiel's own numbers.
    View: float32 array, its information state tensor where it hides information and has one, else
    its observation tensor. OpenSpiel states no bounds for them.
    Rewards: OpenSpiel's returns; at every step where it pays so.

    Attribute `spiel`: the `pyspiel.Game`.

    Chance during a match comes from one 64-bit word of its seed: chance node i is decided by
    `rng.draw(word, i)`. Where seats choose at once, they are several movers.

    Raises:
        MissingOpenSpielError: OpenSpiel is not installed.
        ValueError: there is no such game, or one that cannot be an arena: mean-field games, games
            that draw chance from a generator of their own (but those in `SEEDED`), games without
            tensors or with endless rewards.
    """

    def __init__(self, game: str = "leduc_poker") -> None:
        self.game = game
        self._pyspiel = import_pyspiel()
        self.spiel = _load(self._pyspiel, game)
        kind = self.spiel.get_type()
        self._kind = kind
        _refuse(self.spiel, kind)
        hides = kind.information.name == "IMPERFECT_INFORMATION"
        remembers = kind.provides_information_state_tensor and (
            hides or not kind.provides_observation_tensor
        )
        name = "information_state_tensor" if remembers else "observation_tensor"
        self._tensor = name
        try:
            shape = tuple(getattr(self.spiel, f"{name}_shape")())
        except self._pyspiel.SpielError as error:
            raise ValueError(f"{self.spiel} cannot be an arena: {error}") from None
        most = float(np.finfo(np.float32).max)
        seats = self.spiel.num_players()
        # OpenSpiel counts a joint move once, we count each seat's.
        moves_a_turn = seats if kind.dynamics.name == "SIMULTANEOUS" else 1
        # Where there is nobody to win from, sums say nothing.
        payoff = _PAYOFFS[kind.utility.name] if seats > 1 else "general_sum"
        self.spec = GameSpec(
            name="OpenSpiel",
            version=f"1 (open_spiel {self._pyspiel.__version__})",
            roles=("player",) * seats,
            payoff=payoff,
            information="imperfect" if hides else "perfect",
            observation_space=spaces.Box(-most, most, shape, np.float32),
            action_space=spaces.Discrete(self.spiel.num_distinct_actions()),
            reward_range=(self.spiel.min_utility(), self.spiel.max_utility()),
            max_plies=self.spiel.max_game_length() * moves_a_turn,
            has_chance=kind.chance_mode.name != "DETERMINISTIC",
            step_rewards=kind.reward_model.name == "REWARDS",
        )

    def new(self, rng: Rng) -> SpielState:
        spiel, word = self.spiel, rng.bits()
        if self._kind.chance_mode.name == "SAMPLED_STOCHASTIC":
            seeded = {**spiel.get_parameters(), "rng_seed": word >> 33}
            spiel = self._pyspiel.load_game(self._kind.short_name, seeded)
        state = SpielState(spiel.new_initial_state(), Rng(word))
        self._pass_chance(state)
        return state

    def _pass_chance(self, state: SpielState) -> None:
        spiel = state.spiel
        while spiel.is_chance_node():
            if state.chance is None:
                raise ValueError(
                    f"{self.game} meets chance during the match, so its starts alone do not list "
                    "its tree; OpenSpiel's own solvers take such games"
                )
            actions, weights = zip(*spiel.chance_outcomes(), strict=True)
            spiel.apply_action(actions[state.chance.weighted(weights)])

    def movers(self, state: SpielState) -> tuple[int, ...]:
        spiel = state.spiel
        if spiel.is_simultaneous_node():
            return tuple(s for s in range(self.spec.seats) if self.legal(state, s))
        player = spiel.current_player()
        return (player,) if player >= 0 else ()

    def legal(self, state: SpielState, seat: int) -> tuple[int, ...]:
        if seat not in state.legal:
            state.legal[seat] = tuple(state.spiel.legal_actions(seat))
        return state.legal[seat]

    def apply(self, state: SpielState, moves: Mapping[int, Move]) -> SpielState:
        spiel = state.spiel
        if spiel.is_simultaneous_node():
            nothing = self._pyspiel.INVALID_ACTION
            spiel.apply_actions([moves.get(s, nothing) for s in range(self.spec.seats)])
        else:
            spiel.apply_action(next(iter(moves.values())))
        state.legal, state.names = {}, {}
        self._pass_chance(state)
        return state

    def outcome(self, state: SpielState) -> Outcome | None:
        spiel = state.spiel
        if not spiel.is_terminal():
            return None
        history = [[each.player, each.action] for each in spiel.full_history()]
        return Outcome(tuple(spiel.returns()), "ended", {"history": history})

    def returns(self, state: SpielState) -> tuple[float, ...]:
        return tuple(state.spiel.returns())

    # -- states as values ----------------------------------------------------------------------

    def copy(self, state: SpielState) -> SpielState:
        chance = state.chance and state.chance.fork()
        return SpielState(state.spiel.clone(), chance)

    def key(self, state: SpielState) -> Hashable:
        return state.chance, tuple(state.spiel.history())

    def chance(self) -> Iterator[tuple[float, SpielState]]:
        """Every start of a game whose chance is over before the first move, as in "kuhn_poker".

        Raises:
            ValueError: the starts are too many to list. Playing on from a start raises it where
                there is chance after the first move.
        """
        found = 0
        waiting = [(1.0, self.spiel.new_initial_state())]
        while waiting:
            probability, spiel = waiting.pop()
            if not spiel.is_chance_node():
                yield probability, SpielState(spiel, None)
                continue
            outcomes = spiel.chance_outcomes()
            found += len(outcomes)
            if found > MAX_LISTED_STARTS:
                raise ValueError(f"{self.game} has more than {MAX_LISTED_STARTS:,} starts to list")
            waiting += [(probability * p, spiel.child(action)) for action, p in outcomes]

    def info_state(self, state: SpielState, seat: int) -> str:
        """OpenSpiel's information state string, or its observation string where it has none."""
        if self._kind.provides_information_state_string:
            return str(state.spiel.information_state_string(seat))
        return str(state.spiel.observation_string(seat))

    def resample(self, state: SpielState, seat: int, rng: Rng) -> SpielState:
        """As in every game; what chance will bring is drawn anew as well.

        Raises:
            ValueError: the game hides information and OpenSpiel cannot resample it.
        """
        spiel = state.spiel.clone()
        if self.spec.information == "imperfect":
            # OpenSpiel's information states say nothing of what was paid, and every seat knows it.
            paid = spiel.returns()
            twins = (self._twin(spiel, seat, rng) for _ in range(RESAMPLES))
            spiel = next((twin for twin in twins if twin.returns() == paid), spiel)
        return SpielState(spiel, Rng(rng.bits()))

    def _twin(self, spiel: Any, seat: int, rng: Rng) -> Any:
        try:
            return spiel.resample_from_infostate(seat, rng.random)
        except (self._pyspiel.SpielError, RuntimeError):
            raise ValueError(
                f"OpenSpiel does not say how to resample what is hidden in {self.game}"
            ) from None

    # -- views ---------------------------------------------------------------------------------

    def view(self, state: SpielState, seat: int) -> np.ndarray:
        flat = getattr(state.spiel, self._tensor)(seat)
        return np.array(flat, np.float32).reshape(self.spec.observation_space.shape)

    def brief(self, seat: int) -> str:
        spec, (low, high) = self.spec, self.spec.reward_range
        others = f"{spec.seats - 1} other player{'s' if spec.seats > 2 else ''}"
        return (
            f"You are {spec.agents[seat]} in {self._kind.long_name} (the game {self.spiel} of "
            f"OpenSpiel), {f'with {others}' if spec.seats > 1 else 'alone'}. "
            f"Your reward lies between {low:+g} and {high:+g}.\n"
            f"Every turn lists the legal moves. Reply with one of them in square brackets. "
            f"You may reason inside <think>...</think> first; nobody else sees that."
        )

    def tell(self, state: SpielState, seat: int) -> str:
        picture = self.show(state, seat).rstrip()
        if state.spiel.is_terminal():
            return f"{picture}\nThe match is over. Your reward: {state.spiel.returns()[seat]:+g}."
        movers = self.movers(state)
        if seat in movers:
            return f"{picture}\nYour legal moves: {' '.join(self.replies(state, seat))}"
        names = ", ".join(self.spec.agents[mover] for mover in movers)
        return f"{picture}\nTo move: {names}."

    def show(self, state: SpielState, seat: int | None = None) -> str:
        if seat is None:
            return str(state.spiel)
        if self.spec.information == "imperfect":
            return self.info_state(state, seat)
        return str(state.spiel)

    def format(self, state: SpielState, seat: int, move: Move) -> str:
        return self.replies(state, seat)[self.legal(state, seat).index(move)]

    def replies(self, state: SpielState, seat: int) -> tuple[str, ...]:
        """OpenSpiel's action strings in brackets, or the actions' numbers where those are no names.

        Brackets within a string become round, and runs of blanks one blank.
        """
        if seat not in state.names:
            legal, say = self.legal(state, seat), state.spiel.action_to_string
            words = [" ".join(say(seat, a).translate(_BRACKETS).split()) for a in legal]
            distinct = len({word.lower() for word in words}) == len(words)
            if not distinct or not all(words) or any("<" in word for word in words):
                words = [str(action) for action in legal]
            state.names[seat] = tuple(f"[{word}]" for word in words)
        return state.names[seat]

    def reply_examples(self) -> tuple[str, ...]:
        """Replies met in random matches."""
        return self._examples

    @cached_property
    def _examples(self) -> tuple[str, ...]:
        rng, found = Rng(0), dict[str, None]()
        state = self.new(rng)
        for _ in range(MAX_EXAMPLES):
            movers = self.movers(state)
            if not movers:
                state = self.new(rng)
                continue
            for seat in movers:
                found |= dict.fromkeys(self.replies(state, seat))
            if len(found) >= MAX_EXAMPLES:
                break
            state = self.apply(state, {seat: self.sample(state, seat, rng) for seat in movers})
        return tuple(found)

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenSpielGame, (self.game,)


def _load(pyspiel: Any, text: str) -> Any:
    if not isinstance(text, str):
        raise ValueError(f"game={text!r}: the string of an OpenSpiel game")
    name = text.partition("(")[0]
    if name.startswith("python_") and name not in pyspiel.registered_names():
        # OpenSpiel registers its Python games when they are imported.
        importlib.import_module("open_spiel.python.games")
    known = pyspiel.registered_names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(
            f"OpenSpiel has no game {name!r}.{hint} pyspiel.registered_names() lists {len(known)}"
        )
    try:
        return pyspiel.load_game(text)
    except Exception as error:
        # A parameter that is wrong or missing; the games raise whatever their parsers raise.
        raise ValueError(f"OpenSpiel cannot load {text!r}: {error}") from None


def _refuse(spiel: Any, kind: Any) -> None:
    """Raises ValueError for a game that cannot be an arena."""
    reason = None
    if kind.dynamics.name == "MEAN_FIELD":
        reason = "it is a mean-field game, whose population is no seat"
    elif kind.chance_mode.name == "SAMPLED_STOCHASTIC" and kind.short_name not in SEEDED:
        reason = "it draws chance from a generator of its own, so matches could not be replayed"
    elif not (kind.provides_observation_tensor or kind.provides_information_state_tensor):
        reason = "it has no tensor to observe"
    elif not np.isfinite([spiel.min_utility(), spiel.max_utility()]).all():
        reason = "its rewards have no bounds"
    if reason:
        raise ValueError(f"{spiel} cannot be an arena: {reason}")
