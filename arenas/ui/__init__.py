"""Ways to sit down and play, watch and read."""
