"""From timm's and Transformers' networks to files for ExecuTorch, ONNX Runtime and torch, as their users go.

Where a step has a choice that is kinder to the peer, it is taken, and the row's note says so: timm's batch norms are
folded by timm's own helper before any export.

Every route takes a workshop and an empty folder and returns the file and its note.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from benchmarks.peers.networks import Library, fold, network, write_network
from benchmarks.peers.onnxruntime import INPUT_NAME, quantize_file
from benchmarks.speed.contender import Workshop

__all__ = [
    "executorch_fp32",
    "executorch_int8",
    "exported_network",
    "fp32_onnx",
    "onnx_dynamic",
    "onnx_fp32",
    "onnx_static",
    "torch_network",
]

NOTES = {
    Library.TIMM: "batch norm folded by timm's reparameterize_model",
    Library.TRANSFORMERS: "exported as it comes",
}


def torch_network(workshop: Workshop, folder: Path, library: Library) -> tuple[Path, str]:
    """The network itself, batch norm and all."""
    target = folder / "model.safetensors"
    write_network(library, workshop.read(), target)
    return target, "inference mode, batch norm not folded"


def onnx_fp32(workshop: Workshop, folder: Path, library: Library) -> tuple[Path, str]:
    """torch.onnx.export with the dynamo exporter."""
    target = folder / "model.onnx"
    target.write_bytes(fp32_onnx(workshop, library).read_bytes())
    return target, NOTES[library]


def onnx_static(workshop: Workshop, folder: Path, library: Library, activations: str) -> tuple[Path, str]:
    """ONNX Runtime's quant_pre_process and quantize_static: QDQ, min-max, all operators."""
    target, images = folder / "model.onnx", workshop.images()
    quantize_file(fp32_onnx(workshop, library), target, list(images[:, None]), activations=activations)
    return target, f"quantize_static, QDQ, per channel, {len(images)} calibration images; {NOTES[library]}"


def onnx_dynamic(workshop: Workshop, folder: Path, library: Library) -> tuple[Path, str]:
    """ONNX Runtime's quant_pre_process and quantize_dynamic, with their defaults."""
    from onnxruntime.quantization import quant_pre_process, quantize_dynamic

    target = folder / "model.onnx"
    with TemporaryDirectory() as place:
        prepared = Path(place) / "prepared.onnx"
        quant_pre_process(fp32_onnx(workshop, library), prepared)
        quantize_dynamic(prepared, target)
    return target, f"quantize_dynamic, defaults; {NOTES[library]}"


def executorch_fp32(workshop: Workshop, folder: Path, library: Library) -> tuple[Path, str]:
    """torch.export, XnnpackPartitioner."""
    model = exported_network(workshop, library)
    return _lowered(model, workshop.example(), folder, NOTES[library])


def executorch_int8(workshop: Workshop, folder: Path, library: Library) -> tuple[Path, str]:
    """XNNPACKQuantizer with per-channel weights between torch.export and XnnpackPartitioner."""
    from benchmarks.peers.torchao import quantize_captured

    images = torch.split(torch.from_numpy(workshop.images()), 1)
    graph = torch.export.export(exported_network(workshop, library), (images[0],), strict=True).module()
    note = f"XNNPACKQuantizer, per channel, {len(images)} calibration images; {NOTES[library]}"
    return _lowered(quantize_captured(graph, images), images[0], folder, note)


def _lowered(model: nn.Module, example: torch.Tensor, folder: Path, note: str) -> tuple[Path, str]:
    from benchmarks.peers.lowering import lower

    with torch.no_grad():
        content, delegates = lower(torch.export.export(model, (example,), strict=True))
    target = folder / "model.pte"
    target.write_bytes(content)
    return target, f"{note}; {delegates}"


def exported_network(workshop: Workshop, library: Library) -> nn.Module:
    """What exports begin with."""
    model = network(library, workshop.read())
    return fold(model) if library == Library.TIMM else model


def fp32_onnx(workshop: Workshop, library: Library) -> Path:
    """The network's ONNX file, exported once."""

    def export(target: Path) -> None:
        model = exported_network(workshop, library)
        with torch.no_grad():
            program = torch.onnx.export(
                model, (workshop.example(),), dynamo=True, input_names=[INPUT_NAME], verbose=False
            )
        if program is None:
            raise RuntimeError("torch.onnx.export returned nothing")
        program.save(target, external_data=False)

    return workshop.once(f"{library}.onnx", export)
