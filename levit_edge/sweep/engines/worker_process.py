"""A process that does tasks, and its successors: each time it dies a new one follows."""

import json
import signal
from collections.abc import Mapping

from levit_edge.sweep.engines.local_worker import unpack
from levit_edge.sweep.tasks.result import Failed, Outcome
from levit_edge.sweep.tasks.work import log_path, read_log
from levit_edge.system.memory import tells_of_shortage
from levit_edge.system.worker import Helper, Helpers

__all__ = ["WorkerProcess"]

WORKER = "levit_edge.sweep.engines.local_worker"


class WorkerProcess:
    """Does one call after the other in a process of this machine, one of `helpers`.

    Neither a crash nor want of memory nor a task that hangs reaches whoever asks.
    """

    def __init__(self, helpers: Helpers, store_url: str, environment: Mapping[str, str], run_id: str) -> None:
        self._helpers, self._run_id = helpers, run_id
        self._arguments = store_url, run_id, json.dumps(dict(environment))
        self._helper: Helper | None = None

    def do(self, frame: bytes, call_id: str, seconds: int) -> Outcome:
        """What came of the call that `levit_edge.sweep.tasks.call.pack_call` made `frame` of, of that ID and time.

        Raises:
            DataError: no process can be started.
        """
        helper = self._helper = self._helper or self._helpers.start(WORKER, self._arguments)
        helper.send(frame)
        answer = helper.receive()
        if answer is not None:
            outcome = unpack(answer)
            if isinstance(outcome, Failed) and outcome.again:  # want of memory may have left a module half imported
                helper.kill()
                helper.process.wait()
                self._helper = None
            return outcome
        self._helper = None
        log = log_path(self._run_id, call_id)
        text = read_log(log)
        log.unlink(missing_ok=True)
        return Failed(reason=_exit_reason(helper, seconds, text), log=text, again=True)


def _exit_reason(helper: Helper, seconds: int, log: str) -> str:
    exit_reason = helper.exit_reason()
    if helper.process.returncode == -signal.SIGALRM:
        return f"took longer than {seconds} s"
    return f"its process died ({exit_reason})" + (", out of memory" if tells_of_shortage(log) else "")
