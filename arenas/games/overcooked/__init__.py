"""Overcooked: cooks who share a kitchen; see README.md in this folder."""
