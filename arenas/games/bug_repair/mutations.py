"""Small changes of Python code that a tired programmer might make, as edits of its text.

Each is found in the syntax tree and made in the text, so layout and comments stay. Many are the
inverse of another: what `compare` makes of `<=`, it makes of `<`. Those that throw something away
(`return`, `raise`, `branch`, `call`) are not: no small change brings it back.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from arenas.sandbox import Tree
from arenas.sandbox.parsing import parse

OPERATORS = (
    "compare",  # < and <=, > and >=, == and !=, in and not in, is and is not
    "arithmetic",  # + and -, * and //, / and *, % and //, << and >>, & and |
    "logic",  # and and or
    "negate",  # a condition and its opposite
    "constant",  # a number and its neighbours, True and False
    "off-by-one",  # n and n + 1, n and n - 1, in bounds and indices
    "swap",  # operands of a difference, or the first two arguments of a call
    "default",  # the default of a parameter
    "function",  # min and max, any and all
    "loop",  # break and continue
    "update",  # += and -=
    "return",  # a value becomes None
    "raise",  # an exception is swallowed
    "branch",  # an else is dropped, or the body of an if
    "call",  # a call whose result is not used is left out
)
"""Kinds of mutations, in the order of their numbers."""

INVERTIBLE = frozenset(OPERATORS[:11])
"""Kinds whose inverse is a mutation, too."""

_COMPARE = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}
_ARITHMETIC = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.FloorDiv: ("//", "*"),
    ast.Div: ("/", "*"),
    ast.Mod: ("%", "//"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, order=True)
class Mutation:
    """One change of one file.

    Attributes:
        path: the file.
        start, stop: bytes of it that are replaced.
        after: what is put there.
        kind: one of `OPERATORS`.
        line: where it begins, from 1.
        before: what stood there.
        function: the innermost function or class around it; "" at the top.
    """

    path: str
    start: int
    stop: int
    after: str
    kind: str
    line: int
    before: str
    function: str

    def apply(self, tree: Tree) -> Tree:
        """The tree with the change made.

        Raises:
            ValueError: the file is not as it was when the change was found.
        """
        data = tree.get(self.path, b"")
        if data[self.start : self.stop] != self.before.encode():
            raise ValueError(f"{self.path} has no {self.before!r} at byte {self.start}")
        return tree.replace(
            {self.path: data[: self.start] + self.after.encode() + data[self.stop :]}
        )

    def __str__(self) -> str:
        before, after = map(_short, (self.before, self.after))
        return f"{self.path}:{self.line} {self.kind}: `{before}` becomes `{after}`"


def mutations_of(tree: Tree, paths: tuple[str, ...]) -> tuple[Mutation, ...]:
    """Every mutation of some files, in the order of files, places and kinds.

    Each gives another program that compiles. Files that do not parse have none.
    """
    return tuple(each for path in paths if path in tree for each in _of_file(path, tree[path]))


@lru_cache(maxsize=512)
def _of_file(path: str, data: bytes) -> tuple[Mutation, ...]:
    try:
        finder = _Finder(path, data)
        finder.visit(parse(data))
    except (SyntaxError, ValueError, RecursionError):
        return ()
    order = {kind: number for number, kind in enumerate(OPERATORS)}
    found: dict[tuple[int, int, str], Mutation] = {}
    for each in sorted(finder.found, key=lambda m: (m.start, m.stop, order[m.kind], m.after)):
        found.setdefault((each.start, each.stop, each.after), each)
    return tuple(found.values())


class _Finder(ast.NodeVisitor):
    """Collects the mutations of one file."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.found: list[Mutation] = []
        self._scope: list[str] = []
        self._lines = [0]
        for line in data.split(b"\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)

    # -- places --------------------------------------------------------------------------------

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def _stop(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr | ast.stmt) -> str:
        return self.data[self._start(node) : self._stop(node)].decode()

    def _add(self, kind: str, start: int, stop: int, after: str) -> None:
        before = self.data[start:stop].decode()
        line = self.data.count(b"\n", 0, start) + 1
        scope = ".".join(self._scope)
        self.found.append(Mutation(self.path, start, stop, after, kind, line, before, scope))

    def _replace(self, kind: str, node: ast.expr | ast.stmt, after: str) -> None:
        self._add(kind, self._start(node), self._stop(node), after)

    def _between(self, kind: str, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        """Replaces an operator between two operands, where it stands there once."""
        start, stop = self._stop(left), self._start(right)
        gap = self.data[start:stop].decode()
        word = re.escape(old).replace(r"\ ", r"\s+")
        edges = (r"\b", r"\b") if old[0].isalpha() else ("", "")
        places = list(re.finditer(f"{edges[0]}{word}{edges[1]}", gap))
        if len(places) == 1 and "#" not in gap:
            first, last = (len(gap[:at].encode()) for at in places[0].span())
            self._add(kind, start + first, start + last, new)

    # -- what is not looked into ---------------------------------------------------------------

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if "__all__" not in names:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Places within f-strings are not known before Python 3.12."""

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._within(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d)):
            for after in _neighbours(default):
                self._replace("default", default, after)
        self._within(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._within(node)

    def _within(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._scope.append(node.name)
        for statement in node.body:
            self.visit(statement)
        self._scope.pop()

    # -- expressions ---------------------------------------------------------------------------

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            self._between("compare", left, right, *_COMPARE[type(operator)])
            left = right
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        pair = _ARITHMETIC.get(type(node.op))
        if pair and not _is_text(node.left) and not _is_text(node.right):
            self._between("arithmetic", node.left, node.right, *pair)
        if isinstance(node.op, (ast.Sub, ast.Div, ast.FloorDiv)):
            self._exchange(node.left, node.right)
        one = isinstance(node.right, ast.Constant) and node.right.value == 1
        if one and isinstance(node.op, (ast.Add, ast.Sub)):
            self._replace("off-by-one", node, self._text(node.left))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between("logic", left, right, old, new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace("negate", node, self._text(node.operand))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        for after in _neighbours(node):
            self._replace("constant", node, after)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name):
            if node.func.id in _FUNCTIONS:
                self._replace("function", node.func, _FUNCTIONS[node.func.id])
            if node.func.id == "range":
                for bound in node.args[:2]:
                    self._step(bound)
        if len(node.args) >= 2 and not any(isinstance(a, ast.Starred) for a in node.args[:2]):
            self._exchange(node.args[0], node.args[1])
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        index = node.slice
        if isinstance(index, ast.Slice):
            for bound in (index.lower, index.upper):
                if bound is not None:
                    self._step(bound)
        elif isinstance(index, (ast.Name, ast.BinOp)):
            self._step(index)
        self.generic_visit(node)

    def _step(self, bound: ast.expr) -> None:
        """One more and one less than a bound; numbers have their neighbours already."""
        if isinstance(bound, (ast.Name, ast.Call, ast.Attribute, ast.BinOp)):
            for step in (" + 1", " - 1"):
                stop = self._stop(bound)
                self._add("off-by-one", self._start(bound), stop, self._text(bound) + step)

    def _exchange(self, left: ast.expr, right: ast.expr) -> None:
        a, b = self._text(left), self._text(right)
        if a != b:
            start, stop = self._start(left), self._stop(right)
            gap = self.data[self._stop(left) : self._start(right)].decode()
            self._add("swap", start, stop, f"{b}{gap}{a}")

    # -- statements ----------------------------------------------------------------------------

    def visit_If(self, node: ast.If) -> None:
        self._condition(node.test)
        first = node.body[0]
        if not isinstance(first, (ast.Pass, ast.Raise)):
            self._add("branch", self._start(first), self._stop(node.body[-1]), "pass")
        if node.orelse and not isinstance(node.orelse[0], (ast.If, ast.Pass)):
            last = node.orelse[-1]
            self._add("branch", self._start(node.orelse[0]), self._stop(last), "pass")
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def _condition(self, test: ast.expr) -> None:
        if not isinstance(test, (ast.UnaryOp, ast.Compare, ast.Constant)):
            text = self._text(test)
            simple = isinstance(test, (ast.Name, ast.Call, ast.Attribute, ast.Subscript))
            self._replace("negate", test, f"not {text}" if simple else f"not ({text})")

    def visit_Return(self, node: ast.Return) -> None:
        plain = isinstance(node.value, ast.Constant) and node.value.value is None
        if node.value is not None and not plain:
            self._replace("return", node.value, "None")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace("raise", node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self._replace("loop", node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace("loop", node, "break")

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        pairs = {ast.Add: ("+=", "-="), ast.Sub: ("-=", "+=")}
        if type(node.op) in pairs and not _is_text(node.value):
            old, new = pairs[type(node.op)]
            target = node.target
            if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
                self._between("update", target, node.value, old, new)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return  # A docstring.
        if isinstance(node.value, ast.Call):
            self._replace("call", node, "pass")
        self.generic_visit(node)


def _short(text: str) -> str:
    """A piece of code within a line: on one line, without control characters, not too long."""
    words = " ".join(text.split()) or "nothing"
    plain = "".join(char if char.isprintable() else "?" for char in words)
    return plain if len(plain) <= 60 else f"{plain[:57]}..."


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return True
    return isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))


def _neighbours(node: ast.expr) -> Iterator[str]:
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield str(not value)
    elif isinstance(value, int):
        yield str(value + 1)
        if value > 0:
            yield str(value - 1)
    elif value is None:
        return
    elif isinstance(value, float):
        yield repr(value + 1.0)
