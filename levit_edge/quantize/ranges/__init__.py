"""From what was observed to scales and zero points."""
