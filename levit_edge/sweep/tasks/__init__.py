"""The tasks of a sweep, and the store of their results."""
