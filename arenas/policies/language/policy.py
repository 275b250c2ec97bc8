"""A causal language model in any seat, moving in one of four ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from transformers import AutoModelForCausalLM, AutoTokenizer

from arenas.core.policy import Policy, Reply, Stream, Tokens, Turn
from arenas.policies.language.constrain import Constraint, Grammars, Listed
from arenas.policies.language.generate import Decoder, Sampling, Writing
from arenas.policies.language.paged import PagedWriters, Pages, check_paged
from arenas.policies.language.passes import Passes
from arenas.policies.language.prompts import Prompts
from arenas.policies.language.score import Question, scores, softmax, step_logprobs

Moves = Literal["free", "constrained", "labels", "scored"]

_BARE = "__base__"
"""The name that `peft` has for the model without any adapter."""


class LanguagePolicy(Policy):
    """One model of `transformers` for any seats of any games.

    Ways to move:

    - "free": writes what it likes; the game's parser reads it, and what names no move is illegal;
    - "constrained": each token is drawn among those that can still lead to a legal move; the list
      of legal moves where there is one, else the game's grammar;
    - "labels": the prompt gives each legal move a letter, and one pass gives the odds of all;
    - "scored": one pass scores every legal move as a whole, its end token included.

    The first two think aloud as far as they are let; the last two answer at once, are always legal,
    and can say their whole `distribution`. `Tokens.kind` says which one a log-probability is of.
    With `history=False` in `prompts` a distribution depends on the situation alone, so that
    exploitability is that of play.

    Replies that no move can be read from are the game's to judge, by the match's illegal-move rule:
    an empty one, one in another language, one with control characters or several moves. A reply
    is cut at `max_tokens`, and the match reads `spec.max_reply_chars` characters of it. Nothing in
    it becomes a control token of another prompt (see `Prompts`).

    Args:
        model: a causal language model of `transformers`, or of `peft` with adapters. Its weights
            may change between calls; say so by `set_version`.
        tokenizer: its own.
        moves: see above.
        sampling: settings of every turn, or a function that gives them for a turn.
        prompts: how prompts are written; the chat template if there is one.
        history, rules: of those prompts, unless they are given; see `Prompts`.
        adapters: names of `peft` adapters by agent name ("player_0") or role; other seats get the
            bare model. All go through together. None leaves the model's active adapters on.
        batching: of free text: "rows" (any device, each turn has its own stream) or "paged" (the
            continuous batching of `transformers`; see `paged.py` for what it does not do).
        reuse: keep keys and values of the rules, which every prompt of a seat begins with.
        max_rows: most replies under way at once.
        max_tokens: most prompt tokens of one pass, with padding and what is kept of them.
        name: stands in tables and records.
        version: of the weights.
        trainable: its turns may be trained on; say False for a frozen opponent.

    Raises:
        ValueError: `moves` is none of the four, or the model or tokenizer cannot do what is needed.
    """

    speaks = True

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        moves: Moves = "free",
        sampling: Sampling | Callable[[Turn], Sampling] = Sampling(),  # noqa: B008 (immutable)
        prompts: Prompts | None = None,
        history: bool = True,
        rules: bool = True,
        adapters: Mapping[str, str] | None = None,
        batching: Literal["rows", "paged"] = "rows",
        reuse: bool = True,
        max_rows: int = 256,
        max_tokens: int = 65_536,
        name: str = "language",
        version: int | str = 0,
        trainable: bool = True,
    ) -> None:
        if moves not in get_args(Moves):
            raise ValueError(f"moves={moves!r}: one of {', '.join(get_args(Moves))}")
        if batching == "paged":
            check_paged(moves, sampling, adapters)
        self.passes = Passes(model, tokenizer.pad_token_id or 0, reuse)
        limit = getattr(self.passes.config, "max_position_embeddings", None)
        ends = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
        end_ids = [ends] if isinstance(ends, int) else ends or ()
        self.prompts = prompts or Prompts(
            tokenizer, history=history, rules=rules, context=limit, end_ids=end_ids
        )
        self.moves = moves
        self.sampling = sampling
        self.adapters = adapters
        self.batching = batching
        self.max_rows = max_rows
        self.max_tokens = max_tokens
        self.name = name
        self.version = version
        self.trainable = trainable
        self._grammars: Grammars | None = None
        self._pages: Pages | None = None

    @classmethod
    def load(
        cls, path: str, *, model_options: Mapping[str, Any] | None = None, **options: Any
    ) -> LanguagePolicy:
        """A policy over a saved model: a folder, or a name on the hub of `transformers`.

        Args:
            path: where `save_pretrained` wrote model and tokenizer, or `ORG/NAME`.
            model_options: for `AutoModelForCausalLM.from_pretrained`, as `{"dtype": "bfloat16",
                "device_map": "cuda"}`.
            options: the constructor's.

        Raises:
            OSError: there is no such model.
        """
        model = AutoModelForCausalLM.from_pretrained(path, **(model_options or {}))
        tokenizer = AutoTokenizer.from_pretrained(path)
        return cls(model, tokenizer, **{"name": f"language:{path}", **options})

    def set_version(self, version: int | str) -> None:
        """Tells that the weights have changed: replies carry the new version from now on.

        Replies under way go on with the new weights and carry the version that they began with.
        """
        self.version = version
        self.close()

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        if self.moves in ("labels", "scored"):
            return self._pick(turns)
        stream = self.stream()
        stream.put(turns)
        replies: dict[int, Reply] = {}
        while len(stream):
            replies.update((id(turn), reply) for turn, reply in stream.take())
        return [replies[id(turn)] for turn in turns]

    def stream(self) -> Stream:
        """Replies one by one: as one ends, another turn takes its place in the batch."""
        if self.moves not in ("free", "constrained"):
            return super().stream()
        return PagedWriters(self) if self.batching == "paged" else _Writers(self)

    def distribution(self, turn: Turn) -> Sequence[float]:
        return self.distributions([turn])[0]

    def distributions(self, turns: Sequence[Turn]) -> list[Sequence[float]]:
        """The probability of each action, by one pass over all turns.

        Raises:
            TypeError: it moves by writing, or the game's actions are not discrete.
        """
        if self.moves not in ("labels", "scored"):
            raise TypeError(
                f"moves={self.moves!r} writes replies; only labels and scored moves have odds"
            )
        rows: list[Sequence[float]] = []
        for turn, shares in zip(turns, self._shares(self._questions(turns), turns), strict=True):
            if not turn.game.num_actions:
                raise TypeError(f"{turn.game!r} has no numbered actions")
            row = [0.0] * turn.game.num_actions
            for move, share in zip(turn.legal or (), shares, strict=True):
                row[move] = float(share)
            rows.append(row)
        return rows

    def close(self) -> None:
        self.passes.forget()
        if self._pages is not None:
            self._pages.retire()
            self._pages = None

    # -- one pass for all legal moves ----------------------------------------------------------

    def _pick(self, turns: Sequence[Turn]) -> list[Reply]:
        questions = self._questions(turns)
        replies = []
        for turn, question, scored in zip(turns, questions, self._scores(questions), strict=True):
            sampling = self.settings(turn)
            number = turn.rng.weighted(softmax(scored, sampling.temperature).tolist())
            recorded = softmax(scored, sampling.scale).tolist()
            chosen = question.replies[number]
            tokens = Tokens(
                question.prompt.ids,
                chosen,
                step_logprobs(question.replies, recorded, number),
                "label" if self.moves == "labels" else "scored",
                policy_version=self.version,
                temperature=sampling.scale,
                candidates=question.replies,
            )
            if self.moves == "labels":
                assert turn.legal is not None
                replies.append(Reply(turn.legal[number], tokens=tokens))
            else:
                replies.append(Reply(text=self.prompts.text(chosen), tokens=tokens))
        return replies

    def _scores(self, questions: Sequence[Question]) -> list[np.ndarray]:
        return scores(self.passes, questions, self.max_tokens)

    def _shares(self, questions: Sequence[Question], turns: Sequence[Turn]) -> list[np.ndarray]:
        return [
            softmax(scored, self.settings(turn).temperature)
            for scored, turn in zip(self._scores(questions), turns, strict=True)
        ]

    def _questions(self, turns: Sequence[Turn]) -> list[Question]:
        return [self._question(turn) for turn in turns]

    def _question(self, turn: Turn) -> Question:
        words = turn.replies
        if words is None:
            raise ValueError(
                f"{turn.game!r} does not list its moves: take moves='free' or 'constrained'"
            )
        labels: Sequence[str] = ()
        if self.moves == "labels":
            labels = self.prompts.labels(len(words))
            candidates = tuple(self.prompts.reply_ids(label, False) for label in labels)
        else:
            candidates = tuple(self.prompts.reply_ids(word) for word in words)
        longest = max(map(len, candidates))
        return Question(self.prompts.prompt(turn, longest, labels, self._adapter(turn)), candidates)

    # -- token by token ------------------------------------------------------------------------

    def writing(self, turn: Turn) -> Writing[Turn]:
        """A reply to be written to a turn."""
        sampling = self.settings(turn)
        constraint = self._constraint(turn) if self.moves == "constrained" else None
        prompt = self.prompts.prompt(turn, sampling.max_tokens, adapter=self._adapter(turn))
        return Writing(turn, prompt, sampling, turn.rng, constraint, self.version)

    def written(self, writing: Writing[Turn]) -> Reply:
        """The reply that was written."""
        completion, constraint = tuple(writing.completion), writing.constraint
        tokens = Tokens(
            writing.prompt.ids,
            completion,
            tuple(writing.logprobs),
            "constrained" if constraint else "sampled",
            policy_version=writing.version,
            finish=writing.finish,
            temperature=writing.sampling.scale,
            candidates=constraint.replies if constraint else None,
        )
        return Reply(text=self.prompts.text(completion), tokens=tokens)

    def pages(self, turn: Turn) -> Pages:
        """The pages that free text is written on; new ones take their seed from a turn."""
        if self._pages is None:
            self._pages = Pages(self, turn.rng.bits() >> 33)
        return self._pages

    def settings(self, turn: Turn) -> Sampling:
        """The sampling settings of a turn."""
        return self.sampling if isinstance(self.sampling, Sampling) else self.sampling(turn)

    def _constraint(self, turn: Turn) -> Constraint:
        if turn.replies is not None:
            return Listed(tuple(map(self.prompts.reply_ids, turn.replies)))
        if self._grammars is None:
            self._grammars = Grammars(
                self.prompts.tokenizer, self.passes.vocabulary, sorted(self.prompts.end_ids)
            )
        return self._grammars.follow(turn.grammar)

    def _adapter(self, turn: Turn) -> str:
        if self.adapters is None:
            return ""
        return self.adapters.get(turn.agent, self.adapters.get(turn.role, _BARE))


class _Writers(Stream):
    """Turns whose replies are being written."""

    def __init__(self, policy: LanguagePolicy) -> None:
        self._policy = policy
        self._decoder: Decoder[Turn] = Decoder(
            policy.passes, policy.prompts, policy.max_rows, policy.max_tokens
        )

    def put(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            self._decoder.put(self._policy.writing(turn))

    def take(self) -> list[tuple[Turn, Reply]]:
        return [(each.key, self._policy.written(each)) for each in self._decoder.take()]

    def __len__(self) -> int:
        return len(self._decoder)
