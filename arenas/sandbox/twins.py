"""Twins of tests, which must fail where the tests pass.

A twin is a test function with what it expects altered: `assert total == 7` becomes
`assert total == 8`. It has the test's name, line and file. For a run, each test file is compiled in
two versions; a coin that stays outside decides, function by function, which version holds the test
and which the twin. The tested process runs both and cannot be told which is which, because nothing
in it knows. Code that makes tests pass without being right makes twins pass too: swallowed
failures, objects equal to everything, values read out of the asking frame, made-up reports.

The rules of alteration, for the asserts of a function's own body and the `assertEqual` kind:

- `==` with a literal on one side: the literal becomes another of its kind, one that the file holds
  elsewhere where there is one;
- `==` without: the side that looks like what is expected becomes a tuple of itself;
- anything else: its negation;
- a function without asserts gets one at its end that fails.
"""

from __future__ import annotations

import ast
import copy
import marshal
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from arenas.sandbox.parsing import parse

Function = ast.FunctionDef | ast.AsyncFunctionDef

_EQUAL = frozenset({"assertEqual", "assertEquals", "assertAlmostEqual", "assertListEqual"}) | {
    "assertDictEqual",
    "assertTupleEqual",
    "assertSetEqual",
    "assertSequenceEqual",
    "assertMultiLineEqual",
}


def function_of(test: str) -> str:
    """The function that a test id belongs to, inside its file: `TestX::test_y` of `a::b::c[1]`."""
    return test.partition("::")[2].partition("[")[0]


def file_of(test: str) -> str:
    """The file of a test id."""
    return test.partition("::")[0]


class Twins:
    """The test functions of a file, and code for versions of it.

    Args:
        path: Path of the file in its tree.
        source: Its text.

    Raises:
        SyntaxError: the file is not Python.
    """

    def __init__(self, path: str, source: bytes) -> None:
        self.path = path
        self._module = parse(source, path)
        pool = [node.value for node in ast.walk(self._module) if isinstance(node, ast.Constant)]
        self._twins = {
            name: _Alter(pool).alter(function) for name, function in _tests(self._module.body)
        }
        self.functions = tuple(self._twins)
        """Names of test functions, `TestClass::test_name` for methods."""

    def versions(self, coin: Callable[[str], bool], twinned: Iterable[str]) -> tuple[bytes, bytes]:
        """Marshalled code of two versions of the file.

        Args:
            coin: For a function that is twinned, whether its test is in the second version and its
                twin in the first.
            twinned: Names of functions to twin; all others are in both versions as they are.
        """
        bodies = [self._module.body, self._module.body]
        for name in twinned:
            other = 0 if coin(name) else 1
            bodies[other] = _put(bodies[other], name.split("::"), self._twins[name])
        first, second = (
            self._compile(ast.Module(body, self._module.type_ignores)) for body in bodies
        )
        return first, second

    def whole(self) -> bytes:
        """Marshalled code of the file as it is."""
        return self._compile(self._module)

    def _compile(self, module: ast.Module) -> bytes:
        return marshal.dumps(compile(module, self.path, "exec", dont_inherit=True))


def _tests(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function) and node.name.startswith("test"):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _tests(node.body, f"{prefix}{node.name}::")


def _put(body: list[ast.stmt], name: list[str], twin: Function) -> list[ast.stmt]:
    """A body with the twin in place of the last function of that name."""
    for index in reversed(range(len(body))):
        node = body[index]
        if getattr(node, "name", None) == name[0]:
            new: ast.stmt
            if isinstance(node, ast.ClassDef):
                new = copy.copy(node)
                new.body = _put(node.body, name[1:], twin)
            else:
                new = twin
            return [*body[:index], new, *body[index + 1 :]]
    return body


class _Alter(ast.NodeTransformer):
    def __init__(self, pool: list[Any]) -> None:
        self.pool = pool
        self.altered = 0

    def alter(self, function: Function) -> Function:
        twin = copy.deepcopy(function)
        twin.body = [self.visit(node) for node in twin.body]
        if not self.altered:
            failure = ast.Assert(ast.Compare(ast.Constant(0), [ast.Eq()], [ast.Constant(1)]), None)
            twin.body.append(ast.copy_location(failure, function.body[-1]))
        return ast.fix_missing_locations(twin)

    def visit(self, node: ast.AST) -> Any:
        # What a test defines inside itself is part of its means, not of what it expects.
        inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        return node if isinstance(node, inner) else super().visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.altered += 1
        test = node.test
        while isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            test = test.values[0]
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            test.left, test.comparators[0] = self._unequal(test.left, test.comparators[0])
        else:
            node.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in _EQUAL and len(node.args) >= 2:
            self.altered += 1
            node.args[0], node.args[1] = self._unequal(node.args[0], node.args[1])
        return node

    def _unequal(self, left: ast.expr, right: ast.expr) -> tuple[ast.expr, ast.expr]:
        for side, is_right in ((right, True), (left, False)):
            other = self._other(side)
            if other is not None:
                return (left, other) if is_right else (other, right)
        if _asks(right) and not _asks(left):
            return _wrapped(left), right
        return left, _wrapped(right)

    def _other(self, node: ast.expr) -> ast.expr | None:
        """The literal with one constant changed; None if there is none in it."""
        literal = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.UnaryOp)
        if not isinstance(node, literal):
            return None
        if isinstance(node, ast.Constant):
            return ast.copy_location(ast.Constant(self._another(node.value)), node)
        if isinstance(node, ast.UnaryOp):
            inner = self._other(node.operand)
            return None if inner is None else ast.copy_location(ast.UnaryOp(node.op, inner), node)
        if isinstance(node, ast.Dict):
            return self._in_list(node, "values")
        return self._in_list(node, "elts")

    def _in_list(self, node: ast.expr, field: str) -> ast.expr | None:
        for index, part in enumerate(getattr(node, field)):
            other = self._other(part)
            if other is not None:
                changed = copy.copy(node)
                setattr(changed, field, list(getattr(node, field)))
                getattr(changed, field)[index] = other
                return changed
        return None

    def _another(self, value: Any) -> Any:
        if value is None or value is Ellipsis:
            return 0
        if isinstance(value, bool):
            return not value
        for other in self.pool:
            if type(other) is type(value) and other != value and bool(other) and other == other:
                return other
        return value + {int: 1, float: 1.0, complex: 1, str: "x", bytes: b"x"}[type(value)]


def _asks(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))


def _wrapped(node: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Tuple([node], ast.Load()), node)
