"""Turns a second of language models in the seats, beside what most code does.

Every row plays TicTacToe with one randomly initialised model in both seats, in a process of its
own. README.md in this folder says more.
"""

from __future__ import annotations

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")

import argparse
import json
import math
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

GAME = "TicTacToe-v0"
SHAPES = {
    "tiny": {"hidden": 64, "layers": 2, "heads": 4, "vocabulary": 512},
    "25M": {"hidden": 512, "layers": 8, "heads": 8, "vocabulary": 512},
    "0.5B": {"hidden": 896, "layers": 24, "heads": 14, "vocabulary": 151_936},
}
ONE_BY_ONE = "generate, one turn at a time"
ALONE = ("the model alone, one pass", "the model alone, written")
ROWS = (
    *ALONE,
    ONE_BY_ONE,
    "generate, padded lockstep batch",
    "free",
    "constrained",
    "scored",
    "scored, no kept prefix",
    "labels",
)
REPLIES = {"equal": "8 tokens each", "unequal": "exponential, mean 16, at most 64 tokens"}
MEAN_TOKENS = {"equal": 8, "unequal": 16}
CONCURRENCY = (1, 16, 64, 256)


# -- one row in a process of its own ---------------------------------------------------------------


def make_model(shape: str, device: str) -> tuple[Any, Any]:
    """A model of the shape and a tokenizer whose vocabulary is bytes and the game's words."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    import arenas

    size = SHAPES[shape]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=[
            AddedToken(name, special=True, normalized=False)
            for name in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
        ],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    game = arenas.make_game(GAME)
    tokenizer.train_from_iterator([game.brief(0), *game.reply_examples()] * 10, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        chat_template=(
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
            "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
        ),
    )
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=size["vocabulary"],
        hidden_size=size["hidden"],
        intermediate_size=4 * size["hidden"],
        num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"],
        num_key_value_heads=size["heads"] // 2,
        head_dim=size["hidden"] // size["heads"],
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        eos_token_id=0,
        pad_token_id=0,
    )
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    return Qwen3ForCausalLM(config).to(device, dtype).eval(), fast


def make_policy(row: str, replies: str, model: Any, tokenizer: Any) -> Any:
    """The player of a row."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    from arenas.core.policy import Policy, Reply, Turn
    from arenas.policies.language import LanguagePolicy, Prompts, Sampling

    prompts = Prompts(tokenizer, history=False)

    def budget(turn: Turn) -> int:
        if replies == "equal":
            return 8
        return min(64, 1 + int(-15 * math.log(1 - turn.rng.fork(7).random())))

    def sampling(turn: Turn) -> Sampling:
        return Sampling(max_tokens=budget(turn))

    class Enough(StoppingCriteria):
        """Ends each reply at its own length, as an end token would."""

        def __init__(self, lengths: Sequence[int]) -> None:
            self.lengths = torch.tensor(lengths, device=model.device)

        def __call__(self, ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
            return ids.shape[1] >= self.lengths

    class Generating(Policy):
        """What most code does: `generate` on prompts as text, decoded again."""

        name, speaks = row, True

        def act(self, turns: Sequence[Turn]) -> list[Reply]:
            size = 1 if "one turn" in row else len(turns)
            found = []
            for first in range(0, len(turns), size):
                batch = turns[first : first + size]
                chats = [
                    [
                        {"role": "system", "content": turn.game.brief(turn.seat)},
                        {"role": "user", "content": turn.told},
                    ]
                    for turn in batch
                ]
                inputs = tokenizer.apply_chat_template(
                    chats,
                    add_generation_prompt=True,
                    return_tensors="pt",
                    return_dict=True,
                    padding=True,
                ).to(model.device)
                width = inputs["input_ids"].shape[1]
                lengths = [budget(turn) for turn in batch]
                output = model.generate(
                    input_ids=inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    do_sample=True,
                    max_new_tokens=max(lengths),
                    stopping_criteria=StoppingCriteriaList(
                        [Enough([width + length for length in lengths])]
                    ),
                )
                texts = tokenizer.batch_decode(output[:, width:], skip_special_tokens=True)
                found += [Reply(text=text) for text in texts]
            return found

    if row.startswith("generate"):
        return Generating()
    return LanguagePolicy(
        model,
        tokenizer,
        moves=row.partition(",")[0],
        prompts=prompts,
        sampling=sampling,
        reuse="no kept prefix" not in row,
    )


def measure_alone(
    row: str, shape: str, replies: str, matches: int, seconds: float, device: str
) -> dict:
    """The bare model on prompts of as many matches: what no player around it can exceed.

    One pass reads the prompts; writing goes on for the mean length of a reply, with the whole batch
    at every step. Nothing is sampled, parsed or played.
    """
    import torch

    import arenas
    from arenas.core.policy import Policy, Reply, Turn
    from arenas.policies.language import Prompts

    torch.set_num_threads(1)
    model, tokenizer = make_model(shape, device)
    prompts = Prompts(tokenizer, history=False)
    found: list[Sequence[int]] = []

    class Watched(Policy):
        speaks = True

        def act(self, turns: Sequence[Turn]) -> list[Reply]:
            found.extend(prompts.prompt(turn, 8).ids for turn in turns)
            return [Reply(turn.sample()) for turn in turns]

    played = iter(arenas.play_matches(GAME, [Watched(), Watched()], 10**9, concurrency=matches))
    while len(found) < 3 * matches:
        next(played)
    texts = [tokenizer.decode(ids) for ids in found[-matches:]]
    batch = tokenizer(texts, padding=True, return_tensors="pt", add_special_tokens=False)
    batch = {name: batch[name].to(model.device) for name in ("input_ids", "attention_mask")}
    steps = 0 if "one pass" in row else MEAN_TOKENS[replies] - 1
    clock = clock_of(device)

    @torch.inference_mode()
    def turn() -> None:
        out = model(**batch, use_cache=True, logits_to_keep=1)
        mask = batch["attention_mask"]
        for _ in range(steps):
            mask = torch.nn.functional.pad(mask, (0, 1), value=1)
            written = out.logits[:, -1].argmax(-1, keepdim=True)
            out = model(written, attention_mask=mask, past_key_values=out.past_key_values)

    turn()
    start, wall, turns = clock(), time.perf_counter(), 0
    while clock() - start < seconds:
        turn()
        turns += matches
    return result_of(
        (row, shape, replies, matches), turns, clock() - start, None, time.perf_counter() - wall
    )


def clock_of(device: str) -> Callable[[], float]:
    """CPU seconds of this process; on a GPU wall seconds until its work is done."""
    import torch

    def on_gpu() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return time.process_time if device == "cpu" else on_gpu


def result_of(
    cell: tuple[str, str, str, int], turns: int, spent: float, inside: float | None, wall: float
) -> dict:
    import torch

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if torch.cuda.is_initialized():
        peak = torch.cuda.max_memory_allocated() / 2**20
    return {
        **dict(zip(("row", "shape", "replies", "matches"), cell, strict=True)),
        "turns_a_second": turns / spent,
        "in_the_model": None if inside is None else inside / spent,
        "turns": turns,
        "wall_seconds": wall,
        "peak_mib": peak,
    }


def measure(row: str, shape: str, replies: str, matches: int, seconds: float, device: str) -> dict:
    """Turns a second of one row, the share of it spent in the model, and peak memory."""
    import torch

    import arenas
    from arenas.core.policy import Policy, Reply, Stream, Turn

    torch.set_num_threads(1)
    model, tokenizer = make_model(shape, device)
    inner = make_policy(row, replies, model, tokenizer)
    inner_stream = inner.stream
    count = 0

    class Counted(Stream):
        def __init__(self) -> None:
            self.stream = inner_stream()

        def put(self, turns: Sequence[Turn]) -> None:
            self.stream.put(turns)

        def take(self) -> list[tuple[Turn, Reply]]:
            nonlocal count
            found = self.stream.take()
            count += len(found)
            return found

        def __len__(self) -> int:
            return len(self.stream)

    inner.stream = Counted
    clock = clock_of(device)
    inside, began = 0.0, 0.0

    def before(*_: Any) -> None:
        nonlocal began
        began = clock()

    def after(*_: Any) -> None:
        nonlocal inside
        inside += clock() - began

    model.register_forward_pre_hook(before)
    model.register_forward_hook(after)
    player: Policy = inner
    running = iter(
        arenas.play_matches(
            GAME, [player, player], 10**9, concurrency=matches, illegal="random-legal"
        )
    )
    # Two generations of matches, so that they are out of step as in a long run.
    for _ in range(min(2 * matches, 64)):
        next(running)
    start, turns, inside = clock(), count, 0.0
    wall = time.perf_counter()
    while clock() - start < seconds:
        next(running)
    spent, turns = clock() - start, count - turns
    wall = time.perf_counter() - wall
    return result_of((row, shape, replies, matches), turns, spent, inside, wall)


# -- all rows --------------------------------------------------------------------------------------


def cells(arguments: argparse.Namespace) -> list[tuple[str, str, str, int]]:
    found = []
    for shape in arguments.shapes:
        for replies in REPLIES:
            for row in ROWS:
                writes = row.startswith(("generate", "free")) or "written" in row
                if replies == "unequal" and not writes:
                    continue
                for matches in arguments.matches:
                    found.append((shape, replies, row, matches))
    return found


def in_a_process(cell: tuple[str, str, str, int], arguments: argparse.Namespace) -> dict:
    shape, replies, row, matches = cell
    seconds = arguments.seconds * (1 if shape == "tiny" else 3)
    command = [sys.executable, __file__, "--cell", json.dumps([row, shape, replies, matches])]
    command += ["--seconds", str(seconds), "--device", arguments.device]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{cell}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def report(results: list[dict], arguments: argparse.Namespace) -> str:
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("torch", "transformers", "tokenizers")
    )
    unit = "second" if arguments.device != "cpu" else "CPU second"
    lines = [
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC; {platform.processor() or 'CPU'}, "
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; device {arguments.device}",
        f"CPython {platform.python_version()}, {versions}",
        f"Turns a {unit}, one thread; (share of the time in the model, peak MiB)",
    ]
    for shape in arguments.shapes:
        for replies, described in REPLIES.items():
            rows = [r for r in results if (r["shape"], r["replies"]) == (shape, replies)]
            base = {r["matches"]: r["turns_a_second"] for r in rows if r["row"] == ONE_BY_ONE}
            lines += ["", f"{shape} model; written replies: {described}", ""]
            heads = "".join(f"{m:>26}" for m in arguments.matches)
            lines.append(f"{'matches at once':<34}{heads}")
            for row in ROWS:
                found = {r["matches"]: r for r in rows if r["row"] == row}
                if found:
                    values = [_cell(found[m], base.get(m)) for m in arguments.matches]
                    lines.append(f"{row:<34}" + "".join(f"{value:>26}" for value in values))
    return "\n".join(lines)


