"""What runs behind the walls: the standard library and pytest, nothing of the rest of `arenas`."""
