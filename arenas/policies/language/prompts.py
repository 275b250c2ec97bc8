"""From a turn to the token ids that a model is sent, and from sampled ids back to text."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

from jinja2.exceptions import TemplateError

from arenas.core.policy import Turn

Ids = tuple[int, ...]
Messages = list[dict[str, Any]]

_CACHED_PROMPTS = 4_096
_PROBE = "Xq7"
"""A text that no template contains, to see what a template does with messages."""

_LEAD = " "
"""Stands between a base model's prompt and the reply, as in `Conversation`'s transcripts."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt as sent.

    Attributes:
        ids: its token ids.
        shared: how many of them come first in every prompt of the same seat of the same game (the
            rules and the role), so that their keys and values are worth keeping.
        adapter: of `peft` that reads it; the empty name is the model as it stands.
    """

    ids: Ids
    shared: int
    adapter: str = ""


class Prompts:
    """Writes prompts with a chat template, or as plain text for base models.

    Nothing that a game or a player says becomes a control token: `<|im_end|>` in somebody's talk is
    encoded as text. Templates that know no system message get it in front of the first message of
    the user, and those that want user and assistant to alternate get neighbours joined.

    Args:
        tokenizer: of `transformers`.
        chat: use the tokenizer's chat template; None means if there is one.
        template_args: handed to the template, as `{"enable_thinking": False}`.
        role_prompts: text that is added to the rules, by agent name ("player_0") or role.
        history: True shows the seat all that it was told and answered; False only the rules and the
            situation now, which then is the same however it came about, so that a walk over the
            game tree meets the prompts of play.
        rules: False leaves the rules out and says only whose seat it is. That is for a model which
            has read nothing but this game: it cannot follow rules, and prompts are much shorter.
        context: most tokens a model takes, prompt and reply together; None for no limit. The oldest
            messages after the rules are left out where there are too many.
        end_ids: ids that end a reply, beside the tokenizer's and the template's own.

    Raises:
        ValueError: there is no chat template though `chat` asks for one, or the tokenizer makes a
            control token of plain text, so that talk could forge messages.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        chat: bool | None = None,
        template_args: Mapping[str, Any] | None = None,
        role_prompts: Mapping[str, str] | None = None,
        history: bool = True,
        rules: bool = True,
        context: int | None = None,
        end_ids: Sequence[int] = (),
    ) -> None:
        self.tokenizer = tokenizer
        self.chat = bool(tokenizer.chat_template) if chat is None else chat
        if self.chat and not tokenizer.chat_template:
            raise ValueError("the tokenizer has no chat template: give it one or say chat=False")
        self.template_args = dict(template_args or {})
        self.role_prompts = dict(role_prompts or {})
        self.history = history
        self.rules = rules
        self.context = context
        _check_control_tokens(tokenizer)
        self._takes_system = self._takes_neighbours = True
        if self.chat:
            self._takes_system = self._renders("system", "user")
            self._takes_neighbours = self._renders("user", "user")
        # Rendering and encoding cost more than a small model's pass; short games repeat prompts.
        self._encoded = lru_cache(_CACHED_PROMPTS)(self._encode)
        self._shared_of = lru_cache(_CACHED_PROMPTS)(self._find_shared)
        self.reply_ids = lru_cache(_CACHED_PROMPTS)(self._reply_ids)
        self.end_id = self._turn_end() if self.chat else tokenizer.eos_token_id
        ends = {*end_ids, tokenizer.eos_token_id, self.end_id} - {None}
        self.end_ids: frozenset[int] = frozenset(ends)

    def prompt(
        self, turn: Turn, reserve: int, labels: Sequence[str] = (), adapter: str = ""
    ) -> Prompt:
        """The prompt of a turn.

        Args:
            turn: the turn.
            reserve: tokens that the reply may need.
            labels: one for each legal move; the prompt then asks for a label.
            adapter: of `peft`, for whoever reads it.

        Raises:
            ValueError: the rules and the situation do not fit into the context with the reply, or
                there are pictures beside them, which a model of text alone cannot see.
        """
        if len(turn.pictures):
            raise ValueError(
                f"{turn.game.spec.name} shows pictures with these options, and a causal language "
                "model reads text alone: choose options that put everything into words, or a "
                "player on a server that takes images (server:URL)"
            )
        messages = turn.messages if self.history else _now(turn)
        if not self.rules:
            messages[0] = {**messages[0], "content": f"You are {turn.agent}."}
        added = self.role_prompts.get(turn.agent, self.role_prompts.get(turn.role))
        if added is not None:
            messages[0]["content"] += f"\n\n{added}"
        if labels:
            replies = turn.replies or ()
            choices = [f"{a}={b}" for a, b in zip(labels, replies, strict=True)]
            messages[-1]["content"] += "\n\nAnswer with one letter: " + " ".join(choices)
        said = tuple((message["role"], _unicode(message["content"])) for message in messages)
        ids = self._encoded(said)
        while self.context is not None and len(ids) + reserve > self.context:
            said = _without_oldest(said)
            if len(said) < 2:
                raise ValueError(
                    f"{len(ids)} tokens of prompt and {reserve} of reply do not fit into a context "
                    f"of {self.context}: shorten the rules or max_tokens"
                )
            ids = self._encoded(said)
        shared = self._shared_of(said[0])
        # The last token is always sent, for the logits that follow it.
        return Prompt(ids, min(common_prefix(shared, ids), len(ids) - 1), adapter)

    def _reply_ids(self, reply: str, end: bool = True) -> Ids:
        """The ids of a whole reply, with the end token if there is one."""
        text = reply if self.chat else _LEAD + reply
        ids = self._plain(text)
        return (*ids, self.end_id) if end and self.end_id is not None else ids

    def text(self, completion: Sequence[int]) -> str:
        """What sampled ids say, without the token that ended them."""
        ids = list(completion)
        if ids and ids[-1] in self.end_ids:
            ids.pop()
        text: str = self.tokenizer.decode(
            ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text

    def labels(self, count: int) -> list[str]:
        """`count` labels of one token each: A to Z, a to z, digits, then pairs of them.

        Raises:
            ValueError: the tokenizer has not as many.
        """
        found: list[str] = []
        for label in _label_names():
            if len(found) == count:
                break
            if len(self.reply_ids(label, False)) == 1:
                found.append(label)
        if len(found) < count:
            raise ValueError(
                f"{count} moves need a label of one token each, there are {len(found)}"
            )
        return found

    # -- encoding ------------------------------------------------------------------------------

    def _encode(self, said: tuple[tuple[str, str], ...]) -> Ids:
        if not self.chat:
            lines = [said[0][1]]
            lines += [f"You: {text}" if role == "assistant" else text for role, text in said[1:]]
            text = "\n\n".join([*lines, "You:"])
            start = [
                each for each in self.tokenizer.encode("") if each != self.tokenizer.eos_token_id
            ]
            return (*start, *self._plain(text))
        return tuple(
            self.tokenizer.apply_chat_template(
                self._accepted(said),
                add_generation_prompt=True,
                return_dict=False,
                sanitize_control_tokens=True,
                **self.template_args,
            )
        )

    def _plain(self, text: str) -> Ids:
        return tuple(
            self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        )

    def _find_shared(self, rules: tuple[str, str]) -> Ids:
        first, second = (self._encode((rules, ("user", text))) for text in ("0", "You"))
        return first[: common_prefix(first, second)]

    def _accepted(self, said: Sequence[tuple[str, str]]) -> Messages:
        """Messages in a form that the template takes."""
        if not self._takes_system:
            said = [("user", said[0][1]), *said[1:]]
        messages: Messages = []
        for number, (role, content) in enumerate(said):
            rules = not self._takes_system and number == 1
            if messages and messages[-1]["role"] == role and (rules or not self._takes_neighbours):
                messages[-1]["content"] += f"\n\n{content}"
            else:
                messages.append({"role": role, "content": content})
        return messages

    def _renders(self, *roles: str) -> bool:
        probes = [f"{_PROBE}{number}" for number in range(len(roles))]
        try:
            text = self._rendered(zip(roles, probes, strict=True))
        except TemplateError:
            return False
        # A template may leave out what it does not know.
        return all(probe in text for probe in probes)

    def _rendered(self, said: Iterable[tuple[str, str]]) -> str:
        messages = [{"role": role, "content": content} for role, content in said]
        return str(
            self.tokenizer.apply_chat_template(messages, tokenize=False, **self.template_args)
        )

    def _turn_end(self) -> int | None:
        """The control token that closes the assistant's messages in the template."""
        text = self._rendered([("user", "0"), ("assistant", _PROBE)])
        after = text.rpartition(_PROBE)[2].lstrip(" ")
        ids = self.tokenizer.encode(after, add_special_tokens=False)
        token = self.tokenizer.added_tokens_decoder.get(ids[0]) if ids else None
        closing: int | None = ids[0] if token is not None else self.tokenizer.eos_token_id
        return closing


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many first ids two sequences share."""
    same = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        same += 1
    return same


def _check_control_tokens(tokenizer: Any) -> None:
    for number, token in tokenizer.added_tokens_decoder.items():
        plain = tokenizer.encode(token.content, add_special_tokens=False, split_special_tokens=True)
        if token.special and number in plain:
            raise ValueError(
                f"this tokenizer makes the control token {token.content!r} of plain text, so that "
                "a player's talk could forge messages"
            )


def _now(turn: Turn) -> Messages:
    """Rules and situation; after an illegal reply also that reply and what was wrong with it."""
    messages = turn.messages
    feedback = messages[-2:] if turn.refused is not None else []
    return [messages[0], {"role": "user", "content": turn.told}, *feedback]


def _unicode(text: str) -> str:
    """The text with what no UTF-8 can hold (lone surrogates) replaced, for tokenizers."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _without_oldest(said: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The rules and what follows the next message of the user but one."""
    for number in range(2, len(said)):
        if said[number][0] == "user":
            return (said[0], *said[number:])
    return ()


def _label_names() -> Iterator[str]:
    yield from string.ascii_uppercase
    letters = string.ascii_lowercase + string.digits
    yield from letters
    for pair in product(string.ascii_uppercase + letters, repeat=2):
        yield "".join(pair)
