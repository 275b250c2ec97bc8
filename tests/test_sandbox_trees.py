"""Trees and strict patches, beside Git's own reading of the same diffs."""

from __future__ import annotations

import hashlib
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arenas import sandbox
from arenas.sandbox import BadPath, PatchRefused, Tree

PATHS = st.sampled_from(["a.py", "b.py", "pkg/c.py", "pkg/sub/d.txt"])
LINES = st.lists(st.sampled_from(["x = 1", "y = 2", "", "  z", "-", "+ plus", "--- a/a.py", "é"]))
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n"]))
TREES = st.dictionaries(PATHS, TEXTS).map(Tree)


def test_a_tree_is_a_value():
    tree = Tree({"b": "2", "a/c": b"1"})
    assert list(tree) == ["a/c", "b"]
    assert tree == Tree({"a/c": "1", "b": "2"})
    assert {tree: 1}[Tree(dict(tree))] == 1
    assert tree != tree.replace({"b": "3"})
    assert tree.replace({"b": None, "nowhere": None}) == tree.only(["a/c", "nowhere"])
    assert tree.changed(tree.replace({"b": None, "d": ""})) == ("b", "d")
    with pytest.raises(TypeError):
        tree["b"] = b"3"


def test_the_hash_is_what_it_is_said_to_be():
    content = b"3:a/c1:11:b2:23"
    assert Tree({"b": "23", "a/c": "1"}).hash == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "path",
    [
        "/a",
        "../a",
        "a/../b",
        "a//b",
        "./a",
        "a/",
        "",
        "a\\b",
        "c:/a",
        "a\nb",
        ".git/config",
        "x" * 256,
    ],
)
def test_paths_stay_inside(path):
    with pytest.raises(BadPath):
        Tree({path: ""})


def test_a_file_holds_no_files():
    with pytest.raises(BadPath, match="is a file and holds"):
        Tree({"a": "", "a/b": ""})


def test_trees_are_read_and_written(tmp_path):
    tree = Tree({"a.py": "1\n", "pkg/b.py": b"\xff"})
    tree.write(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("")
    assert Tree.read(tmp_path) == tree
    with pytest.raises(BadPath, match="more than 2 bytes"):
        Tree.read(tmp_path, max_bytes=2)
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(BadPath, match="symbolic link"):
        Tree.read(tmp_path)


@given(TREES, TREES)
def test_a_diff_applied_gives_the_other_tree(before, after):
    if before != after:
        assert before.apply(before.diff(after)) == after


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
@settings(max_examples=60)
@given(before=TREES, after=TREES, noise=st.integers(0, 400))
def test_patches_are_read_as_git_reads_them(tmp_path_factory, before, after, noise):
    """What we apply, Git applies to the same files; what Git refuses, we refuse."""
    patch = before.diff(after)
    if noise < len(patch):  # cut a line out, which breaks most patches
        *lines, end = patch.split("\n")
        # Git asks for its own head where there is one; `diff -u` and players write none.
        if not lines[noise % len(lines)].startswith(("diff", "new file", "deleted file")):
            del lines[noise % len(lines)]
        patch = "\n".join([*lines, end])
    folder = tmp_path_factory.mktemp("git")
    before.write(folder)
    command = ["git", "apply", "--whitespace=nowarn", "-"]
    done = subprocess.run(command, input=patch.encode(), cwd=folder, capture_output=True)
    try:
        ours = before.apply(patch)
    except PatchRefused:
        return  # we read less: no fuzz in line numbers, nothing between hunks
    assert done.returncode == 0, (patch, done.stderr)
    assert Tree.read(folder) == ours


TREE = Tree({"a.py": "one\ntwo\nthree\n", "data": b"\xff\xfe"})
HEAD = "--- a/a.py\n+++ b/a.py\n"
NEW_L = "--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+x\n"
REFUSALS = {
    "": "no file in it",
    "hello\n": "no file in it",
    "@@ -1 +1 @@\n-one\n+uno\n": "a hunk before any",
    HEAD: "has no hunk",
    HEAD + "@@ nonsense @@\n": "not a hunk's head",
    HEAD + "@@ -1 +1 @@\n-eins\n+uno\n": "line 1 of a.py is 'one",
    HEAD + "@@ -2 +2 @@\n-one\n+uno\n": "line 2 of a.py is 'two",
    HEAD + "@@ -9 +9 @@\n-one\n+uno\n": "end of file",
    HEAD + "@@ -9,0 +9 @@\n+uno\n": "has only 3 lines",
    HEAD + "@@ -1,2 +1 @@\n-one\n+uno\n": "promises",
    HEAD + "@@ -1 +1 @@\n-one\n+uno\n+dos\n": "more lines than it promises",
    HEAD + "@@ -2 +2 @@\n-two\n+dos\n@@ -1 +1 @@\n-one\n+uno\n": "overlap or go backwards",
    (HEAD + "@@ -1 +1 @@\n-one\n+uno\n") * 2: "patched twice",
    "--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-one\n+uno\n": "there is no b.py",
    "--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+one\n": "is there already",
    "--- a/a.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n": "lines are left",
    "--- a/a.py\n+++ b/b.py\n@@ -1 +1 @@\n-one\n+uno\n": "renames are not read",
    "--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+x\n": "both sides",
    "--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n": "not a normal path",
    "--- /dev/null\n+++ /etc/passwd\n@@ -0,0 +1 @@\n+x\n": "absolute",
    "--- /dev/null\n+++ b/.git/hooks/x\n@@ -0,0 +1 @@\n+x\n": "version control",
    "--- /dev/null\n+++ b/a.py/b\n@@ -0,0 +1 @@\n+x\n": "is a file and holds",
    '--- /dev/null\n+++ "b/a\\tb"\n@@ -0,0 +1 @@\n+x\n': "quoted paths",
    "diff --git a/l b/l\nnew file mode 120000\n" + NEW_L: "no links",
    "diff --git a/l b/l\nnew file mode 100755\n" + NEW_L: "executables",
    "diff --git a/a.py b/a.py\nold mode 100644\nnew mode 100755\n": "modes cannot be changed",
    "diff --git a/a.py b/b.py\nsimilarity index 100%\nrename from a.py\nrename to b.py\n": "rena",
    "diff --git a/d b/d\nGIT binary patch\nliteral 1\nIcmZPo\n": "binary",
    "Binary files a/x and b/x differ\n": "binary",
    "--- a/data\n+++ b/data\n@@ -1 +1 @@\n-x\n+y\n": "is not text",
    "new file mode 100644\n": "a mode without a line",
    "diff --git a/a.py b/a.py\ndeleted file mode 100644\n": "lines are left",
    "diff --git a/a.py b/a.py\nnew file mode 100644\nindex 1..2\n": "is there already",
    HEAD + "@@ -1 +1 @@\n-one\n+uno\nnonsense\n": "neither a file nor a hunk",
}


@pytest.mark.parametrize("patch", REFUSALS, ids=REFUSALS.values())
def test_refusals_say_why(patch):
    with pytest.raises(PatchRefused, match=REFUSALS[patch].replace("(", "\\(")):
        TREE.apply(patch)


def test_patches_of_mails_and_models_are_read():
    patch = "Here is the fix:\n\n" + HEAD + "@@ -1,3 +1,4 @@ def f():\n one\n+\n two\n three\n"
    assert TREE.apply(patch).text("a.py") == "one\n\ntwo\nthree\n"
    assert [file.path for file in sandbox.parse_patch(patch)] == ["a.py"]
