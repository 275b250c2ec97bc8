"""Scripted players of Who Is the Spy, from one that knows nothing to one that infers.

They read what their seat knows from the information state, and give clues of the vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from arenas.core.policy import Policy, Reply, Turn
from arenas.core.rng import Rng
from arenas.games.spy.game import ROLES, SPY, UNREAD, Said, Spy
from arenas.games.spy.world import Scene

VARIANTS = 64
"""Scenes that the other scene might be, sampled for inference from a pair."""

SLIP = 0.02
"""Chance that a speaker's clue is false of what it sees, as inference has it."""

_VARIANT_SEED = 0x7A31
_NEVER = 1e-9
_LOG2 = float(np.log(2))


class Known(NamedTuple):
    """What a seat knows when it is to move.

    Attributes:
        seat: its number; the reader's is the number of players.
        role: "civilian", "spy" or "reader".
        scene: what it sees; None for a blank.
        public: what everybody knows of the scene.
        said: clues of the vocabulary so far; free sentences that state none are left out.
    """

    seat: int
    role: str
    scene: Scene | None
    public: int
    said: tuple[Said, ...]


class SpyPlayer(Policy):
    """Base of the scripted players: turns what they say and whom they accuse into moves.

    Raises:
        ValueError: it was given an argument.
    """

    def __init__(self, game: Spy, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player {self.name!r} takes no argument, got {argument!r}")
        self.game = game
        self.world = game.world
        self._expected = lru_cache(1 << 12)(self._expect)

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self._move(turn)) for turn in turns]

    def _move(self, turn: Turn) -> Any:
        game, knows = self.game, json.loads(turn.info_state)
        heard = [Said(*each) for each in knows["said"]]
        scene = None if knows["scene"] is None else self.world.restore(knows["scene"])
        read = tuple(each for each in heard if each.clue != UNREAD)
        known = Known(turn.seat, knows["role"], scene, knows["public"], read)
        if len(heard) < game.rounds * game.players:
            sayable = game.sayable(known.public, [each.clue for each in read])
            if not sayable.any():
                return turn.sample()
            clue = self.speak(known, sayable, turn.rng)
            return clue if game.num_actions else {"clue": self.world.say(clue)}
        vote = self.accuse(known, turn.rng)
        return game.vote(turn.seat, vote)

    def speak(self, known: Known, sayable: np.ndarray, rng: Rng) -> int:
        """A clue among those that `sayable` marks: a true one that tells the least.

        Who sees nothing says what is true of most scenes.
        """
        return self._best(self._true(known, sayable), self.world.prior, rng)

    def accuse(self, known: Known, rng: Rng) -> int | None:
        """Whom to vote for: who said most that is false of the own scene; None if nobody did."""
        if known.scene is None:
            return None
        truth, false = self.world.truth(known.scene), [0] * self.game.players
        for each in known.said:
            false[each.seat] += each.seat != known.seat and not truth[each.clue]
        most = max(false)
        return rng.choice([s for s, n in enumerate(false) if n == most]) if most else None

    def _true(self, known: Known, sayable: np.ndarray) -> np.ndarray:
        """Sayable clues that are true of the own scene; all that are sayable if there is none."""
        if known.scene is None:
            return sayable
        true = sayable & self.world.truth(known.scene)
        return true if true.any() else sayable

    @staticmethod
    def _best(allowed: np.ndarray, score: np.ndarray, rng: Rng) -> int:
        """An allowed clue of the highest score; equals are drawn among."""
        clues = np.flatnonzero(allowed)
        scores = score[clues]
        return int(rng.choice(clues[scores == scores.max()].tolist()))

    # -- inference -----------------------------------------------------------------------------

    def expected(self, known: Known, others: bool = False) -> np.ndarray:
        """How likely each clue is true of the other scene, after what was said.

        To who has a scene the other is one of its variants; to who has none it is any scene.

        Args:
            known: what the seat knows.
            others: leave out what the seat itself said.
        """
        heard = tuple(e.clue for e in known.said if not (others and e.seat == known.seat))
        return self._expected(known.scene, known.public, heard)

    def _expect(self, scene: Scene | None, public: int, heard: tuple[int, ...]) -> np.ndarray:
        truths = self.world.bank(public) if scene is None else self.variants(scene)
        misses = (~truths[:, list(heard)]).sum(1)
        weight = SLIP ** (misses - misses.min(initial=0)).astype(np.float64)
        expected: np.ndarray = weight @ truths / weight.sum()
        return expected

    def variants(self, scene: Scene) -> np.ndarray:
        """Truths of scenes that the other one might be: bool of shape (VARIANTS, C)."""
        return _variants(self.world, scene, self.game.changes)


