"""A bundle's model card: README.md with the Hugging Face hub's head in YAML, from what the bundle says of itself.

The head is huggingface_hub's (https://huggingface.co/docs/hub/model-cards): accuracies and agreements as fractions, the
drop in percentage points with its 95 % interval among the metric's arguments. Like a page, a card names no folder.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levit_edge.benchmark.comparison import comparison_rows
from levit_edge.benchmark.measurement import Measurement
from levit_edge.bundle.card_seal import sealed
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import EMBEDDED, ArtifactResult, Manifest, Verification
from levit_edge.bundle.passed_on import last_part, without_folders
from levit_edge.bundle.reader import Bundle
from levit_edge.demo import is_demo
from levit_edge.errors import BundleError, RuntimeUnavailableError
from levit_edge.model.config import CONFIGS, OfficialWeights
from levit_edge.model.license import is_license, published_license
from levit_edge.model.source import HUB_ID
from levit_edge.report.caveats import caveats, few_images
from levit_edge.report.page import render
from levit_edge.report.report_data import read_report_data

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

__all__ = ["PLACEHOLDER", "license_of", "model_card", "stated_of"]

PLACEHOLDER = "OWNER/NAME"
"""Stands for the repository in the commands of a card, until it is published."""
TASK = "image-classification"
LIBRARY = "levit-edge"
TAGS = ("levit", TASK, "int8", "quantized", "edge", "arm", "levit-edge")
HUB_DATASETS = {"imagenette": "frgfm/imagenette", "imagenetv2": "vaishaal/ImageNetV2"}
"""The sets that are fetched by name, as the hub calls them."""
TRAINED_ON = "imagenet-1k"
"""What the official weights were trained on, as the hub calls it."""


def stated_of(manifest: Manifest) -> str | None:
    """The licence that the checkpoint's files, or those who published them, state."""
    return manifest.checkpoint.license or published_license(manifest.checkpoint.sha256)


def license_of(manifest: Manifest, asked: str | None) -> str:
    """The licence that a card states: what was asked for, else what the checkpoint or its publisher says.

    Raises:
        BundleError: nobody says, or what was asked for is no identifier of the hub's.
    """
    found = stated_of(manifest) if asked is None else asked.strip().lower()
    if found is None:
        raise BundleError(
            f"the checkpoint {last_part(manifest.checkpoint.source)} does not say under which licence its weights are,"
            " and a model card has to. Give --license with an identifier of the hub, such as apache-2.0, mit,"
            " cc-by-nc-4.0 or other; ask whoever trained it if you do not know."
        )
    if not is_license(found):
        raise BundleError(
            f"--license is {str(asked)[:60]!r}, expected an identifier of the hub, such as apache-2.0, mit or other"
            " (https://huggingface.co/docs/hub/repositories-licenses)."
        )
    return found


def model_card(
    bundle: Bundle, *, license_id: str, datasets: Sequence[str] = (), measurements: Sequence[Measurement] = ()
) -> str:
    """The card, sealed: see `levit_edge.bundle.card_seal`.

    Args:
        bundle: what it is about.
        license_id: as `license_of` gives it.
        datasets: what the weights were trained and measured on, as the hub calls them; empty: as far as it is known.
        measurements: of boards.

    Raises:
        BundleError: the bundle is damaged.
        RuntimeUnavailableError: huggingface_hub or Jinja2 is not installed.
    """
    manifest, report_data = without_folders(bundle.manifest), read_report_data(bundle)
    named = list(datasets) or _datasets(manifest)
    body = render(
        "card.md.jinja",
        manifest=manifest,
        license_id=license_id,
        stated=stated_of(manifest),
        base_model=_base_model(manifest),
        labels=bundle.labels(),
        files=list(manifest.artifacts),
        caveats=[*caveats(manifest), *filter(None, [few_images(manifest.verification)])],
        latency=report_data.latency if report_data else None,
        rows=comparison_rows(measurements),
        repo=PLACEHOLDER,
    )
    return sealed(f"---\n{_head(manifest, license_id, named)}\n---\n\n{body.strip()}\n")


