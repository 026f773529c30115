"""Listeners to an evaluation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from levit_edge.board.session import Session
from levit_edge.system.progress import Advance


class Heard:
    """A listener who counts."""

    def __init__(self) -> None:
        self.totals: dict[str, int | None] = {}
        self.done: dict[str, int] = {}

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        self.totals[name], self.done[name] = total, 0

        def advance(count: int) -> None:
            self.done[name] += count

        yield advance


class Interrupting:
    """A listener who presses Ctrl-C after so many images."""

    def __init__(self, images: int) -> None:
        self.left = images

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        del total

        def advance(_count: int) -> None:
            self.left -= name == "verify"
            if self.left == 0:
                raise KeyboardInterrupt

        yield advance


def count_sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many photographs are sent from now on, chunk by chunk."""
    sent: list[int] = []
    original = Session.request

    def request(self: Session, do: str, **arguments: Any) -> None:
        sent.extend([arguments["count"]] if do == "infer" else [])
        original(self, do, **arguments)

    monkeypatch.setattr(Session, "request", request)
    return sent
