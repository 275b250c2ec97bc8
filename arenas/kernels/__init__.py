"""Turn structures that several games share."""
