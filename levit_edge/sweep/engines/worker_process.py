"""A process that does tasks, and its successors: each time it dies a new one follows."""

import json
import signal
from collections.abc import Mapping

from levit_edge.documents import to_json
from levit_edge.sweep.engines.local_worker import unpack
from levit_edge.sweep.tasks.call import Call, Failed, Outcome
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
        self._helpers, self._store_url, self._environment, self._run_id = helpers, store_url, environment, run_id
        self._helper: Helper | None = None

    def do(self, call: Call) -> Outcome:
        """What came of `call`.

        Raises:
            DataError: no process can be started.
        """
        helper = self._helper or self._start()
        helper.send(json.dumps(to_json(call)).encode())
        frame = helper.receive()
        if frame is not None:
            outcome = unpack(frame)
            if isinstance(outcome, Failed) and outcome.again:  # want of memory may have left a module half imported
                self._end(helper)
            return outcome
        self._helper = None
        log = log_path(self._run_id, call.id)
        text = read_log(log)
        log.unlink(missing_ok=True)
        return Failed(reason=_fate(helper, call, text), log=text, again=True)

    def _end(self, helper: Helper) -> None:
        helper.kill()
        helper.fate()
        self._helper = None

    def _start(self) -> Helper:
        self._helper = self._helpers.start(WORKER, (self._store_url, self._run_id))
        self._helper.send(json.dumps(dict(self._environment)).encode())
        return self._helper


def _fate(helper: Helper, call: Call, log: str) -> str:
    fate = helper.fate()
    if helper.process.returncode == -signal.SIGALRM:
        return f"took longer than {call.seconds} s"
    return f"its process died ({fate})" + (", out of memory" if tells_of_shortage(log) else "")
