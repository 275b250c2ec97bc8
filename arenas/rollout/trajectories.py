"""What a match gives a trainer: each seat's turns with the ids they were made of, and rewards.

Ids are those that were sent and sampled. Nothing is tokenised again: encoding a decoded reply gives
other ids often enough to spoil importance ratios.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from arenas.core.policy import Tokens
from arenas.core.record import MatchRecord
from arenas.rollout.matches import played_as, record_of
from arenas.rollout.scheduler import Running


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """One submission of a seat.

    Attributes:
        tokens: how a language model came to it; None for other players.
        text: the reply as the match read it; None where it was a move.
        move: the move as read; None if the reply named none.
        legal: the legal moves in words; None where they are too many to list.
        illegal: why it was illegal; None for a legal move.
        reward: what the seat was paid from here to its next turn, or to the end.
    """

    tokens: Tokens | None
    text: str | None
    move: Any
    legal: tuple[str, ...] | None
    illegal: str | None
    reward: float


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One seat of one match.

    Attributes:
        game: id of the game.
        rules: version of its rules.
        options: the game's constructor arguments.
        seed: of the match.
        number: of the match in its rollout.
        group: matches of one group played the same deal.
        reason: how the match ended.
        truncated: cut short rather than ended by the rules.
        rewards: total reward of each seat.
        seat: this seat.
        agent: its name in the environment.
        role: its role.
        player: who sat there.
        trainable: whether its turns may be trained on.
        version_start, version_end: of the weights at its first and last turn; None without tokens.
        reward: the seat's total reward (its return).
        turns: in order. Their rewards add up to the return, but for what was paid before the first.
    """

    game: str
    rules: str
    options: dict[str, Any]
    seed: int
    number: int
    group: int
    reason: str
    truncated: bool
    rewards: tuple[float, ...]
    seat: int
    agent: str
    role: str
    player: str
    trainable: bool
    version_start: int | str | None
    version_end: int | str | None
    reward: float
    turns: tuple[TurnTaken, ...]

    def rows(self) -> list[Row]:
        """The turns as rows of tokens, as few as can be.

        A turn continues a row if its prompt begins with exactly the row's ids and its log-
        probabilities are of the same kind at the same temperature; else it begins a new one, as
        after a template that drops earlier reasoning. Turns without tokens are left out.
        """
        rows: list[Row] = []
        for turn in self.turns:
            if turn.tokens is None:
                continue
            if not rows or not rows[-1].continued(turn.tokens, turn.reward):
                rows.append(Row.of(turn.tokens, turn.reward))
        return rows