def _head(manifest: Manifest, license_id: str, datasets: Sequence[str]) -> str:
    try:
        from huggingface_hub import ModelCardData
    except ImportError as error:
        raise RuntimeUnavailableError(
            "huggingface_hub is not installed: install it with `pip install 'levit-edge[hub]'`."
        ) from error
    base = _base_model(manifest)
    results = list(_results(manifest, datasets))
    data = ModelCardData(
        license=license_id,
        library_name=LIBRARY,
        pipeline_tag=TASK,
        tags=[*TAGS, *dict.fromkeys(str(each.runtime) for each in manifest.artifacts)],
        datasets=list(datasets) or None,
        base_model=base,
        base_model_relation="quantized" if base else None,
        metrics=["accuracy"] if manifest.verification.labelled else None,
        model_name=f"LeViT-{manifest.config.name} INT8" if results else None,
        eval_results=results or None,
    )
    return str(data.to_yaml(line_break="\n")).strip()


def _official(manifest: Manifest) -> OfficialWeights | None:
    weights = [each.weights for each in CONFIGS.values() if each.weights is not None]
    return next((each for each in weights if manifest.checkpoint.sha256.startswith(each.sha256_prefix)), None)


def _base_model(manifest: Manifest) -> str | None:
    """The model of the hub that the weights are, as far as it is known: no path is taken for one."""
    official = _official(manifest)
    if official is not None:
        return official.hugging_face_id
    source = manifest.checkpoint.source
    return source if manifest.checkpoint.revision is not None and HUB_ID.fullmatch(source) else None


def _datasets(manifest: Manifest) -> list[str]:
    trained = [TRAINED_ON] if _official(manifest) is not None else []
    source = manifest.verification.images.source
    return list(dict.fromkeys([*trained, *([HUB_DATASETS[source]] if source in HUB_DATASETS else [])]))


def _results(manifest: Manifest, datasets: Sequence[str]) -> "Iterator[EvalResult]":
    """The metrics of every file; those that are no numbers of this world are left out."""
    from huggingface_hub import EvalResult

    verification = manifest.verification
    for result in verification.results:
        for kind, name, value, more in _metrics(result):
            yield EvalResult(
                task_type=TASK,
                task_name="Image Classification",
                dataset_type=_dataset_type(verification, datasets),
                dataset_name=_dataset_name(manifest),
                dataset_args={"images": verification.samples, "sha256": verification.images.sha256},
                metric_type=kind,
                metric_name=f"{name}, {result.artifact}",
                metric_value=value,
                metric_args={"file": result.artifact, **more},
            )


def _metrics(result: ArtifactResult) -> Iterator[tuple[str, str, float, dict[str, Any]]]:
    for name, percent in (("Top-1", result.top1), ("Top-5", result.top5)):
        if percent is not None:
            yield "accuracy", name, round(percent / 100, 6), {"top_k": 1 if name == "Top-1" else 5}
    if result.precision is not Precision.FP32 and result.drop_pt is not None:
        interval = (
            {} if result.drop_ci95_pt is None else {"interval_95": [round(end, 4) for end in result.drop_ci95_pt]}
        )
        yield "top1_drop", "Drop in top-1 from fp32, points", round(result.drop_pt, 4), interval
    if result.precision is not Precision.FP32 and result.agreement is not None:
        yield "agreement", "Same top-1 as fp32", round(result.agreement / 100, 6), {}


def _dataset_type(verification: Verification, datasets: Sequence[str]) -> str:
    known = HUB_DATASETS.get(verification.images.source)
    return known or (datasets[0] if len(datasets) == 1 else "imagefolder")


def _dataset_name(manifest: Manifest) -> str:
    source = manifest.verification.images.source
    if source == EMBEDDED:
        return "levit-edge's demo photographs" if is_demo(manifest.checkpoint.sha256) else "embedded photographs"
    return last_part(source) or Path(source).name
