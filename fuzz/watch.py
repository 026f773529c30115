"""What an input makes Python do: files opened outside of a folder, programs, connections, code and imports.

Python's audit events tell (PEP 578). Native code raises none: of it, only a crash, the time and the memory are seen.
"""

import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Trespass", "Watch"]

REPOSITORY = Path(__file__).parents[1]
READABLE = {str(REPOSITORY), sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), "/proc", "/sys", "/dev/null"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    "os.remove": 1,
    "os.rename": 2,
    "os.mkdir": 1,
    "os.rmdir": 1,
    "os.link": 2,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.chmod": 1,
    "os.chown": 1,
    "os.utime": 1,
    "os.setxattr": 1,
}
"""Event -> how many of its arguments, from the first, are paths."""
NEVER = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn", "socket.", "code.__new__")
"""Beginnings of events that no reader causes."""


class Trespass(BaseException):
    """Something that no input may cause; no `except Exception` hides it, and it is recorded all the same."""


class Watch:
    """Records what happens while it is active, and stops it."""

    def __init__(self, *readable: Path, programs: bool = False) -> None:
        self._readable = READABLE | {str(path) for path in readable}
        self._programs = programs
        self._folder = ""
        self._modules: set[str] = set()
        self.found: list[str] = []
        self.stacks: list[str] = []
        """Where in the code."""
        sys.addaudithook(self._hear)

    @contextmanager
    def over(self, folder: Path) -> Iterator[None]:
        """Watch the body, which may write into `folder` and read there."""
        self.found, self.stacks = [], []
        self._modules = {name.partition(".")[0] for name in sys.modules} | set(sys.stdlib_module_names)
        self._folder = str(folder)
        try:
            yield
        finally:
            self._folder = ""

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._folder:
            return
        problem = self._problem(event, arguments)
        if problem:
            folder, self._folder = self._folder, ""
            self.found.append(f"{event} {problem}"[:300])
            self.stacks.append("".join(traceback.format_stack(limit=10)[:-2]))
            self._folder = folder
            raise Trespass(self.found[-1])

    def _problem(self, event: str, arguments: tuple[Any, ...]) -> str:
        judge: dict[str, Callable[..., str]] = {"open": self._opened, "import": self._imported, "exec": self._executed}
        if event in judge:
            return judge[event](*arguments)
        if event in CHANGES:
            return next((f"{each!r}" for each in arguments[: CHANGES[event]] if not self._within(each)), "")
        if event == "subprocess.Popen":
            return "" if self._programs else repr(arguments[1])
        return repr(arguments) if event.startswith(NEVER) else ""

    def _opened(self, path: Any, _mode: Any, flags: Any) -> str:
        if isinstance(path, int) or path is None or self._within(path):
            return ""
        writing = isinstance(flags, int) and flags & WRITING
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - no Path objects in an audit hook
        readable = any(name == root or name.startswith(root + os.sep) for root in self._readable)
        return "" if (readable and not writing) or name == "/proc/self/clear_refs" else f"{path!r}"

    def _within(self, path: Any) -> bool:
        if isinstance(path, int):
            return True
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        return name == self._folder or name.startswith(self._folder + os.sep) or name == os.devnull

    def _imported(self, module: str, *_: Any) -> str:
        return "" if module.partition(".")[0] in self._modules else module

    @staticmethod
    def _executed(code: Any) -> str:
        name = getattr(code, "co_filename", "")
        expected = name.startswith(("/", "<frozen ")) or _importing()  # a module's named tuples are made by exec
        return "" if expected else f"{name} {getattr(code, 'co_names', ())}"


def _importing() -> bool:
    """Whether a module is being executed for the first time, which the event of its import has allowed."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "exec_module" and frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
