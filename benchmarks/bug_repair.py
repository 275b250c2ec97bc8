"""The scripted pair of bug repair, unattended: how many bugs are valid, how many are repaired.

Plays matches between `scripted` players, records them, verifies every record by running the tests
again, and looks for what was left on disk or in the process table. README.md in this folder says
more.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from aec import describe_machine
from rich.progress import Progress

import arenas
from arenas.core.record import MatchRecord, write_records
from arenas.rollout.matches import play_matches
from arenas.rollout.verify import verify_file

GAME = "BugRepair-v0"


def processes() -> set[int]:
    """Ids of the sandboxes' processes of this user, and of all below this one."""
    found, parents = set(), {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except OSError:
            continue
    for pid in parents:
        above, steps = pid, 0
        while above > 1 and above != os.getpid() and steps < 64:
            above, steps = parents.get(above, 0), steps + 1
        if above == os.getpid() and pid != os.getpid():
            found.add(pid)
    return found


def files() -> set[str]:
    """Names in the folder for temporary files that the sandbox or the game would leave there."""
    prefixes = ("arenas-sandbox-", "arenas-add-", "arenas-edit-")
    return {name for name in os.listdir(tempfile.gettempdir()) if name.startswith(prefixes)}


def cpu_seconds() -> float:
    """Processor seconds of this process and of its children that have ended."""
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def facts(records: list[MatchRecord]) -> dict[str, Any]:
    """Shares and counts of the records."""
    reasons = Counter(record.reason for record in records)
    refused = Counter(
        record.evidence["checks"][-1]["name"] for record in records if record.reason == "invalid"
    )
    scored = [record for record in records if record.reason == "scored"]
    rates = [sum(r.evidence["solved"]) / len(r.evidence["solved"]) for r in scored]
    kinds: dict[str, list[float]] = defaultdict(list)
    projects: dict[str, list[float]] = defaultdict(list)
    for record, rate in zip(scored, rates, strict=True):
        projects[record.evidence["project"]["name"]].append(rate)
        for pick in record.evidence.get("picks", ()):
            kinds[pick["kind"]].append(rate)
    return {
        "matches": len(records),
        "endings": dict(reasons),
        "refused by": dict(refused),
        "valid": len(scored) / len(records),
        "solve rate": sum(rates) / max(1, len(rates)),
        "strictly between": sum(0 < rate < 1 for rate in rates) / max(1, len(rates)),
        "rates": dict(sorted(Counter(rates).items())),
        "by kind": {kind: (len(r), sum(r) / len(r)) for kind, r in sorted(kinds.items())},
        "by project": {name: (len(r), sum(r) / len(r)) for name, r in sorted(projects.items())},
        "injector's mean reward": sum(r.rewards[0] for r in records) / len(records),
    }


def main() -> None:
    """Plays, verifies, reports."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--matches", type=int, default=500)
    parser.add_argument("--quick", action="store_true", help="12 matches")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--acting", default="structured")
    parser.add_argument("--player", default="scripted")
    parser.add_argument("--solvers", type=int, default=8)
    parser.add_argument("--out", type=Path, help="keep the records in this file")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    parser.add_argument("--no-verify", action="store_true")
    given = parser.parse_args()
    count = 12 if given.quick else given.matches
    before = files()
    out = given.out or Path(tempfile.mkdtemp(prefix="bug-repair-")) / "records.jsonl"
    options = {"acting": given.acting, "solvers": given.solvers}
    players = [given.player] * (given.solvers + 1)
    start, cpu = time.monotonic(), cpu_seconds()
    records: list[MatchRecord] = []
    played = play_matches(
        GAME, players, count, given.seed, swap=False, options=options, concurrency=8
    )
    with Progress(disable=not sys.stderr.isatty()) as progress, out.open("w") as file:
        task = progress.add_task("matches", total=count)
        for record in played:
            write_records([record], file)
            records.append(record)
            progress.advance(task)
    result = facts(records)
    result["wall s a match"] = (time.monotonic() - start) / count
    if not given.no_verify:
        start = time.monotonic()
        bad = [verdict for verdict in verify_file(out) if verdict.problems]
        result["refused records"] = [[v.line, v.problems] for v in bad]
        result["wall s a verification"] = (time.monotonic() - start) / count
    # Games are closed when nobody holds them any more.
    arenas.rollout.verify._kept_game.cache_clear()
    del played
    gc.collect()
    result["cpu s a match"] = (cpu_seconds() - cpu) / count
    result["left on disk"] = sorted(files() - before)
    result["left running"] = len(processes())
    print(describe_machine())
    print(json.dumps(result, indent=2))
    print(f"records: {out}")
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
