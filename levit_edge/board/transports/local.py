"""This computer as a board: the same agent, in a process of its own."""

import sys
from collections.abc import Sequence

from levit_edge.board.transports.transport import Transport, last_line

__all__ = ["LocalTransport"]


class LocalTransport(Transport):
    """The agent in this Python, or in another one of this computer."""

    def __init__(self, python: str | None = None) -> None:
        self.name = "local"
        self._python = python or sys.executable

    def command(self, boot: Sequence[str]) -> list[str]:
        """Start Python."""
        return [self._python, *boot]

    def explain(self, status: int, stderr: str) -> str:
        """Python itself failed."""
        return f"{self._python} ended with status {status}: {last_line(stderr)}."
