"""`python -m arenas.baselines.spiral`."""

from arenas.baselines.spiral import command

command()
