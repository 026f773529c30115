"""What every benchmark's JSON file begins with, and how it is printed before any figure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from levit_edge.errors import DataError
from levit_edge.system.host import describe_host, package_versions

__all__ = ["Document", "circumstances", "show_context"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Document:
    """Under which circumstances figures were taken. `command` is the command line as it was typed."""

    schema_version: int = SCHEMA_VERSION
    caveat: str
    command: str
    created_utc: str
    host: dict[str, str]
    versions: dict[str, str]

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION:
            raise DataError(
                f"the document has schema version {self.schema_version}, this reads version {SCHEMA_VERSION}."
            )


def circumstances(packages: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a `Document` that are the same for every figure taken now, on this machine, with `packages`."""
    return {
        "created_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": describe_host(),
        "versions": package_versions(packages),
    }


def show_context(document: Document, what: str, console: Console) -> None:
    """Print what a reader has to know before any figure; `what` was measured."""
    host = document.host
    for line in (
        document.caveat,
        what,
        f"{host['processor']}, {host['architecture']}, {host['cores']} cores, {host['system']},"
        f" Python {host['python']}",
        ", ".join(f"{package} {version}" for package, version in document.versions.items()),
        f"$ {document.command}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
