"""A board that says what a test wants: a process here that speaks the agent's protocol, but keeps to no promise."""

import sys
from collections.abc import Sequence
from typing import Any

PRELUDE = '''
import json, os, struct, sys, time
nan, inf = float("nan"), float("inf")
sys.stdin.buffer.read(int(sys.argv[1]))

def hear():
    """Wait for a frame that is not empty."""
    while True:
        head = sys.stdin.buffer.read(8)
        if len(head) < 8:
            sys.exit()
        frame = sys.stdin.buffer.read(*struct.unpack("<Q", head))
        if frame:
            return frame

def write(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()

def say(*frames):
    for each in frames:
        data = each if isinstance(each, bytes) else json.dumps(each).encode()
        write(struct.pack("<Q", len(data)) + data)

def greet():
    write(b"\\nlevit-edge agent, protocol 1\\n")

def serve(answers):
    greet()
    while True:
        request = json.loads(hear())
        left = request["size"] if request["do"] == "put" else 1 if request["do"] == "infer" else 0
        while left > 0:
            left -= len(hear())
        answer = answers.get(request["do"], {})
        answer = answer.pop(0) if isinstance(answer, list) else answer
        say(*answer) if isinstance(answer, tuple) else say(answer)
'''
HELLO: dict[str, Any] = {
    "facts": {"machine": "aarch64", "cpuinfo": "", "usable_cores": 4},
    "packages": {"numpy": "2.3.0", "onnxruntime": "1.31.0", "executorch-numpy-runtime": None, "executorch": None},
    "python": [3, 11, 2],
    "executable": "/usr/bin/python3",
}


class StandIn:
    """The way to one that runs `body`, Python."""

    name = "board"
    emulator: str | None = None

    def __init__(self, body: str) -> None:
        self._body = body

    def command(self, boot: Sequence[str]) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", PRELUDE + self._body, *boot[3:]]

    def explain(self, status: int, stderr: str) -> str:
        return f"it ended with {status} ({stderr})."


def answering(**answers: Any) -> StandIn:
    """One that has an answer for each request: a document, or several frames, those of bytes sent as they are.

    Or a list of these, one for each time.
    """
    return StandIn(f"serve({answers!r})")
