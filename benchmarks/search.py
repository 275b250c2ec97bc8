"""Indices of deep search on the generated world: time, memory, disk, queries.

`python benchmarks/search.py` builds each engine's index of 100,000 articles in a process of its
own, opens it, and asks the queries that a searcher makes (names, names with a relation, values),
one thread, three results. rank_bm25 scores every document for every query, so it is asked fewer.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

ENGINES = ("tantivy", "sqlite", "rank_bm25")
RESULTS = 3


def queries_of(world, count):
    """Queries and the document that each should find: names, and names with words of a relation."""
    from arenas.core.rng import Rng
    from arenas.games.deep_search.relations import BY_NAME

    rng = Rng(7)
    found = []
    while len(found) < count:
        thing = rng.below(world.documents)
        if len(found) % 2:
            found.append((world.label(thing), thing))
            continue
        fact = rng.choice(world.facts(thing))
        words = BY_NAME[fact.relation].of[0].replace("{}", "")
        found.append((f"{words}{world.label(thing)}", thing))
    return found


class RankBm25:
    """rank_bm25 behind the same call; it lives in memory alone."""

    def __init__(self, documents):
        from rank_bm25 import BM25Okapi

        from arenas.search.index import body

        self.model = BM25Okapi([body(document).split() for document in documents])

    def search(self, query, k):
        from arenas.search.index import Hit, query_words

        scores = self.model.get_scores(query_words(query))
        best = np.lexsort((np.arange(len(scores)), -scores))[:k]
        return [Hit(int(number), float(scores[number])) for number in best]


def memory_mb():
    """Resident memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measure(engine, documents, folder, count, threads):
    """Figures of one engine as a dict, measured in this process."""
    from arenas.games.deep_search.articles import Articles
    from arenas.games.deep_search.world import World
    from arenas.search.index import build, open_index

    world = World(documents)
    articles = Articles(world)
    asked = queries_of(world, count)
    path = Path(folder) / engine
    before, begun, cpu = memory_mb(), time.perf_counter(), time.process_time()
    row = {"engine": engine, "documents": documents}
    if engine == "rank_bm25":
        index = RankBm25(articles)
        row["build_s"], row["build_cpu_s"] = time.perf_counter() - begun, time.process_time() - cpu
        row["disk_mb"], row["open_s"] = None, None
        row["memory_mb"] = memory_mb() - before
        asked = asked[: max(10, count // 100)]
    else:
        build(path, articles, engine)
        row["build_s"], row["build_cpu_s"] = time.perf_counter() - begun, time.process_time() - cpu
        row["disk_mb"] = sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) / 1e6
        row["memory_mb"] = None  # of the reader, which is another process
        before, begun = memory_mb(), time.perf_counter()
        index = open_index(path, articles.fingerprint)
        row["open_s"] = time.perf_counter() - begun
    row["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    times, found = [], 0
    for query, thing in asked:
        begun = time.perf_counter()
        hits = index.search(query, RESULTS)
        times.append(time.perf_counter() - begun)
        found += thing in [hit.number for hit in hits]
    median, p99 = np.percentile(times, [50, 99]) * 1e3
    row.update(queries=len(asked), median_ms=median, p99_ms=p99, recall=found / len(asked))
    if engine != "rank_bm25":
        with ThreadPoolExecutor(threads) as pool:
            begun = time.perf_counter()
            list(pool.map(lambda pair: index.search(pair[0], RESULTS), asked))
            row[f"shared_{threads}_per_s"] = len(asked) / (time.perf_counter() - begun)
    return row


def writing(documents):
    """CPU seconds to make the world and to write all its articles, which every build includes."""
    from arenas.games.deep_search.articles import Articles
    from arenas.games.deep_search.world import World

    begun = time.process_time()
    articles = Articles(World(documents))
    made = time.process_time() - begun
    characters = sum(len(document.text) for document in articles)
    wrote = time.process_time() - begun - made
    return {"world_cpu_s": made, "articles_cpu_s": wrote, "characters": characters / documents}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=4_000)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--engines", nargs="+", default=ENGINES)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one == "writing":
        print(json.dumps(writing(arguments.documents)))
        return
    if arguments.one:
        row = measure(
            arguments.one,
            arguments.documents,
            arguments.folder,
            arguments.queries,
            arguments.threads,
        )
        print(json.dumps(row))
        return
    folder = tempfile.mkdtemp(prefix="arenas-search-")
    try:
        for one in ("writing", *arguments.engines):
            command = [sys.executable, __file__, "--one", one, "--folder", folder]
            command += ["--documents", str(arguments.documents), "--queries"]
            command += [str(arguments.queries), "--threads", str(arguments.threads)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            figures = json.loads(done.stdout)
            shown = ((k, f"{v:.3g}" if isinstance(v, float) else v) for k, v in figures.items())
            print("  ".join(f"{key}={value}" for key, value in shown), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
