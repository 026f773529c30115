"""The demo's and the stand-in's files on three generations of ARM processors: aarch64 runtimes, emulated."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from levit_edge import demo
from levit_edge.board.emulation.emulated import measure_emulated
from levit_edge.board.emulation.emulated_run import FileUnderTest
from levit_edge.board.emulation.instructions import NOISE, million_instructions
from levit_edge.board.emulation.kernels import kernel_sites
from levit_edge.board.measure import BenchmarkSettings
from levit_edge.board.transports.qemu import Emulator, QemuTransport
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import BoardError
from tests.arm.inference import int8_alone, logits_here, logits_there, squares_of

pytestmark = [pytest.mark.device, pytest.mark.timeout(1800)]
EXPECTED = {
    "cortex-a53": {"int8.pte": {"smlal"}, "int8.onnx": {"smlal"}},
    "cortex-a76": {"int8.pte": {"sdot"}, "int8-f16.pte": {"sdot"}, "int8.onnx": {"udot"}},
    "neoverse-n2": {
        "int8.pte": {"sdot", "smmla"},
        "int8-f16.pte": {"sdot", "smmla"},
        "int8.onnx": {"ummla"},
    },
}
"""int8 instructions: without dot products (Raspberry Pi 3), with them (Raspberry Pi 5), with matrix products. XNNPACK
takes signed activations, our ONNX files have unsigned ones. Cortex-A53 has no float16."""
WITHOUT_FLOAT16 = (
    "int8-f16.pte computes in float16, and Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in /proc/cpuinfo):"
    " use int8.pte"
)
LEAST_SAME = 0.98
"""All but one of 80: the stem of `int8.onnx` is rounded to float16 on processors that have it."""
"""Of top-1, against x86-64. Seen: all."""
LEAST_SPREAD = 0.5
"""Standard deviation of the logits. Seen: 1.4 (demo) and more."""
DEMO_IMAGES, STAND_IN_IMAGES = 4, 1
"""Of each of the ten classes."""
DEMO_MILLIONS = {"int8.pte": 4.37, "int8.onnx": 7.20}
"""Instructions of an inference on a Cortex-A76."""


@pytest.fixture(scope="module")
def emulators(board_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What emulation needs, without what counts, which takes minutes."""
    folder = tmp_path_factory.mktemp("emulators")
    for part in ("qemu", "root", "site"):
        (folder / part).symlink_to(board_folder / part)
    return folder


@pytest.fixture(scope="module")
def demo_files(demo_bundle: tuple[Path, object]) -> Bundle:
    return Bundle.open(demo_bundle[0])


@pytest.fixture(scope="module")
def stand_in(stand_in_bundle: tuple[Path, object]) -> Bundle:
    """LeViT-128S trained on ten classes of Imagenette, without its fp32 files, which take two seconds an image."""
    return int8_alone(Bundle.open(stand_in_bundle[0]))


@pytest.mark.parametrize("cpu", EXPECTED)
def test_bench_checks_the_demo_and_names_its_kernels(demo_files: Bundle, emulators: Path, cpu: str) -> None:
    """On one of them with the fp32 files."""
    bundle = demo_files if cpu == "cortex-a53" else int8_alone(demo_files, "int8-f16.pte")
    measured = measure_emulated(bundle, QemuTransport(f"qemu:{cpu}", folder=emulators), BenchmarkSettings(runs=1))
    assert measured.device.architecture == "aarch64"
    assert measured.device.emulator == f"qemu-user, {cpu}"
    for result in measured.results:
        assert result.error == ""
        assert result.golden is not None
        assert result.golden.same_top1 == result.golden.images > 0
    kernels = {each.artifact: set(each.kernel_sites) for each in measured.emulated if each.kernel_sites is not None}
    assert kernels == EXPECTED[cpu]
    assert measured.left_out == ({} if "int8-f16.pte" in kernels else {"int8-f16.pte": WITHOUT_FLOAT16})


@pytest.mark.parametrize("cpu", EXPECTED)
def test_the_demo_sees_in_photographs_what_it_sees_here(demo_files: Bundle, emulators: Path, cpu: str) -> None:
    also = ("int8-f16.pte",) if cpu == "cortex-a76" else ()  # once, as qemu computes float16 slowly
    images = some_of_each(demo.evaluation_dir(), DEMO_IMAGES)
    require_same(int8_alone(demo_files, *also), emulators, cpu, images)


@pytest.mark.parametrize("cpu", EXPECTED)
def test_the_stand_in_sees_what_it_sees_here(stand_in: Bundle, shared: Path, emulators: Path, cpu: str) -> None:
    images = some_of_each(shared / "data" / "imagenette" / "val", STAND_IN_IMAGES)
    require_same(stand_in, emulators, cpu, images)


def test_the_stand_in_takes_the_kernels_of_the_demo(stand_in: Bundle, emulators: Path) -> None:
    """On the processor that has all kinds of them."""
    emulator = Emulator(cpu="neoverse-n2", folder=emulators)
    kernels = {each.name: set(kernel_sites(emulator, each)) for each in specimens(stand_in)}
    assert kernels == {name: EXPECTED["neoverse-n2"][name] for name in kernels}


def some_of_each(root: Path, count: int) -> list[Path]:
    """The first photographs of each class."""
    images = [image for folder in sorted(root.iterdir()) for image in sorted(folder.glob("*.*"))[:count]]
    assert len(images) == 10 * count
    return images


def require_same(bundle: Bundle, emulators: Path, cpu: str, images: Sequence[Path]) -> None:
    """The same top-1, from logits that differ from one another."""
    squares = squares_of(bundle, images)
    here, there = (
        logits_here(bundle, squares),
        logits_there(bundle, QemuTransport(f"qemu:{cpu}", folder=emulators), squares),
    )
    same = np.concatenate([there[file].argmax(1) == here[file].argmax(1) for file in here])
    assert same.mean() >= LEAST_SAME, f"{same.sum()} of {len(same)}"
    for file, logits in there.items():
        assert logits.std(0).min() > LEAST_SPREAD, file  # of each class over the images
        assert len(np.unique(logits)) > len(images), file
        assert len(np.unique(here[file].argmax(1))) > bundle.manifest.config.classes // 2, file


def specimens(bundle: Bundle) -> list[FileUnderTest]:
    return [
        FileUnderTest(
            name=each.file,
            runtime=each.runtime,
            content=bundle.read(each.file),
            image_size=bundle.manifest.config.image_size,
        )
        for each in bundle.manifest.artifacts
        if each.precision is Precision.INT8
    ]


def test_instructions_of_the_demo(demo_files: Bundle, board_folder: Path) -> None:
    emulator = Emulator(cpu="cortex-a76", folder=board_folder)
    if not emulator.counts:
        pytest.skip(f"nothing counts instructions: run scripts/board/setup.sh {board_folder} --counting")
    for under_test in specimens(demo_files):
        kernel_sites(emulator, under_test)  # imports its runtime, so that nothing is compiled while it counts
        assert million_instructions(emulator, under_test) == pytest.approx(DEMO_MILLIONS[under_test.name], rel=NOISE)


def test_a_file_that_is_no_model_is_one_message(emulators: Path) -> None:
    broken = FileUnderTest(name="int8.onnx", runtime=Runtime.ONNXRUNTIME, content=b"not a model", image_size=32)
    with pytest.raises(BoardError, match=r"^qemu:cortex-a53: int8\.onnx does not run there alone: .*protobuf"):
        kernel_sites(Emulator(cpu="cortex-a53", folder=emulators), broken)
