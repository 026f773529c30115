"""The terminal: console and progress."""
