"""The task that makes the int8 files of one network and one recipe."""

import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from levit_edge.bundle.recipe import Recipe
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.preprocess import Preprocessing
from levit_edge.documents import to_json
from levit_edge.quantize.artifacts import check_exports, export_all
from levit_edge.quantize.bundle_parts import golden_file
from levit_edge.quantize.cached_calibration import calibrated_from_bytes
from levit_edge.quantize.report_data import layer_report_data
from levit_edge.quantize.schemes.choice import layer_schemes
from levit_edge.report.report_data import REPORT_DATA_FILE, report_data_file
from levit_edge.sweep.tasks.calibrate_task import IMAGES, PLAN
from levit_edge.sweep.tasks.call import Task
from levit_edge.sweep.tasks.identity import Network, Quantized
from levit_edge.sweep.tasks.network_tasks import deploy_form
from levit_edge.sweep.tasks.result import Result
from levit_edge.sweep.tasks.store import Store
from levit_edge.system.progress import Stages

__all__ = ["GOLDEN", "Quantize"]

GOLDEN = "golden.npz"


@dataclass(frozen=True, kw_only=True)
class Quantize(Task):
    """Quantize a calibrated network by a recipe, export it, and check all files against what they came from."""

    kind: ClassVar[str] = "quantize"
    network: Network
    preprocessing: Preprocessing
    recipe: Recipe
    fp32: dict[str, str]
    """The blobs of `Export`."""
    calibration: dict[str, str]
    """Those of `Calibrate`."""

    def run(self, store: Store) -> dict[str, Result]:
        """The value is a `Quantized`; the blobs are the bundle's files, by their names."""

        def recalled(file: str, make: Callable[[], bytes]) -> bytes:
            return store.blob(self.fp32[file]) if file in self.fp32 else make()

        import torch

        torch.set_num_threads(1)
        deploy = deploy_form(self.network, store)
        with tempfile.TemporaryDirectory(prefix="levit-edge-") as folder:
            images = _unpacked(store.blob(self.calibration[IMAGES]), Path(folder))
            calibrated = calibrated_from_bytes(store.blob(self.calibration[PLAN]), deploy, images)
            plan = calibrated.plan.with_schemes(layer_schemes(calibrated.plan.deploy, self.recipe))
            exported = export_all(deploy, plan, Stages(), self.recipe, recalled, preprocessing=self.preprocessing)
            checked = check_exports(exported, calibrated.golden, Stages())
            report_data = layer_report_data(plan, images.images, self.preprocessing, Stages(), limit=None)
        blobs = {each.artifact.file: store.add(each.model) for each in checked}
        blobs[GOLDEN] = store.add(golden_file(calibrated.golden, checked))
        blobs[REPORT_DATA_FILE] = store.add(report_data_file(report_data))
        built = Quantized(recipe=self.recipe, artifacts=tuple(each.artifact for each in checked), layers=plan.records)
        return {"": Result(value=to_json(built), blobs=blobs)}


def _unpacked(archive: bytes, folder: Path) -> ImageSet:
    """The images that calibration has kept, in their order."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        opened.extractall(folder)
        images = tuple(folder / name for name in opened.namelist())
    return ImageSet(root=folder, images=images, labels=None)
