"""Many matches at once: pending turns are grouped by policy and answered in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count, islice, product
from typing import Any, TypeAlias

from arenas.core.game import Game
from arenas.core.match import IllegalPolicy, Match, check_max_cycles
from arenas.core.policy import Policy
from arenas.core.record import MatchRecord
from arenas.core.rng import SeedSequence, check_seed
from arenas.registry import find, make_game, make_player
from arenas.rollout.scheduler import Running, run

Games: TypeAlias = str | Sequence[str | tuple[str, Mapping[str, Any]]]
"""The id of a game, or several: ids, or pairs of an id and the game's options."""

Players: TypeAlias = Sequence[str | Policy] | Callable[[str, int], Sequence[str | Policy]]
"""Names or policies, one a seat; or a function that gives them for a game's id and a group."""


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
        concurrency: matches under way at once.
        illegal, max_cycles: as in `make`.
        options: the game's own, where there is one game.

    Raises:
        UnknownNameError: no such game, option or player; the message lists what exists.
        ValueError: a value is out of range, or there are not as many players as seats.
        PolicyError: (while iterating) a policy cannot answer any more.
    """
    played = play(
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
    )
    return (record_of(each) for each in played)


def play(
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
    keep: bool = False,
) -> Iterator[Running]:
    """As `play_matches`, but yields the finished matches themselves with who sat where.

    Args:
        games, players, n, seed, swap, repeats, concurrency, illegal, max_cycles, options: as there.
        keep: keep every decision, for trajectories.

    Raises:
        UnknownNameError, ValueError: as there.
    """
    tables = [_Table(game_id, own, players) for game_id, own in _listed(games, options)]
    if not tables:
        raise ValueError("there is no game to play: give one id or several")
    if n < 0 or concurrency < 1 or repeats < 1:
        raise ValueError("n is at least 0, concurrency and repeats at least 1")
    check_max_cycles(max_cycles)
    rule = IllegalPolicy.read(illegal)
    seeds = SeedSequence(check_seed(seed))

    def start() -> Iterator[Running]:
        number = 0
        for group in count():
            table = tables[group % len(tables)]
            policies = table.policies(group)
            language = any(policy.speaks for policy in policies)
            match_seed = seeds.next()
            rotations = range(len(policies) if swap else 1)
            for repeat, turn in product(range(repeats), rotations):
                sitting = sitting_of(turn, len(policies))
                match = Match(table.game, match_seed, rule, max_cycles, language)
                seated = tuple(policies[player] for player in sitting)
                yield Running(number, group, table.full_id, match, sitting, seated, keep, repeat)
                number += 1

    return run(islice(start(), n), concurrency)


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


def _listed(games: Games, options: Mapping[str, Any] | None) -> list[tuple[str, Mapping[str, Any]]]:
    if isinstance(games, str):
        return [(games, options or {})]
    if options:
        raise ValueError("options are for one game; with several write pairs of an id and options")
    return [(each, {}) if isinstance(each, str) else (each[0], each[1]) for each in games]


class _Table:
    """A game of a rollout and who plays it."""

    def __init__(self, game_id: str, options: Mapping[str, Any], players: Players) -> None:
        self.full_id = find(game_id).id
        self.game: Game[Any] = make_game(game_id, **options)
        self._named: dict[str, Policy] = {}
        self._players = players
        self._fixed = None if callable(players) else self._made(players)

    def policies(self, group: int) -> list[Policy]:
        """The players of a group's matches, one a seat."""
        if self._fixed is not None:
            return self._fixed
        assert callable(self._players)
        return self._made(self._players(self.full_id, group))

    def _made(self, players: Sequence[str | Policy]) -> list[Policy]:
        seats = self.game.spec.seats
        if len(players) != seats:
            raise ValueError(
                f"{self.full_id} needs {seats} players, one a seat; got {len(players)}"
            )
        return [self._player(player) for player in players]

    def _player(self, player: str | Policy) -> Policy:
        if isinstance(player, Policy):
            return player
        if player not in self._named:
            self._named[player] = make_player(self.full_id, player, self.game)
        return self._named[player]
