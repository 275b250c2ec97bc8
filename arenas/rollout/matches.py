"""Many matches at once: pending turns are grouped by policy and answered in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from arenas.core.match import IllegalPolicy, Match, check_max_cycles
from arenas.core.policy import Policy, Turn, answer
from arenas.core.record import MatchRecord
from arenas.core.rng import SeedSequence, check_seed
from arenas.registry import find, make_game, make_player


@dataclass(slots=True)
class _Running:
    number: int
    group: int
    match: Match
    players: tuple[int, ...]


def play_matches(
    game_id: str,
    players: Sequence[str | Policy],
    /,
    n: int,
    seed: int = 0,
    *,
    swap: bool = True,
    concurrency: int = 256,
    illegal: str = "retry:1",
    max_cycles: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> Iterator[MatchRecord]:
    """Plays `n` matches and yields their records in order, as soon as each can be given.

    Matches do not wait for each other: all turns that are pending for a policy are answered in one
    call, whatever stage their matches are in. The records depend on the arguments alone, not on
    `concurrency`. If a policy fails or Ctrl-C is pressed, the records of all matches that are
    finished come out before the error goes up; those that they overtook are missing between them.

    Args:
        game_id: as in `make`.
        players: a name or a policy for each seat (a keyword `players` is the game's own option).
        n: number of matches.
        seed: of the whole run; the matches' own seeds follow from it.
        swap: play every deal once in each rotation of the players over the seats, under one `group`
            number, so that neither seats nor cards favour anyone.
        concurrency: matches under way at once.
        illegal, max_cycles: as in `make`.
        options: the game's own.

    Raises:
        UnknownNameError: no such game, option or player; the message lists what exists.
        ValueError: a value is out of range, or there are not as many players as seats.
        PolicyError: (while iterating) a policy cannot answer any more.
    """
    game = make_game(game_id, **(options or {}))
    seats = game.spec.seats
    if len(players) != seats:
        raise ValueError(
            f"{find(game_id).id} needs {seats} players, one a seat; got {len(players)}"
        )
    if n < 0 or concurrency < 1:
        raise ValueError("n is at least 0 and concurrency at least 1")
    check_max_cycles(max_cycles)
    rule = IllegalPolicy.read(illegal)
    seeds = SeedSequence(check_seed(seed))
    policies = [make_player(game_id, player, game) for player in players]
    full = find(game_id).id
    language = any(policy.speaks for policy in policies)

    def start() -> Iterator[_Running]:
        match_seed = 0
        for number in range(n):
            sitting = sitting_of(number, seats, swap)
            if sitting[0] == 0:
                match_seed = seeds.next()
            match = Match(game, match_seed, rule, max_cycles, language)
            yield _Running(number, number // seats if swap else number, match, sitting)

    return _run(start(), policies, full, concurrency)


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


def _run(
    waiting: Iterator[_Running], policies: list[Policy], game_id: str, concurrency: int
) -> Iterator[MatchRecord]:
    running: list[_Running] = []
    finished: dict[int, MatchRecord] = {}
    due = 0
    while True:
        running += islice(waiting, concurrency - len(running))
        if not running:
            return
        failure: BaseException | None = None
        try:
            _answer_all(running, policies)
        except BaseException as error:
            # Ctrl-C or a server that stays away: what is finished comes out first.
            failure = error
        for each in running:
            if each.match.outcome is not None:
                names = [policies[player].name for player in each.players]
                finished[each.number] = MatchRecord.of(each.match, game_id, names, each.group)
        running = [each for each in running if each.match.outcome is None]
        while due in finished:
            yield finished.pop(due)
            due += 1
        if failure is not None:
            yield from (finished[number] for number in sorted(finished))
            raise failure


def _answer_all(running: list[_Running], policies: list[Policy]) -> None:
    pending: dict[int, list[tuple[Match, Turn]]] = {}
    for each in running:
        for seat in each.match.awaited:
            turn = Turn.of(each.match, seat, each.number)
            pending.setdefault(each.players[seat], []).append((each.match, turn))
    for player, turns in pending.items():
        replies = policies[player].act([turn for _, turn in turns])
        for (match, turn), reply in zip(turns, replies, strict=True):
            # A forfeit can end a match while other seats of it were asked.
            if turn.seat in match.awaited:
                answer(match, turn.seat, reply)
