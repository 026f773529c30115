"""Every contender's file, built in processes that may patch, leak or die."""

import shutil
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from benchmarks.isolation import Isolated, missing, reason_for
from benchmarks.speed.contender import Contender, Product, Workshop
from levit_edge.system.progress import Advance, StageListener

__all__ = ["build_all", "folder_for"]


def build_all(contenders: Sequence[Contender], workshop: Workshop, listener: StageListener) -> dict[str, Product | str]:
    """By each contender's key its file, or the reason why there is none."""
    built: dict[str, Product | str] = {}
    groups: dict[str, list[Contender]] = {}
    for contender in contenders:
        groups.setdefault(contender.process, []).append(contender)
    if not contenders:
        return built
    with listener.stage("build", len(contenders)) as advance:
        for group in groups.values():
            while remaining := [each for each in group if each.key not in built]:
                _build_here(remaining, built, workshop, advance)
    return built


def folder_for(contender: Contender, workshop: Workshop) -> Path:
    """Where its file and all that belongs to it lies."""
    return workshop.folder / contender.key.replace(" ", "-")


def _build_here(
    contenders: Sequence[Contender], built: dict[str, Product | str], workshop: Workshop, advance: Advance
) -> None:
    """Build in one process, as long as it lives."""
    with Isolated() as process:
        for contender in contenders:
            try:
                built[contender.key] = _build_there(process, contender, workshop)
            except Exception as error:  # a peer may raise anything, and the others go on
                built[contender.key] = reason_for(error)
                if isinstance(error, BrokenProcessPool):
                    return
            finally:
                advance(1)


def _build_there(process: Isolated, contender: Contender, workshop: Workshop) -> Product | str:
    if absent := missing(contender.requires):
        return f"not installed: {', '.join(absent)}"
    return process.call(_build, contender, workshop)


def _build(contender: Contender, workshop: Workshop) -> Product:
    folder = folder_for(contender, workshop)
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted run left
    folder.mkdir(parents=True)
    file, note = contender.build(workshop, folder)
    size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    return Product(file=file, size_bytes=size, note=note)
