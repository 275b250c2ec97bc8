"""Documents and indices to search them: on disk, shared by all who read, checked when opened."""