@lru_cache(1 << 10)
def _variants(world: Any, scene: Scene, changes: int) -> np.ndarray:
    rng = Rng(_VARIANT_SEED)
    truths: np.ndarray = world.truths([world.change(scene, changes, rng) for _ in range(VARIANTS)])
    return truths


class Literal(SpyPlayer):
    """Says the true thing that tells the spy least; votes for who said something false."""

    name = "literal"


class Consistency(SpyPlayer):
    """Says any true thing; votes for who said most that is false of its own scene, else "n/a"."""

    name = "consistency"

    def speak(self, known: Known, sayable: np.ndarray, rng: Rng) -> int:
        return int(rng.choice(np.flatnonzero(self._true(known, sayable)).tolist()))


class Parrot(SpyPlayer):
    """Says what is closest to an earlier clue: what follows from it, or else shares its words."""

    name = "parrot"

    def speak(self, known: Known, sayable: np.ndarray, rng: Rng) -> int:
        if not known.said:
            return super().speak(known, sayable, rng)
        copied = rng.choice(known.said).clue
        follows = self.world.entails[copied] & sayable
        if follows.any():
            return int(rng.choice(np.flatnonzero(follows).tolist()))
        features = self.world.features.astype(np.int64)
        unlike = np.abs(features - features[copied]).sum(1)
        return self._best(sayable, -unlike, rng)


class Infer(SpyPlayer):
    """As the spy: says what is likely true of the others' scene, by all that it has heard.

    In other roles it plays as `literal`.

    Args:
        argument: boldness, a number from 0, the default: the likeliest clue; to 1: what it has
            heard makes a clue likelier by most. A bold spy errs more, and tells more when it does
            not, which clears it before voters who expect that.

    Raises:
        ValueError: the argument is no such number.
    """

    name = "infer"

    def __init__(self, game: Spy, argument: str = "") -> None:
        super().__init__(game)
        try:
            self.boldness = float(argument or 0)
        except ValueError:
            self.boldness = -1.0
        if not 0 <= self.boldness <= 1:
            raise ValueError(f"infer:{argument}: boldness is a number from 0 to 1")

    def speak(self, known: Known, sayable: np.ndarray, rng: Rng) -> int:
        if known.role != ROLES[SPY]:
            return super().speak(known, sayable, rng)
        likely = np.log(np.maximum(self.expected(known, others=True), _NEVER))
        return self._best(sayable, likely + self.boldness * self.world.bits * _LOG2, rng)


