"""Matches played, recorded and verified."""
