"""Files that take part in comparisons, beside those that `quantize` makes of the same plan."""

from pathlib import Path

import pytest

from benchmarks.speed import ours
from benchmarks.speed.prepare import Wanted, prepare
from levit_edge.bundle.recipe import OnnxAttention, Recipe, Scheme, Target
from levit_edge.model.config import CONFIGS
from levit_edge.quantize.artifacts import export_all
from levit_edge.system.progress import Stages
from tests.faults.tiny_levit import TINY, write_checkpoint

BARE = "fp32.pte"
"""Is not compared: nothing but an export makes it."""
pytestmark = [pytest.mark.export, pytest.mark.timeout(900)]


def test_what_is_compared_is_what_quantize_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONFIGS, TINY.name, TINY)
    checkpoint = str(write_checkpoint(tmp_path / "tiny.pth"))
    wanted = Wanted(checkpoint=checkpoint, size=None, resize=None, calibration=None, calibration_images=4)
    workshop = prepare(wanted, tmp_path).workshop
    plan = ours._plan(workshop, Scheme.MIXED)
    recipe = Recipe(target=Target.ARM64)
    exported = export_all(
        ours._deploy(workshop), plan, Stages(), recipe, lambda file, make: b"" if file == BARE else make()
    )
    written = {each.file: each.model for each in exported}
    for file, _ in (
        ours.fp32_onnx(workshop, tmp_path),
        ours.int8_pte(workshop, tmp_path, Scheme.MIXED),
        ours.int8_f16_pte(workshop, tmp_path),
        ours.int8_onnx(workshop, tmp_path, Scheme.MIXED, Target.ARM64, OnnxAttention.PLAIN),
    ):
        assert file.read_bytes() == written[file.name], file.name
