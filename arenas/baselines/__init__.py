"""Training algorithms, one readable file each; `arenas train` runs them."""
