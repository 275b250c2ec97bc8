"""Free text by the continuous batching of `transformers`, over keys and values in pages.

For accelerators with flash attention, where pages waste no memory on padding and rows of any length
share a pass. Tokens are drawn by the library's own generator, so replies depend on how turns were
batched; elsewhere in this package they do not.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from transformers import ContinuousBatchingConfig, ContinuousBatchingManager, GenerationConfig

from arenas.core.policy import Reply, Stream, Turn
from arenas.policies.language.generate import Sampling, Writing

if TYPE_CHECKING:
    from arenas.policies.language.policy import LanguagePolicy

_PATIENCE = 0.5
"""Seconds between looks at whether the library's thread is still alive."""

_PAGE = 256
"""Tokens of a page."""

_SHARE = 0.5
"""Of an accelerator's free memory; the rest is left to whoever trains there."""

_CPU_PASS = 1_024
"""Tokens of a pass on a CPU, where the library's mask has a column for every token of all pages."""


def check_paged(moves: str, sampling: Any, adapters: Any) -> None:
    """Accepts what the library's continuous batching can do.

    Raises:
        ValueError: it cannot do this.
    """
    plain = isinstance(sampling, Sampling) and (sampling.top_p, sampling.top_k) == (1, 0)
    if moves != "free" or not plain or sampling.stop or adapters is not None:
        raise ValueError(
            "batching='paged' writes free text with one temperature for all turns: no top_p, "
            "top_k, stop strings, constraints or adapters by role"
        )


class Pages:
    """The library's manager of one policy, with its thread, until it is retired.

    Args:
        policy: whose model, prompts and settings are used.
        seed: of the library's generator.
    """

    def __init__(self, policy: LanguagePolicy, seed: int) -> None:
        sampling, model = policy.sampling, policy.passes.model
        assert isinstance(sampling, Sampling)
        drawing = {"do_sample": True, "temperature": sampling.temperature, "top_k": 0, "top_p": 1.0}
        self._end_ids = sorted(policy.prompts.end_ids)
        config = GenerationConfig(
            **(drawing if sampling.temperature else {"do_sample": False}),
            max_new_tokens=sampling.max_tokens,
            eos_token_id=self._end_ids,
            pad_token_id=policy.passes.pad_id,
        )
        batching = ContinuousBatchingConfig(
            return_logprobs=True, seed=seed, page_size=_PAGE, max_memory_percent=_SHARE
        )
        if policy.passes.device.type == "cpu":
            batching.num_blocks = policy.max_tokens // _PAGE
            batching.max_batch_tokens = _CPU_PASS
        self._model, self._training = model, model.training
        self._manager = ContinuousBatchingManager(model, config, batching)
        self._under_way: dict[str, tuple[PagedWriters, Writing[Turn]]] = {}
        self._asked = 0
        self._retired = False
        # A thread is a daemon if a daemon started it. So the process can end with replies under
        # way, and the finalizer, which runs then, ends the thread.
        starter = threading.Thread(target=self._manager.start, daemon=True)
        starter.start()
        starter.join()
        self._finalizer = weakref.finalize(self, self._manager.stop, hard_stop=True)

    def put(self, stream: PagedWriters, writing: Writing[Turn]) -> None:
        """Asks for a reply, which `pump` hands to the stream."""
        self._asked += 1
        self._under_way[str(self._asked)] = (stream, writing)
        self._manager.add_request(
            list(writing.prompt.ids),
            request_id=str(self._asked),
            max_new_tokens=writing.sampling.max_tokens,
            eos_token_id=self._end_ids,
        )

    def pump(self, wait: bool) -> bool:
        """Hands one finished reply to its stream; whether there was one.

        Raises:
            RuntimeError: the library has failed.
        """
        result = self._manager.get_result(timeout=_PATIENCE if wait else 0)
        if result is None:
            if not self._manager.is_running():
                raise RuntimeError("the continuous batching of transformers has stopped")
            return False
        if result.error is not None:
            raise RuntimeError(f"the continuous batching of transformers failed: {result.error}")
        stream, writing = self._under_way.pop(result.request_id)
        writing.completion = list(result.generated_tokens)
        writing.logprobs = list(result.logprobs)
        writing.finish = "stop" if writing.completion[-1] in self._end_ids else "length"
        stream.ended.append(writing)
        self._stop_if_done()
        return True

    def retire(self) -> None:
        """Ends the thread and frees the pages as soon as no reply is under way."""
        self._retired = True
        self._stop_if_done()

    def _stop_if_done(self) -> None:
        if self._retired and not self._under_way and self._finalizer.detach():
            self._manager.stop()
            self._model.train(self._training)


class PagedWriters(Stream):
    """Turns whose replies are being written by the library's thread."""

    def __init__(self, policy: LanguagePolicy) -> None:
        self.ended: list[Writing[Turn]] = []
        self._policy = policy
        self._pages: Pages | None = None
        self._count = 0

    def put(self, turns: Sequence[Turn]) -> None:
        for turn in turns:
            writing = self._policy.writing(turn)
            if self._pages is None:
                self._pages = self._policy.pages(turn)
            self._pages.put(self, writing)
            self._count += 1

    def take(self) -> list[tuple[Turn, Reply]]:
        while self._pages is not None and len(self.ended) < self._count:
            if not self._pages.pump(wait=not self.ended) and self.ended:
                break
        ended, self.ended = self.ended, []
        self._count -= len(ended)
        return [(each.key, self._policy.written(each)) for each in ended]

    def __len__(self) -> int:
        return self._count
