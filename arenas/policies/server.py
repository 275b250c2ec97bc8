"""A language model behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp and others."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from queue import SimpleQueue
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from arenas.core.game import Game
from arenas.core.language import with_pictures
from arenas.core.policy import Policy, PolicyError, Reply, Stream, Tokens, Turn
from arenas.policies.dialects import (
    ENGINES,
    Answer,
    OpenAI,
    Question,
    Sampling,
    image_urls,
    read_models,
)
from arenas.policies.endpoint import Endpoint, ServerRefused, ServerUnavailable

__all__ = ["ServerPolicy", "ServerRefused", "ServerUnavailable", "server_player"]

BLANK_LINE = "\n\n"
"""Ends the reply of a base model, as it ends each entry of `Turn.text`."""


class ServerPolicy(Policy):
    """Asks a server for each reply, for many turns at once.

    As a player it is written `server:URL?NAME=VALUE&NAME=VALUE`, with the arguments below as names
    (`stop` may come several times). Shells want quotes around it:

        arenas match KuhnPoker-v0 --seats "server:http://127.0.0.1:8000/v1?temperature=0.7" random

    Engines say what tokens they read and wrote in ways of their own (see `dialects`); where one
    does, replies carry `Tokens`. Those ids are the whole of what was sampled: apart from special
    tokens, a stop string, half a character at the end, and reasoning that the server takes out of
    the text, they decode to the reply.

    Reasoning in a field of its own (`reasoning`, `reasoning_content`) is not read, so it is in no
    record and no prompt; reasoning in the text is private by the rules of `core.language`. Start a
    server of a reasoning model with its reasoning parser: where the chat template opens the
    reasoning, a reply that is cut short before its end cannot be told from an answer otherwise.

    Each turn's seed comes from its own stream, so that replies depend on the turn alone as far as
    the server's arithmetic allows. Lost connections, timeouts, overload and nonsense are tried
    again; see `Endpoint`.

    Args:
        url: where the routes begin, with the "/v1" if there is one.
        model: as the server calls it; the first one that it lists if left out.
        engine: "vllm", "sglang", "llama.cpp", or "openai" for the common API alone; "auto" asks the
            server.
        prompt: "chat" sends messages; "text" sends `Turn.text` to a base model, which stops at an
            empty line unless `stop` says otherwise.
        moves: "free" takes any reply; "constrained" has the server hold it to the legal moves.
        temperature, top_p, top_k, min_p: of the sampling; `top_k` and `min_p` of 0 cut nothing.
        max_tokens: longest reply.
        stop: strings that end a reply; they are not part of it.
        logprobs: "raw", or "processed" for a vLLM that was started with
            `--logprobs-mode processed_logprobs`.
        timeout: seconds that one attempt may take.
        budget: seconds that one request may take with all its attempts.
        concurrency: requests under way at once.
        key_env: environment variable that holds the API key, if the server wants one.

    Attributes:
        version: of the weights, for `Tokens.policy_version`; whoever changes the weights sets it.
            None for the model's name as the server gives it.

    Raises:
        ValueError: an argument is out of range or unknown.
        ServerUnavailable: (when it acts) there was no usable answer for `budget` seconds.
        ServerRefused: (when it acts) the server will not have a request: a wrong model or key, a
            prompt that is too long.
    """

    speaks = True
    # Its stream does not keep others waiting, so no scheduler needs a thread for it.
    waits = False

    def __init__(
        self,
        url: str,
        model: str = "",
        engine: str = "auto",
        prompt: str = "chat",
        moves: str = "free",
        temperature: float = 1.0,
        top_p: float = 1.0,
        top_k: int = 0,
        min_p: float = 0.0,
        max_tokens: int = 1024,
        stop: Sequence[str] = (),
        logprobs: str = "raw",
        timeout: float = 120.0,
        budget: float = 600.0,
        concurrency: int = 64,
        key_env: str = "ARENAS_API_KEY",
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"{url!r} is not the URL of a server, such as http://127.0.0.1:8000/v1"
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("the URL of a server has no user, password, query or fragment in it")
        _one_of("engine", engine, ("auto", *ENGINES))
        _one_of("prompt", prompt, ("chat", "text"))
        _one_of("moves", moves, ("free", "constrained"))
        _one_of("logprobs", logprobs, ("raw", "processed"))
        _within("temperature", temperature, 0, math.inf)
        _within("top_p", top_p, 0, 1)
        _within("top_k", top_k, 0, math.inf)
        _within("min_p", min_p, 0, 1)
        _within("max_tokens", max_tokens, 1, math.inf)
        _within("timeout", timeout, 0.1, math.inf)
        _within("budget", budget, 0.1, math.inf)
        _within("concurrency", concurrency, 1, math.inf)
        if prompt == "text" and not stop:
            stop = (BLANK_LINE,)
        self.name = f"server:{url}" + (f"?model={model}" if model else "")
        self.model, self.prompt, self.moves, self.logprobs = model, prompt, moves, logprobs
        self.sampling = Sampling(temperature, top_p, top_k, min_p, max_tokens, tuple(stop))
        self.endpoint = Endpoint(url, timeout, budget, concurrency, key_env)
        self.version: int | str | None = None
        self._dialect: OpenAI | None = ENGINES.get(engine)

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        stream = self.stream()
        stream.put(turns)
        replies: dict[int, Reply] = {}
        while len(stream):
            replies |= {id(turn): reply for turn, reply in stream.take()}
        return [replies[id(turn)] for turn in turns]

    def stream(self) -> Stream:
        """Asks for each turn as soon as it is put, and gives each reply as soon as it is there."""
        return _Asked(self)

    def start(self, turn: Turn) -> Future[Reply]:
        """Begins to ask for one reply; errors as in `act`."""
        return self.endpoint.start(self._reply(self._question(turn)))

    async def _reply(self, question: Question) -> Reply:
        dialect = self._dialect
        if dialect is None or not self.model:
            # Turns that are put together ask together, which does no harm.
            engine, model = await self._models()
            self._dialect = dialect = dialect or ENGINES[engine]
            self.model = self.model or model
        if question.constrained and not dialect.constrains:
            raise ValueError(
                f"moves='constrained' needs vLLM, SGLang or llama.cpp, and {self.endpoint.url} "
                "does not say that it is one: give its engine, or use moves='free'"
            )
        answer = await dialect.complete(self.endpoint, self.model, question, self.sampling)
        return Reply(text=answer.text, tokens=self._tokens(dialect, answer))

    async def _models(self) -> tuple[str, str]:
        try:
            return await self.endpoint.ask(f"{self.endpoint.url}/models", None, read_models)
        except ServerRefused as refused:
            # A server need not list its models if it is told which to use.
            if refused.status in (404, 405) and self.model:
                return "openai", self.model
            raise

    def _question(self, turn: Turn) -> Question:
        pictures = turn.pictures
        prompt: list[dict[str, Any]] | str
        if self.prompt == "chat":
            prompt = image_urls(with_pictures(turn.messages, pictures))
        elif len(pictures):
            raise ValueError(
                f"{turn.game.spec.name} shows pictures with these options, which prompt='text' "
                "cannot send: use prompt='chat'"
            )
        else:
            prompt = f"{turn.text}{BLANK_LINE}You:"
        # 31 bits are a seed everywhere.
        seed = turn.rng.bits() >> 33
        if self.moves == "free":
            return Question(prompt, seed)
        replies = turn.replies
        return Question(prompt, seed, replies, turn.grammar if replies is None else None)

    def _tokens(self, dialect: OpenAI, answer: Answer) -> Tokens | None:
        if answer.prompt is None or answer.completion is None:
            return None
        logprobs = answer.logprobs
        if logprobs is not None and len(logprobs) != len(answer.completion):
            logprobs = None
        tempered = dialect.tempered or self.logprobs == "processed"
        constrained = self.moves == "constrained"
        if constrained and not tempered:
            # The unchanged model's say nothing of what the constraint left to choose from.
            logprobs = None
        return Tokens(
            prompt=answer.prompt,
            completion=answer.completion,
            logprobs=logprobs,
            kind="constrained" if constrained else "sampled",
            policy_version=(answer.model or self.model) if self.version is None else self.version,
            finish=answer.finish,
            # Greedy decoding divides by nothing.
            temperature=self.sampling.temperature or 1.0 if tempered else 1.0,
        )

    def close(self) -> None:
        """Cancels what is under way and closes the connections."""
        self.endpoint.close()


class _Asked(Stream):
    """Turns that a server is being asked about."""

    def __init__(self, policy: ServerPolicy) -> None:
        self._policy = policy
        self._open: dict[Future[Reply], Turn] = {}
        self._done: SimpleQueue[Future[Reply]] = SimpleQueue()

    def put(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            future = self._policy.start(turn)
            self._open[future] = turn
            future.add_done_callback(self._done.put)

    def take(self) -> list[tuple[Turn, Reply]]:
        answered: list[tuple[Turn, Reply]] = []
        try:
            while self._open and not (answered and self._done.empty()):
                future = self._done.get()
                answered.append((self._open.pop(future), future.result()))
        except CancelledError:
            raise PolicyError(f"{self._policy.name} was closed while it was asking") from None
        except BaseException:
            # One error, or Ctrl-C, ends it for all of them.
            for future in self._open:
                future.cancel()
            raise
        return answered

    def __len__(self) -> int:
        return len(self._open)


def server_player(game: Game[Any], argument: str) -> ServerPolicy:
    """The player `server:URL?NAME=VALUE&...`; `ServerPolicy` has the names.

    `server:URL#MODEL` is short for `server:URL?model=MODEL`.

    Raises:
        ValueError: there is no URL, or a name or value is wrong.
    """
    address, _, model = argument.partition("#")
    url, _, query = address.partition("?")
    known = inspect.signature(ServerPolicy).parameters
    settings: dict[str, Any] = {"model": model} if model else {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "url" or name not in known:
            names = ", ".join(sorted(set(known) - {"url"}))
            raise ValueError(f"player 'server' takes no {name!r}; there are: {names}")
        if name == "stop":
            settings["stop"] = (*settings.get("stop", ()), value)
        elif name in settings:
            raise ValueError(f"player 'server': {name} is given twice")
        else:
            kind = type(known[name].default)
            try:
                settings[name] = kind(value)
            except ValueError:
                raise ValueError(
                    f"player 'server': {name}={value!r} is no {kind.__name__}"
                ) from None
    return ServerPolicy(url, **settings)


def _one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name}={value!r}: one of {', '.join(known)}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high or math.isinf(value):
        raise ValueError(f"{name}={value!r}: {low} to {high}")
