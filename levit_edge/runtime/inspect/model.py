"""What model files hold, found out in a process of its own: see `levit_edge.system.limits`."""

import json
from typing import Any

from levit_edge.errors import BundleError
from levit_edge.system.limits import raise_death, raise_fault
from levit_edge.system.worker import Helper, Helpers

__all__ = ["ModelInspector"]

WORKER = "levit_edge.runtime.inspect.worker"


class ModelInspector(Helpers):
    """One process that inspects files, one after the other; use it in a `with` statement."""

    _helper: Helper | None = None

    def inspect(self, name: str, data: bytes) -> dict[str, Any]:
        """The facts of a file as JSON holds them: `kind`, `file`, and those of its runtime's inspector.

        The ending of its `name` tells the format.

        Raises:
            RuntimeUnavailableError: a package that is needed is not installed, or what reads the file crashed.
            BundleError: the file is damaged, or of another format.
        """
        helper = self._helper = self._helper or self.start(WORKER)
        helper.send(name.encode("utf-8", "surrogateescape"))
        helper.send(data)
        frame = helper.receive()
        if frame is None:
            self._helper = None
            raise_death(helper, f"{name}: the process that inspected it", "the file")
        facts: dict[str, Any] = json.loads(frame)
        if "error" not in facts:
            return facts
        try:
            raise_fault(facts)
        except BundleError as error:
            raise BundleError(f"{name}: {error}") from error
