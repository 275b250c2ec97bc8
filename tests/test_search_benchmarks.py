"""The benchmarks of deep search run and print what their pages say."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "benchmarks"


def bench(script, *arguments):
    command = [sys.executable, FOLDER / script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_index_benchmark_measures_an_engine():
    small = ["--documents", 300, "--queries", 40, "--threads", 4, "--engines", "sqlite"]
    done = bench("search.py", *small)
    assert done.returncode == 0, done.stderr
    writing, row = done.stdout.splitlines()
    assert "articles_cpu_s=" in writing
    figures = dict(pair.split("=") for pair in row.split("  "))
    assert (figures["engine"], figures["documents"]) == ("sqlite", "300")
    assert float(figures["recall"]) > 0.9
    assert 0 < float(figures["median_ms"]) <= float(figures["p99_ms"])


def test_the_solver_benchmark_prints_a_table():
    small = ["--documents", 300, "--matches", 6, "--engine", "sqlite", "--questions", 1, "2:path"]
    done = bench("deep_search.py", *small)
    assert done.returncode == 0, done.stderr
    head, _, *rows = done.stdout.splitlines()
    assert head.startswith("| question | valid | 1 calls |")
    assert [row.split(" | ")[0] for row in rows] == ["| 1", "| 2:path"]
