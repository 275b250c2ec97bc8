"""What training runs have in common: their settings, folder, checkpoints, loop and command."""