def _cell(found: dict, base: float | None) -> str:
    ratio = f" x{found['turns_a_second'] / base:.1f}" if base else ""
    inside = found["in_the_model"]
    share = "all" if inside is None else f"{inside:.0%}"
    around = f"({share}, {found['peak_mib']:.0f})"
    return f"{found['turns_a_second']:.0f}{ratio} {around}"


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of a row (default 5)")
    parser.add_argument(
        "--shapes", nargs="+", default=["tiny", "25M"], choices=list(SHAPES), help="models"
    )
    parser.add_argument("--matches", nargs="+", type=int, default=list(CONCURRENCY))
    parser.add_argument("--device", default="cpu", help="cpu or cuda (bfloat16 there)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every row to FILE")
    parser.add_argument("--quick", action="store_true", help="tiny model, 1 second: a look")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds, arguments.shapes = 1.0, ["tiny"]
    return arguments


def main() -> None:
    arguments = read_arguments()
    if arguments.cell:
        row, shape, replies, matches = json.loads(arguments.cell)
        measured = measure_alone if row in ALONE else measure
        found = measured(row, shape, replies, matches, arguments.seconds, arguments.device)
        print(json.dumps(found))
        return
    results = []
    for cell in cells(arguments):
        results.append(in_a_process(cell, arguments))
        print(f"{len(results)}: {cell}", file=sys.stderr, flush=True)
    print(report(results, arguments))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
