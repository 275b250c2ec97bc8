"""Many matches at once: pending turns are grouped by policy and answered in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice, product
from typing import Any, NamedTuple, TypeAlias, TypeVar

from arenas.core.game import Game
from arenas.core.match import IllegalPolicy, Match, check_max_cycles
from arenas.core.policy import Policy
from arenas.core.record import MatchRecord
from arenas.core.rng import SeedSequence, check_seed
from arenas.registry import find, make_game, make_player
from arenas.rollout.scheduler import Running, run

T = TypeVar("T")

BACKENDS = ("local", "ray")

Games: TypeAlias = str | Sequence[str | tuple[str, Mapping[str, Any]]]
"""The id of a game, or several: ids, or pairs of an id and the game's options."""

Players: TypeAlias = Sequence[str | Policy] | Callable[[str, int], Sequence[str | Policy]]
"""Names or policies, one a seat; or a function that gives them for a game's id and a group."""

Listed: TypeAlias = Sequence[tuple[str, Mapping[str, Any]]]
"""Games as pairs of an id and options."""


def play_matches(
    games: Games,
    players: Players,
    /,
    n: int,
    seed: int = 0,
    *,
    swap: bool = True,
    repeats: int = 1,
    concurrency: int = 256,
    illegal: str = "retry:1",
    max_cycles: int | None = None,
    options: Mapping[str, Any] | None = None,
    backend: str = "local",
    workers: int | None = None,
    ray_options: Mapping[str, Any] | None = None,
) -> Iterator[MatchRecord]:
    """Plays `n` matches and yields their records in order, as soon as each can be given.

    Matches do not wait for each other: all turns that are pending for a policy are answered in one
    call, whatever stage their matches are in and whatever game they are of. The records depend on
    the arguments alone, not on `concurrency`. If a policy fails or Ctrl-C is pressed, the records
    of all matches that are finished come out before the error goes up; those that they overtook
    are missing between them.

    Args:
        games: as in `make`; several are played in turn, group by group.
        players: a name or a policy for each seat (a keyword `players` is the game's own option). A
            function is called once a group, in order, with the game's full id and the group's
            number; so an opponent can be drawn from a pool.
        n: number of matches.
        seed: of the whole run; the matches' own seeds follow from it.
        swap: play every deal once in each rotation of the players over the seats, under one `group`
            number, so that neither seats nor cards favour anyone.
        repeats: play every deal, in each rotation, so many times under that number; players that
            draw at random draw anew. Advantages within a group (GRPO) need several.
        concurrency: matches under way at once; with Ray, in each worker.
        illegal, max_cycles: as in `make`.
        options: the game's own, where there is one game.
        backend: "local", or "ray": in processes of Ray, on this machine or a cluster
            (`rollout.on_ray`). The records are the same, in the same order, for players whose
            answers depend on nothing but the turn.
        workers: how many processes; None for one a CPU that Ray has. Ray only.
        ray_options: what each worker is given, as in Ray's `options()`: `num_cpus` (1 unless told
            otherwise), `num_gpus`, `resources`, ... Ray only.

    Raises:
        UnknownNameError: no such game, option or player; the message lists what exists.
        ValueError: a value is out of range, or there are not as many players as seats.
        TypeError: a player cannot be sent to the processes of Ray.
        ImportError: Ray is not installed.
        PolicyError: (while iterating) a policy cannot answer any more.
        WorkersDied: (while iterating) Ray's workers die again and again.
    """
    return played_as(
        record_of,
        games,
        players,
        n,
        seed,
        swap=swap,
        repeats=repeats,
        concurrency=concurrency,
        illegal=illegal,
        max_cycles=max_cycles,
        options=options,
        backend=backend,
        workers=workers,
        ray_options=ray_options,
    )


