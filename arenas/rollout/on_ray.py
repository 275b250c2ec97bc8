"""Matches in processes of Ray, on one machine or a cluster.

A worker is an actor of Ray with games and players of its own, which plays many matches at once as
the local rollout does. It is told which matches to play. A match is its options, its seed and its
moves, so one that was under way in a worker that died is played again by another, and comes out the
same. A match is with one worker at a time and counts when its result has come back, so each is
finished once.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from typing import Any, Generic, NamedTuple, TypeVar

import arenas
from arenas.core.policy import Policy, PolicyError
from arenas.registry import find, register
from arenas.rollout.matches import Planned, Tables
from arenas.rollout.scheduler import AHEAD, Running, as_finished

T = TypeVar("T")

_SECONDS = 0.1
"""A worker hands over what it has finished about so often."""

_DEATHS = 3
"""As many times as there are workers, with no match finished in between, and a rollout ends."""

_ALL_INTERFACES = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Ray's variable that decides, when Ray is imported, whether it listens beyond this machine."""


class WorkersDied(PolicyError):
    """Workers die again and again, so that no match is finished any more."""


def play_on_ray(
    tables: Tables,
    n: int,
    seed: int,
    told: Callable[[Running], T],
    workers: int | None = None,
    ray_options: Mapping[str, Any] | None = None,
) -> Iterator[T]:
    """Plays matches in workers, and yields what `told` makes of each, in order.

    Uses the Ray that is initialised; else the cluster that `RAY_ADDRESS` names; else starts one on
    this machine, which other machines cannot reach, and leaves it running for the next rollout.
    Players given by name are made in the workers, and policies are sent as they are now. Waits for
    the first worker that has made games and players, so that what they raise is raised here.

    Args:
        tables: the games; their players are not made here.
        n, seed: which matches, as in `play_matches`.
        told: a function of a module.
        workers: at least 1; None for one a CPU that Ray has. Those that there is no room for join
            when there is.
        ray_options: of each worker's actor, as in Ray's `options()`.

    Raises:
        ImportError: Ray is not installed.
        UnknownNameError, ValueError: a player cannot be made.
        TypeError: a player cannot be sent to another process.
        WorkersDied: (also while iterating) every worker died several times and nothing was played.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: at least 1, or None for one a CPU")
    plan = tables.plan(n, seed)
    ray = started(workers)
    terms = tables.terms
    entries = [find(game_id) for game_id, _ in terms.games]
    sent = replace(terms, players=terms.fixed)
    order = ray.put(pickled((arenas.__version__, entries, sent, told), terms.fixed or ()))
    size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    crew: _Crew[T] = _Crew(ray, order, plan, terms.concurrency, size, ray_options or {})
    crew.assemble()
    return crew.results(n)


def started(workers: int | None = None) -> Any:
    """The package `ray`, initialised as `play_on_ray` says.

    Args:
        workers: that there is to be room for, if Ray is started here.

    Raises:
        ImportError: Ray is not installed.
    """
    cluster = os.environ.get("RAY_ADDRESS")
    if not cluster and "ray" not in sys.modules:
        os.environ.setdefault(_ALL_INTERFACES, "0")
    try:
        import ray
    except ImportError:
        raise ImportError("this needs ray: pip install 'selfplay-arenas[ray]'") from None
    if not ray.is_initialized():
        own: dict[str, Any] = {}
        if not cluster:
            own = {"num_cpus": max(workers or 1, os.cpu_count() or 1), "include_dashboard": False}
        ray.init(log_to_driver=False, **own)
    return ray


def pickled(value: Any, players: Iterable[str | Policy]) -> bytes:
    """A value as bytes for another process.

    Args:
        value: what is sent.
        players: those in it.

    Raises:
        TypeError: one of them cannot be sent; the message says which and why.
    """
    import ray

    pickler: Any = ray.cloudpickle
    try:
        return bytes(pickler.dumps(value))
    except Exception:
        for player in players:
            try:
                pickler.dumps(player)
            except Exception as error:
                raise TypeError(
                    f"{player!r} cannot be sent to Ray's workers, because it cannot be pickled "
                    f"({error}); give its name, or make it picklable"
                ) from None
        raise


class _Failure(NamedTuple):
    """What ended a worker's play, and where: a traceback does not travel with its exception."""

    error: Exception
    traceback: str

    @classmethod
    def of(cls, error: Exception, pickler: Any) -> _Failure:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        try:
            pickler.loads(pickler.dumps(error))
        except Exception:
            error = RuntimeError(repr(error))
        return cls(error, text)


class _Answer(NamedTuple):
    """Finished matches, by number, as the caller wants them told; and what ended the play."""

    finished: list[tuple[int, Any]]
    failure: _Failure | None = None


class _Refilled(Iterator[Planned]):
    """What is waiting; after the end it goes on if there is more."""

    def __init__(self, waiting: deque[Planned]) -> None:
        self._waiting = waiting

    def __next__(self) -> Planned:
        if not self._waiting:
            raise StopIteration
        return self._waiting.popleft()


