"""Ray clusters on loopback, of processes of their own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from tests.arm.board import free_ports
from tests.conftest import REPOSITORY
from tests.sweep.processes import kill, listens, tree, wait_for

__all__ = ["Cluster", "Node", "running_cluster"]

START = (sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start", "--block")
LIMITS = ("--memory", str(8 << 30), "--object-store-memory", str(80 << 20))
STARTED = "Ray runtime started."
LOCK = FileLock(Path(tempfile.gettempdir(), f"levit-edge-ray-tests-{os.getuid()}.lock"))
"""The client servers of all clusters of a machine take their ports from the same range, and look whether one is free
some time before they take it: with gRPC, two can then have the same. A test may have several clusters."""


class Node:
    """One machine of a cluster, in so far as processes make one."""

    def __init__(
        self, options: Sequence[str], log: Path, environment: Mapping[str, str], within: Sequence[str]
    ) -> None:
        (agent,) = free_ports(1)
        with log.open("wb") as output:
            # ends with the tests, also when those are killed
            self.process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "TERM", *within, *START, *options, *LIMITS),
                    *("--node-ip-address", "127.0.0.1", "--dashboard-agent-listen-port", str(agent)),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        wait_for(lambda: STARTED in log.read_text() or self.process.poll() is not None)
        assert self.process.poll() is None, log.read_text()

    def kill(self) -> None:
        """Like a power cut."""
        kill(*tree(self.process.pid))
        self.process.wait()


class Cluster:
    """A head, `one`, whose nodes share this machine's files."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._ports = folder, free_ports(2)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
            "PYTHONPATH": str(REPOSITORY),
            "RAY_AUTH_MODE": "disabled",  # whatever tokens this user has
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",  # or other work on this machine comes first
            "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "300",  # and a client's server may start slowly beside it
            "GRPC_ENABLE_FORK_SUPPORT": "0",  # its handlers can crash or hang what the client server forks
            **environment,
        }
        self._logs = 0
        self.nodes: list[Node] = []

    @property
    def address(self) -> str:
        """For RAY_ADDRESS."""
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def client(self) -> str:
        return f"ray://127.0.0.1:{self._ports[1]}"

    def start_head(self, cpus: int = 1) -> Node:
        options = ["--head", "--port", str(self._ports[0]), "--ray-client-server-port", str(self._ports[1])]
        options += ["--temp-dir", str(self._folder / "t"), "--include-dashboard", "false"]
        head = self._start([*options, "--node-name", "one", "--num-cpus", str(cpus)], {}, ())
        wait_for(lambda: listens(self._ports[1]))  # `ray start` does not wait for the client server
        return head

    def start_node(
        self, name: str, *, cpus: int = 1, environment: Mapping[str, str] | None = None, within: Sequence[str] = ()
    ) -> Node:
        """Another node; its processes have more `environment`, and are started by the command `within`."""
        options = ["--address", self.address, "--node-name", name, "--num-cpus", str(cpus)]
        return self._start(options, environment or {}, within)

    def _start(self, options: Sequence[str], environment: Mapping[str, str], within: Sequence[str]) -> Node:
        self._logs += 1
        node = Node(options, self._folder / f"{self._logs}.log", {**self._environment, **environment}, within)
        self.nodes.append(node)
        return node


@contextmanager
def running_cluster(environment: Mapping[str, str] | None = None, *, cpus: int = 1) -> Iterator[Cluster]:
    """A cluster of one node, all of which ends with the body; one process of this machine has some at a time."""
    with LOCK:
        folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        cluster = Cluster(folder, environment or {})
        try:
            cluster.start_head(cpus)
            yield cluster
        finally:
            for node in cluster.nodes:
                node.kill()
            shutil.rmtree(folder, ignore_errors=True)