@dataclass(slots=True)
class Row:
    """Turns of one seat whose ids are one sequence.

    Attributes:
        ids: all ids.
        prompt: how many of them come before the first sampled one.
        mask: for each id, whether the policy sampled it and may be trained on it.
        logprobs: for each id, the log-probability it was sampled with; 0 where none was recorded.
        kind: of the log-probabilities (see `Tokens`).
        temperature: of the log-probabilities.
        spans: where each turn's completion begins, and the place after its last id.
        rewards: of each turn.
        versions: of the weights, turn by turn.
        finishes: how each turn's completion ended.
        candidates: ids of every reply that was allowed, turn by turn; None where not listed.
    """

    ids: list[int]
    prompt: int
    mask: list[bool]
    logprobs: list[float]
    kind: str
    temperature: float
    spans: list[tuple[int, int]]
    rewards: list[float]
    versions: list[int | str]
    finishes: list[str]
    candidates: list[tuple[tuple[int, ...], ...] | None]

    @classmethod
    def of(cls, tokens: Tokens, reward: float) -> Row:
        """The row of one turn."""
        kind, temperature = tokens.kind, tokens.temperature
        row = cls([], len(tokens.prompt), [], [], kind, temperature, [], [], [], [], [])
        row._add(tokens, reward)
        return row

    def continued(self, tokens: Tokens, reward: float) -> bool:
        """Adds a turn if it continues this row; whether it did."""
        same = (tokens.kind, tokens.temperature) == (self.kind, self.temperature)
        if not same or list(tokens.prompt[: len(self.ids)]) != self.ids:
            return False
        self._add(tokens, reward)
        return True

    def allowed(self) -> list[tuple[int, ...]]:
        """For each id, what its log-probability was renormalised over; empty for all ids.

        With it a trainer computes the log-probabilities that other weights give to the same choice.

        Raises:
            ValueError: the kind is "scored", which chooses among whole replies (`candidates`), or
                a grammar allowed more replies than are listed.
        """
        found: list[tuple[int, ...]] = [()] * len(self.ids)
        if self.kind == "sampled":
            return found
        if self.kind == "scored":
            raise ValueError("scored replies are chosen as a whole, among their candidates")
        for (start, end), candidates in zip(self.spans, self.candidates, strict=True):
            if candidates is None:
                raise ValueError("a grammar's replies are not listed, so neither are its tokens")
            reply = tuple(self.ids[start:end])
            for place in range(len(reply)):
                begun = [c for c in candidates if c[:place] == reply[:place]]
                found[start + place] = tuple(sorted({c[place] for c in begun}))
        return found

    def _add(self, tokens: Tokens, reward: float) -> None:
        size, fresh = len(tokens.completion), len(tokens.prompt) - len(self.ids)
        self.ids += (*tokens.prompt[len(self.ids) :], *tokens.completion)
        self.mask += [False] * fresh + list(tokens.mask or [True] * size)
        self.logprobs += [0.0] * fresh + list(tokens.logprobs or [0.0] * size)
        self.spans.append((len(self.ids) - size, len(self.ids)))
        self.rewards.append(reward)
        self.versions.append(tokens.policy_version)
        self.finishes.append(tokens.finish)
        self.candidates.append(tokens.candidates)


@dataclass(frozen=True, slots=True)
class Played:
    """A finished match: the record that proves it, and each seat's trajectory."""

    record: MatchRecord
    seats: tuple[Trajectory, ...]


def play_trajectories(*args: Any, **kwargs: Any) -> Iterator[Played]:
    """Plays matches as `play_matches` does, with its arguments, and keeps every decision."""
    return played_as(trajectories_of, *args, **kwargs, keep=True)


def trajectories_of(played: Running) -> Played:
    """The record and trajectories of a finished match whose decisions were kept."""
    record = record_of(played)
    spec = played.match.game.spec
    seats = []
    for seat, policy in enumerate(played.policies):
        turns = _turns(played, seat)
        versions = [turn.tokens.policy_version for turn in turns if turn.tokens is not None]
        seats.append(
            Trajectory(
                game=record.game,
                rules=record.rules,
                options=record.options,
                seed=record.seed,
                number=played.number,
                group=played.group,
                reason=record.reason,
                truncated=record.truncated,
                rewards=tuple(record.rewards),
                seat=seat,
                agent=spec.agents[seat],
                role=spec.roles[seat],
                player=policy.name,
                trainable=policy.trainable,
                version_start=versions[0] if versions else None,
                version_end=versions[-1] if versions else None,
                reward=record.rewards[seat],
                turns=turns,
            )
        )
    return Played(record, tuple(seats))


def _turns(played: Running, seat: int) -> tuple[TurnTaken, ...]:
    own = [
        (decision, entry)
        for decision, entry in zip(played.decisions, played.match.log, strict=True)
        if entry.seat == seat
    ]
    totals = [decision.before for decision, _ in own] + [played.match.totals[seat]]
    return tuple(
        TurnTaken(
            tokens=decision.reply.tokens,
            text=entry.text,
            move=entry.move,
            legal=decision.legal,
            illegal=entry.illegal,
            reward=after - decision.before,
        )
        for (decision, entry), after in zip(own, totals[1:], strict=True)
    )
