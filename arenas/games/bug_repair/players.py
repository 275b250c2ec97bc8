"""Players of bug repair: an injector of mutations, a repairer that undoes them, a person."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from arenas.core.game import Game, IllegalMove
from arenas.core.policy import Policy, Reply, Turn
from arenas.core.rng import Rng
from arenas.games.bug_repair.artifact import Artifact
from arenas.games.bug_repair.desk import Desk
from arenas.games.bug_repair.game import BugRepair
from arenas.games.bug_repair.menu import Menu, without_tests
from arenas.games.bug_repair.mutations import INVERTIBLE, OPERATORS, Mutation
from arenas.sandbox import Tree

LOOKS = 6
"""How many mutations an injector tries out before it takes the last one."""


class _Scripted(Policy):
    """Answers turns one by one from the desk of the seat; it waits for test runs."""

    waits = True

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [Reply(self._move(turn)) for turn in turns]

    def _move(self, turn: Turn) -> Any:
        game = turn.game
        assert isinstance(game, BugRepair)
        return self.answer(game, Desk.read(turn.info_state), turn)

    def answer(self, game: BugRepair, desk: Desk, turn: Turn) -> Any:
        """The move of a seat with this desk."""
        raise NotImplementedError


class MutationInjector(_Scripted):
    """Breaks the project by small mutations, guided by coverage and by trying them out.

    It prefers lines that few tests reach and kinds that can be undone, and takes the first
    mutation under which some tests fail and others pass.

    Args:
        kinds: kinds of mutations that it makes; all, where empty.
    """

    name = "mutate"

    def __init__(self, kinds: Iterable[str] = ()) -> None:
        self.kinds = frozenset(kinds)
        unknown = sorted(self.kinds - set(OPERATORS))
        if unknown:
            raise ValueError(f"no mutations of kind {unknown[0]!r}; there are {OPERATORS}")

    def answer(self, game: BugRepair, desk: Desk, turn: Turn) -> Any:
        tree, base = game.tree(desk.tree), game.tree(desk.base)
        if game.acting == "structured":
            return self._choice(game, desk, turn)
        if game.acting == "one-shot":
            broken = self._found(game, desk, turn.rng).apply(base)
            failing = game.try_out(desk, broken).ids("failed", "error")
            return Artifact(
                base.diff(broken), broken.diff(without_tests(broken, failing))
            ).to_move()
        if tree == base:
            mutation = self._found(game, desk, turn.rng)
            return _write(mutation.path, mutation.apply(base))
        weaker = without_tests(tree, game.try_out(desk, tree).ids("failed", "error"))
        for path in tree.changed(weaker):
            return _write(path, weaker)
        return {"tool": "submit"}

    def _choice(self, game: BugRepair, desk: Desk, turn: Turn) -> int:
        legal: list[int] = list(turn.legal or ())
        menu, tree = game.menu_of(desk), game.tree(desk.tree)
        for number in _draws(legal, self._weights(menu, legal), turn.rng, LOOKS):
            if number >= len(menu.choices):
                break
            try:
                broken = menu.choices[number].apply(tree)
            except ValueError:
                continue  # Another choice has moved it; it is not tried out.
            if self._hits(game, desk, broken):
                return number
        return legal[0] if len(legal) == 1 else turn.rng.choice(legal)

    def _found(self, game: BugRepair, desk: Desk, rng: Rng) -> Mutation:
        """A mutation that some tests notice; the last that was tried out if none is."""
        menu, tree = game.menu_of(desk), game.tree(desk.tree)
        numbers = list(range(len(menu.choices)))
        drawn = _draws(numbers, self._weights(menu, numbers), rng, LOOKS)
        for number in drawn:
            mutation = menu.choices[number]
            if self._hits(game, desk, mutation.apply(tree)):
                return mutation
        return menu.choices[drawn[-1]]

    @staticmethod
    def _hits(game: BugRepair, desk: Desk, broken: Tree) -> bool:
        run = game.try_out(desk, broken)
        failing = run.ids("failed", "error")
        return run.reason == "ok" and len(failing) > 0 and "passed" in run.outcomes.values()

    def _weights(self, menu: Menu, numbers: Sequence[int]) -> list[float]:
        weights = []
        for number in numbers:
            if number >= len(menu.choices):
                weights.append(1.0)
                continue
            kind = menu.choices[number].kind
            wanted = not self.kinds or kind in self.kinds
            easy = 1.0 if kind in INVERTIBLE else 0.2
            weights.append(easy * (1.1 - menu.reach[number]) if wanted else 1e-9)
        return weights


class Repairer(_Scripted):
    """Searches mutations that undo the bug, most suspicious lines first (Ochiai).

    Args:
        looks: mutations that it tries out before each move, where it hands in a diff. In the
            structured view its tries are the game's.
        focus: power of the suspicion that draws a mutation; 0 ignores it.
    """

    name = "repair"

    def __init__(self, looks: int = 6, focus: float = 4.0) -> None:
        if looks < 1:
            raise ValueError(f"looks={looks}: at least 1")
        self.looks = looks
        self.focus = focus

    def answer(self, game: BugRepair, desk: Desk, turn: Turn) -> Any:
        if game.acting == "structured":
            return self._choice(turn)
        tree, base = game.tree(desk.tree), game.tree(desk.base)
        if game.acting == "agentic" and tree != base:
            return {"tool": "submit"}
        path, repaired = self._repaired(game, desk, turn.rng)
        if game.acting == "agentic":
            return _write(path, repaired) if path else {"tool": "submit"}
        return {"patch": base.diff(repaired) or _NOTHING}

    def _choice(self, turn: Turn) -> int:
        view = turn.view
        legal: list[int] = list(turn.legal or ())
        rows = view[legal]
        kinds = len(OPERATORS)
        undone = rows[:, [OPERATORS.index(kind) for kind in sorted(INVERTIBLE)]].sum(1)
        weights = (rows[:, kinds + 3] + 1e-3) ** self.focus * (0.05 + undone)
        return legal[turn.rng.weighted([float(weight) for weight in weights])]

    def _repaired(self, game: BugRepair, desk: Desk, rng: Rng) -> tuple[str, Tree]:
        """The changed file and tree of the first mutation that makes all tests pass.

        Else of one that leaves the fewest failing.
        """
        menu, tree = game.menu_of(desk), game.tree(desk.tree)
        numbers = list(range(len(menu.choices)))
        weights = [
            (menu.suspicion[n] + 1e-3) ** self.focus
            * (1.0 if menu.choices[n].kind in INVERTIBLE else 0.05)
            for n in numbers
        ]
        best: tuple[int, str, Tree] = (1 << 30, "", tree)
        for number in _draws(numbers, weights, rng, self.looks):
            changed = menu.choices[number].apply(tree)
            run = game.try_out(desk, changed)
            failing = len(run.ids("failed", "error")) if run.reason == "ok" else 1 << 29
            best = min(best, (failing, menu.choices[number].path, changed), key=lambda b: b[0])
            if run.passed:
                break
        return best[1], best[2]


class ByRole(Policy):
    """One player for the injector's seat, another for solvers'."""

    name = "scripted"
    waits = True

    def __init__(self, injector: Policy, solver: Policy) -> None:
        self._of = {"injector": injector, "solver": solver}

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        return [self._of[turn.role].act([turn])[0] for turn in turns]


class Editor(Policy):
    """A person with `$EDITOR`, in one-shot play.

    The tree is written into a temporary folder, the editor opens it, and the difference is the
    move, code and tests told apart for the injector.

    Raises:
        ValueError: the game is not played in one shot; elsewhere `human` types moves.
    """

    name = "editor"

    def __init__(self, game: Game[Any]) -> None:
        if not isinstance(game, BugRepair) or game.acting != "one-shot":
            raise ValueError('player "editor" needs acting="one-shot"; else take "human"')

    def act(self, turns: Sequence[Turn]) -> list[Reply]:
        """Opens the editor for each turn.

        Raises:
            ValueError: neither VISUAL nor EDITOR is set.
            KeyboardInterrupt: the person gives up.
        """
        return [Reply(self._edit(turn)) for turn in turns]

    def _edit(self, turn: Turn) -> Any:
        game = turn.game
        assert isinstance(game, BugRepair)
        desk = Desk.read(turn.info_state)
        tree = game.tree(desk.tree)
        command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if not command:
            raise ValueError("set EDITOR to the program that edits a folder of files")
        print(f"\n{turn.game.brief(turn.seat)}\n\n{desk.spec or turn.told}", flush=True)
        with tempfile.TemporaryDirectory(prefix="arenas-edit-") as folder:
            tree.write(folder)
            while True:
                subprocess.run([*shlex.split(command), folder], check=False)
                patch = tree.diff(_read(tree, Path(folder)))
                try:
                    return turn.parse(patch)
                except IllegalMove as error:
                    print(f"That is not possible: {error}", flush=True)
                    if input("Edit again? [Y/n] ").strip().lower() in ("n", "no", "quit"):
                        raise KeyboardInterrupt from None


def _read(tree: Tree, folder: Path) -> Tree:
    """The edited files; those that editors leave beside them are not read."""
    names = {path for path in tree if (folder / path).is_file()}
    names |= {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    return Tree({path: (folder / path).read_bytes() for path in sorted(names)})


_NOTHING = "--- a/nothing.py\n+++ b/nothing.py\n@@ -1 +1 @@\n-\n+\n"
"""A diff that does not apply: what a solver hands in that has found nothing."""


def _write(path: str, tree: Tree) -> dict[str, Any]:
    return {"tool": "write", "path": path, "text": tree.text(path)}


def _draws(numbers: Sequence[int], weights: Sequence[float], rng: Rng, count: int) -> list[int]:
    """Up to `count` different numbers, drawn by weight."""
    left, weight = list(numbers), list(weights)
    drawn: list[int] = []
    while left and len(drawn) < count:
        place = rng.weighted(weight)
        drawn.append(left.pop(place))
        weight.pop(place)
    return drawn


def _injector(game: Game[Any], argument: str) -> MutationInjector:
    return MutationInjector(filter(None, argument.split(",")))


def _repairer(game: Game[Any], argument: str) -> Repairer:
    looks, _, focus = argument.partition(",")
    try:
        return Repairer(int(looks or 6), float(focus or 4.0))
    except ValueError as error:
        raise ValueError(f"player 'repair' takes LOOKS,FOCUS as numbers: {error}") from None


def _scripted(game: Game[Any], argument: str) -> ByRole:
    if argument:
        raise ValueError(f"player 'scripted' takes no argument, got {argument!r}")
    return ByRole(MutationInjector(), Repairer())


def _editor(game: Game[Any], argument: str) -> Editor:
    if argument:
        raise ValueError(f"player 'editor' takes no argument, got {argument!r}")
    return Editor(game)


def _chooser(game: Game[Any], argument: str) -> Policy:
    from arenas.games.bug_repair.chooser import Chooser, read

    if not argument:
        raise ValueError("player 'chooser' needs a file: chooser:PATH")
    # It breaks; whoever sits with it repairs.
    return ByRole(Chooser(read(Path(argument))), Repairer())


PLAYERS: dict[str, Callable[[Game[Any], str], Policy]] = {
    "scripted": _scripted,
    "mutate": _injector,
    "repair": _repairer,
    "editor": _editor,
    "chooser": _chooser,
}
"""Players by name: `mutate:compare,constant`, `repair:LOOKS,FOCUS`."""
