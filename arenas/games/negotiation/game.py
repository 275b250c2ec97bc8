"""Negotiation as a Game: options, spaces, evidence and words around the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
from gymnasium import spaces

from arenas.core.coded import CodedGame
from arenas.core.controls import Controls
from arenas.core.flat import Position, Row
from arenas.core.game import GameSpec, IllegalMove, Move, whole
from arenas.core.language import strip_reasoning
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng
from arenas.core.talk import heard, quoted, stands
from arenas.games.negotiation import controls as at_hand
from arenas.games.negotiation import pareto, told
from arenas.games.negotiation import rules as flat
from arenas.games.negotiation import text as words
from arenas.games.negotiation.presets import PRESETS, REWARDS, VARIANTS

MAX_TURNS = 60
MAX_LISTED_MOVES = 4_096
MAX_KEPT_MOVES = 1 << 12
"""Written moves that a game recognises at once."""

KINDS = ("offer", "accept", "deny")
FORMS = ("structured", "discrete")


class Negotiation(CodedGame):
    """Seats with private goods and values trade whole units; see README.md.

    Args:
        preset: "two", "five", "five-gold" or "eight" goods; None means what `rules` says.
        players: 2 to 4.
        turns: moves of all seats together, the same number for each seat; None means five each.
        reward: "zero_sum" (the larger gain wins), "surplus" (own gain as a share of the most that
            all gains can sum to) or "shared" (the sum of gains); None means what `rules` says.
        rules: "standard", or a published variant for two players, kept for comparison:
            "textarena-0.7.4", "spiral-v1", "spiral-v2".
        moves: "structured", lists of numbers of a `MultiDiscrete` space; or "discrete", numbered in
            a `Discrete` space of at most 4,096.
        talk: a spoken line may come with a move; None means with structured moves.
        largest: units of one good that an offer can name, at most; None means all there are.
        mirrored: deal to each seat what the next one gets otherwise.

    Action: `MultiDiscrete([3, 2 * largest + 1, ...])`: 0 offers, 1 accepts, 2 denies; then for each
    good the units that the mover would receive (below `largest`: give), plus `largest`, which
    matter in an offer. Or `Discrete`: 0 accepts, 1 denies, 2 and on are the offers.
    View: int16 vector of 3 + goods * (4 + players) numbers, see `rules.observe`.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        preset: str | None = None,
        players: int = 2,
        turns: int | None = None,
        reward: str | None = None,
        rules: str = "standard",
        moves: str = "structured",
        talk: bool | None = None,
        largest: int | None = None,
        mirrored: bool = False,
    ) -> None:
        self.rules = _one_of("rules", rules, VARIANTS)
        variant = VARIANTS[rules]
        self.preset = _one_of("preset", preset or variant.preset, PRESETS)
        self.reward = _one_of("reward", reward or variant.reward, REWARDS)
        self.moves = _one_of("moves", moves, FORMS)
        self.players = _number("players", players, 2, variant.players)
        self.turns = _number("turns", 5 * self.players if turns is None else turns, 1, MAX_TURNS)
        if self.turns % self.players and rules == "standard":
            raise ValueError(f"turns={turns!r}: each of {self.players} seats has as many turns")
        if not isinstance(mirrored, bool) or not isinstance(talk, (bool, type(None))):
            raise ValueError(f"talk={talk!r}, mirrored={mirrored!r}: True or False")
        self.mirrored = mirrored
        self.talk = moves == "structured" if talk is None else talk
        if self.talk and moves == "discrete":
            raise ValueError('talk=True goes with moves="structured"')
        goods = PRESETS[self.preset].goods
        stocked = max(good.stock[1] for good in goods) * self.players
        self.largest = _number("largest", stocked if largest is None else largest, 1, stocked)
        offers = (2 * self.largest + 1) ** len(goods)
        if moves == "discrete" and offers + 2 > MAX_LISTED_MOVES:
            raise ValueError(
                f'moves="discrete": {offers + 2} moves, more than {MAX_LISTED_MOVES}; '
                'take preset="two", or a smaller largest'
            )
        self.goods = tuple(good.name for good in goods)
        self._variant = variant
        self._commands: dict[str, tuple[int, list[int]]] = {}
        super().__init__(self._spec(offers), flat, self._blank(), self.talk)
        self._moves = self.blank[flat.MOVES]
        count = len(self.goods) * flat.PRIVATE
        first = flat.private(self.blank, 0, 0)
        self._owned = [
            slice(start, start + count)
            for start in range(first, first + self.players * count, count)
        ]
        self._situation = told.Situation(self)

    def _spec(self, offers: int) -> GameSpec:
        preset, players, count = PRESETS[self.preset], self.players, len(self.goods)
        plies, largest = self.turns + self._variant.extra, self.largest
        all_units = [players * good.stock[1] for good in preset.goods]
        top = max([plies, *all_units, *(good.value[1] for good in preset.goods)])
        bounds = [plies, players, plies, *[top] * (count * (4 + players))]
        low = [0, 0, 0, *[0] * (3 * count), *[-top] * (count * (1 + players))]
        # No unit changes its worth by more than the range of its values.
        swing = sum(
            n * (good.value[1] - good.value[0])
            for n, good in zip(all_units, preset.goods, strict=True)
        )
        structured = spaces.MultiDiscrete([flat.KINDS, *[2 * largest + 1] * count])
        ranges = {
            "zero_sum": (-1.0, players - 1.0),
            "surplus": (-1.0, 1.0),
            "shared": (-float(swing), float(swing)),
        }
        return GameSpec(
            name="Negotiation",
            version="1",
            roles=("trader",) * players,
            payoff=REWARDS[self.reward],  # type: ignore[arg-type]
            information="imperfect",
            observation_space=spaces.Box(
                np.array(low, np.int16), np.array(bounds, np.int16), dtype=np.int16
            ),
            action_space=spaces.Discrete(offers + 2) if self.moves == "discrete" else structured,
            reward_range=ranges[self.reward],
            max_plies=plies,
            has_chance=not preset.values,
        )

    def _blank(self) -> list[int]:
        preset, players, goods = PRESETS[self.preset], self.players, len(self.goods)
        plies = self.turns + self._variant.extra
        blank = [0] * flat.row_length(players, goods, plies)
        blank[flat.PLAYERS], blank[flat.GOODS], blank[flat.TURNS] = players, goods, plies
        blank[flat.LARGEST], blank[flat.DISCRETE] = self.largest, self.moves == "discrete"
        blank[flat.STALE], blank[flat.SPEAK_UP] = self._variant.stale, self._variant.speak_up
        blank[flat.REWARD] = list(REWARDS).index(self.reward)
        blank[flat.FIXED], blank[flat.MIRRORED] = bool(preset.values), self.mirrored
        blank[flat.NOTHING], blank[flat.OFFERER] = (2 * self.largest + 1) ** goods // 2, -1
        for number, good in enumerate(preset.goods):
            place = flat.public(blank, number)
            blank[place : place + flat.PUBLIC] = [*good.value, *good.stock]
            for seat in range(players) if preset.values else ():
                own = flat.private(blank, seat, number)
                dealt = preset.values[(seat + self.mirrored) % len(preset.values)]
                blank[own + flat.VALUE], blank[own + flat.STOCK] = dealt[number], good.stock[0]
        offers = len(blank) - plies - players
        blank[flat.MOVES], blank[offers:] = offers + players, [-1] * (players + plies)
        return [int(number) for number in blank]

    # -- rows in plain terms -------------------------------------------------------------------

    def amounts(self, bundle: int) -> list[int]:
        """What the offerer receives of each good, below zero what it gives."""
        size, amounts = 2 * self.largest + 1, []
        for _ in self.goods:
            bundle, place = divmod(bundle, size)
            amounts.append(place - self.largest)
        return amounts

    def private(self, row: Row, seat: int, which: int) -> list[int]:
        """A seat's numbers of every good; `which` is one of `rules.VALUE`, `STOCK`, ..."""
        start = flat.private(row, seat, 0) + which
        return list(row[start : start + len(self.goods) * flat.PRIVATE : flat.PRIVATE])

    def played(self, row: Row) -> list[tuple[str, list[int]]]:
        """Every move so far: its kind, and its amounts if it is an offer."""
        moves = []
        for code in row[self._moves : self._moves + row[flat.PLY]]:
            kind = flat.kind_of(row, code)
            offered = self.amounts(flat.bundle_of(row, code)) if kind == flat.OFFER else []
            moves.append((KINDS[kind], offered))
        return moves

    def offer_move(self, amounts: Sequence[int], line: str = "") -> Move:
        """The move that offers these amounts, each received if above zero and given if below."""
        places = [amount + self.largest for amount in amounts]
        if self.moves == "structured":
            return [flat.OFFER, *places, *([line] if line else [])]
        number = 0
        for place in reversed(places):
            number = number * (2 * self.largest + 1) + place
        return number + 2

    def answer_move(self, kind: str, line: str = "") -> Move:
        """The move that accepts or denies; `kind` is "accept" or "deny"."""
        if self.moves == "discrete":
            return KINDS.index(kind) - 1
        return [KINDS.index(kind), *[self.largest] * len(self.goods), *([line] if line else [])]

    # -- outcomes ------------------------------------------------------------------------------

    def result(self, row: Row) -> Outcome:
        reason = "deal" if row[flat.TRADES] else "no deal"
        return Outcome(self.scores(row), reason, self._evidence(row))

    def _evidence(self, row: Row) -> dict[str, Any]:
        owned = [row[place] for place in self._owned]
        return {
            "goods": list(self.goods),
            "values": [list(own[flat.VALUE :: flat.PRIVATE]) for own in owned],
            "start": [list(own[flat.START :: flat.PRIVATE]) for own in owned],
            "end": [list(own[flat.STOCK :: flat.PRIVATE]) for own in owned],
            "gains": [flat.gain(row, seat) for seat in range(self.players)],
        }

    def figures(self, state: Position) -> dict[str, Any]:
        """What a record says however the match ended: evidence, and how good the deal was.

        `gains` of each seat, `surplus`, the most that gains can sum to, and `surplus_share`, what
        of it there is (None if it is 0); `nash_product`, of gains above zero, else 0;
        `pareto_distance`, from the gains to the nearest pair on the exact Pareto front (None with
        more than two seats); `turns` and `trades`.
        """
        row, evidence = state.row, self._evidence(state.row)
        gains, possible = evidence["gains"], flat.surplus(row)
        product = 1
        for gained in gains:
            product *= max(gained, 0)
        distance = None
        if self.players == 2:
            front = pareto.front(*map(_deep, (evidence["values"], evidence["start"])))
            distance = pareto.distance(front, gains)
        return {
            **evidence,
            "surplus": possible,
            "surplus_share": sum(gains) / possible if possible else None,
            "nash_product": product,
            "pareto_distance": distance,
            "turns": row[flat.PLY],
            "trades": row[flat.TRADES],
        }

    # -- what is known -------------------------------------------------------------------------

    def info_state(self, state: Position, seat: int) -> str:
        """Seat, values, goods at the start and every move, with what was said: JSON-like text.

        An offer is its amounts, in the order of goods, as its offerer receives them.
        """
        row = state.row
        own = self.private(row, seat, flat.VALUE), self.private(row, seat, flat.START)
        parts = [str(seat), *(",".join(map(str, numbers)) for numbers in own)]
        for kind, offered in self.played(row):
            parts.append(",".join(map(str, offered)) or kind)
        parts += [quoted(line) for line in state.said if self.talks]
        return "|".join(parts)

    def moves_in(self, info_state: str) -> list[tuple[str, list[int]]]:
        """Every move that an information state tells, as `played` gives them."""
        moves: list[tuple[str, list[int]]] = []
        # The lines that were said follow the moves, in quotation marks.
        for part in takewhile(lambda part: part[:1] != '"', info_state.split("|")[3:]):
            if part in KINDS:
                moves.append((part, []))
            else:
                moves.append(("offer", [int(number) for number in part.split(",")]))
        return moves

    def shown(self, row: Row) -> list[list[int]]:
        """By seat and good, the least that it must have started with, as its moves have shown.

        Whoever offers has what it gives, and whoever accepts what the offer asks for.
        """
        seats, goods = range(self.players), range(len(self.goods))
        least = [[row[flat.public(row, n) + flat.LOW_STOCK] for n in goods] for _ in seats]
        past = list(row)
        past[flat.PLY], past[flat.OFFERER] = 0, -1
        for seat in seats:
            for good in goods:
                own = flat.private(row, seat, good)
                past[own + flat.STOCK] = row[own + flat.START]
        for code in row[self._moves : self._moves + row[flat.PLY]]:
            seat, kind, given = flat.to_move(past), flat.kind_of(row, code), []
            if kind == flat.OFFER:
                given = [-amount for amount in self.amounts(flat.bundle_of(row, code))]
            elif kind == flat.ACCEPT and past[flat.OFFERER] not in (-1, seat):
                given = self.amounts(past[flat.OFFERED])
            for good, units in enumerate(given):
                own = flat.private(row, seat, good)
                gained = past[own + flat.STOCK] - past[own + flat.START]
                if units > 0:
                    least[seat][good] = max(least[seat][good], units - gained)
            flat.play(past, code)
        return least

    def resample(self, state: Position, seat: int, rng: Rng) -> Position:
        """Draws what others value and started with anew, as far as their moves leave it open."""
        row, shown = list(state.row), self.shown(state.row)
        for other in range(self.players):
            for good in range(len(self.goods)) if other != seat else ():
                own, known = flat.private(row, other, good), flat.public(row, good)
                low, high = row[known + flat.LOW_VALUE], row[known + flat.HIGH_VALUE]
                row[own + flat.VALUE] = low + rng.below(high - low + 1)
                least = shown[other][good]
                start = least + rng.below(row[known + flat.HIGH_STOCK] - least + 1)
                row[own + flat.STOCK] += start - row[own + flat.START]
                row[own + flat.START] = start
        drawn = self.position(tuple(row))
        return Position(drawn.row, drawn.movers, drawn.legal, state.said)

    # -- words ---------------------------------------------------------------------------------

    def refusal(self, row: Row, move: Sequence[int]) -> str:
        seat, kind = flat.to_move(row), move[0]
        if kind == flat.ACCEPT:
            if row[flat.OFFERER] < 0:
                return "there is no offer to accept"
            return "you lack what the offer asks for"
        if kind == flat.DENY:
            return "there is no offer to deny: make one"
        amounts = [place - self.largest for place in move[1:]]
        for name, amount, held in zip(
            self.goods, amounts, self.private(row, seat, flat.STOCK), strict=True
        ):
            if -amount > held:
                return f"you cannot give {-amount} {name}: you have {held}"
        return "an offer gives something and asks for something"

    def word(self, row: Row, action: int) -> str:
        return self._written(flat.kind_of(row, action), flat.bundle_of(row, action))[1:-1]

    def _written(self, kind: int, bundle: int) -> str:
        if kind == flat.OFFER:
            return words.offer(self.amounts(bundle), self.goods)
        return ("[Offer]", "[Accept]", "[Deny]")[kind]

    def format(self, state: Position, seat: int, move: Move) -> str:
        if not self.sizes:
            return super().format(state, seat, move)
        numbers, line = self.split(move)
        kind = numbers[0]
        said = f" {line}" if line else ""
        if kind != flat.OFFER:
            return f"{self._written(kind, 0)}{said}"
        return words.offer([n - self.largest for n in numbers[1:]], self.goods) + said

    def recognise(self, state: Position, seat: int, text: str) -> Move | None:
        if not self.sizes:
            return super().recognise(state, seat, text)
        known, line = self._plain(text)
        if known is None or not flat.is_legal(state.row, known[0]):
            return None
        return [*known[1], line] if line else known[1][:]

    def recognise_all(
        self, rows: np.ndarray, said: Sequence[Sequence[str]], texts: Sequence[str]
    ) -> tuple[list[int], list[str]]:
        if not self.sizes:
            return super().recognise_all(rows, said, texts)
        codes, lines = [], []
        for text in texts:
            known, line = self._plain(text)
            codes.append(known[0] if known else -1)
            lines.append(line)
        return codes, lines

    def _plain(self, text: str) -> tuple[tuple[int, list[int]] | None, str]:
        """Code and numbers of a reply as `format` writes it, and the line that is heard with it.

        There may be private reasoning before it. The numbers are not to be changed.
        """
        known = self._commands.get(text)
        if known is not None or len(text) > self.spec.max_reply_chars:
            return known, ""
        command, bracket, said = strip_reasoning(text).partition("]")
        known = self._commands.get(command + bracket) or self._learn(command + bracket)
        if said and not stands(said):
            return None, ""
        return known, said[1:] if self.talks else ""

    def _learn(self, command: str) -> tuple[int, list[int]] | None:
        """Code and numbers of a move as `format` writes it; kept while there is room."""
        said = words.read_written(command, self.goods)
        if said is None or max(map(abs, said.amounts), default=0) > self.largest:
            return None
        numbers = self._move_of(said)
        known = self.code(numbers), numbers
        if len(self._commands) < MAX_KEPT_MOVES:
            self._commands[command] = known
        return known

    def _move_of(self, said: words.Said, line: str = "") -> Move:
        if said.kind == "offer":
            return self.offer_move(said.amounts, line)
        return self.answer_move(said.kind, line)

    def parse(self, state: Position, seat: int, text: str) -> Move:
        if len(text) > self.spec.max_reply_chars:
            raise IllegalMove(f"the reply is longer than {self.spec.max_reply_chars} characters")
        try:
            said = words.read(text, self.goods)
        except ValueError as error:
            raise IllegalMove(f"{error}; {self._legal_words(state.row)}") from None
        if max(map(abs, said.amounts), default=0) > self.largest:
            raise IllegalMove(f"an offer names at most {self.largest} units of a good")
        return self._move_of(said, said.line if self.talks else "")

    def check(self, state: Position, seat: int, move: Move) -> None:
        try:
            if self.sizes:
                super().check(state, seat, move)
            elif move not in (state.legal or ()):
                raise IllegalMove(self._refused(state.row, move))
        except IllegalMove as error:
            raise IllegalMove(f"{error}; {self._legal_words(state.row)}") from None
        if self.talks and isinstance(move[-1], str) and heard(move[-1]) != move[-1]:
            raise IllegalMove(f"a line is said as it is heard: {heard(move[-1])[:40]!r}")

    def _refused(self, row: Row, move: Move) -> str:
        """Why a discrete move is illegal."""
        if not isinstance(move, int) or not 0 <= move < self.num_actions:
            return f"a move is a number in 0..{self.num_actions - 1}"
        amounts = self.amounts(max(flat.bundle_of(row, move), 0))
        return self.refusal(row, [flat.kind_of(row, move), *(n + self.largest for n in amounts)])

    def _legal_words(self, row: Row) -> str:
        kinds = [("[Accept]", flat.may_accept(row)), ("[Deny]", flat.may_deny(row))]
        return " ".join(["legal: [Offer: ...]", *(word for word, may in kinds if may)])

    def grammar(self, state: Position, seat: int) -> str:
        return words.expression(*self._choices(state.row, seat))

    def schema(self, state: Position, seat: int) -> dict[str, Any]:
        """The grammar as a JSON schema; `parse` reads such replies, too."""
        return words.schema(*self._choices(state.row, seat))

    def _choices(self, row: Row, seat: int) -> tuple[Any, ...]:
        kinds = ["offer"]
        kinds += ["accept"] if flat.may_accept(row) else []
        kinds += ["deny"] if flat.may_deny(row) else []
        held = self.private(row, seat, flat.STOCK)
        return kinds, held, self.largest, self.goods, self.talks

    def reply_examples(self) -> tuple[str, ...]:
        one, two = self.goods[:2]
        line = " Let us trade." if self.talks else ""
        return (
            f"[Offer: 1 {one} -> 1 {two}]",
            f"[Offer: 2 {two} -> 3 {one}]{line}",
            f"[Accept]{line}",
            "[Deny]",
        )

    def brief(self, seat: int) -> str:
        return told.brief(self, seat)

    def describe(self, row: Row, seat: int) -> str:
        return self.tell(Position(tuple(row), (), None), seat)

    def tell(self, state: Position, seat: int) -> str:
        row = state.row
        ply, over = row[flat.PLY], row[flat.PLY] == row[flat.TURNS]
        moves, own = row[self._moves : self._moves + ply], row[self._owned[seat]]
        gain = flat.gain(row, seat)
        answers = 0 if over else 2 * flat.may_accept(row) + flat.may_deny(row)
        said, words = state.said, self._situation.words
        return words(seat, ply, moves, ply, said, own, 0, gain, answers)

    def tell_all(
        self,
        rows: np.ndarray,
        said: Sequence[Sequence[str]],
        seats: Sequence[int],
        masks: np.ndarray,
    ) -> list[str]:
        every, plies = np.arange(len(rows))[:, None], rows[:, flat.PLY]
        # Of each row the last move of each seat, and the numbers of the seat that is told.
        recent = rows[every, (self._moves + plies)[:, None] + np.arange(-self.players, 0)]
        count = len(self.goods) * flat.PRIVATE
        first = np.array([each.start for each in self._owned])[np.array(seats, int)]
        own = rows[every, first[:, None] + np.arange(count)]
        values, stock, start = (own[:, n :: flat.PRIVATE] for n in range(flat.PRIVATE))
        gains = (values * (stock - start)).sum(1)  # As `rules.gain` has it.
        accept, deny = (flat.ACCEPT, flat.DENY) if self.sizes else (0, 1)
        answers = 2 * masks[:, accept] + masks[:, deny]
        # Flat lists: one list a row would keep the garbage collector busy.
        moves, numbers = recent.ravel().tolist(), own.ravel().tolist()
        columns = zip(seats, plies.tolist(), said, gains.tolist(), answers.tolist(), strict=True)
        return [
            self._situation.words(
                seat, ply, moves, (i + 1) * self.players, lines, numbers, i * count, gain, marks
            )
            for i, (seat, ply, lines, gain, marks) in enumerate(columns)
        ]

    def show(self, state: Position, seat: int | None = None) -> str:
        row = state.row
        lines = [f"turn {row[flat.PLY]}/{row[flat.TURNS]}, trades {row[flat.TRADES]}"]
        for each in range(self.players) if seat is None else (seat,):
            held = words.bundle(self.private(row, each, flat.STOCK), self.goods)
            worth = words.bundle(self.private(row, each, flat.VALUE), self.goods)
            lines.append(f"{self.spec.agents[each]}  has {held}  values {worth}")
        if row[flat.OFFERER] >= 0:
            given, asked = words.terms(self.amounts(row[flat.OFFERED]), self.goods)
            lines.append(f"{self.spec.agents[row[flat.OFFERER]]} offers {given} for {asked}")
        return "\n".join(lines)

    def draw(self, state: Position, seat: int | None = None) -> np.ndarray:
        from arenas.games.negotiation.draw import draw_negotiation

        return draw_negotiation(self, state, seat)

    def controls(self, state: Position, seat: int) -> Controls:
        return at_hand.controls(self, state, seat)

    def compose(self, state: Position, seat: int, form: str, values: Mapping[str, Any]) -> str:
        return at_hand.compose(self, form, self.filled(state, seat, form, values))


def _deep(rows: list[list[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in rows)


def _one_of(name: str, value: Any, known: Any) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name}={value!r}: one of {', '.join(known)}")
    return value


def _number(name: str, value: Any, low: int, high: int) -> int:
    number = whole(value)
    if number is None or not low <= number <= high:
        raise ValueError(f"{name}={value!r}: a whole number in {low}..{high}")
    return number
