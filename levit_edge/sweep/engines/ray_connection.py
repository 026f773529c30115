"""This process's connection to a Ray cluster: which one, and Ray's ways with a process kept from the user's."""

import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from levit_edge.errors import SweepError
from levit_edge.sweep.engines.ray_errors import EXPECTED, unusable

__all__ = ["RayConnection"]

CLIENT = "ray://"
CONNECT_SECONDS = 5


class RayConnection:
    """To the cluster at `given`, `ray://host:port` or `ray`; see `levit_edge.sweep.engines.ray_engine.RayEngine`."""

    def __init__(self, given: str) -> None:
        self._given = given if given.startswith(CLIENT) else None
        self.address = self._given or _own_cluster()
        """None for a cluster of this machine alone that ends with the connection."""

    @property
    def name(self) -> str:
        """What messages call the cluster."""
        return f"the Ray cluster at {self.address}" if self.address else "Ray on this machine"

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Connected while the body runs, whose end ends the run's workers on all nodes.

        Raises:
            SweepError: Ray is not installed, the cluster cannot be reached, or has another version of Ray or Python.
        """
        variables = {"RAY_USAGE_STATS_ENABLED": "0"}  # nothing is reported to anybody
        if self.address is None:  # nobody else of this machine is to use it, and no token is to stay in a file
            variables |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        with _set(variables):
            try:
                self._connect()
                yield
            finally:
                with suppress(ImportError), _unsaid():
                    import ray

                    ray.shutdown()

    def _connect(self) -> None:
        """Ray finds by itself the cluster that is not given."""
        try:
            import ray
        except ImportError as error:
            raise SweepError(f"--engine ray needs Ray ({error}): pip install 'levit-edge[ray]'.") from error
        if self.address is not None and not _listens(self.address):
            raise SweepError(f"no Ray cluster answers at {self.address}: {EXPECTED}")
        on_sigterm = signal.getsignal(signal.SIGTERM)
        where: dict[str, Any] = {"address": self._given}
        if self.address is None:
            where = {"address": "local", "include_dashboard": False}
        try:
            with _unsaid():
                ray.init(log_to_driver=False, logging_level=logging.CRITICAL, **where)
        except Exception as error:
            raise SweepError(f"{self.name} cannot be used: {unusable(error)}") from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, on_sigterm)  # Ray takes it


def _own_cluster() -> str | None:
    """The address of the cluster that this machine is part of, in the order of `ray.init`; None: there is none."""
    if given := os.environ.get("RAY_ADDRESS", ""):
        return None if given == "local" else given
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or tempfile.gettempdir()
    try:
        address = Path(folder, "ray", "ray_current_cluster").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return address if _listens(address) else None  # it was not stopped, but died


def _listens(address: str) -> bool:
    host, _, port = address.removeprefix(CLIENT).partition("/")[0].rpartition(":")
    if not port.isdecimal():
        raise SweepError(f"{address!r} is no address of a Ray cluster; expected HOST:PORT.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


@contextmanager
def _set(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for the body; Ray has no other way."""
    former = {name: os.environ[name] for name in variables if name in os.environ}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)
        os.environ.update(former)


@contextmanager
def _unsaid() -> Iterator[None]:
    """Ray's messages, of which its native code writes some to standard error, are not for our users."""
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("ray").setLevel(logging.CRITICAL + 1)  # Ray sets it too
        logging.getLogger("ray.util.client.logsclient").disabled = True  # it has a level of its own
        os.dup2(saved, 2)
        os.close(saved)
