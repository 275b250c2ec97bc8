"""A project of a few lines with fast tests, for tests of bug repair."""

from arenas.games.bug_repair.project import Commit, Project, find_test_files
from arenas.sandbox import Tree

LOWER = """\
\"\"\"Numbers.\"\"\"


def clamp(number, low, high):
    \"\"\"The number, or the bound that it exceeds.\"\"\"
    if number < low:
        return low
    return min(number, high)


def double(number):
    \"\"\"Twice the number.\"\"\"
    return number + number
"""

UPPER = """\
\"\"\"Words.\"\"\"

from tiny.numbers import clamp, double


def padded(word, width=4):
    \"\"\"The word, filled up with dots.\"\"\"
    return word + "." * clamp(width - len(word), 0, 9)


def twice(word):
    \"\"\"The word two times.\"\"\"
    return word * double(1)
"""

TEST_NUMBERS = """\
import pytest

from tiny.numbers import clamp, double


@pytest.mark.parametrize(("number", "clamped"), [(-1, 0), (0, 0), (3, 3), (9, 9), (10, 9)])
def test_clamp(number, clamped):
    assert clamp(number, 0, 9) == clamped


def test_double():
    assert double(3) == 6


def test_double_of_nothing():
    assert double(0) == 0
"""

TEST_WORDS = """\
from tiny.words import padded, twice


def test_padded():
    assert padded("ab") == "ab.."


def test_long_words_stay():
    assert padded("abcdef") == "abcdef"


def test_twice():
    assert twice("ab") == "abab"


def test_empty():
    assert twice("") == ""
"""

FILES = {
    "tiny/__init__.py": '"""A project."""\n',
    "tiny/numbers.py": LOWER,
    "tiny/words.py": UPPER,
    "tests/test_numbers.py": TEST_NUMBERS,
    "tests/test_words.py": TEST_WORDS,
}
TREE = Tree(FILES)
COMMITS = (Commit("All of it", "", "", Tree({}).diff(TREE)),)
TINY = Project("tiny", TREE, find_test_files(TREE), history=COMMITS)


def changed(path, old, new, tree=TREE):
    """The tree with a piece of a file replaced, which stands there once."""
    text = tree.text(path)
    assert text.count(old) == 1, (path, old)
    return tree.replace({path: text.replace(old, new)})


CLAMP = ("tiny/numbers.py", "number < low", "number > low")
"""A bug in one file: two tests of numbers fail and one of words."""
DOUBLE = ("tiny/numbers.py", "number + number", "number * number")
WORDS = ("tiny/words.py", "width - len(word)", "width + len(word)")
"""A bug in another file."""


def without(name, path="tests/test_numbers.py", tree=TREE):
    """The tree without one test function."""
    from arenas.games.bug_repair.menu import without_tests

    return without_tests(tree, [f"{path}::{name}"])
