"""ncnn: pnnx converts what torch traces; linears become int8 as ncnn's tool ncnn2int8 makes them.

https://github.com/Tencent/ncnn. Its wheel has no tools, so that the files are rewritten here: a Gemm whose right
operand is int8 takes the range of its left one at run time, row by row. Which arithmetic the rest is in is an option of
the run, not of the file: `options.json` beside it.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.peers.networks import Library
from benchmarks.peers.routes import NOTES, exported_network
from benchmarks.speed.contender import OPTIONS, Workshop

__all__ = ["FLOAT32", "as_it_comes", "int8_linears", "quantize_linears"]

FLOAT32 = {f"use_fp16_{what}": False for what in ("packed", "storage", "arithmetic")}
"""ncnn takes float16 by itself where the processor has it."""
INT8_TAG = 0x000D4B38
"""In front of weights in int8: src/modelbin.cpp."""
INT8_TERM = "18"
Numbers = dict[str, str]


def as_it_comes(workshop: Workshop, folder: Path, float16: bool) -> tuple[Path, str]:
    """The network as pnnx converts it, without float16 in the file."""
    for file in _converted(workshop):
        (folder / file.name).write_bytes(file.read_bytes())
    return _with_options(folder, float16, f"pnnx, fp16=0; {NOTES[Library.TIMM]}")


def int8_linears(workshop: Workshop, folder: Path, float16: bool) -> tuple[Path, str]:
    """Weights of all linears with constants in int8, one scale for each; convolutions stay in float."""
    structure, weights = _converted(workshop)
    lines, content = quantize_linears(structure.read_text(), weights.read_bytes())
    (folder / structure.name).write_text(lines)
    (folder / weights.name).write_bytes(content)
    return _with_options(folder, float16, f"int8 Gemm as of ncnn2int8, ranges at run time; {NOTES[Library.TIMM]}")


def _with_options(folder: Path, float16: bool, note: str) -> tuple[Path, str]:
    (folder / OPTIONS).write_text(json.dumps({} if float16 else FLOAT32))
    return folder / "model.ncnn.param", f"{note}; {'float16 where the processor has it' if float16 else 'float32'}"


def _converted(workshop: Workshop) -> tuple[Path, Path]:
    """The structure and the weights."""

    def convert(target: Path) -> None:
        target.mkdir(exist_ok=True)  # an interrupted run may have left one
        model = exported_network(workshop, Library.TIMM)
        _pool_instead_of_slices(model)
        example = workshop.example()
        with torch.no_grad():
            torch.jit.trace(model, example).save(str(target / "model.pt"))  # type: ignore[no-untyped-call]
        shape = ",".join(map(str, example.shape))
        command = [_program(), "model.pt", f"inputshape=[{shape}]f32", "fp16=0"]
        subprocess.run(command, cwd=target, check=True, capture_output=True)

    made = workshop.once("timm-ncnn", convert)
    return made / "model.ncnn.param", made / "model.ncnn.bin"


def _program() -> str:
    """The converter in pnnx's wheel, without what its Python side does before it."""
    found = find_spec("pnnx")
    if found is None or found.origin is None:
        raise RuntimeError("pnnx has no folder")
    return str(Path(found.origin).with_name("pnnx"))


def _pool_instead_of_slices(model: torch.nn.Module) -> None:
    """No strided slice is loaded by ncnn; a pooling of one value computes the same."""
    from timm.models.levit import Downsample

    for module in model.modules():
        if isinstance(module, Downsample):
            module.forward = MethodType(_downsample, module)


def _downsample(module: Any, tokens: Tensor) -> Tensor:
    """(N, tokens, channels) -> (N, fewer tokens, channels)."""
    batch, _, channels = tokens.shape
    plane = tokens.transpose(1, 2).reshape(batch, channels, *module.resolution)
    return torch.nn.functional.max_pool2d(plane, 1, module.stride).flatten(2).transpose(1, 2)


@dataclass(kw_only=True)
class _Weights:
    """What a `.bin` holds, read from its begin."""

    content: bytes
    at: int = 0
    written: list[bytes] = field(default_factory=list)

    def take(self, count: int, tagged: bool) -> NDArray[np.float32]:
        """The next values; where there is a tag, it must be that of float32."""
        if tagged:
            tag = int.from_bytes(self._bytes(4), "little")
            if tag:
                raise ValueError(f"weights have the tag {tag:#x}, expected those of float32")
        return np.frombuffer(self._bytes(4 * count), np.float32)

    def give(self, content: bytes) -> None:
        """Write what comes next, filled up to 4 bytes."""
        self.written.append(content + bytes(-len(content) % 4))

    def keep(self, values: NDArray[np.float32], tagged: bool) -> None:
        """Write values as they were."""
        self.give((bytes(4) if tagged else b"") + values.tobytes())

    def _bytes(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self.content):
            raise ValueError("the weights end before the layers do")
        return self.content[self.at - count : self.at]


def quantize_linears(structure: str, weights: bytes) -> tuple[str, bytes]:
    """A `.param` and its `.bin`, whose constants are in float32, with the right operands of Gemm in int8.

    Raises:
        ValueError: the weights are not those of the layers.
    """
    reading = _Weights(content=weights)
    lines = [_quantized(line, reading) for line in structure.splitlines()]
    if reading.at != len(weights):
        raise ValueError(f"the layers take {reading.at} bytes of weights, expected {len(weights)}")
    return "\n".join(lines) + "\n", b"".join(reading.written)


def _quantized(line: str, weights: _Weights) -> str:
    kind, _, rest = line.partition(" ")
    numbers = dict(each.split("=", 1) for each in rest.split() if "=" in each)
    if kind != "Gemm" or numbers.get("5") != "1":
        for count, tagged in _constants(kind, numbers):
            weights.keep(weights.take(count, tagged), tagged)
        return line
    outputs, inputs = int(numbers["8"]), int(numbers["9"])
    right = weights.take(outputs * inputs, tagged=True)
    scale = np.float32(127 / np.abs(right).max())
    weights.give(INT8_TAG.to_bytes(4, "little") + np.clip(np.rint(right * scale), -127, 127).astype(np.int8).tobytes())
    if numbers.get("6") == "1":
        weights.keep(weights.take(outputs, tagged=True), tagged=True)
    weights.give(scale.tobytes())
    return f"{line} {INT8_TERM}=2"


def _constants(kind: str, numbers: Numbers) -> Iterator[tuple[int, bool]]:
    """How many values each constant of a layer has, and whether a tag is in front of them."""
    if kind in {"Convolution", "ConvolutionDepthWise", "InnerProduct"}:
        size, bias = ("2", "1") if kind == "InnerProduct" else ("6", "5")
        yield int(numbers[size]), True
        if numbers.get(bias) == "1":
            yield int(numbers["0"]), False
    elif kind == "MemoryData":
        sizes = [int(numbers.get(each, "0")) for each in ("0", "1", "11", "2")]
        yield int(np.prod([each for each in sizes if each])), numbers.get("21") == "0"
