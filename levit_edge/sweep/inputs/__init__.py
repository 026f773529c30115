"""Images and checkpoints of a sweep, wherever they are."""
