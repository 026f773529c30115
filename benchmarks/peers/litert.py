"""LiteRT: litert-torch converts, ai-edge-quantizer quantizes, its own runtime with XNNPACK runs.

https://github.com/google-ai-edge/litert-torch, https://github.com/google-ai-edge/ai-edge-quantizer
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.networks import Library
from benchmarks.peers.routes import exported_network
from benchmarks.references import reference
from benchmarks.speed.contender import Engine, Workshop
from benchmarks.task import Built, Task

__all__ = ["build", "dynamic", "fp32", "static"]

Floats = NDArray[np.float32]
NOTE = "batch norm folded by timm's reparameterize_model"


def fp32(workshop: Workshop, folder: Path) -> tuple[Path, str]:
    """litert_torch.convert."""
    target = folder / "model.tflite"
    target.write_bytes(_fp32_file(workshop).read_bytes())
    return target, NOTE


def static(workshop: Workshop, folder: Path) -> tuple[Path, str]:
    """The recipe static_wi8_ai8: int8 input and output, which the timed run converts."""
    images = workshop.images()
    target = _quantized(workshop, folder, "static_wi8_ai8")
    return target, f"static_wi8_ai8, {len(images)} calibration images; {NOTE}"


def dynamic(workshop: Workshop, folder: Path) -> tuple[Path, str]:
    """The recipe dynamic_wi8_afp32, which its makers advise for CPUs."""
    return _quantized(workshop, folder, "dynamic_wi8_afp32"), f"dynamic_wi8_afp32; {NOTE}"


def build(task: Task, recipe: str, *, per_channel: bool = True) -> Built:
    """One of the recipes on the folded network; weights have a scale for each channel, or one for each tensor."""
    images, source = task.images(), reference(task, Engine.LITERT)
    with TemporaryDirectory() as folder:
        target = Path(folder) / "model.tflite"
        calibrated = _quantize(source, target, recipe, images, per_channel=per_channel)
        model = target.read_bytes()
    note = f"{recipe}, weights per {'channel' if per_channel else 'tensor'}"
    return Built(model=model, calibration_images=len(images) if calibrated else 0, note=note)


def _quantized(workshop: Workshop, folder: Path, recipe: str) -> Path:
    target = folder / "model.tflite"
    _quantize(_fp32_file(workshop), target, recipe, list(workshop.images()[:, None]))
    return target


def _quantize(source: Path, target: Path, recipe: str, images: Sequence[Floats], *, per_channel: bool = True) -> bool:
    """Whether it looked at the `images`, each float32 (1, 3, size, size)."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer

    maker = quantizer.Quantizer(str(source))
    maker.load_quantization_recipe(_recipe(recipe, per_channel=per_channel))
    ranges = None
    if maker.need_calibration:
        ((signature, names),) = Interpreter(str(source)).get_signature_list().items()
        (name,) = names["inputs"]
        ranges = maker.calibrate({signature: [{name: image} for image in images]})
    maker.quantize(ranges).export_model(str(target))
    return ranges is not None


def _recipe(name: str, *, per_channel: bool) -> Any:
    """The makers' own, which is per channel, or the same per tensor."""
    from ai_edge_quantizer import recipe

    rules = getattr(recipe, name)()
    if not per_channel:
        for rule in rules:
            rule["op_config"]["weight_tensor_config"]["granularity"] = "TENSORWISE"
    return rules


def _fp32_file(workshop: Workshop) -> Path:
    import litert_torch

    def convert(target: Path) -> None:
        litert_torch.convert(exported_network(workshop, Library.TIMM), (workshop.example(),)).export(str(target))

    return workshop.once("timm.tflite", convert)
