"""Training algorithms, a readable file or folder each; `arenas train` runs them."""
