"""What the servers of language models take and give: one class for each way to ask for tokens.

All of them take chat messages and prompts as OpenAI's API does. Token ids, their log-probabilities,
constraints and the samplers that are on by default differ:

| engine      | token ids                               | log-probabilities | constraint           |
|-------------|-----------------------------------------|-------------------|----------------------|
| `vllm`      | `return_token_ids`                      | unchanged model   | `structured_outputs` |
| `sglang`    | `sglext`, or `return_meta_info`         | tempered, masked  | `regex`              |
| `llama.cpp` | `/tokenize`, `/completion` by token ids | unchanged model   | `grammar` (GBNF)     |
| `openai`    | none                                    | none              | none                 |

vLLM gives those of the changed distribution if it was started with
`--logprobs-mode processed_logprobs`. Every sampler is set in the request, because engines and the
configurations of models have defaults of their own.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, NamedTuple

from arenas.core.picture import png
from arenas.policies.endpoint import Endpoint

Ids = tuple[int, ...]

_OPEN_REASONING = re.compile(r"<(?:think|thinking|reasoning)>\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn: attributes as in `ServerPolicy`."""

    temperature: float
    top_p: float
    top_k: int
    min_p: float
    max_tokens: int
    stop: tuple[str, ...]


class Question(NamedTuple):
    """One completion to be asked for.

    Attributes:
        prompt: chat messages, or a string for a base model.
        seed: of the sampling, 0..2**31-1.
        replies: the only replies that are allowed; None for any.
        grammar: a regular expression that the reply must match, where they are too many to list.
    """

    prompt: list[dict[str, Any]] | str
    seed: int
    replies: Sequence[str] | None = None
    grammar: str | None = None

    @property
    def constrained(self) -> bool:
        """Whether only some replies are allowed."""
        return self.replies is not None or self.grammar is not None


class Answer(NamedTuple):
    """What a server gave.

    Attributes:
        text: the reply, without reasoning that the server has taken out of it.
        finish: "stop" or "length", or another word of the server's.
        model: the model as the server calls it.
        prompt, completion: token ids; None where the server does not say.
        logprobs: one for each completion token; None where it does not say.
    """

    text: str
    finish: str
    model: str
    prompt: Ids | None = None
    completion: Ids | None = None
    logprobs: tuple[float, ...] | None = None


def image_urls(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Chat messages whose pictures are parts as OpenAI's API takes them: PNG in `data:` URLs."""
    return [
        {**message, "content": [_part(part) for part in message["content"]]}
        if isinstance(message["content"], list)
        else message
        for message in messages
    ]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] != "image":
        return part
    data = base64.b64encode(png(part["image"])).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


class OpenAI:
    """The API that all servers share.

    Attributes:
        constrains: it can hold replies to a constraint.
        tempered: log-probabilities are those after temperature and constraint.
    """

    constrains = False
    tempered = False

    async def complete(
        self, endpoint: Endpoint, model: str, question: Question, sampling: Sampling
    ) -> Answer:
        """Asks for one completion; errors as in `Endpoint.ask`."""
        chat = not isinstance(question.prompt, str)
        body = {
            "model": model,
            "messages" if chat else "prompt": question.prompt,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": question.seed,
            **({"stop": list(sampling.stop)} if sampling.stop else {}),
            **self.extras(question, sampling),
        }
        path = "chat/completions" if chat else "completions"
        return await endpoint.ask(f"{endpoint.url}/{path}", body, read_answer)

    def extras(self, question: Question, sampling: Sampling) -> dict[str, Any]:
        """The fields of a request that only this engine knows."""
        filters = {"top_k": sampling.top_k, "min_p": sampling.min_p}
        return {name: value for name, value in filters.items() if value}


class VLLM(OpenAI):
    """vLLM's `vllm serve`."""

    constrains = True

    def extras(self, question: Question, sampling: Sampling) -> dict[str, Any]:
        return {
            **_explicit(question, sampling),
            "return_token_ids": True,
            **({"structured_outputs": self._constraint(question)} if question.constrained else {}),
        }

    def _constraint(self, question: Question) -> dict[str, Any]:
        if question.replies is not None:
            return {"choice": list(question.replies)}
        return {"regex": question.grammar}


class SGLang(OpenAI):
    """SGLang's `sglang.launch_server`; releases without `sglext` answer by `return_meta_info`."""

    constrains = True
    tempered = True

    def extras(self, question: Question, sampling: Sampling) -> dict[str, Any]:
        regex = question.grammar
        if question.replies is not None:
            regex = "|".join(map(re.escape, question.replies))
        return {
            **_explicit(question, sampling),
            "return_input_ids_in_sglext": True,
            "return_output_ids_in_sglext": True,
            "return_prompt_token_ids": True,
            "return_meta_info": True,
            **({"regex": f"({regex})"} if question.constrained else {}),
        }


def _explicit(question: Question, sampling: Sampling) -> dict[str, Any]:
    return {
        "top_k": sampling.top_k or -1,
        "min_p": sampling.min_p,
        "repetition_penalty": 1.0,
        "logprobs": 1 if isinstance(question.prompt, str) else True,
    }


