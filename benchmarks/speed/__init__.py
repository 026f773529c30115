"""Latency side by side: who takes part, the processes they run in, the turns they take, and the figures."""
