"""Bug injection and repair (Self-play SWE-RL): break a project, hide it, repair it."""
