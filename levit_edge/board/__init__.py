"""Measuring a bundle on a board: one file for each way to reach one, and the agent that runs there."""
