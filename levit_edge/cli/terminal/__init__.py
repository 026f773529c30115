"""The terminal: console, progress, completion."""
