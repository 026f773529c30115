"""The ways to a board."""