def read_answer(body: Any) -> Answer:
    """Reads a chat or text completion, with token ids wherever an engine puts them.

    Raises:
        LookupError, TypeError, ValueError: it is none, or the engine gave up on it.
    """
    choice = body["choices"][0]
    finish = str(choice.get("finish_reason") or "stop")
    if finish in ("abort", "error"):
        raise ValueError(f"the server gave up: finish_reason {finish!r}")
    beside = body.get("sglext") or {}
    meta = (choice.get("meta_info") or {}).get("output_token_logprobs")
    return Answer(
        text=_string(choice["message"]["content"] if "message" in choice else choice["text"]),
        finish=finish,
        model=str(body.get("model") or ""),
        prompt=_ids(
            body.get("prompt_token_ids"),
            choice.get("prompt_token_ids"),
            beside.get("input_ids"),
        ),
        completion=_ids(
            choice.get("token_ids"),
            (beside.get("output_ids") or [None])[0],
            None if meta is None else [token for _, token, *_ in meta],
        ),
        logprobs=_logprobs(choice.get("logprobs") or {}, meta),
    )


def _logprobs(given: dict[str, Any], meta: list[Any] | None) -> tuple[float, ...] | None:
    if given.get("content") is not None:
        return _finite([each["logprob"] for each in given["content"]])
    if given.get("token_logprobs") is not None:
        return _finite(given["token_logprobs"])
    return None if meta is None else _finite([logprob for logprob, *_ in meta])


class LlamaCpp(OpenAI):
    """llama.cpp's `llama-server`, by its own routes: the ids that it is sent are those recorded."""

    constrains = True

    async def complete(
        self, endpoint: Endpoint, model: str, question: Question, sampling: Sampling
    ) -> Answer:
        constraint = {"grammar": _gbnf(question)} if question.constrained else {}
        prompt = question.prompt
        if not isinstance(prompt, str) and any(isinstance(m["content"], list) for m in prompt):
            # Its own routes take no pictures; the common one does, and tells no token ids.
            if constraint:
                raise ValueError("llama.cpp takes pictures with moves='free' only")
            return await super().complete(endpoint, model, question, sampling)
        if not isinstance(prompt, str):
            prompt = await endpoint.ask(
                f"{endpoint.root}/apply-template",
                {"model": model, "messages": prompt},
                lambda body: _string(body["prompt"]),
            )
        ids = await endpoint.ask(
            f"{endpoint.root}/tokenize",
            {"model": model, "content": prompt, "add_special": True, "parse_special": True},
            lambda body: tuple(map(index, body["tokens"])),
        )
        answer = await endpoint.ask(
            f"{endpoint.root}/completion",
            {
                "model": model,
                "prompt": ids,
                "n_predict": sampling.max_tokens,
                "seed": question.seed,
                "samplers": ["top_k", "top_p", "min_p", "temperature"],
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": sampling.top_k,
                "min_p": sampling.min_p,
                "stop": list(sampling.stop),
                "return_tokens": True,
                "n_probs": 1,
                **constraint,
            },
            _read_llama,
        )
        # A template that opens the reasoning leaves the tag out of the reply.
        opened = _OPEN_REASONING.search(prompt)
        text = (opened[0] if opened else "") + answer.text
        return answer._replace(text=text, prompt=ids)


def _read_llama(body: Any) -> Answer:
    finish = {"eos": "stop", "word": "stop", "limit": "length"}[body["stop_type"]]
    ids = tuple(map(index, body["tokens"]))
    drawn = body.get("completion_probabilities") or []
    # Tokens of a stop string have none, and some that end within a character.
    complete = [each["id"] for each in drawn] == list(ids)
    return Answer(
        text=_string(body["content"]),
        finish=finish,
        model=str(body.get("model") or ""),
        completion=ids,
        logprobs=_finite([each["logprob"] for each in drawn]) if complete else None,
    )


def _gbnf(question: Question) -> str:
    if question.replies is None:
        raise ValueError(
            "llama.cpp takes no regular expression, and this game's moves are too many to list: "
            "use moves='free'"
        )
    return "root ::= " + " | ".join(json.dumps(reply) for reply in question.replies)


def _string(value: Any) -> str:
    """A reply's text; None (all of it was reasoning) is empty."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"the text is a {type(value).__name__}")
    # Half a surrogate pair could not be sent back in the next prompt.
    return (value or "").encode(errors="replace").decode()


def _ids(*places: Any) -> Ids | None:
    """The first of the places that is not empty of an answer."""
    given = next((place for place in places if place is not None), None)
    return None if given is None else tuple(map(index, given))


def _finite(values: list[Any]) -> tuple[float, ...] | None:
    """Log-probabilities as floats, or None where one is missing."""
    if any(value is None or not math.isfinite(value) for value in values):
        return None
    return tuple(map(float, values))


ENGINES = {"vllm": VLLM(), "sglang": SGLang(), "llama.cpp": LlamaCpp(), "openai": OpenAI()}
"""By the names that `ServerPolicy` takes."""

_OWNERS = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llama.cpp"}


def read_models(body: Any) -> tuple[str, str]:
    """Engine and first model of a server, by its list of models."""
    first = body["data"][0]
    return _OWNERS.get(first.get("owned_by"), "openai"), str(first["id"])
