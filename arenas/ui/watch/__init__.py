"""Records to look at: step by step, as one page, as a film."""