class _Worker:
    """The actor: games and players, and the matches that are under way."""

    def __init__(self, order: bytes) -> None:
        from ray import cloudpickle

        self._pickler = cloudpickle
        self._order = order
        self._waiting: deque[Planned] = deque()
        self._going: Iterator[Running] = iter(())

    def prepare(self) -> _Answer:
        """Makes games and players."""
        try:
            version, entries, terms, self._told = self._pickler.loads(self._order)
            if version != arenas.__version__:
                raise RuntimeError(
                    f"a worker of Ray has selfplay-arenas {arenas.__version__}, "
                    f"the caller has {version}"
                )
            for entry in entries:
                register(**asdict(entry))
            self._tables = Tables(terms)
            self._tables.seat()
        except Exception as error:
            return _Answer([], _Failure.of(error, self._pickler))
        return _Answer([])

    def play(self, more: bytes) -> _Answer:
        """Takes `more` matches and plays for a while, until one at least is finished."""
        finished: list[tuple[int, Any]] = []
        until = time.monotonic() + _SECONDS
        try:
            self._waiting.extend(self._pickler.loads(more))
            while not finished:
                for each in self._going:
                    finished.append((each.number, self._told(each)))
                    if time.monotonic() >= until:
                        break
                else:
                    begun = map(self._tables.begin, _Refilled(self._waiting))
                    self._going = as_finished(begun, self._tables.terms.concurrency)
        except Exception as error:
            return _Answer(finished, _Failure.of(error, self._pickler))
        return _Answer(finished)

    def close(self) -> None:
        """Closes games and players."""
        self._tables.close()


@dataclass
class _Hand:
    """A worker as the caller sees it.

    Attributes:
        actor: its handle.
        call: what it is doing; None when it is idle.
        out: the matches that it has and has not finished.
    """

    actor: Any
    call: Any
    out: dict[int, Planned] = field(default_factory=dict)


class _Crew(Generic[T]):
    """The workers of one rollout, and what is with each of them."""

    def __init__(
        self,
        ray: Any,
        order: Any,
        plan: Iterator[Planned],
        concurrency: int,
        workers: int,
        options: Mapping[str, Any],
    ) -> None:
        self._ray = ray
        self._order = order
        self._plan = plan
        self._concurrency = concurrency
        given = {"num_cpus": 1, "scheduling_strategy": "SPREAD", **options}
        self._actors = ray.remote(_Worker).options(**given)
        failures = ray.exceptions
        # What says that a worker, or the node with what it had handed over, is gone.
        self._gone = (
            failures.RayActorError,
            failures.NodeDiedError,
            failures.ObjectLostError,
            failures.OutOfMemoryError,
        )
        self._lost: deque[Planned] = deque()
        self._held: dict[int, T] = {}
        self._deaths = 0
        self._hands = [self._hired() for _ in range(workers)]

    def assemble(self) -> None:
        """Waits for the first worker that has made games and players.

        Raises:
            What they raised, and WorkersDied.
        """
        try:
            while all(hand.call is not None for hand in self._hands):
                self._collect()
        except BaseException:
            self._dismiss()
            raise

    def results(self, n: int) -> Iterator[T]:
        """The results of matches 0 to n - 1, in order."""
        due = 0
        try:
            while True:
                self._hand_out()
                while due in self._held:
                    yield self._held.pop(due)
                    due += 1
                if due == n:
                    return
                self._collect()
        except (Exception, KeyboardInterrupt):
            for number in sorted(self._held):
                yield self._held.pop(number)
            raise
        finally:
            self._dismiss()

    def _hand_out(self) -> None:
        """Gives every idle worker what it has room for, and has it go on."""
        for hand in self._hands:
            if hand.call is not None:
                continue
            # As many again as it plays at once, so that none waits for the next call.
            room = 2 * self._concurrency - len(hand.out)
            more = [self._lost.popleft() for _ in range(min(room, len(self._lost)))]
            if len(self._held) <= AHEAD * self._concurrency * len(self._hands):
                more += islice(self._plan, room - len(more))
            hand.out.update({planned.number: planned for planned in more})
            if hand.out:
                players = chain.from_iterable(planned.players or () for planned in more)
                hand.call = hand.actor.play.remote(pickled(more, players))

    def _collect(self) -> None:
        """Waits for a worker to hand over what it has finished; replaces those that have died."""
        busy = {hand.call: hand for hand in self._hands if hand.call is not None}
        ready, _ = self._ray.wait(list(busy))
        for call in ready:
            hand = busy[call]
            try:
                answer = self._ray.get(call)
            except self._gone as error:
                self._replace(hand, error)
                continue
            hand.call = None
            for number, result in answer.finished:
                del hand.out[number]
                self._held[number] = result
                self._deaths = 0
            if answer.failure is not None:
                where = f"in a worker of Ray:\n{answer.failure.traceback}"
                raise answer.failure.error from RuntimeError(where)

    def _replace(self, hand: _Hand, error: Exception) -> None:
        """Puts a new worker in the place of one that has died, and its matches back in line."""
        self._deaths += 1
        if self._deaths > _DEATHS * len(self._hands):
            raise WorkersDied(
                f"{self._deaths} workers died one after another and finished no match: {error}"
            ) from error
        # It may only have been out of reach; then it must not go on.
        self._ray.kill(hand.actor)
        self._lost.extend(hand.out.values())
        fresh = self._hired()
        hand.actor, hand.call, hand.out = fresh.actor, fresh.call, {}

    def _hired(self) -> _Hand:
        actor = self._actors.remote(self._order)
        return _Hand(actor, actor.prepare.remote())

    def _dismiss(self) -> None:
        for hand in self._hands:
            if hand.call is None:
                # It ends when it has closed what it holds and nobody has its handle.
                hand.actor.close.remote()
            else:
                self._ray.kill(hand.actor)
        self._hands = []
