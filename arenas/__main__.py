"""`python -m arenas` is the `arenas` command."""

from arenas.cli import main

main()
