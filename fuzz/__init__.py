"""Hostile input for every reader of levit-edge, by mutation of valid files: see docs/fuzzing.md.

    python -m fuzz --bundle BUNDLE [READER …] [--count 10000] [--seed 0] [--json FILE]

What a reader may do is accept an input, or refuse it with a `LevitEdgeError`. All else is a finding: another
exception, a crash, a hang, too much memory, a write outside of the folder that it was given, a program or code run.
"""
