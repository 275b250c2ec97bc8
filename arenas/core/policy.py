"""Who sits in a seat: policies answer batches of turns, from many matches and games at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from arenas.core.game import Game, IllegalMove, Move
from arenas.core.language import Conversation
from arenas.core.match import Match
from arenas.core.rng import Rng

if TYPE_CHECKING:
    from arenas.core.vector import FlatVectorEnv

TURNS = 2
"""Label of the streams that policies draw from, apart from the deal's."""


class Turn:
    """One pending decision: what a seat may know, and its own random stream.

    Everything here is what the rules show to `seat`. The views are built when they are read.

    Attributes:
        game: the rules and options of the match (no state).
        seat: the seat to move.
        rng: a stream of this turn alone, so that answers do not depend on how turns are batched.
        match_id: names the match within one rollout.
        refused: why the seat's latest submission was illegal, so that it is asked again; None if it
            was legal, or there was none.
    """

    __slots__ = ("_conversation", "_state", "game", "match_id", "refused", "rng", "seat")

    def __init__(
        self,
        game: Game[Any],
        state: Any,
        seat: int,
        rng: Rng,
        match_id: int = 0,
        refused: str | None = None,
        conversation: Conversation | None = None,
    ) -> None:
        self.game = game
        self.seat = seat
        self.rng = rng
        self.match_id = match_id
        self.refused = refused
        self._state = state
        self._conversation = conversation

    @classmethod
    def of(cls, match: Match, seat: int, match_id: int = 0) -> Turn:
        """The turn of an awaited seat of a match; its stream follows from the match's seed."""
        rng = Rng(match.seed).fork(TURNS, seat, match.submitted[seat])
        refused = match.last_illegal[seat]
        return cls(match.game, match.state, seat, rng, match_id, refused, match.conversation)

    @property
    def agent(self) -> str:
        """The agent's name, as in the PettingZoo environment."""
        return self.game.spec.agents[self.seat]

    @property
    def role(self) -> str:
        """The role of the seat."""
        return self.game.spec.roles[self.seat]

    @property
    def view(self) -> Any:
        """The seat's view: a fresh value of the game's observation space."""
        return self.game.view(self._state, self.seat)

    @property
    def mask(self) -> np.ndarray:
        """Legal actions: int8 array of shape (n,), 1 where legal (discrete games)."""
        return self.game.mask(self._state, self.seat)

    @property
    def legal(self) -> Sequence[Move] | None:
        """The legal moves, ascending; None where they are too many to list."""
        return self.game.legal(self._state, self.seat)

    @property
    def info_state(self) -> str:
        """All that the seat knows, as a key for tabular policies."""
        return self.game.info_state(self._state, self.seat)

    @property
    def told(self) -> str:
        """The situation in words, without what came before."""
        return self.game.tell(self._state, self.seat)

    @property
    def text(self) -> str:
        """The whole prompt: rules, what was told and answered so far, the situation now."""
        if self._conversation is not None:
            return self._conversation.text(self.seat)
        return f"{self.game.brief(self.seat)}\n\n{self.told}"

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The same as chat messages with the roles system, user and assistant."""
        if self._conversation is not None:
            return self._conversation.messages(self.seat)
        brief = {"role": "system", "content": self.game.brief(self.seat)}
        return [brief, {"role": "user", "content": self.told}]

    @property
    def pictures(self) -> Sequence[np.ndarray]:
        """Pictures that belong to the prompt: arrays (height, width, 3) uint8; none mostly.

        A player that reads prompts either sends them on (`language.with_pictures`) or refuses the
        turn: without them the prompt is not whole.
        """
        return self.game.pictures(self._state, self.seat)

    @property
    def replies(self) -> Sequence[str] | None:
        """The legal moves in words, in the order of `legal`; None where they are too many."""
        return self.game.replies(self._state, self.seat)

    @property
    def grammar(self) -> str:
        """A regular expression that a reply must match as a whole, for constrained decoding."""
        return self.game.grammar(self._state, self.seat)

    def sample(self) -> Move:
        """A random legal move from the turn's own stream."""
        return self.game.sample(self._state, self.seat, self.rng)

    def resample(self) -> Any:
        """A state that the seat cannot tell from the real one, for search; from the turn's stream.

        Raises:
            ValueError: the game cannot say.
        """
        return self.game.resample(self._state, self.seat, self.rng)

    def parse(self, text: str) -> Move:
        """The move that a reply names.

        Raises:
            IllegalMove: it names none, or several.
        """
        return self.game.parse(self._state, self.seat, text)

    def format(self, move: Move) -> str:
        """A legal move in words."""
        return self.game.format(self._state, self.seat, move)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a language model was sent and what it sampled, as ids that nobody tokenised again.

    `kind` names the distribution that the completion was drawn from and `logprobs` are of. They are
    different distributions, so that ratios between two of them mean nothing:

    - "sampled": free text; softmax over the whole vocabulary, before top-k and top-p cut it;
    - "constrained": the same at each step, renormalised over the tokens that a grammar or the list
      of `candidates` allows there;
    - "label": softmax over one-token labels of the legal moves, which are `candidates`;
    - "scored": softmax over whole legal moves (`candidates`, each scored by its sum of
      log-probabilities); a token's share is its probability among the candidates that begin as the
      completion does, so that the sum over the completion is the log-probability of the move.

    Attributes:
        prompt: ids as sent.
        completion: ids as sampled, with the end token where one was sampled.
        logprobs: natural logarithm of each completion token's probability; None where unknown.
        kind: see above.
        mask: whether each completion token is the policy's own and may be trained on; None for all.
        policy_version: of the weights, as the policy counts them; at the start of the reply.
        finish: "stop" (an end token, a stop string or the end of a grammar) or "length" (the token
            budget); other words as a server gives them.
        temperature: what logits (for "scored": sums of log-probabilities) were divided by before
            the softmax of `logprobs`; 1 for those of the unchanged model.
        candidates: ids of every reply that was allowed; None where they were not listed.
    """

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    logprobs: tuple[float, ...] | None = None
    kind: str = "sampled"
    mask: tuple[bool, ...] | None = None
    policy_version: int | str = 0
    finish: str = "stop"
    temperature: float = 1.0
    candidates: tuple[tuple[int, ...], ...] | None = None

    def __post_init__(self) -> None:
        for name in ("logprobs", "mask"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self.completion):
                raise ValueError(
                    f"{name}: {len(value)} values for {len(self.completion)} completion tokens"
                )


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a turn: a move, or text that names one (then `move` is left out).

    `tokens` says how a language model came to it; None for other players.
    """

    move: Move = None
    text: str | None = None
    tokens: Tokens | None = None


