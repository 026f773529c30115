"""LiteRT: litert-torch converts, ai-edge-quantizer quantizes, its own runtime with XNNPACK runs.

https://github.com/google-ai-edge/litert-torch, https://github.com/google-ai-edge/ai-edge-quantizer
"""

from pathlib import Path

from benchmarks.peers.networks import Library
from benchmarks.peers.routes import exported_network
from benchmarks.speed.contender import Workshop

__all__ = ["dynamic", "fp32", "static"]

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


def _quantized(workshop: Workshop, folder: Path, recipe_name: str) -> Path:
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    source = str(_fp32_file(workshop))
    maker = quantizer.Quantizer(source)
    maker.load_quantization_recipe(getattr(recipe, recipe_name)())
    ranges = None
    if maker.need_calibration:
        ((signature, names),) = Interpreter(source).get_signature_list().items()
        (name,) = names["inputs"]
        ranges = maker.calibrate({signature: [{name: image[None]} for image in workshop.images()]})
    target = folder / "model.tflite"
    maker.quantize(ranges).export_model(str(target))
    return target


def _fp32_file(workshop: Workshop) -> Path:
    import litert_torch

    def convert(target: Path) -> None:
        litert_torch.convert(exported_network(workshop, Library.TIMM), (workshop.example(),)).export(str(target))

    return workshop.once("timm.tflite", convert)
