"""The structured view: a fixed number of mutations to choose from, and what is known of each.

An injector chooses what to break among mutations of lines that tests reach, drawn for the match. A
solver chooses what to change back among mutations of the broken code, most suspicious lines first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from arenas.core.rng import Rng
from arenas.games.bug_repair.mutations import OPERATORS, Mutation, mutations_of
from arenas.games.bug_repair.project import Project
from arenas.games.bug_repair.workbench import Workbench, suspicion
from arenas.sandbox import Tree
from arenas.sandbox.parsing import parse

FEATURES = len(OPERATORS) + 6
"""Columns of the view: one a kind of mutation, then

- present: 1 for a choice that is there;
- taken: 1 for one that was chosen before;
- reach: the share of tests that reach the line;
- suspicion: Ochiai's (solvers; 0 for injectors);
- place: of the line in its file, 0 to 1;
- length: of the code replaced, in hundreds of bytes, at most 1.
"""


@dataclass(frozen=True)
class Menu:
    """Choices in order, with the share of tests that reach each and its suspicion."""

    choices: tuple[Mutation, ...]
    reach: tuple[float, ...]
    suspicion: tuple[float, ...]
    places: tuple[float, ...]

    def array(self, size: int, taken: Iterable[int], header: Sequence[float]) -> np.ndarray:
        """The view: float32 of shape (size + 1, FEATURES) in 0..1; `header` fills the last row."""
        view = np.zeros((size + 1, FEATURES), np.float32)
        kinds = len(OPERATORS)
        for row, mutation in enumerate(self.choices):
            view[row, OPERATORS.index(mutation.kind)] = 1
            view[row, kinds:] = (
                1,
                0,
                self.reach[row],
                self.suspicion[row],
                self.places[row],
                min(1.0, (mutation.stop - mutation.start) / 100),
            )
        view[list(taken), kinds + 1] = 1
        view[size, : len(header)] = header
        return view


def injector_menu(bench: Workbench, project: Project, size: int, word: int) -> Menu:
    """Mutations of lines that some test reaches, drawn with the seed `word`, by place."""
    coverage = bench.coverage(project, project.tree, project.test_files)
    reached: dict[tuple[str, int], int] = {}
    for lines in coverage.values():
        for line in lines:
            reached[line] = reached.get(line, 0) + 1
    found = [
        mutation
        for mutation in mutations_of(project.tree, project.code_files)
        if (mutation.path, mutation.line) in reached
    ]
    Rng(word).shuffle(found)
    chosen = sorted(found[:size])
    reach = tuple(reached[m.path, m.line] / len(coverage) for m in chosen)
    places = tuple(m.line / (1 + project.tree[m.path].count(b"\n")) for m in chosen)
    return Menu(tuple(chosen), reach, (0.0,) * len(chosen), places)


def solver_menu(
    bench: Workbench, project: Project, tree: Tree, code: tuple[str, ...], size: int
) -> Menu:
    """Mutations of lines that failing tests reach, most suspicious first.

    Args:
        bench: runs the tests.
        project: says which tests there are.
        tree: the broken code, with the tests of the specification.
        code: the files that may be changed.
        size: how many choices at most.
    """
    run = bench.run(project, tree, project.test_files)
    failing = frozenset(run.ids("failed", "error"))
    coverage = bench.coverage(project, tree, project.test_files)
    blamed = suspicion(coverage, failing)
    total = max(1, len(coverage))
    reached = {line: sum(line in lines for lines in coverage.values()) / total for line in blamed}
    found = [m for m in mutations_of(tree, code) if (m.path, m.line) in blamed]
    found.sort(key=lambda m: (-blamed[m.path, m.line], m))
    chosen = found[:size]
    return Menu(
        tuple(chosen),
        tuple(reached[m.path, m.line] for m in chosen),
        tuple(blamed[m.path, m.line] for m in chosen),
        tuple(m.line / (1 + tree[m.path].count(b"\n")) for m in chosen),
    )


def broken_by(tree: Tree, mutations: Iterable[Mutation]) -> Tree:
    """The tree with several mutations of it made; they do not overlap."""
    for mutation in sorted(mutations, key=lambda m: (m.path, -m.start)):
        tree = mutation.apply(tree)
    return tree


def overlap(one: Mutation, other: Mutation) -> bool:
    """Whether two mutations change the same bytes."""
    return one.path == other.path and max(one.start, other.start) < min(one.stop, other.stop)


def without_tests(tree: Tree, failing: Iterable[str]) -> Tree:
    """The tree without the functions of some tests; test files that do not parse stay.

    The plainest weakening: what fails is taken away. A class that loses all its tests goes, too.
    """
    by_file: dict[str, set[str]] = {}
    for test in failing:
        path, _, name = test.partition("::")
        if name:
            by_file.setdefault(path, set()).add(name.partition("[")[0])
    written: dict[str, bytes | str | None] = {}
    for path, names in by_file.items():
        try:
            module = parse(tree[path])
        except (KeyError, SyntaxError, ValueError):
            continue
        lines = tree[path].split(b"\n")
        for start, stop in sorted(_places(module, names), reverse=True):
            del lines[start:stop]
        written[path] = b"\n".join(lines).rstrip(b"\n") + b"\n"
    return tree.replace(written)


_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def _places(module: ast.Module, names: set[str]) -> list[tuple[int, int]]:
    """First line and the line behind the last, from 0, of what is to go."""
    places = []
    for node in module.body:
        if isinstance(node, _Function) and node.name in names:
            places.append(_span(node))
        elif isinstance(node, ast.ClassDef):
            tests = [each for each in node.body if isinstance(each, _Function)]
            gone = [each for each in tests if f"{node.name}::{each.name}" in names]
            if gone and len(gone) == len(node.body):
                places.append(_span(node))
            else:
                places += [_span(each) for each in gone]
    return places


def _span(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> tuple[int, int]:
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    assert node.end_lineno is not None
    return first - 1, node.end_lineno