class PolicyError(RuntimeError):
    """A policy cannot answer any more: its server stays away, or refuses what it is asked."""


class Stream(ABC):
    """Turns that a policy is answering; each can be had as soon as it is answered."""

    @abstractmethod
    def put(self, turns: Sequence[Turn]) -> None:
        """Asks for replies."""

    @abstractmethod
    def take(self) -> list[tuple[Turn, Reply]]:
        """Goes on until some turns are answered, and gives those; empty if none were asked for."""

    @abstractmethod
    def __len__(self) -> int:
        """Turns that were put and not yet taken."""


class _Batches(Stream):
    """Answers all that is there with one call of `act`."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._turns: list[Turn] = []

    def put(self, turns: Sequence[Turn]) -> None:
        self._turns += turns

    def take(self) -> list[tuple[Turn, Reply]]:
        turns, self._turns = self._turns, []
        return list(zip(turns, self._policy.act(turns), strict=True)) if turns else []

    def __len__(self) -> int:
        return len(self._turns)


class Decisions(NamedTuple):
    """k pending turns of a vector environment as arrays.

    Attributes:
        observation: (k, ...) what the seat to move sees.
        action_mask: (k, n) int8, its legal actions; the masks of all numbers of a move, side by
            side, where it has several.
        seat: (k,) int64.
        stream: (k,) uint64, each turn's own stream: `Rng(word)` is `Turn.rng`.
    """

    observation: np.ndarray
    action_mask: np.ndarray
    seat: np.ndarray
    stream: np.ndarray


class Policy(ABC):
    """Fills seats. `act` gets turns of unlike matches and answers them together.

    Attributes:
        name: stands in tables and records.
        speaks: it reads prompts, so its matches keep each seat's conversation.
        trainable: its decisions may be trained on; those of frozen and scripted players may not.
        waits: `act` waits for the outside (a server), so schedulers call it in a thread while
            others go on.
    """

    name: str = "policy"
    speaks: bool = False
    trainable: bool = False
    waits: bool = False

    @abstractmethod
    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        """One reply per turn, in order. May depend on nothing but each turn and its stream."""

    def act_in(self, env: FlatVectorEnv, where: np.ndarray) -> np.ndarray:
        """Actions int64 in the k games of a vector environment that `where` (B,) marks.

        They are (k,), or (k, n) where a move is n numbers; what is said with a move is lost.

        The same moves as `act`. A policy over arrays answers `env.decisions(where)` instead.
        """
        turns = [env.turn(game) for game in np.flatnonzero(where).tolist()]
        replies = self.act(turns)
        return np.array([_move(*each) for each in zip(turns, replies, strict=True)], np.int64)

    def distribution(self, turn: Turn) -> Sequence[float]:
        """The probability of each action of a discrete game: floats of length n that sum to 1.

        Raises:
            TypeError: this policy cannot say.
        """
        raise TypeError(f"player {self.name!r} cannot say how likely it plays each move")

    def distributions(self, turns: Sequence[Turn]) -> list[Sequence[float]]:
        """`distribution` of each turn; players that answer in batches do it in one.

        Raises:
            TypeError: this policy cannot say.
        """
        return [self.distribution(turn) for turn in turns]

    def stream(self) -> Stream:
        """A stream of its own: `act` on whatever is there, unless the policy answers one by one."""
        return _Batches(self)

    def close(self) -> None:
        """Releases what the policy holds; calling it again does nothing."""

    def __repr__(self) -> str:
        return f"<player {self.name}>"


class StochasticPolicy(Policy):
    """A policy that is its distribution: each move is drawn with the turn's own stream."""

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(turn.rng.weighted(self.distribution(turn))) for turn in turns]

    @abstractmethod
    def distribution(self, turn: Turn) -> Sequence[float]: ...


def _move(turn: Turn, reply: Reply) -> Move:
    """The action that a reply names; -1, which is never legal, if it names none."""
    numbers = turn.game.spec.action_space.shape
    none = [-1] * numbers[0] if numbers else -1
    try:
        move = reply.move if reply.text is None else turn.parse(reply.text)
    except IllegalMove:
        return none
    return move[: len(none)] if isinstance(none, list) else index(move)


def answer(match: Match, seat: int, reply: Reply) -> None:
    """Hands a reply to the match: as text if it is text, else as a move."""
    if reply.text is not None:
        match.reply(seat, reply.text)
    else:
        match.submit(seat, reply.move)
