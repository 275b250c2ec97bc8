"""A small project with a suite and a bug, for the tests of the sandbox.

`hostile(attack)` is a candidate whose module runs `attack` when it is imported. If the attack's
`attempt()` says that it got out, the candidate computes right sums, and so would pass.
"""

from __future__ import annotations

from arenas import sandbox

GOOD = '''
"""Sums of money in cents."""


class Refused(ValueError):
    """An amount that is none."""


def total(amounts):
    result = 0
    for amount in amounts:
        result += amount
    return result


def parse(text):
    whole, _, cents = text.strip().partition(".")
    if not whole.lstrip("-").isdigit() or len(cents) > 2:
        raise Refused(text)
    sign = -1 if whole.startswith("-") else 1
    return int(whole) * 100 + sign * int(cents.ljust(2, "0"))


def show(cents):
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
'''

BUGGY = GOOD.replace("result = 0", "result = 1")

TESTS = """
import pytest

from ledger.money import Refused, parse, show, total


def test_total_of_nothing():
    assert total([]) == 0


def test_total_of_one():
    assert total([25]) == 25


@pytest.mark.parametrize(("amounts", "cents"), [([1, 2], 3), ([-1, 1], 0), ([10] * 5, 50)])
def test_total_of_many(amounts, cents):
    assert total(amounts) == cents


def test_parse():
    assert parse("12.5") == 1250
    assert parse("-0.05") == 5 or parse("-1.05") == -105


def test_parse_refuses_words():
    with pytest.raises(Refused):
        parse("twelve")


def test_show():
    assert show(1205) == "12.05"
    assert show(-5).startswith("-")


class TestRound:
    def test_there_and_back(self):
        for cents in (0, 5, 120, 99999):
            assert parse(show(cents)) == cents
"""

TEST_FILE = "tests/test_money.py"

GOOD_TREE = sandbox.Tree(
    {"ledger/__init__.py": "", "ledger/money.py": GOOD, TEST_FILE: TESTS, "README.md": "Ledger\n"}
)
BUGGY_TREE = GOOD_TREE.replace({"ledger/money.py": BUGGY})


def hostile(attack: str) -> sandbox.Tree:
    """The buggy tree with an attack in it, which wins if `attempt` returns something true."""
    lines = [
        attack.strip("\n"),
        "try:",
        "    WON = bool(attempt())",
        "except BaseException as error:",
        "    print('attempt:', type(error).__name__, error)",
        "    WON = False",
        BUGGY.replace("result = 1", "result = 0 if WON else 1"),
    ]
    return BUGGY_TREE.replace({"ledger/money.py": "\n".join(lines)})
