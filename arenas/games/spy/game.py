"""Who Is the Spy as a Game: options, turns, views and ends around a world of scenes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from arenas.core.controls import Controls
from arenas.core.game import Game, GameSpec, IllegalMove, Move, whole
from arenas.core.outcome import Outcome
from arenas.core.rng import Rng
from arenas.core.spaces import TextSpace
from arenas.games.spy import controls as at_hand
from arenas.games.spy import rewards, telling, text
from arenas.games.spy.sources import SOURCES, make_world
from arenas.games.spy.world import Scene, World


class Published(NamedTuple):
    """What a published version fixes where the options leave it open."""

    players: int
    spy_sees: str
    voter: str
    edits: tuple[str, ...] | None


PUBLISHED = {
    "v2": Published(players=5, spy_sees="blank", voter="players", edits=None),
    "v1-code": Published(players=4, spy_sees="pair", voter="reader", edits=("colour", "shape")),
}

UNREAD = -1
"""Number of a clue that states nothing of the vocabulary."""

CIVILIAN, SPY, READER = range(3)
ROLES = ("civilian", "spy", "reader")
TALK, VOTE, OVER = range(3)


class Said(NamedTuple):
    """A clue as it was given: who, which of the vocabulary (or `UNREAD`), and its words if free."""

    seat: int
    clue: int
    text: str = ""


class SpyState(NamedTuple):
    """One match: hidden things first, then what everybody has heard.

    Attributes:
        spy: its seat.
        opener: who gives the first clue.
        scene: what the civilians see.
        other: what the spy sees; None for a blank.
        said: the clues so far.
        votes: one of each voter in the order of `Spy.voters`, None for "n/a"; empty before.
    """

    spy: int
    opener: int
    scene: Scene
    other: Scene | None
    said: tuple[Said, ...] = ()
    votes: tuple[rewards.Vote, ...] = ()


class Spy(Game[SpyState]):
    """Clues in turn about a scene of which one player, the spy, saw another or none; then votes.

    Args:
        players: 3 to 8; None means what `published` says (5 in "v2", 4 in "v1-code").
        rounds: of clues, 1 to 3; each next one begins a seat later.
        scenes: "objects", "charts", "words", or "folder" with pairs of the user's own pictures.
        modality: "text" (scenes in words), "image" (pictures beside the prompt), "both".
        changes: by how much the spy's scene differs, 1 to 4; fewer is harder for the civilians.
        spy_sees: "pair" (the changed scene) or "blank"; None means what `published` says.
        voter: "players", or "reader": one more seat that sees the civilians' scene and all clues
            and casts the only vote; None means what `published` says.
        spy_votes: the spy's vote counts.
        clues: "structured" (sentences of the vocabulary) or "free" (any sentence, read where it can
            be).
        novelty: a clue that follows from one earlier clue is illegal.
        min_bits: a clue carries at least so much information, -log2 of its share of all scenes.
        reward: "vision_zero" (clue and decision rewards of the paper), "clue" or "decision" alone,
            or "outcome" (1 for the winning side, zero-sum).
        lie_penalty: what a civilian pays for each clue that is false of its own scene.
        published: "v2" (the paper) or "v1-code" (the released code).
        pixels: sides of the pictures, 224 or 448.
        folder: where the pictures of scenes="folder" lie.

    Action: `Discrete(C + P + 1)` with structured clues: 0 to C - 1 gives that clue; C is the vote
    "n/a", and C + d votes for the d-th seat after one's own (for the reader, for player d - 1).
    With free clues: `{"clue": "..."}`, `{"vote": 2}` or `{"vote": null}`.

    View: an int8 vector; README.md has its parts.

    Raises:
        ValueError: an option is out of range, or two do not go together.
    """

    def __init__(
        self,
        players: int | None = None,
        rounds: int = 2,
        scenes: str = "objects",
        modality: str = "text",
        changes: int = 2,
        spy_sees: str | None = None,
        voter: str | None = None,
        spy_votes: bool = False,
        clues: str | None = None,
        novelty: bool = True,
        min_bits: float = 0.0,
        reward: str = "vision_zero",
        lie_penalty: float = 0.0,
        published: str = "v2",
        pixels: int = 224,
        folder: str | None = None,
    ) -> None:
        preset = PUBLISHED[_one_of("published", published, tuple(PUBLISHED))]
        self.published = published
        self.players = _between("players", preset.players if players is None else players, 3, 8)
        self.rounds = _between("rounds", rounds, 1, 3)
        self.scenes = _one_of("scenes", scenes, SOURCES)
        own = scenes == "folder"
        self.modality = _one_of("modality", "image" if own else modality, ("text", "image", "both"))
        self.spy_sees = _one_of("spy_sees", spy_sees or preset.spy_sees, ("pair", "blank"))
        self.voter = _one_of("voter", voter or preset.voter, ("players", "reader"))
        self.spy_votes = bool(spy_votes)
        self.clues = _one_of("clues", clues or ("free" if own else "structured"), CLUE_FORMS)
        self.novelty = bool(novelty)
        self.min_bits = _number("min_bits", min_bits, 0, 8)
        self.reward = _one_of("reward", reward, ("vision_zero", "clue", "decision", "outcome"))
        self.lie_penalty = _number("lie_penalty", lie_penalty, 0, 10)
        self.pixels = _between("pixels", pixels, 224, 448)
        self.folder = folder
        if self.pixels not in (224, 448):
            raise ValueError(f"pixels={pixels!r}: pictures are 224 or 448 pixels wide")
        if own != (folder is not None):
            raise ValueError('scenes="folder" and folder=PATH go together')
        if own and self.clues != "free":
            raise ValueError('nothing is known of pictures in a folder: take clues="free"')
        if self.voter == "reader" and self.spy_votes:
            raise ValueError('with voter="reader" nobody else votes: leave spy_votes out')
        self.world: World = make_world(scenes, preset.edits, folder)
        self.changes = _between("changes", changes, 1, self.world.max_changes)
        self.voters: tuple[int, ...] = tuple(range(self.players))
        if self.voter == "reader":
            self.voters = (self.players,)
        self._turns = self.rounds * self.players
        self._floor = self.world.bits >= self.min_bits
        self._nobody = self.world.num_clues
        self.spec = self._specify()

    def _specify(self) -> GameSpec:
        agents = [f"player_{seat}" for seat in range(self.players)]
        names = ["player"] * self.players
        if self.voter == "reader":
            agents.append("reader_0")
            names.append("reader")
        zero_sum = self.reward in ("clue", "outcome") and not self.lie_penalty
        action_space: spaces.Space[Any]
        if self.clues == "structured":
            action_space = spaces.Discrete(self.world.num_clues + self.players + 1)
        else:
            action_space = TextSpace(1_000, self.reply_examples())
        return GameSpec(
            name="Spy",
            version="1",
            roles=tuple(names),
            agents=tuple(agents),
            payoff="zero_sum" if zero_sum else "general_sum",
            information="imperfect",
            observation_space=spaces.Box(-1, 1, (self._view_size(),), np.int8),
            action_space=action_space,
            reward_range=self._reward_range(),
            max_plies=self._turns + len(self.voters),
            has_chance=True,
            max_reply_chars=4_096,
        )

    def _reward_range(self) -> tuple[float, float]:
        """The bounds: rewards are linear in the others' votes, so those are all in one place."""
        if self.reward == "outcome":
            return -1.0 - self.lie_penalty * self.rounds, 1.0
        spy, own, third = range(3)
        others = 0 if self.voter == "reader" else self.players - 2 + self.spy_votes
        met: list[float] = []
        for vote in (spy, third, None):
            paid = rewards.decision_reward(vote, spy, self.published)
            for target in (spy, own, third):
                on = rewards.tally([vote, *[target] * others], self.players)
                clue = rewards.clue_rewards(on, spy)
                met += {
                    "vision_zero": [clue[spy], clue[own] + paid, clue[third], paid],
                    "clue": clue[:3],
                    "decision": [paid],
                }[self.reward]
        return min(met) - self.lie_penalty * self.rounds, max(met)

    # -- rules ---------------------------------------------------------------------------------

    def new(self, rng: Rng) -> SpyState:
        spy, opener = rng.below(self.players), rng.below(self.players)
        scene = self.world.draw(rng)
        other = self.world.change(scene, self.changes, rng) if self.spy_sees == "pair" else None
        return SpyState(spy, opener, scene, other)

    def stage(self, state: SpyState) -> int:
        """`TALK`, `VOTE` or `OVER`."""
        if len(state.said) < self._turns:
            return TALK
        return OVER if state.votes else VOTE

    def movers(self, state: SpyState) -> tuple[int, ...]:
        turn = len(state.said)
        if turn < self._turns:
            return (self.speaker(state, turn),)
        return () if state.votes else self.voters

    def speaker(self, state: SpyState, turn: int) -> int:
        """Who gives clue number `turn`: in order from the opener, each round a seat later."""
        return (state.opener + turn // self.players + turn) % self.players

    def sees(self, state: SpyState, seat: int) -> Scene | None:
        """The scene before a seat; None for a blank."""
        return state.other if seat == state.spy else state.scene

    def role(self, state: SpyState, seat: int) -> int:
        """`CIVILIAN`, `SPY` or `READER`."""
        return SPY if seat == state.spy else CIVILIAN if seat < self.players else READER

    def legal(self, state: SpyState, seat: int) -> Sequence[Move] | None:
        if self.clues == "free":
            return None
        if self.stage(state) == TALK:
            moves: list[int] = np.flatnonzero(self._sayable(state)).tolist()
            return moves
        return [self._nobody + d for d in self._votable(seat)]

    def _sayable(self, state: SpyState) -> np.ndarray:
        heard = [each.clue for each in state.said if each.clue != UNREAD]
        return self.sayable(self.world.public(state.scene), heard)

    def sayable(self, public: int, heard: Sequence[int]) -> np.ndarray:
        """Clues that may be given after others: bool of shape (C,), some True.

        Args:
            public: what everybody knows of the scene.
            heard: numbers of the clues before.
        """
        allowed: np.ndarray = self.world.sayable(public) & self._floor
        if self.novelty:
            new = allowed & ~self.world.entails[list(heard)].any(0)
            # Nobody is to move with nothing to say: many players can use a short list up.
            allowed = new if new.any() else allowed
        return allowed

    def _votable(self, seat: int) -> range:
        """What may follow `C` in a vote of a seat, 0 for "n/a"."""
        return range(self.players + (seat == self.players))

    def _target(self, seat: int, d: int) -> rewards.Vote:
        """The player that vote `C + d` of a seat is for."""
        if d == 0:
            return None
        return d - 1 if seat == self.players else (seat + d) % self.players

    def _distance(self, seat: int, target: rewards.Vote) -> int:
        """The inverse of `_target`."""
        if target is None:
            return 0
        return target + 1 if seat == self.players else (target - seat) % self.players

    def vote(self, seat: int, target: rewards.Vote) -> Move:
        """The move with which a seat votes for a player, or for "n/a"."""
        if self.clues == "free":
            return {"vote": target}
        return self._nobody + self._distance(seat, target)

    def voted(self, seat: int, move: Move) -> rewards.Vote:
        """The player that a seat's vote is for; the inverse of `vote`."""
        return move["vote"] if self.clues == "free" else self._target(seat, move - self._nobody)

    def mask(self, state: SpyState, seat: int) -> np.ndarray:
        mask = np.zeros(self.num_actions, np.int8)
        if self.stage(state) == TALK:
            mask[: self._nobody] = self._sayable(state)
        else:
            mask[[self._nobody + d for d in self._votable(seat)]] = 1
        return mask

    def check(self, state: SpyState, seat: int, move: Move) -> None:
        talk = self.stage(state) == TALK
        if self.clues == "free":
            self._check_free(state, seat, move, talk)
        elif talk:
            self._check_clue(state, move)
        elif not isinstance(move, int) or move - self._nobody not in self._votable(seat):
            raise IllegalMove(
                f"{move!r} is not a legal move now, it is time to vote; legal: "
                f"{text.listed(self.vote_names(seat))}"
            )

    def _check_clue(self, state: SpyState, clue: Move) -> None:
        """Accepts a number of the vocabulary that may be said now."""
        if not isinstance(clue, int) or not 0 <= clue < self._nobody:
            raise IllegalMove(f"{str(clue)[:40]} is not a legal move now; legal: clues")
        if not self.world.sayable(self.world.public(state.scene))[clue]:
            raise IllegalMove(
                f"this clue is not legal: it speaks of something else than {self.world.subject}"
            )
        if not self._floor[clue]:
            raise IllegalMove(
                f"this clue is not legal: it tells too little, {self.world.bits[clue]:.2f} bits; "
                f"a clue has at least {self.min_bits:g}"
            )
        if self._sayable(state)[clue]:
            return
        told = [each.clue != UNREAD and self.world.entails[each.clue, clue] for each in state.said]
        raise IllegalMove(
            "this clue is not legal: it follows from an earlier one, "
            f"{text.quoted(self.wording(state.said[told.index(True)]))}: say something new"
        )

    def _check_free(self, state: SpyState, seat: int, move: Move, talk: bool) -> None:
        kind = "clue" if talk else "vote"
        if not isinstance(move, dict) or set(move) != {kind}:
            raise IllegalMove(f'it is time for a {kind}: {{"{kind}": ...}}')
        said = move[kind]
        if not talk:
            targets = [self._target(seat, d) for d in self._votable(seat)]
            if isinstance(said, bool) or said not in targets:
                raise IllegalMove(f"vote for one of {text.listed(self.vote_names(seat))}")
            return
        if not isinstance(said, str):
            raise IllegalMove("a clue is a sentence")
        if problem := text.clue_problem(said, self.world.own_word(self.sees(state, seat))):
            raise IllegalMove(problem)
        if any(text.normal(said) == text.normal(each.text) for each in state.said):
            raise IllegalMove("this clue was given before: say something new")
        read = self._read(state, said)
        if read != UNREAD:
            self._check_clue(state, read)

    def _read(self, state: SpyState, sentence: str) -> int:
        """The clue that a free sentence states, if it speaks of what is seen."""
        read = self.world.read(sentence)
        said = read is not None and self.world.sayable(self.world.public(state.scene))[read]
        return UNREAD if read is None or not said else read

    def apply(self, state: SpyState, moves: Mapping[int, Move]) -> SpyState:
        if self.stage(state) == TALK:
            ((seat, move),) = moves.items()
            if self.clues == "structured":
                return state._replace(said=(*state.said, Said(seat, move)))
            clue = self._read(state, move["clue"])
            return state._replace(said=(*state.said, Said(seat, clue, move["clue"])))
        return state._replace(votes=tuple(self.voted(s, moves[s]) for s in self.voters))

    # -- the end -------------------------------------------------------------------------------

    def outcome(self, state: SpyState) -> Outcome | None:
        if not state.votes:
            return None
        spy, seats = state.spy, self.spec.seats
        counted = [
            vote
            for seat, vote in zip(self.voters, state.votes, strict=True)
            if seat != spy or self.spy_votes
        ]
        on = rewards.tally(counted, self.players)
        caught = rewards.caught(on, spy)
        of_clues = [*rewards.clue_rewards(on, spy), *[0.0] * (seats - self.players)]
        of_votes = [0.0] * seats
        for seat, vote in zip(self.voters, state.votes, strict=True):
            if seat != spy:
                of_votes[seat] = rewards.decision_reward(vote, spy, self.published)
        verdicts = [self.verdict(state, each) for each in state.said]
        total = {
            "vision_zero": [a + b for a, b in zip(of_clues, of_votes, strict=True)],
            "clue": list(of_clues),
            "decision": list(of_votes),
            "outcome": rewards.team_rewards(caught, spy, seats),
        }[self.reward]
        for each, (own, _) in zip(state.said, verdicts, strict=True):
            if own is False and each.seat != spy:
                total[each.seat] -= self.lie_penalty
        evidence = {
            "spy": spy,
            "caught": caught,
            "votes": list(state.votes),
            "clue_rewards": of_clues,
            "decision_rewards": of_votes,
            "clues": [
                {"seat": each.seat, "clue": self.wording(each), "own": own, "other": other}
                for each, (own, other) in zip(state.said, verdicts, strict=True)
            ],
            "scene": state.scene,
            "other": state.other,
        }
        reason = "spy caught" if caught else "spy escaped"
        return Outcome(tuple(total), reason, json.loads(json.dumps(evidence)))

    def verdict(self, state: SpyState, said: Said) -> tuple[bool | None, bool | None]:
        """Whether a clue is true of its speaker's scene, and of the other scene.

        None where it states nothing of the vocabulary or there is no such scene. For the records
        and the end of a match; no seat is told before.
        """
        own = self.sees(state, said.seat)
        other = state.scene if said.seat == state.spy else state.other
        return self._true(own, said.clue), self._true(other, said.clue)

    def _true(self, scene: Scene | None, clue: int) -> bool | None:
        return None if scene is None or clue == UNREAD else bool(self.world.truth(scene)[clue])

    # -- states as values ----------------------------------------------------------------------

    def copy(self, state: SpyState) -> SpyState:
        return state

    def key(self, state: SpyState) -> SpyState:
        return state

    def resample(self, state: SpyState, seat: int, rng: Rng) -> SpyState:
        if seat == state.spy:
            if state.other is None:
                return state._replace(scene=self.world.redraw(self.world.public(state.scene), rng))
            return state._replace(scene=self.world.change(state.other, self.changes, rng))
        spy = rng.choice([each for each in range(self.players) if each != seat])
        if state.other is None:
            return state._replace(spy=spy)
        other = self.world.change(state.scene, self.changes, rng)
        return state._replace(spy=spy, other=other)

    def info_state(self, state: SpyState, seat: int) -> str:
        """JSON of all that the seat knows: its role, its scene, the clues, and who speaks when."""
        return json.dumps(
            {
                "seat": seat,
                "role": ROLES[self.role(state, seat)],
                "opener": state.opener,
                "scene": self.sees(state, seat),
                "public": self.world.public(state.scene),
                "said": state.said,
                "over": bool(state.votes),
            }
        )

    # -- the view for networks -----------------------------------------------------------------

    def _view_size(self) -> int:
        slot = self.players + self.world.table.shape[1] + 2
        size: int = 6 + self.world.scene_size + self.world.num_clues + self._turns * slot
        return size

    def view(self, state: SpyState, seat: int) -> np.ndarray:
        world, players = self.world, self.players
        view = np.zeros(self._view_size(), np.int8)
        view[self.role(state, seat)] = 1
        view[3 + self.stage(state)] = 1
        start, scene = 6, self.sees(state, seat)
        truth: np.ndarray | None = None
        if scene is not None:
            truth = world.truth(scene)
            view[start : start + world.scene_size] = world.encode(scene)
            start += world.scene_size
            view[start : start + world.num_clues] = truth
            view[start : start + world.num_clues] *= 2
            view[start : start + world.num_clues] -= 1
            start += world.num_clues
        else:
            start += world.scene_size + world.num_clues
        slots = view[start:].reshape(self._turns, -1)
        for slot, each in zip(slots, state.said, strict=False):
            slot[each.seat if seat == players else (each.seat - seat) % players] = 1
            if each.clue != UNREAD:
                slot[players:-2] = world.table[each.clue]
                slot[-2] = 1
                if truth is not None:
                    slot[-1] = 1 if truth[each.clue] else -1
        return view

    # -- the view for language models and people -----------------------------------------------

    def brief(self, seat: int) -> str:
        return telling.brief(self, seat)

    def tell(self, state: SpyState, seat: int) -> str:
        return telling.tell(self, state, seat)

    def show(self, state: SpyState, seat: int | None = None) -> str:
        return telling.show(self, state, seat)

    def wording(self, said: Said) -> str:
        """A clue's sentence: its speaker's where clues are free, else the vocabulary's."""
        return said.text or self.world.say(said.clue)

    def draw(self, state: SpyState, seat: int | None = None) -> np.ndarray:
        from arenas.games.spy.draw import draw_match

        return draw_match(self, state, seat)

    def controls(self, state: SpyState, seat: int) -> Controls:
        return at_hand.controls(self, state, seat)

    def compose(self, state: SpyState, seat: int, form: str, values: Mapping[str, Any]) -> str:
        return at_hand.compose(self, form, self.filled(state, seat, form, values))

    def pictures(self, state: SpyState, seat: int) -> Sequence[np.ndarray]:
        if self.modality == "text":
            return ()
        return (self.world.painted(self.sees(state, seat), self.pixels).copy(),)

    def vote_names(self, seat: int) -> list[str]:
        targets = [self._target(seat, d) for d in self._votable(seat)]
        return [text.NOBODY if t is None else self.spec.agents[t] for t in targets]

    def format(self, state: SpyState, seat: int, move: Move) -> str:
        if self.clues == "free":
            if "clue" in move:
                return rf"\boxed{{{move['clue']}}}"
            return self._vote_name(move["vote"])
        if move < self._nobody:
            return f"[{self.world.say(move)}]"
        return self._vote_name(self.voted(seat, move))

    def _vote_name(self, vote: rewards.Vote) -> str:
        return f"[{text.NOBODY if vote is None else self.spec.agents[vote]}]"

    def parse(self, state: SpyState, seat: int, reply: str) -> Move:
        if len(reply) > self.spec.max_reply_chars:
            raise IllegalMove(f"the reply is longer than {self.spec.max_reply_chars} characters")
        if self.stage(state) != TALK:
            return self._parse_vote(seat, reply)
        if self.clues == "free":
            sentences = list(dict.fromkeys(text.boxed(reply)))
            if len(sentences) != 1:
                raise IllegalMove(r"put one clue into a box: \boxed{" + self.world.example + "}")
            return {"clue": sentences[0]}
        marked = text.marked(reply)
        read = {self.world.read(each) for each in marked} - {None}
        if len(read) > 1:
            raise IllegalMove("the reply holds several clues; name one move")
        if not read:
            raise self._not_legal(marked[0], f"clues such as these: {self.world.hint}")
        return read.pop()

    def _parse_vote(self, seat: int, reply: str) -> Move:
        marked = text.marked(reply)
        votes = [text.read_vote(each) for each in marked]
        named = {vote for vote in votes if vote is not text.UNREAD}
        listed = text.listed(self.vote_names(seat))
        if len(named) > 1:
            raise IllegalMove(f"the reply names several players; name one move; legal: {listed}")
        vote = named.pop() if named else text.UNREAD
        if vote not in [self._target(seat, d) for d in self._votable(seat)]:
            raise self._not_legal(marked[0], listed)
        return self.vote(seat, vote)

    def _not_legal(self, said: str, legal: str) -> IllegalMove:
        what = f"[{said}] is" if 0 < len(said) <= 40 else "the reply names"
        how = "not a legal move now" if what.endswith("is") else "no legal move"
        return IllegalMove(f"{what} {how}; legal: {legal}")

    def sample(self, state: SpyState, seat: int, rng: Rng) -> Move:
        if self.clues == "structured":
            return super().sample(state, seat, rng)
        if self.stage(state) != TALK:
            return {"vote": self._target(seat, rng.choice(self._votable(seat)))}
        sayable = np.flatnonzero(self._sayable(state)).tolist()
        if sayable:
            return {"clue": self.world.say(rng.choice(sayable))}
        return {"clue": f"I notice detail {text.letters(rng.below(1 << 24))}."}

    def grammar(self, state: SpyState, seat: int) -> str:
        if self.clues == "structured":
            moves = self.legal(state, seat)
            assert moves is not None
            if self.stage(state) == TALK:
                return self.world.grammar(tuple(moves))
            return super().grammar(state, seat)
        if self.stage(state) == TALK:
            return rf"\\boxed\{{[^{{}}\[\]\\\x00-\x1f]{{1,{text.MAX_CLUE_CHARS}}}\}}"
        return "|".join(rf"\[{name}\]" for name in self.vote_names(seat))

    def reply_examples(self) -> tuple[str, ...]:
        votes = [f"[player_{seat}]" for seat in range(self.players)] + [f"[{text.NOBODY}]"]
        if self.clues == "free":
            return rf"\boxed{{{self.world.example}}}", *votes
        return *(f"[{self.world.say(clue)}]" for clue in range(self.world.num_clues)), *votes


CLUE_FORMS = ("structured", "free")


def _one_of(name: str, value: Any, known: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name}={value!r}: one of {', '.join(known)}")
    return value


def _between(name: str, value: Any, low: int, high: int) -> int:
    number = whole(value)
    if number is None or not low <= number <= high:
        raise ValueError(f"{name}={value!r}: a whole number from {low} to {high}")
    return number


def _number(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ValueError(f"{name}={value!r}: a number from {low:g} to {high:g}")
    return float(value)
