"""Whether learning goes well: what shows a collapse, and how matches end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from arenas.baselines.spiral.games import Games, figure_of, unit
from arenas.core.record import MatchRecord
from arenas.policies.language import Prompts
from arenas.rollout.trajectories import Trajectory

MIN_LENGTH = 16
"""Shorter first replies cannot collapse."""


class End(NamedTuple):
    """How many matches of one iteration's training ended so.

    Attributes:
        iteration: from 1; those of the first were played before anything but the warm-up.
        game: its full id.
        ended: the reason; where a proposal was refused, also the check that it failed.
        matches: the number.
    """

    iteration: int
    game: str
    ended: str
    matches: int


def ending(record: MatchRecord) -> str:
    """How a match ended, as `End.ended` has it."""
    failed = [each["name"] for each in record.evidence.get("checks", ()) if not each["passed"]]
    return f"{record.reason}: {failed[0]}" if failed else record.reason


def health(trajectories: Sequence[Trajectory], games: Games, prompts: Prompts) -> dict[str, float]:
    """What shows a collapse, of one iteration.

    `seat_gap` is the difference of the mean rewards of a game's best and worst seat, as a share
    of the most that a seat can win, the largest of all games; `reply_tokens` the mean length of
    a reply; `cut` the share that the budget cut; `illegal` the share of illegal replies;
    `draws` the share of matches in which all seats got the same; `canonical` the share of
    replies spelled as `moves="scored"` spells them, so how far scored odds are those of play.
    Of games whose seats have unlike roles it says for each role the number of `replies` that
    are trained on and the share of them that is illegal.

    Args:
        trajectories: the learner's.
        games: of the run.
        prompts: that spell replies.
    """
    turns = [turn for each in trajectories for turn in each.turns if turn.tokens is not None]
    tokens = [turn.tokens for turn in turns if turn.tokens is not None]
    by_seat: dict[str, dict[int, list[float]]] = {}
    for each in trajectories:
        seats = by_seat.setdefault(each.game, {})
        seats.setdefault(each.seat, []).append(each.reward / unit(games[each.game]))
    means = [[fmean(rewards) for rewards in seats.values()] for seats in by_seat.values()]
    spelled = [{prompts.reply_ids(reply) for reply in turn.legal or ()} for turn in turns]
    figures = {
        "seat_gap": max(max(each) - min(each) for each in means),
        "reply_tokens": fmean(len(each.completion) for each in tokens),
        "cut": fmean(each.finish == "length" for each in tokens),
        "illegal": fmean(turn.illegal is not None for turn in turns),
        "canonical": fmean(
            each.completion in words for each, words in zip(tokens, spelled, strict=True)
        ),
        "draws": fmean(len(set(each.rewards)) == 1 for each in trajectories),
    }
    for game_id, role in _roles(games):
        own = [
            turn.illegal is not None
            for each in trajectories
            if (each.game, each.role) == (game_id, role)
            for turn in each.turns
        ]
        name = figure_of(games, game_id, role)
        figures[f"{name}_replies"] = len(own)
        figures[f"{name}_illegal"] = fmean(own) if own else math.nan
    return figures


def _roles(games: Games) -> list[tuple[str, str]]:
    """The roles of each game that has several."""
    found = [(game_id, dict.fromkeys(game.spec.roles)) for game_id, game in games.items()]
    return [(game_id, role) for game_id, roles in found if len(roles) > 1 for role in roles]


def alarms(figures: Mapping[str, float], usual_length: float) -> list[str]:
    """What looks like a collapse, in words.

    Args:
        figures: of `health`.
        usual_length: tokens of a reply in the first iteration.
    """
    found = []
    if figures["seat_gap"] > 1:
        found.append("one seat takes all")
    if figures["illegal"] > 0.5:
        found.append("most replies are illegal")
    if figures["draws"] > 0.95:
        found.append("almost every match is a draw")
    if figures["cut"] > 0.5:
        found.append("most replies run into their budget")
    if usual_length >= MIN_LENGTH and figures["reply_tokens"] < usual_length / 4:
        found.append("replies have become a quarter as long as at first")
    return found
