"""Kuhn poker as a Game: options, spaces and words around the rules."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from arenas.core.controls import Button, Controls
from arenas.core.flat import FlatGame, Position, Row
from arenas.core.game import GameSpec, whole
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng
from arenas.games.kuhn_poker import rules as flat
from arenas.games.kuhn_poker.text import (
    RANKS,
    WORDS,
    Hand,
    card_of,
    history,
    result,
    said,
    shown,
    single,
    situation,
)

MAX_HANDS = 50
MAX_LISTED_DEALS = 100_000


class Variant(NamedTuple):
    """What a named set of rules fixes: chips of a bet, first opener, scoring, default hands."""

    bet: int
    opener: int
    scoring: int
    hands: int


VARIANTS = {
    "kuhn-1950": Variant(bet=1, opener=0, scoring=flat.CHIPS, hands=1),
    "textarena-0.7.4": Variant(bet=0, opener=1, scoring=flat.MORE_CHIPS, hands=3),
    "spiral-v1": Variant(bet=0, opener=1, scoring=flat.LAST_HAND, hands=5),
}


class KuhnPoker(FlatGame):
    """Kuhn's poker: a deck of players + 1 cards, one card each, ante 1, one bet of 1.

    Args:
        players: 2 to 4.
        hands: hands in a match, 1 to 50, the opener moving on by a seat each hand; None means what
            `rules` says (1 for Kuhn's own).
        rules: "kuhn-1950" (true to the paper, scored in chips), or a published variant kept for
            comparison, two players only: "textarena-0.7.4" and "spiral-v1". See README.md.

    Action: `Discrete(2)`; 0 checks or folds, 1 bets or calls.
    View: int8 vector, see `rules.observe`; 11 numbers with two players and one hand.
    Rewards: chips won or lost over the match, at the end.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self, players: int = 2, hands: int | None = None, rules: str = "kuhn-1950"
    ) -> None:
        if not isinstance(rules, str) or rules not in VARIANTS:
            raise ValueError(f"rules={rules!r}: the sets of rules are {', '.join(VARIANTS)}")
        variant = VARIANTS[rules]
        seats = whole(players)
        if seats is None or seats not in RANKS:
            raise ValueError(f"players={players!r}: Kuhn poker here takes 2, 3 or 4 players")
        if seats != 2 and rules != "kuhn-1950":
            raise ValueError(f"players={players!r}: rules={rules!r} is a game of two")
        length = variant.hands if hands is None else whole(hands)
        if length is None or length not in range(1, MAX_HANDS + 1):
            raise ValueError(f"hands={hands!r}: a match has 1 to {MAX_HANDS} hands")
        self.players = seats
        self.hands = length
        self.rules = rules
        spec, blank = self._spec(variant), self._empty(variant)
        super().__init__(spec, flat, blank)

    def _spec(self, variant: Variant) -> GameSpec:
        players, hands = self.players, self.hands
        length = 6 * players - 1
        low, high = np.zeros(length, np.int8), np.ones(length, np.int8)
        if hands > 1:
            most = 2 * hands
            low = np.append(low, [0] + [-most] * players).astype(np.int8)
            high = np.append(high, [hands] + [most * (players - 1)] * players).astype(np.int8)
        stake = 1 + variant.bet
        in_chips = variant.scoring == flat.CHIPS
        return GameSpec(
            name="KuhnPoker",
            version="1",
            roles=("player",) * players,
            payoff="zero_sum",
            information="imperfect",
            observation_space=spaces.Box(low, high, dtype=np.int8),
            action_space=spaces.Discrete(2),
            reward_range=(-stake * hands, stake * hands * (players - 1)) if in_chips else (-1, 1),
            max_plies=hands * (2 * players - 1),
            has_chance=True,
        )

    def _empty(self, variant: Variant) -> list[int]:
        blank = [0] * flat.row_length(self.players, self.hands)
        blank[flat.PLAYERS], blank[flat.HANDS] = self.players, self.hands
        blank[flat.BET], blank[flat.OPENER] = variant.bet, variant.opener
        blank[flat.SCORING] = variant.scoring
        return blank

    def result(self, row: Row) -> Outcome:
        hands = [single(row, hand) for hand in range(self.hands)]
        chips = list(row[flat.hand_base(row, self.hands) :])
        return Outcome(
            self.scores(row),
            "showdown" if shown(hands[-1]) else "fold",
            {"hands": [self._evidence(hand) for hand in hands], "chips": chips},
        )

    def _evidence(self, hand: Hand) -> dict[str, Any]:
        ranks = RANKS[self.players]
        return {
            "opener": hand[flat.OPENER],
            "cards": [ranks[card_of(hand, seat)] for seat in range(self.players)],
            "actions": history(hand),
            "winner": flat.winner(hand, 0),
        }

    def chance(self) -> Iterator[tuple[float, Position]]:
        deals = list(permutations(range(self.players + 1), self.players))
        if len(deals) ** self.hands > MAX_LISTED_DEALS:
            raise ValueError(f"{self!r} has {len(deals)}**{self.hands} deals, too many to list")
        for cards in product(deals, repeat=self.hands):
            row = list(self.new_from(0).row)
            for hand, dealt in enumerate(cards):
                self._set_cards(row, hand, dealt)
            yield 1.0 / len(deals) ** self.hands, self.position(tuple(row))

    def info_state(self, state: Position, seat: int) -> str:
        """OpenSpiel's form for a single hand: own card (0 lowest) and the actions, as in "0pb".

        In a match the finished hands come first, each with the cards that were shown (seat by
        seat, `-` for a hidden one), and hands are separated by `/`.
        """
        row, parts = state.row, []
        for number in range(min(row[flat.HAND] + 1, self.hands)):
            hand = single(row, number)
            part = f"{card_of(hand, seat)}{history(hand)}"
            if number < row[flat.HAND]:
                cards = shown(hand)
                part += ":" + "".join(str(cards.get(s, "-")) for s in range(self.players))
            parts.append(part)
        return "/".join(parts)

    def resample(self, state: Position, seat: int, rng: Rng) -> Position:
        row = list(state.row)
        for hand in range(self.hands):
            known: dict[int, int] = {}
            if hand <= row[flat.HAND]:
                known[seat] = row[flat.hand_base(row, hand) + flat.CARDS + seat]
            if hand < row[flat.HAND]:
                known |= shown(single(row, hand))
            hidden = [card for card in range(self.players + 1) if card not in known.values()]
            rng.shuffle(hidden)
            cards = tuple(known[s] if s in known else hidden.pop() for s in range(self.players))
            self._set_cards(row, hand, cards)
        return self.position(tuple(row))

    def _set_cards(self, row: list[int], hand: int, cards: tuple[int, ...]) -> None:
        start = flat.hand_base(row, hand) + flat.CARDS
        row[start : start + self.players] = cards

    # -- words ---------------------------------------------------------------------------------

    def brief(self, seat: int) -> str:
        ranks, bet = RANKS[self.players], VARIANTS[self.rules].bet
        others = self.players - 1
        stakes = "1 chip" if bet else "nothing: betting and calling move no chips here"
        match = {
            flat.CHIPS: "Your score is the chips you win or lose.",
            flat.MORE_CHIPS: "Whoever has more chips at the end wins.",
            flat.LAST_HAND: "Whoever wins the last hand wins the match, whatever the chips.",
        }[VARIANTS[self.rules].scoring]
        return (
            f"You are {self.spec.agents[seat]} in Kuhn poker against {others} other "
            f"player{'s' if others > 1 else ''}. The deck is {' < '.join(ranks)}. "
            f"There {'is 1 hand' if self.hands == 1 else f'are {self.hands} hands'}: everyone pays "
            f"an ante of 1 chip and gets one card; one card stays out. Players act in turn. "
            f"Before a bet you may [check] or [bet]; a bet costs {stakes}. "
            f"After a bet everyone else answers once: [call] for the same, or [fold]. "
            f"The highest card among those who put the bet in takes the pot; if all check, the "
            f"highest card of all. {match}\n"
            f"Reply with one move in square brackets, for example [check]. "
            f"You may reason inside <think>...</think> first; nobody else sees that."
        )

    def describe(self, row: Row, seat: int) -> str:
        hand, agents, parts = row[flat.HAND], self.spec.agents, []
        if hand > 0:
            number = f"Hand {hand}: " if self.hands > 1 else ""
            parts.append(number + result(single(row, hand - 1), agents))
        if hand == self.hands:
            parts.append(self._final(row, seat))
        else:
            number = f"Hand {hand + 1} of {self.hands}. " if self.hands > 1 else ""
            chips = f"You have {self._chips(row, seat):+d} chips. " if hand > 0 else ""
            parts.append(number + chips + situation(single(row, hand), agents, seat))
        return "\n".join(parts)

    def show(self, state: Position, seat: int | None = None) -> str:
        row, agents = state.row, self.spec.agents
        number = min(row[flat.HAND], self.hands - 1)
        hand = single(row, number)
        public = shown(hand) if row[flat.HAND] == self.hands else {}
        seen = [
            RANKS[self.players][card_of(hand, s)] if seat in (None, s) or s in public else "?"
            for s in range(self.players)
        ]
        cards = "  ".join(f"{a} [{c}]" for a, c in zip(agents, seen, strict=True))
        return f"hand {number + 1}/{self.hands}  {cards}  {said(hand, agents) or 'no bets yet'}"

    def draw(self, state: Position, seat: int | None = None) -> np.ndarray:
        from arenas.games.kuhn_poker.draw import draw_table

        row, ending = state.row, ""
        if row[flat.HAND] == self.hands:
            chips = [f"{a} {self._chips(row, s):+d}" for s, a in enumerate(self.spec.agents)]
            ending = f"Chips: {', '.join(chips)}." if seat is None else self._final(row, seat)
        return draw_table(row, self.spec.agents, seat, ending)

    def controls(self, state: Position, seat: int) -> Controls:
        """A button for each action, on the picture and on the key of its first letter."""
        from arenas.games.kuhn_poker.draw import area

        return Controls(
            tuple(
                Button(word, f"[{word}]", word[0], area(action))
                for action, word in enumerate(WORDS[flat.faces_bet(state.row)])
            )
        )

    def word(self, row: Row, action: int) -> str:
        return WORDS[flat.faces_bet(row)][action]

    def reply_examples(self) -> tuple[str, ...]:
        return ("[check]", "[bet]", "[call]", "[fold]")

    def _chips(self, row: Row, seat: int) -> int:
        return row[flat.hand_base(row, self.hands) + seat]

    def _final(self, row: Row, seat: int) -> str:
        chips = self._chips(row, seat)
        reward = self.scores(row)[seat]
        if VARIANTS[self.rules].scoring == flat.CHIPS:
            unit = "chip" if abs(chips) == 1 else "chips"
            return f"You {'lose' if chips < 0 else 'win'} {abs(chips)} {unit}."
        how = "win" if reward > 0 else "lose" if reward < 0 else "draw"
        return f"You {how} the match with {chips:+d} chips."
