"""A measurement of speed: its record, checks, comparison and diagnosis."""
