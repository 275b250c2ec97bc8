"""Other libraries' games as arenas, and arenas as theirs; each needs the extra of its name."""
