"""The README's code runs, and its table is what the command prints."""

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def run(*args):
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_python_blocks_run():
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    printed = [run("-c", block) for block in blocks]
    assert "in Kuhn poker" in printed[0]


def test_table_is_what_the_command_prints():
    command = "arenas match KuhnPoker-v0 --seats nash random --games 1000"
    assert f"`{command}`" in README
    printed = run("-m", *command.split())
    table = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines() if line.strip())
    assert table in README


def test_relative_links_lead_somewhere():
    root = Path(__file__).parent.parent
    for page in [root / "README.md", *root.glob("docs/*.md"), *root.glob("arenas/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
