"""One HTTP endpoint that is asked many things at once: time limits, retries, clear errors."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from arenas.core.policy import PolicyError

try:
    import aiohttp
except ImportError as error:
    raise ImportError(
        "players on a server need aiohttp: pip install 'selfplay-arenas[server]'"
    ) from error

T = TypeVar("T")

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 20.0
"""Seconds before the first retry; doubled for each one after it, up to the longest."""

WARNING_PAUSE = 60.0
"""Least seconds between two warnings that a server does not answer."""

_AGAIN = {408, 409, 425, 429}
"""Statuses below 500 that another attempt may change."""

_EXCERPT = 300
_log = logging.getLogger(__name__)


class ServerUnavailable(PolicyError):
    """A server gave no usable answer for as long as it was asked.

    Attributes:
        url: what was asked.
        attempts: how often.
        seconds: how long, pauses included.
        reason: what came of the last attempt.
    """

    def __init__(self, url: str, attempts: int, seconds: float, reason: str) -> None:
        super().__init__(
            f"{url} gave no usable answer; attempts: {attempts} in {seconds:.1f} s; "
            f"the last one {reason}"
        )
        self.url, self.attempts, self.seconds, self.reason = url, attempts, seconds, reason


class ServerRefused(PolicyError):
    """A server understood a request and refused it; asking again would not help.

    Attributes:
        url: what was asked.
        status: the HTTP status, 300 to 499.
    """

    def __init__(self, url: str, status: int, said: str) -> None:
        super().__init__(f"{url} refused the request with status {status}: {said}")
        self.url, self.status = url, status


class _Failed(Exception):
    """One attempt failed in a way that the next may not; `pause` is what the server asked for."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Endpoint:
    """Asks one server, from a thread of its own, whether or not the caller runs an event loop.

    Tried again, with exponential backoff and jitter: lost connections, timeouts, bodies cut short,
    answers that make no sense, and the statuses 408, 409, 425, 429 and 500 to 599. `Retry-After` is
    honoured. Redirects are not followed, so that the key goes nowhere else.

    Args:
        url: where the OpenAI-compatible routes begin: "http://127.0.0.1:8000/v1".
        timeout: seconds that one attempt may take.
        budget: seconds that one request may take, with all its attempts and the pauses between.
        concurrency: requests under way at once.
        key_env: environment variable with the API key, which is read when first needed and kept
            out of errors; not set for none.
    """

    def __init__(
        self, url: str, timeout: float, budget: float, concurrency: int, key_env: str
    ) -> None:
        self.url = url.rstrip("/")
        self.timeout, self.budget = timeout, budget
        self.concurrency, self.key_env = concurrency, key_env
        self._lock = threading.Lock()
        self._link: _Link | None = None
        self._shut: Callable[[], object] = lambda: None
        self._next_warning = 0.0
        # The module's own generator belongs to whoever seeds it.
        self._jitter = random.Random()

    @property
    def root(self) -> str:
        """The URL without its "/v1", where servers keep routes of their own."""
        return self.url.removesuffix("/v1")

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begins to run a coroutine that calls `ask`; what is started together is asked together.

        The future raises as `ask` does, or is cancelled when `close` is called.
        """
        with self._lock:
            if self._link is None:
                self._link = _Link(os.environ.get(self.key_env, "").strip(), self.concurrency)
                # Also when this object is forgotten or the interpreter ends.
                self._shut = weakref.finalize(self, self._link.close)
            return self._link.start(work)

    async def ask(self, url: str, body: Any, read: Callable[[Any], T]) -> T:
        """What `read` makes of the JSON that answers a POST of `body`, or a GET if it is None.

        Args:
            url: the whole of it.
            body: JSON value.
            read: raises LookupError, TypeError or ValueError for an answer that makes no sense.

        Raises:
            ServerUnavailable: the budget is spent.
            ServerRefused: the server will not have this request.
        """
        link = self._link
        assert link is not None, "ask is called by what start runs"
        async with link.slots:
            began, attempts = time.monotonic(), 0
            while True:
                attempts += 1
                left = self.budget - (time.monotonic() - began)
                limit = max(FIRST_PAUSE / 2, min(self.timeout, left))
                try:
                    return _understood(await self._attempt(link, url, body, limit), read)
                except _Failed as failure:
                    failed = failure
                spent = time.monotonic() - began
                left = self.budget - spent
                if left < FIRST_PAUSE or failed.pause >= left:
                    asked = f", which asked to wait {failed.pause:g} s" if failed.pause else ""
                    raise ServerUnavailable(url, attempts, spent, f"{failed}{asked}")
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts - 1, 20))
                # Of what is left, half is for the attempt.
                pause = max(failed.pause, min(pause * self._jitter.uniform(1.0, 1.5), left / 2))
                self._warn(url, failed)
                await asyncio.sleep(pause)

    async def _attempt(self, link: _Link, url: str, body: Any, limit: float) -> Any:
        try:
            async with link.session.request(
                "GET" if body is None else "POST",
                url,
                json=body,
                timeout=aiohttp.ClientTimeout(total=limit),
                allow_redirects=False,
            ) as response:
                data = await response.read()
        except asyncio.TimeoutError:
            raise _Failed(f"had no answer within {limit:.1f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _Failed(f"broke off: {type(error).__name__}: {error}") from None
        if response.status in _AGAIN or response.status >= 500:
            pause = _seconds(response.headers.get("Retry-After", ""))
            raise _Failed(f"was answered with status {response.status}: {link.cite(data)}", pause)
        if response.status >= 300:
            raise ServerRefused(url, response.status, link.cite(data))
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise _Failed(f"was not answered with JSON: {link.cite(data)}") from None

    def _warn(self, url: str, failed: _Failed) -> None:
        """Says why nothing comes, once a minute however many requests are waiting."""
        now = time.monotonic()
        if now >= self._next_warning:
            self._next_warning = now + WARNING_PAUSE
            _log.warning("%s: an attempt %s; trying again for %g s", url, failed, self.budget)

    def close(self) -> None:
        """Cancels what is under way and closes the connections; `start` would open new ones."""
        with self._lock:
            self._shut()
            self._link = None

    def __getstate__(self) -> dict[str, Any]:
        """The settings alone, so that copies in other processes open their own connections."""
        names = ("url", "timeout", "budget", "concurrency", "key_env")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, settings: dict[str, Any]) -> None:
        self.__init__(**settings)  # type: ignore[misc]


class _Link:
    """An event loop in a thread and the connections that live in it."""

    def __init__(self, key: str, concurrency: int) -> None:
        self._key = key
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.start(self._open(concurrency)).result()

    async def _open(self, concurrency: int) -> None:
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self.slots = asyncio.Semaphore(concurrency)
        self.session = aiohttp.ClientSession(
            headers=headers, connector=aiohttp.TCPConnector(limit=concurrency)
        )

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def cite(self, data: bytes) -> str:
        """The beginning of a body for an error, on one line, without the key."""
        text = " ".join(data[: 4 * _EXCERPT].decode(errors="replace").split())
        return repr(text.replace(self._key, "[key]")[:_EXCERPT] if self._key else text[:_EXCERPT])

    def close(self) -> None:
        if threading.current_thread() is self._thread:
            # Its own last task was the last to know the endpoint; it cannot wait for itself.
            threading.Thread(target=self.close).start()
            return
        self.start(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.session.close()
        await self._loop.shutdown_default_executor()


def _understood(given: Any, read: Callable[[Any], T]) -> T:
    try:
        return read(given)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _Failed(f"was answered with JSON of another form: {error!r}") from None


def _seconds(retry_after: str) -> float:
    """A `Retry-After` header in seconds from now: a number or a date (RFC 9110, 10.2.3)."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0