class Bayes(SpyPlayer):
    """As a civilian: clears itself by a true clue that the spy would hardly guess, and votes by the
    posterior over who is the spy; "n/a" where no vote is worth more.

    A civilian is taken to say any true clue of the own scene, the spy any that is true of a variant
    of it; a spy that sees nothing one that is likely after what it has heard. As the spy it plays
    as `literal`.
    """

    name = "bayes"

    def speak(self, known: Known, sayable: np.ndarray, rng: Rng) -> int:
        if known.scene is None or known.role == ROLES[SPY]:
            return super().speak(known, sayable, rng)
        if self.game.spy_sees == "pair":
            guessed = self.variants(known.scene).mean(0)
        else:
            guessed = self.expected(known._replace(scene=None))
        return self._best(self._true(known, sayable), -guessed, rng)

    def accuse(self, known: Known, rng: Rng) -> int | None:
        if known.scene is None or known.role == ROLES[SPY]:
            return super().accuse(known, rng)
        odds = self.odds(known)
        best = rng.choice(np.flatnonzero(odds == odds.max()).tolist())
        # Right pays 1, wrong -1, "n/a" -0.5; the published code's figures give the same bound.
        return int(best) if 2 * odds[best] - 1 > -0.5 else None

    def odds(self, known: Known) -> np.ndarray:
        """The posterior that each player is the spy: float64 of shape (players,)."""
        players, total = self.game.players, self.world.sayable(known.public).sum()
        truth = self.world.truth(known.scene)
        pair = self.game.spy_sees == "pair"
        civil = np.zeros(players)
        spied = np.zeros((players, VARIANTS if pair else 1))
        variants = self.variants(known.scene) if pair else np.zeros((1, 0), bool)
        true_in = np.maximum(variants.sum(1), 1)
        heard: list[int] = []
        for each in known.said:
            civil[each.seat] += _log_odds(truth[each.clue], truth.sum(), total)
            if pair:
                spied[each.seat] += _log_odds(variants[:, each.clue], true_in, total)
            else:
                guessed = self._expected(None, known.public, tuple(heard))
                share = guessed[each.clue] / guessed.sum()
                spied[each.seat] += np.log((1 - SLIP) * share + SLIP / total)
            heard.append(each.clue)
        top = spied.max(1, keepdims=True)
        ratio = top[:, 0] + np.log(np.exp(spied - top).mean(1)) - civil
        ratio[known.seat : known.seat + 1] = -np.inf
        odds = np.exp(ratio - ratio.max())
        posterior: np.ndarray = odds / odds.sum()
        return posterior


def _log_odds(true: Any, number: Any, total: Any) -> Any:
    """The log-probability of a clue from who says a true one, or with `SLIP` any other."""
    return np.log(np.where(true, (1 - SLIP) / number, SLIP / np.maximum(total - number, 1)))


class _Random(SpyPlayer):
    """Any legal move; beside others in `by-role`."""

    name = "random"

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(turn.sample()) for turn in turns]


class ByRole(Policy):
    """One player as the spy and another in every other role: `by-role:infer,bayes`.

    Args:
        spy: plays the spy.
        others: plays civilians, and the reader.
    """

    name = "by-role"

    def __init__(self, spy: Policy, others: Policy) -> None:
        self.spy, self.others = spy, others
        self.speaks = spy.speaks or others.speaks

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        as_spy = [json.loads(turn.info_state)["role"] == ROLES[SPY] for turn in turns]
        replies: dict[int, Reply] = {}
        for player, wanted in ((self.spy, True), (self.others, False)):
            own = [turn for turn, spy in zip(turns, as_spy, strict=True) if spy is wanted]
            if own:
                replies |= dict(zip(map(id, own), player.act(own), strict=True))
        return [replies[id(turn)] for turn in turns]


class Scripted(ByRole):
    """The strongest here: `infer` as the spy, `bayes` in every other role.

    Raises:
        ValueError: it was given an argument.
    """

    name = "scripted"

    def __init__(self, game: Spy, argument: str = "") -> None:
        if argument:
            raise ValueError(f"player 'scripted' takes no argument, got {argument!r}")
        super().__init__(Infer(game), Bayes(game))


def by_role(game: Spy, argument: str) -> ByRole:
    """The player `by-role:SPY,OTHERS`, of players of this file or "random"; `infer,bayes` if empty.

    Raises:
        ValueError: these are not two such names.
    """
    known: dict[str, Any] = {**_ALONE, "random": _Random}
    names = [name.partition(":") for name in (argument or "infer,bayes").split(",")]
    if len(names) != 2 or not {name for name, _, _ in names} <= set(known):
        raise ValueError(f"by-role:{argument}: by-role:SPY,OTHERS of {', '.join(sorted(known))}")
    spy, others = (known[name](game, own) for name, _, own in names)
    return ByRole(spy, others)


_ALONE: dict[str, Any] = {
    "literal": Literal,
    "consistency": Consistency,
    "parrot": Parrot,
    "infer": Infer,
    "bayes": Bayes,
}


def trained(game: Spy, argument: str) -> Policy:
    """The player `trained:PATH`; see `network.py`."""
    from arenas.games.spy.network import load

    return load(game, argument)


PLAYERS = {**_ALONE, "scripted": Scripted, "by-role": by_role, "trained": trained}
