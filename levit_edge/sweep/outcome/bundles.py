"""The bundle of a candidate, from what the store has of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from levit_edge.bundle.kinds import TOOLS
from levit_edge.bundle.manifest import Manifest
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.documents import from_json
from levit_edge.errors import SweepError
from levit_edge.quantize.bundle_parts import finish, labels_file
from levit_edge.report.report_data import REPORT_DATA_FILE, ReportData
from levit_edge.sweep.candidates import BuiltCandidate
from levit_edge.sweep.tasks.quantize_task import GOLDEN
from levit_edge.sweep.tasks.store import Store
from levit_edge.system.host import describe_host, package_versions

__all__ = ["write_bundle"]


def write_bundle(built: BuiltCandidate, output: Path, store: Store) -> Bundle:
    """Write the candidate's bundle to the folder `output`. It was evaluated.

    Raises:
        OutputError: it cannot be written there.
        SweepError: the store is damaged.
    """
    files, verification = built.files, built.candidate.verification
    if files is None or verification is None:
        raise ValueError(f"{built.candidate.title} was not evaluated")
    facts, quantized, blobs = files.facts, files.quantized, files.blobs
    with new_bundle(output, sum(each.size_bytes for each in quantized.artifacts)) as writer:
        for file in (*(each.file for each in quantized.artifacts), GOLDEN):
            writer.add(file, store.blob(blobs[file]))
        pairing = files.evaluation.pairing(facts.classes)
        writer.add("labels.txt", labels_file(facts.config.classes, facts.labels, pairing))
        document = json.loads(store.blob(blobs[REPORT_DATA_FILE]))
        report_data = from_json(ReportData, document, SweepError, "what the store has of a candidate")
        manifest = Manifest(
            levit_edge_version=version("levit-edge"),
            created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            config=facts.config,
            preprocessing=files.preprocessing,
            preprocessing_origin=files.preprocessing_origin,
            preprocessing_changes=files.preprocessing_changes,
            warnings=built.candidate.warnings,
            recipe=quantized.recipe,
            layers=quantized.layers,
            checkpoint=facts.provenance,
            calibration=files.calibrated.images,
            artifacts=quantized.artifacts,
            files=writer.files,
            tools=package_versions(TOOLS),
            host=describe_host(),
            verification=verification,
        )
        return finish(writer, manifest, replace(report_data, latency=built.latency))
