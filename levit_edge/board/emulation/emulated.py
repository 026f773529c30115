"""A bundle on an emulated processor: what it computes there, which int8 instructions it takes, and how many in all."""

import os
import threading
import time
from dataclasses import replace

from levit_edge.benchmark.measurement import EmulatedInference, Measurement
from levit_edge.board.emulation.emulated_run import FileUnderTest
from levit_edge.board.emulation.instructions import million_instructions
from levit_edge.board.emulation.kernels import kernel_sites
from levit_edge.board.measure import BenchmarkSettings, measure
from levit_edge.board.session import Progress
from levit_edge.board.transports.qemu import Emulator, QemuTransport
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.reader import Bundle

__all__ = ["measure_emulated"]

EMULATORS = threading.BoundedSemaphore(os.cpu_count() or 1)
"""An emulator keeps a core busy."""


def measure_emulated(
    bundle: Bundle, transport: QemuTransport, settings: BenchmarkSettings, progress: Progress | None = None
) -> Measurement:
    """As `measure`, and then what an inference of each file executes.

    Instructions are counted where there is a qemu that can; otherwise they are None.

    Raises:
        BoardError: a file does not run there as it should, or there is no emulator.
        BundleError: a file of the bundle is damaged, or there is none of the runtimes asked for.
    """
    deadline = None if settings.timeout_s is None else time.monotonic() + settings.timeout_s
    with EMULATORS:
        measurement = measure(bundle, transport, settings, progress)
        ran = {each.artifact for each in measurement.results if not each.error}
        artifacts = [each for each in bundle.manifest.artifacts if each.file in ran]
        # int8 files first: reading their kernels imports each runtime before anything is counted
        in_turn = sorted(artifacts, key=lambda each: not each.precision.is_int8)
        observed = {each.file: _observe(bundle, each, transport.processor, progress, deadline) for each in in_turn}
    return replace(measurement, emulated=tuple(observed[each.file] for each in artifacts))


def _observe(
    bundle: Bundle, artifact: Artifact, emulator: Emulator, progress: Progress | None, deadline: float | None
) -> EmulatedInference:
    say = progress or (lambda _what, _done, _total: None)
    under_test = FileUnderTest(
        name=artifact.file,
        runtime=artifact.runtime,
        content=bundle.read(artifact.file),
        image_size=bundle.manifest.config.image_size,
    )
    sites, millions = None, None
    if artifact.precision.is_int8:
        say(f"read kernels of {artifact.file}", 0, None)
        sites = kernel_sites(emulator, under_test, deadline)
    if emulator.counts:
        say(f"count {artifact.file}", 0, None)
        millions = round(million_instructions(emulator, under_test, deadline), 3)
    return EmulatedInference(artifact=artifact.file, kernel_sites=sites, million_instructions=millions)
