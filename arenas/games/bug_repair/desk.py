"""What a seat has on its desk: all that it knows, as a value and as the key of its knowledge."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Desk:
    """What one seat of a match knows.

    Attributes:
        role: "injector" or "solver".
        phase: "wait" (before the task), "work", "done" or "over".
        tree: hash of the tree it works on, changes included; `BugRepair.tree` has it. "" for none.
        base: hash of the tree it began with.
        spec: a solver's specification, a diff of tests; "" for the injector.
        project: the project's name; "" for solvers.
        strategy: how the injector is asked to break it; "" for solvers.
        turns: moves it has made.
        results: what its moves led to, in words.
        taken: choices of the structured view that it has made.
        word: what the injector's choices were drawn with; 0 for solvers.
    """

    role: str
    phase: str
    tree: str = ""
    base: str = ""
    spec: str = ""
    project: str = ""
    strategy: str = ""
    turns: int = 0
    results: tuple[str, ...] = ()
    taken: tuple[int, ...] = ()
    word: int = 0

    def write(self) -> str:
        """The desk as one line, equal for equal desks."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def read(cls, line: str) -> Desk:
        """The inverse of `write`: a turn's `info_state`."""
        fields = json.loads(line)
        fields["results"] = tuple(fields["results"])
        fields["taken"] = tuple(fields["taken"])
        return cls(**fields)
