"""From one quantizer to its row of the comparison."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.arm.commit import commit
from benchmarks.evaluation import Figures, compare, logits
from benchmarks.isolation import Attempt, Isolated, attempt, reason_for
from benchmarks.references import reference
from benchmarks.results import Row, Taken
from benchmarks.speed.contender import Engine
from benchmarks.task import Peer, Task
from levit_edge.data.imagefolder import ImageSet
from levit_edge.system.host import describe_host, package_versions

__all__ = ["measured", "row"]


def measured(peer: Peer, task: Task, images: ImageSet, command: str) -> Row:
    """Build the file, and run it beside its reference; whatever goes wrong is the row's note."""
    tried = attempt(peer, task)
    try:
        figures = _figures(tried, task, images)
    except Exception as error:  # a runtime may raise anything, and the others go on
        return row(replace(tried, built=None, reason=reason_for(error)), None, command)
    return row(tried, figures, command)


def _figures(tried: Attempt, task: Task, images: ImageSet) -> Figures | None:
    if tried.built is None:
        return None
    runtime, file = tried.peer.runtime, task.folder / "evaluated"
    file.write_bytes(tried.built.model)
    expected = np.load(task.once(f"expected-{runtime}.npy", lambda target: _expect(target, runtime, task, images)))
    with Isolated() as process:
        found = process.call(logits, runtime, file, images, task.preprocessing)
    return compare(expected, found, images.labels or ())


def _expect(target: Path, runtime: Engine, task: Task, images: ImageSet) -> None:
    """The reference's logits, which all rows of the runtime share."""
    with Isolated() as process:
        file = process.call(reference, task, runtime)
    with Isolated() as process, target.open("wb") as stream:
        np.save(stream, process.call(logits, runtime, file, images, task.preprocessing))


def row(tried: Attempt, figures: Figures | None, command: str) -> Row:
    """What is known of an attempt, now and here."""
    peer, built = tried.peer, tried.built
    found = Row(name=peer.name, runtime=peer.runtime, taken=_taken(peer, command), note=tried.reason)
    if built is None or figures is None:
        return found
    return replace(
        found,
        **asdict(figures),
        size_bytes=len(built.model),
        seconds=tried.seconds,
        calibration_images=built.calibration_images,
        note=built.note,
    )


def _taken(peer: Peer, command: str) -> Taken:
    host = describe_host()
    return Taken(
        command=command,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=host["processor"],
        versions=package_versions(tuple(each.replace("_", "-") for each in peer.requires)),
        commit=commit() if "levit_edge" in peer.requires else "",
    )
