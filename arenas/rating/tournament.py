"""Tournaments: everyone with everyone, as a cross-play table and as ratings.

Every line-up plays the same deals, so players are compared on the same luck, and intervals are over
deals. Ratings are of openskill's Plackett-Luce model (Weng and Lin, "A Bayesian approximation
method for online ranking", JMLR 12, 2011) on the scale of Elo.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, combinations_with_replacement
from statistics import NormalDist, fmean
from typing import Any

from arenas.core.record import MatchRecord
from arenas.core.rng import Rng
from arenas.rating.results import finite, half_width

MEAN_ELO = 1500.0
"""The mean of the ratings of a tournament."""

MAX_LINE_UPS = 10_000


@dataclass(frozen=True)
class Mean:
    """A mean over deals.

    Attributes:
        mean: of the rewards of a match.
        interval: half-width of its 95 % confidence interval; infinite where one deal is too few.
        matches: behind it.
    """

    mean: float
    interval: float
    matches: int


@dataclass(frozen=True)
class Standing:
    """One player against the others of a tournament.

    Matches in which it had several seats do not count, unless it was alone.

    Attributes:
        player: name.
        overall: its reward a match, in all seats.
        by_seat: the same seat by seat; None in a seat it never had.
        elo: rating; None where matches do not rank players (common pay).
        elo_interval: half-width of the 95 % interval that the rating model states.
        illegal_moves: illegal submissions.
    """

    player: str
    overall: Mean
    by_seat: list[Mean | None]
    elo: float | None
    elo_interval: float | None
    illegal_moves: int

    def to_json(self) -> dict[str, Any]:
        """JSON values; what is infinite becomes null."""
        return finite(asdict(self))  # type: ignore[no-any-return]


class Tournament:
    """Gathers the records of a tournament.

    Args:
        players: different names, as many as the game has seats or more.
        seats: of the game.
        mirror: players also meet themselves; wanted where they cooperate.
        rated: matches rank the players.

    Attributes:
        players: as given.
        line_ups: who meets whom, by places in `players`; each is played in every rotation.

    Raises:
        ValueError: a name comes twice, there are too few, or too many line-ups for one tournament.
    """

    def __init__(
        self, players: Sequence[str], seats: int, mirror: bool = False, rated: bool = True
    ) -> None:
        if len(set(players)) < len(players):
            raise ValueError(f"a player is named twice: {', '.join(players)}")
        least = 1 if mirror else seats
        if len(players) < least:
            raise ValueError(f"{len(players)} players for {seats} seats: name {least} or more")
        count = math.comb(len(players) + (seats - 1 if mirror else 0), seats)
        if count > MAX_LINE_UPS:
            raise ValueError(f"{count} line-ups, more than {MAX_LINE_UPS}: name fewer players")
        self.players = list(players)
        self.seats = seats
        self._rated = rated
        choose = combinations_with_replacement if mirror else combinations
        self.line_ups = list(choose(range(len(players)), seats))
        self._rewards: dict[_Key, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._illegal = [0] * len(players)
        self._matches: list[tuple[tuple[int, ...], tuple[float, ...]]] = []

    @property
    def matches(self) -> int:
        """Matches added so far."""
        return len(self._matches)

    def add(self, record: MatchRecord, sitting: Sequence[int]) -> None:
        """Adds a match in which player `sitting[s]` of `players` had seat s."""
        deal = len(self._matches) if record.group is None else record.group
        for seat, player in enumerate(sitting):
            others = tuple(sorted((*sitting[:seat], *sitting[seat + 1 :])))
            keys: list[_Key] = [(player, None, others)]
            if player not in others or len(self.players) == 1:
                keys += [(player, None, None), (player, seat, None)]
            for key in keys:
                self._rewards[key][deal].append(record.rewards[seat])
            self._illegal[player] += record.illegal_moves[seat]
        self._matches.append((tuple(sitting), tuple(record.rewards)))

    def against(self, player: int, *others: int) -> Mean | None:
        """What a player (by place) got in matches with these others; None if there were none."""
        return self._mean((player, None, tuple(sorted(others))))

    def standings(self) -> list[Standing]:
        """Every player that has played, the best first."""
        ratings = self._ratings() if self._rated else {}
        found = []
        for player, name in enumerate(self.players):
            overall = self._mean((player, None, None))
            if overall is None:
                continue
            elo, interval = ratings.get(player, (None, None))
            by_seat = [self._mean((player, seat, None)) for seat in range(self.seats)]
            found.append(Standing(name, overall, by_seat, elo, interval, self._illegal[player]))
        return sorted(found, key=lambda each: each.overall.mean, reverse=True)

    def _mean(self, key: _Key) -> Mean | None:
        if key not in self._rewards:
            return None
        deals = self._rewards[key].values()
        rewards = [reward for deal in deals for reward in deal]
        return Mean(fmean(rewards), half_width([fmean(deal) for deal in deals]), len(rewards))

    def _ratings(self) -> dict[int, tuple[float, float]]:
        """Elo and half-width of its interval, of players that met others."""
        from openskill.models import PlackettLuce

        # Players do not change while they play, so nothing is added to what is uncertain (tau).
        model = PlackettLuce(tau=0.0)
        rated = [match for match in self._matches if len(set(match[0])) == self.seats]
        # The model reads one match after another; a drawn order favours nobody's latest ones.
        order = list(range(len(rated)))
        Rng(0).shuffle(order)
        ratings = {player: model.rating() for sitting, _ in rated for player in sitting}
        for number in order:
            sitting, rewards = rated[number]
            teams = model.rate([[ratings[p]] for p in sitting], scores=list(rewards))
            for player, (rating,) in zip(sitting, teams, strict=True):
                ratings[player] = rating
        if not ratings:
            return {}
        # In this model the odds that i ranks before j are exp((mu_i - mu_j) / c) to 1.
        c = math.sqrt(self.seats) * model.beta
        elo = 400 / math.log(10) / c
        middle = fmean(rating.mu for rating in ratings.values())
        z = NormalDist().inv_cdf(0.975)
        return {
            player: (MEAN_ELO + elo * (rating.mu - middle), z * elo * rating.sigma)
            for player, rating in ratings.items()
        }


_Key = tuple[int, int | None, tuple[int, ...] | None]
"""A player, the seat it had (None for any) and the others it met (None for any)."""


def draw_cross_play(tournament: Tournament, title: str, path: str) -> None:
    """Draws the cross-play table of a game of two seats as a picture.

    Args:
        tournament: with matches.
        title: stands above it.
        path: of a file that matplotlib can write, by its ending.

    Raises:
        ValueError: the game has not two seats, or the ending is unknown.
        OSError: the file cannot be written.
    """
    if tournament.seats != 2:
        raise ValueError(f"a table of {tournament.seats} dimensions: only two seats can be drawn")
    import numpy as np
    from matplotlib.figure import Figure

    size = len(tournament.players)
    means = np.full((size, size), np.nan)
    figure = Figure(figsize=(2.6 + 1.1 * size, 1.6 + 0.8 * size), layout="constrained")
    axes = figure.add_subplot()
    for row in range(size):
        for column in range(size):
            cell = tournament.against(row, column)
            if cell is not None:
                means[row, column] = cell.mean
    drawn = axes.imshow(means, cmap="cividis", aspect="auto")
    bright = np.nanmean([drawn.norm.vmin, drawn.norm.vmax])
    for row, column in zip(*np.nonzero(~np.isnan(means)), strict=True):
        cell = tournament.against(int(row), int(column))
        assert cell is not None
        ink = "black" if cell.mean > bright else "white"
        text = f"{cell.mean:.4g}\n±{cell.interval:.2g}"
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
    axes.set_xticks(range(size), tournament.players, rotation=30, ha="right")
    axes.set_yticks(range(size), tournament.players)
    axes.set_xlabel("the other seat")
    axes.set_title(title, fontsize=10)
    figure.colorbar(drawn, label="reward a match of the row's player")
    figure.savefig(path, dpi=120)