def played_as(
    told: Callable[[Running], T],
    games: Games,
    players: Players,
    /,
    n: int,
    seed: int = 0,
    *,
    options: Mapping[str, Any] | None = None,
    backend: str = "local",
    workers: int | None = None,
    ray_options: Mapping[str, Any] | None = None,
    **how: Any,
) -> Iterator[T]:
    """Plays matches and yields what `told` makes of each, in order.

    Args:
        told: a function of a module, which a worker finds by its name.
        games, players, n, seed, options, backend, workers, ray_options: as in `play_matches`.
        how: the other terms, as in `Terms`.

    Raises:
        What `play_matches` raises.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend={backend!r}: the backends are {', '.join(BACKENDS)}")
    if backend == "local" and (workers is not None or ray_options is not None):
        raise ValueError('workers and ray_options go with backend="ray"')
    tables = Tables(Terms(_listed(games, options), players, **how))
    if backend == "local":
        tables.seat()
        return map(told, run(map(tables.begin, tables.plan(n, seed)), tables.terms.concurrency))
    from arenas.rollout.on_ray import play_on_ray

    return play_on_ray(tables, n, seed, told, workers, ray_options)


def record_of(played: Running) -> MatchRecord:
    """The record of a finished match."""
    names = [policy.name for policy in played.policies]
    return MatchRecord.of(played.match, played.game_id, names, played.group)


def sitting_of(number: int, seats: int, swap: bool = True) -> tuple[int, ...]:
    """Which player (by place in `players`) has each seat in match `number` of `play_matches`."""
    turn = number % seats if swap else 0
    return tuple((seat + turn) % seats for seat in range(seats))


def seated(
    records: Iterable[MatchRecord], players: Sequence[str], swap: bool = True
) -> Iterator[tuple[MatchRecord, tuple[int, ...]]]:
    """Each record of `play_matches` with its `sitting_of`, also where records are missing."""
    group, number = None, -1
    for record in records:
        number = number + 1 if record.group == group else 0
        group = record.group
        while [players[p] for p in sitting_of(number, len(players), swap)] != record.seats:
            number += 1
        yield record, sitting_of(number, len(players), swap)


def _listed(games: Games, options: Mapping[str, Any] | None) -> Listed:
    if isinstance(games, str):
        return [(games, options or {})]
    if options:
        raise ValueError("options are for one game; with several write pairs of an id and options")
    return [(each, {}) if isinstance(each, str) else (each[0], each[1]) for each in games]


@dataclass(frozen=True, slots=True)
class Terms:
    """How the matches of a rollout are played: arguments of `play_matches`, games as pairs.

    `players` is None where each planned match says who plays it. With `keep` every decision is
    kept, for trajectories.
    """

    games: Listed
    players: Players | None
    swap: bool = True
    repeats: int = 1
    concurrency: int = 256
    illegal: str = "retry:1"
    max_cycles: int | None = None
    keep: bool = False

    @property
    def fixed(self) -> Sequence[str | Policy] | None:
        """The players of every match, if they are the same in all."""
        return None if callable(self.players) else self.players


class Planned(NamedTuple):
    """A match that is to be played.

    Attributes:
        number: its place in the rollout.
        group: matches of one group play the same deal.
        seed: of the match.
        repeat: which playing of the deal this is.
        turn: by how many seats the players are rotated.
        players: who plays; None where the terms of the rollout say it.
    """

    number: int
    group: int
    seed: int
    repeat: int
    turn: int
    players: tuple[str | Policy, ...] | None


class Tables:
    """The games of a rollout, made, and who plays them.

    Raises:
        UnknownNameError: no such game or option.
        ValueError: a term is out of range, or there are not as many players as seats.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._tables = [_Table(game_id, options) for game_id, options in terms.games]
        if not self._tables:
            raise ValueError("there is no game to play: give one id or several")
        if terms.concurrency < 1 or terms.repeats < 1:
            raise ValueError("concurrency and repeats are at least 1")
        check_max_cycles(terms.max_cycles)
        self._rule = IllegalPolicy.read(terms.illegal)
        if terms.fixed is not None:
            for table in self._tables:
                table.check(terms.fixed)

    def seat(self) -> None:
        """Makes the players that are the same in every match.

        Raises:
            UnknownNameError, ValueError: there is no such player, or it does not take this game.
        """
        if self.terms.fixed is not None:
            for table in self._tables:
                table.made(self.terms.fixed)

    def plan(self, n: int, seed: int) -> Iterator[Planned]:
        """The first `n` matches after `seed`, in order.

        Raises:
            ValueError: `n` or `seed` is out of range.
        """
        if n < 0:
            raise ValueError("n is at least 0")
        return islice(self._planned(SeedSequence(check_seed(seed))), n)

    def _planned(self, seeds: SeedSequence) -> Iterator[Planned]:
        number, terms = 0, self.terms
        for group in count():
            table = self._tables[group % len(self._tables)]
            players = None
            if callable(terms.players):
                players = tuple(terms.players(table.full_id, group))
            seed = seeds.next()
            rotations = range(table.game.spec.seats if terms.swap else 1)
            for repeat, turn in product(range(terms.repeats), rotations):
                yield Planned(number, group, seed, repeat, turn, players)
                number += 1

    def begin(self, planned: Planned) -> Running:
        """The match itself, at its start.

        Raises:
            UnknownNameError, ValueError: as `seat`.
        """
        number, group, seed, repeat, turn, players = planned
        terms, table = self.terms, self._tables[group % len(self._tables)]
        policies = table.made(players or terms.fixed or ())
        language = any(policy.speaks for policy in policies)
        match = Match(table.game, seed, self._rule, terms.max_cycles, language)
        sitting = sitting_of(turn, len(policies))
        seated = tuple(policies[player] for player in sitting)
        return Running(number, group, table.full_id, match, sitting, seated, terms.keep, repeat)

    def close(self) -> None:
        """Closes the games, and the players that were made by name."""
        for table in self._tables:
            table.close()


class _Table:
    """A game of a rollout and the players that were made for it."""

    def __init__(self, game_id: str, options: Mapping[str, Any]) -> None:
        self.full_id = find(game_id).id
        self.game: Game[Any] = make_game(game_id, **options)
        self._named: dict[str, Policy] = {}

    def check(self, players: Sequence[str | Policy]) -> None:
        seats = self.game.spec.seats
        if len(players) != seats:
            raise ValueError(
                f"{self.full_id} needs {seats} players, one a seat; got {len(players)}"
            )

    def made(self, players: Sequence[str | Policy]) -> list[Policy]:
        self.check(players)
        return [self._player(player) for player in players]

    def _player(self, player: str | Policy) -> Policy:
        if isinstance(player, Policy):
            return player
        if player not in self._named:
            self._named[player] = make_player(self.full_id, player, self.game)
        return self._named[player]

    def close(self) -> None:
        for policy in self._named.values():
            policy.close()
        self.game.close()
