"""Puts files where a sweep reads them, and makes tar files."""

import io
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path

Put = Callable[[dict[str, bytes]], str]
"""Stores files by their paths and answers with the folder's location."""


def put_in_memory(files: dict[str, bytes]) -> str:
    import fsspec

    system = fsspec.filesystem("memory")
    folder = f"/{uuid.uuid4().hex}/val"
    for path, content in files.items():
        system.pipe_file(f"{folder}/{path}", content)
    return f"memory:/{folder}"


def put_locally(root: Path, protocol: str = "") -> Put:
    def put(files: dict[str, bytes]) -> str:
        for path, content in files.items():
            (root / "val" / path).parent.mkdir(parents=True, exist_ok=True)
            (root / "val" / path).write_bytes(content)
        return f"{protocol}{root / 'val'}"

    return put


def tar(members: dict[str, bytes], format: int = tarfile.DEFAULT_FORMAT) -> bytes:  # noqa: A002
    """A tar file, as Python writes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def samples(files: dict[str, bytes], labels: tuple[int, ...]) -> dict[str, bytes]:
    """The members of a WebDataset tar file: the images and a label beside each."""
    members = {}
    for (path, content), label in zip(files.items(), labels, strict=True):
        members[path] = content
        members[f"{path.rpartition('.')[0]}.cls"] = str(label).encode()
    return members
