"""Passes over a causal model: left-padded batches that may begin with kept keys and values."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from arenas.policies.language.prompts import Ids, Prompt

KeyValues = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of each layer, (rows, heads, tokens, head size) each."""

_KEPT_PREFIXES = 64
_FULL, _SLIDING = "full_attention", "sliding_attention"


class _Columns(DynamicLayer):
    """Keys and values of one layer, with room for more columns, so that a step copies nothing.

    Args:
        rooms: keys and values, (rows, heads, columns, head size); the first `size` columns count.
            Room beyond them is written to.
        size: columns read so far.
    """

    spare = 64

    def __init__(self, rooms: Sequence[torch.Tensor] = (), size: int = 0) -> None:
        super().__init__()
        self.rooms = list(rooms)
        if self.rooms:
            self.lazy_initialization(*self.rooms)
            self.keys, self.values = (room[:, :, :size] for room in self.rooms)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        new = (key_states, value_states)
        if not self.is_initialized:
            self.lazy_initialization(*new)
            self.keys, self.values = (each[:, :, :0] for each in new)
        old = self.keys.shape[2]
        size = old + key_states.shape[2]
        if not self.rooms or self.rooms[0].shape[2] < size:
            columns, self.rooms = (self.keys, self.values), []
            for each in columns:
                shape = (*each.shape[:2], size + self.spare, each.shape[3])
                self.rooms.append(each.new_empty(shape))
                self.rooms[-1][:, :, :old] = each
        for room, each in zip(self.rooms, new, strict=True):
            room[:, :, old:size] = each
        self.keys, self.values = (room[:, :, :size] for room in self.rooms)
        return self.keys, self.values


@dataclass(slots=True)
class Seen:
    """What a batch has read.

    Attributes:
        cache: keys and values of each layer, columns as in `mask`; a pass adds to it.
        mask: bool, (rows, columns); False for padding.
        lengths: int64, (rows,): tokens read by each row, which is the position of the next.
    """

    cache: DynamicCache
    mask: torch.Tensor
    lengths: torch.Tensor

    @property
    def width(self) -> int:
        """Columns, padding included."""
        return self.mask.shape[1]

    def selected(self, rows: torch.Tensor) -> Seen:
        """Copies of these rows, some perhaps several times."""
        layers = [
            _Columns([_rows_of(room, rows) for room in layer.rooms], self.width)
            for layer in self.cache.layers
        ]
        return Seen(_cache(layers), self.mask[rows], self.lengths[rows]).trimmed()

    def trimmed(self) -> Seen:
        """The same without columns that all rows pad; keys and values are views."""
        first = int(self.mask.any(0).int().argmax())
        if not first:
            return self
        layers = [
            _Columns([room[:, :, first:] for room in layer.rooms], self.width - first)
            for layer in self.cache.layers
        ]
        return Seen(_cache(layers), self.mask[:, first:], self.lengths)

    @torch.inference_mode()
    def replace(self, rows: torch.Tensor, other: Seen) -> None:
        """Puts others in place of these rows; they are at most as wide."""
        for mine, new in zip(self.cache.layers, other.cache.layers, strict=True):
            own = rows.to(new.keys.device)
            for room, columns in ((mine.keys, new.keys), (mine.values, new.values)):
                room[own, :, self.width - other.width :] = columns
        self.mask[rows] = F.pad(other.mask, (self.width - other.width, 0))
        self.lengths[rows] = other.lengths

    def joined(self, other: Seen) -> Seen:
        """The rows of both, the shorter ones padded on the left."""
        both = (self, other)
        size = max(self.width, other.width)
        layers = [
            _Columns([_stacked(a.keys, b.keys, size), _stacked(a.values, b.values, size)], size)
            for a, b in zip(self.cache.layers, other.cache.layers, strict=True)
        ]
        masks = [F.pad(each.mask, (size - each.width, 0)) for each in both]
        return Seen(_cache(layers), torch.cat(masks), torch.cat([self.lengths, other.lengths]))


def _cache(layers: Sequence[_Columns] = ()) -> DynamicCache:
    cache = DynamicCache()
    cache.layer_class_to_replicate = _Columns
    cache.layers = list(layers)
    return cache


def _begun(pairs: KeyValues) -> DynamicCache:
    """A cache that begins with these columns and never writes to them."""
    return _cache([_Columns(pair, pair[0].shape[2]) for pair in pairs])


