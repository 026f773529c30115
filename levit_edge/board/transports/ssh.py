"""A board over ssh, by the system's OpenSSH client.

Its configuration, keys, agent and known_hosts are the user's; BatchMode means that it never asks for a password.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from levit_edge.board.transports.transport import NO_PYTHON, Transport, last_line, shell_launch
from levit_edge.errors import BoardError

__all__ = ["SshTransport"]

SSH_FAILED = 255
OPTIONS = ("BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=10", "ServerAliveCountMax=3", "EscapeChar=none")
ADVICE = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "its host key is not the one in known_hosts: if the board was set up"
     " anew, remove the old key with `ssh-keygen -R`, otherwise find out who answers there"),
    ("Host key verification failed", "its host key is not in known_hosts: connect once with `ssh`, compare the"
     " fingerprint and accept it"),
    ("Permission denied", "it refuses the keys that ssh offers: `ssh-copy-id` puts yours there (passwords are not"
     " used)"),
    ("Could not resolve hostname", "there is no such host: check the name, or add it to ~/.ssh/config"),
    ("Connection refused", "nothing listens on that port: is the ssh server running, and is the port right?"),
    ("Connection timed out", "it does not answer: is it switched on and in this network?"),
    ("No route to host", "it does not answer: is it switched on and in this network?"),
)  # fmt: skip
"""What the client says, and what to do."""


class SshTransport(Transport):
    """`ssh://[user@]host[:port]`.

    Raises:
        BoardError: the address is not one, it has a password or a path in it, or there is no ssh client.
    """

    def __init__(self, address: str, *, python: str | None = None, config: Path | None = None) -> None:
        self.name = address
        self._python, self._config = python, config
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError as error:
            raise BoardError(f"{address} is not an address ({error}); expected ssh://user@host:port.") from error
        if parts.password is not None:
            raise BoardError(
                f"ssh://{parts.username}:…@{parts.hostname} has a password in it, and passwords are not used: let the"
                " board know your key with `ssh-copy-id`."
            )
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.hostname.startswith("-"):
            raise BoardError(f"{address} is not an address of a board; expected ssh://user@host:port.")
        if parts.username is not None and parts.username.startswith("-"):
            raise BoardError(f"{address} has the user {parts.username!r}, expected ssh://user@host:port.")
        self._host = parts.hostname if parts.username is None else f"{parts.username}@{parts.hostname}"
        self._port = port

    def command(self, boot: Sequence[str]) -> list[str]:
        """Start ssh."""
        ssh = shutil.which("ssh")
        if ssh is None:
            raise BoardError("there is no ssh client here: install OpenSSH's (Debian: openssh-client).")
        settings = [part for option in OPTIONS for part in ("-o", option)]
        config = [] if self._config is None else ["-F", str(self._config)]
        port = [] if self._port is None else ["-p", str(self._port)]
        return [ssh, "-T", *config, *settings, *port, "--", self._host, shell_launch(boot, self._python)]

    def explain(self, status: int, stderr: str) -> str:
        """The client's own message, and what to do about it."""
        last = last_line(stderr)
        if status == NO_PYTHON:
            return (
                f"there is no {self._python or 'python3'} on the board: install Python 3.9 or newer there"
                " (Debian: `apt install python3`), or name another one with --python."
            )
        for said, advice in ADVICE:
            if said in stderr:
                return f"{advice} ({last})."
        if status == SSH_FAILED:
            return f"ssh failed: {last}."
        return f"the board's Python ended with status {status}: {last}."