def _rows_of(columns: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    # Layers may lie on several devices.
    return columns.index_select(0, rows.to(columns.device))


def _stacked(a: torch.Tensor, b: torch.Tensor, size: int) -> torch.Tensor:
    """The rows of both with `size` columns, padded on the left, and room for more on the right."""
    rows, (_, heads, _, width) = len(a) + len(b), a.shape
    room = a.new_zeros((rows, heads, size + _Columns.spare, width))
    room[: len(a), :, size - a.shape[2] : size] = a
    room[len(a) :, :, size - b.shape[2] : size] = b
    return room


class Passes:
    """Forward passes of one model, without gradients, with log-probabilities in float32.

    Args:
        model: a causal language model of `transformers`, or one with adapters of `peft`.
        pad_id: any id; padding is masked.
        reuse: keep the keys and values of prompts' shared beginnings; not where layers see a
            sliding window, whose columns must not have gaps.

    Raises:
        ValueError: the model takes no `position_ids`, which left padding needs, or has layers other
            than attention, whose state cannot be cut and joined.
    """

    def __init__(self, model: Any, pad_id: int = 0, reuse: bool = True) -> None:
        self.model = model
        self.pad_id = pad_id
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        takes = inspect.signature(base.forward).parameters
        if "position_ids" not in takes:
            raise ValueError(
                f"{type(base).__name__} takes no position_ids, so its batches cannot be padded"
            )
        self._keeps_logits = "logits_to_keep" in takes
        self.config = base.config.get_text_config(decoder=True)
        layers = set(getattr(self.config, "layer_types", None) or [_FULL])
        if not layers <= {_FULL, _SLIDING}:
            raise ValueError(
                f"{type(base).__name__} has {sorted(layers)}: attention alone is known"
            )
        slides = _SLIDING in layers or not getattr(self.config, "layer_types", None)
        self.window: int | None = getattr(self.config, "sliding_window", None) if slides else None
        self.reuse = reuse and self.window is None
        self.vocabulary: int = self.config.vocab_size
        self._prefixes: OrderedDict[tuple[str, Ids], KeyValues] = OrderedDict()

    @property
    def device(self) -> torch.device:
        """Where the model's inputs go."""
        device: torch.device = self.model.get_input_embeddings().weight.device
        return device

    def forget(self) -> None:
        """Drops kept keys and values, which go with the weights they were computed with."""
        self._prefixes.clear()

    def __call__(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: DynamicCache,
        adapters: Sequence[str],
        keep: int = 1,
    ) -> torch.Tensor:
        """Logits of the last `keep` tokens: float32, (rows, keep, vocabulary).

        Args:
            ids: int64, (rows, new tokens).
            mask: bool, (rows, columns) or (rows, 1, new tokens, columns), columns of the cache
                first.
            positions: int64, (rows, new tokens).
            cache: what was read before; it grows.
            adapters: of `peft`, one a row; empty names for the model as it stands.
            keep: for how many of the last tokens logits are wanted; 0 for none.
        """
        more: dict[str, Any] = {"logits_to_keep": max(keep, 1)} if self._keeps_logits else {}
        if any(adapters):
            # Rows of different roles go through together, each with its own adapter.
            more["adapter_names"] = list(adapters)
        was_training = self.model.training
        if was_training:
            self.model.eval()
        try:
            with torch.inference_mode():
                output = self.model(
                    input_ids=ids,
                    attention_mask=mask if mask.dim() == 2 else self._for_attention(mask),
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    **more,
                )
        finally:
            if was_training:
                self.model.train()
        logits: torch.Tensor = output.logits[:, output.logits.shape[1] - keep :].float()
        return logits

    def read(self, prompts: Sequence[Prompt]) -> tuple[torch.Tensor, Seen]:
        """Logits after each prompt, (rows, vocabulary), and what was read."""
        pairs, known = self._beginnings(prompts)
        ids, fresh, positions = self._left_padded(prompts, known)
        mask, cache = torch.cat([known, fresh], 1), _begun(pairs)
        logits = self(ids, mask, positions, cache, [p.adapter for p in prompts])
        return logits[:, -1], Seen(cache, mask, mask.sum(1))

    def read_with_tails(
        self,
        prompts: Sequence[Prompt],
        tails: torch.Tensor,
        depths: torch.Tensor,
        sees: torch.Tensor,
    ) -> torch.Tensor:
        """Logits of each prompt's last token and of a tree of tokens that may follow it.

        Args:
            prompts: one a row.
            tails: int64, (rows, nodes): the tokens of the tree.
            depths: int64, (rows, nodes): 0 for those that follow the prompt at once.
            sees: bool, (rows, nodes, nodes): which tokens of the tree each one follows, itself
                included.

        Returns:
            float32, (rows, 1 + nodes, vocabulary).

        Raises:
            ValueError: the attention takes no such mask, or slides over less than all of it.
        """
        pairs, known = self._beginnings(prompts)
        ids, fresh, positions = self._left_padded(prompts, known)
        rows, width = ids.shape
        nodes = tails.shape[1]
        mask = torch.cat([known, fresh], 1)
        if nodes:
            lengths = mask.sum(1, keepdim=True)
            ids = torch.cat([ids, tails], 1)
            positions = torch.cat([positions, lengths + depths], 1)
            columns = mask.shape[1]
            full = torch.zeros((rows, width + nodes, columns + nodes), dtype=torch.bool)
            full = full.to(mask.device)
            causal = torch.ones((width, columns), dtype=torch.bool, device=mask.device)
            full[:, :width, :columns] = mask[:, None] & causal.tril(columns - width)
            # Padding sees itself: attention to nothing at all is not a number in some kernels.
            own = torch.arange(width, device=mask.device)
            full[:, own, own + columns - width] = True
            full[:, width:, :columns] = mask[:, None]
            full[:, width:, columns:] = sees
            mask = full[:, None]
            if self.window is not None and columns + nodes > self.window:
                raise ValueError(
                    f"{columns + nodes} tokens in a sliding window of {self.window} cannot be "
                    "scored as a tree; take moves='labels' or 'constrained'"
                )
        adapters = [prompt.adapter for prompt in prompts]
        return self(ids, mask, positions, _begun(pairs), adapters, keep=1 + nodes)

    def tokens(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """Rows of equal length as an int64 tensor on the model's device."""
        return torch.tensor(ids, dtype=torch.int64).to(self.device)

    def _left_padded(
        self, prompts: Sequence[Prompt], known: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Ids after the kept beginnings, their mask and their positions: (rows, width) each."""
        rest = [prompt.ids[prompt.shared if self.reuse else 0 :] for prompt in prompts]
        width = max(map(len, rest))
        ids = self.tokens([[self.pad_id] * (width - len(row)) + list(row) for row in rest])
        sizes = self.tokens([[len(row)] for row in rest])
        places = torch.arange(width, device=ids.device) - (width - sizes)
        positions = places.clamp(min=0) + known.sum(1, keepdim=True)
        return ids, places >= 0, positions

    def _beginnings(self, prompts: Sequence[Prompt]) -> tuple[KeyValues, torch.Tensor]:
        """Keys, values and mask of the prompts' shared beginnings, left-padded to the longest."""
        if not self.reuse or not any(prompt.shared for prompt in prompts):
            return [], torch.ones((len(prompts), 0), dtype=torch.bool, device=self.device)
        beginnings = [(prompt.adapter, prompt.ids[: prompt.shared]) for prompt in prompts]
        distinct = list(dict.fromkeys(beginnings))
        longest = max(len(ids) for _, ids in distinct)
        kept = [self._prefix(*beginning) for beginning in distinct]
        which = torch.tensor([distinct.index(each) for each in beginnings], device=self.device)
        template = next(each for each in kept if each)
        cache: KeyValues = []
        for layer, (keys, values) in enumerate(template):
            pair = []
            for part, like in enumerate((keys, values)):
                none = like[:, :, :0]
                columns = [each[layer][part] if each else none for each in kept]
                padded = [F.pad(c, (0, 0, longest - c.shape[2], 0)) for c in columns]
                joined = torch.cat(padded) if len(padded) > 1 else padded[0]
                alone = len(padded) == 1
                pair.append(
                    joined.expand(len(which), -1, -1, -1) if alone else _rows_of(joined, which)
                )
            cache.append((pair[0], pair[1]))
        sizes = torch.tensor([len(ids) for _, ids in distinct], device=self.device)[which]
        known = torch.arange(longest, device=self.device) >= longest - sizes[:, None]
        return cache, known

    def _prefix(self, adapter: str, ids: Ids) -> KeyValues:
        if not ids:
            return []
        key = (adapter, ids)
        if key not in self._prefixes:
            row = self.tokens([ids])
            positions = torch.arange(len(ids), device=row.device)[None]
            mask = torch.ones_like(row, dtype=torch.bool)
            cache = _cache()
            self(row, mask, positions, cache, [adapter], keep=0)
            self._prefixes[key] = [(layer.keys, layer.values) for layer in cache.layers]
            if len(self._prefixes) > _KEPT_PREFIXES:
                self._prefixes.popitem(last=False)
        self._prefixes.move_to_end(key)
        return self._prefixes[key]

    def _for_attention(self, mask: torch.Tensor) -> torch.Tensor:
        """A mask of any form, as the model's attention takes it.

        Raises:
            ValueError: its attention takes none.
        """
        kind = self.config._attn_implementation
        if kind == "sdpa":
            return mask
        if kind == "eager":
            dtype = self.model.dtype
            none = torch.finfo(dtype).min
            return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, none)
        raise ValueError(
            f"attention {kind!r} takes no mask over trees of tokens: load the model with "
            "attn_implementation='sdpa', or take moves='labels' or 'constrained'"
        )
